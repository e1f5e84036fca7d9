//! Whether a StorageClass shows that its volumes are encrypted at rest. What an operator can know is what the class says: where a
//! provider encrypts every disk, where a driver was told to, or what a person vouches for. Nothing else counts as shown.
//!
//! | provisioner | shown by |
//! |---|---|
//! | `pd.csi.storage.gke.io`, `disk.csi.azure.com`, `blockvolume.csi.oraclecloud.com` and their in-tree names | the provider encrypts every disk |
//! | `ebs.csi.aws.com`, `driver.longhorn.io`, `*.rbd.csi.ceph.com`, `*.cephfs.csi.ceph.com` | `encrypted: "true"` |
//! | `pxd.portworx.com` | `secure: "true"` |
//! | OpenEBS local volumes, vSphere, OpenStack Cinder, any other | the annotation alone: nothing in the class tells |

use super::Cluster;
use super::validate::{Facts, StorageClassFact};
use std::collections::BTreeSet;

/// Annotation of a StorageClass by which a person vouches for it, with the reason as its value: `disks are LUKS volumes`.
pub const ANNOTATION: &str = "productionkafka.dev/encrypted-at-rest";

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtRest {
    /// With the evidence.
    Shown(String),
    /// With what is missing.
    NotShown(String),
}

enum Rule {
    Always(&'static str),
    Parameter(&'static str),
    Silent,
}

fn rule(provisioner: &str) -> Option<Rule> {
    Some(match provisioner {
        "pd.csi.storage.gke.io" | "kubernetes.io/gce-pd" => Rule::Always("Google Cloud encrypts every disk"),
        "disk.csi.azure.com" | "kubernetes.io/azure-disk" => Rule::Always("Azure encrypts every managed disk"),
        "blockvolume.csi.oraclecloud.com" => Rule::Always("Oracle Cloud encrypts every block volume"),
        "ebs.csi.aws.com" | "kubernetes.io/aws-ebs" | "driver.longhorn.io" => Rule::Parameter("encrypted"),
        "pxd.portworx.com" | "kubernetes.io/portworx-volume" => Rule::Parameter("secure"),
        "local.csi.openebs.io"
        | "zfs.csi.openebs.io"
        | "openebs.io/local"
        | "io.openebs.csi-mayastor"
        | "csi.vsphere.vmware.com"
        | "cinder.csi.openstack.org"
        | "kubernetes.io/no-provisioner" => Rule::Silent,
        // Rook puts the namespace of the operator before it.
        other if other.ends_with("rbd.csi.ceph.com") || other.ends_with("cephfs.csi.ceph.com") => {
            Rule::Parameter("encrypted")
        }
        _ => return None,
    })
}

/// What the class shows.
pub fn judge(class: &StorageClassFact) -> AtRest {
    let name = &class.name;
    if let Some(why) = class.vouched.as_deref().map(str::trim).filter(|why| !why.is_empty()) {
        return match why {
            "false" => AtRest::NotShown(format!("StorageClass {name} is annotated as not encrypted")),
            why => AtRest::Shown(format!("StorageClass {name}, vouched for: {why}")),
        };
    }
    let provisioner = &class.provisioner;
    match rule(provisioner) {
        Some(Rule::Always(why)) => AtRest::Shown(format!("StorageClass {name}: {why}")),
        Some(Rule::Parameter(key)) if class.parameters.get(key).is_some_and(|value| value == "true") => {
            AtRest::Shown(format!("StorageClass {name}: {provisioner} with {key}: \"true\""))
        }
        Some(Rule::Parameter(key)) => AtRest::NotShown(format!(
            "StorageClass {name} of {provisioner} doesn't say {key}: \"true\""
        )),
        Some(Rule::Silent) => AtRest::NotShown(format!("nothing in StorageClass {name} of {provisioner} tells")),
        None => AtRest::NotShown(format!(
            "{provisioner} of StorageClass {name} isn't known to the operator"
        )),
    }
}

/// What the classes of all volumes show, those that are there and those that are asked for; `None`: classes can't be read.
pub fn of_cluster(cluster: &Cluster, facts: &Facts) -> Option<Vec<AtRest>> {
    let classes = facts.storage_classes.as_ref()?;
    let asked = cluster.pools.iter().flat_map(|pool| &pool.volumes);
    let asked = asked.map(|volume| volume.storage_class.as_deref());
    let there = facts.claims.iter().map(|claim| claim.class.as_deref());
    let named: BTreeSet<&str> = asked
        .chain(there)
        .filter_map(|name| name.or_else(|| class_of(classes, None).map(|class| class.name.as_str())))
        .collect();
    let verdict = |name: &str| match class_of(classes, Some(name)) {
        Some(class) => judge(class),
        None => AtRest::NotShown(format!("StorageClass {name} is gone")),
    };
    Some(named.into_iter().map(verdict).collect())
}

/// The class that claims get which ask for `named`.
pub fn class_of<'a>(classes: &'a [StorageClassFact], named: Option<&str>) -> Option<&'a StorageClassFact> {
    classes.iter().find(|class| match named {
        Some(name) => class.name == name,
        None => class.default,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parameters = &'static [(&'static str, &'static str)];

    fn class(provisioner: &str, parameters: &[(&str, &str)], vouched: Option<&str>) -> StorageClassFact {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        StorageClassFact {
            name: "fast".into(),
            default: false,
            expands: true,
            provisioner: provisioner.into(),
            parameters: parameters.iter().map(own).collect(),
            vouched: vouched.map(str::to_owned),
        }
    }

    #[test]
    fn a_class_shows_what_its_driver_was_told_and_nothing_else_does() {
        let encrypted: &'static [(&str, &str)] = &[("encrypted", "true")];
        let cases: &[(&str, Parameters, Option<&str>, bool)] = &[
            ("pd.csi.storage.gke.io", &[], None, true),
            ("disk.csi.azure.com", &[], None, true),
            ("kubernetes.io/azure-disk", &[], None, true),
            ("blockvolume.csi.oraclecloud.com", &[], None, true),
            ("ebs.csi.aws.com", encrypted, None, true),
            ("ebs.csi.aws.com", &[("encrypted", "false")], None, false),
            ("ebs.csi.aws.com", &[("kmsKeyId", "k")], None, false),
            ("kubernetes.io/aws-ebs", &[], None, false),
            ("driver.longhorn.io", encrypted, None, true),
            ("driver.longhorn.io", &[], None, false),
            ("rbd.csi.ceph.com", encrypted, None, true),
            ("rook-ceph.rbd.csi.ceph.com", encrypted, None, true),
            ("rook-ceph.cephfs.csi.ceph.com", &[], None, false),
            ("pxd.portworx.com", &[("secure", "true")], None, true),
            ("pxd.portworx.com", encrypted, None, false),
            ("zfs.csi.openebs.io", encrypted, None, false),
            ("local.csi.openebs.io", &[], Some("LUKS below LVM"), true),
            ("somebody.example", encrypted, None, false),
            ("somebody.example", &[], Some("an appliance that encrypts"), true),
            ("somebody.example", &[], Some(" "), false),
            ("pd.csi.storage.gke.io", &[], Some("false"), false),
        ];
        for (provisioner, parameters, vouched, expected) in cases {
            let verdict = judge(&class(provisioner, parameters, *vouched));
            assert_eq!(
                matches!(verdict, AtRest::Shown(_)),
                *expected,
                "{provisioner} {parameters:?}: {verdict:?}"
            );
        }
    }
}
