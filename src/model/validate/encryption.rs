//! Volumes that must be shown to be encrypted at rest.

use super::{Facts, Findings};
use crate::api::{EncryptionRequirement, ProductionKafkaSpec};
use crate::model::encryption::{ANNOTATION, AtRest, class_of, judge};

pub fn check(spec: &ProductionKafkaSpec, facts: &Facts, findings: &mut Findings) {
    if spec.security.encryption_at_rest.requirement == EncryptionRequirement::Report {
        return;
    }
    let Some(classes) = &facts.storage_classes else {
        findings.add(
            "spec.security.encryptionAtRest.requirement",
            "is Require, and the operator may not read StorageClasses: give it the right (rbac.clusterScoped), or use Report",
        );
        return;
    };
    for pool in &spec.node_pools {
        for (index, volume) in pool.storage.volumes.iter().enumerate() {
            // One that isn't there is another finding.
            let class = class_of(classes, volume.storage_class_name.as_deref());
            if let Some(AtRest::NotShown(why)) = class.map(judge) {
                findings.add(
                    format!(
                        "spec.nodePools[{}].storage.volumes[{index}].storageClassName",
                        pool.name
                    ),
                    format!(
                        "isn't shown to be encrypted at rest: {why}; choose another or annotate it with {ANNOTATION}"
                    ),
                );
            }
        }
    }
}
