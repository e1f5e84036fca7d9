//! Changes of disks that exist: they may grow where their class allows it, and may be added. Those of brokers may be of
//! another class or go, one node at a time, since the other replicas fill them again. What can't be carried out is refused
//! before anything is touched.

use super::{Claim, Facts, Findings};
use crate::api::{NodePool, Quantity, Reclaim};
use crate::model::{ClusterNames, Identity, NodeDisk, Pool, VolumeClaim, measure};
use std::collections::BTreeSet;

pub fn check(pool: &Pool, names: &ClusterNames, (identity, facts): (&Identity, &Facts), findings: &mut Findings) {
    let mut said = BTreeSet::new();
    for node in facts.existing.iter().filter(|node| node.pool == pool.name) {
        let known = identity.disks.get(&node.id).map(|known| known.disks.as_slice());
        for (index, disk) in known.unwrap_or_default().iter().enumerate() {
            let name = names.node(&pool.name, node.id).claim(index, disk.generation);
            let claim = facts.claims.iter().find(|claim| claim.name == name);
            let problem = match pool.volumes.get(index) {
                Some(wanted) if wanted.storage_class == disk.class => {
                    claim.and_then(|claim| resized(claim, wanted, node.id, facts))
                }
                Some(wanted) => other_class(pool, disk, wanted, claim, node.id),
                None => gone(pool, node.id),
            };
            // One finding for a disk of the pool, however many nodes have it.
            if let Some((field, message)) = problem.filter(|_| said.insert(index)) {
                let path = format!("spec.nodePools[{}].storage.volumes[{index}]{field}", pool.name);
                findings.add(path, message);
            }
        }
    }
}

/// The right to delete volumes is given to the operator only on purpose.
pub fn reclaim(pool: &NodePool, path: &str, facts: &Facts, findings: &mut Findings) -> Reclaim {
    if pool.storage.reclaim == Reclaim::Delete && !facts.may_delete_volumes {
        findings.add(
            format!("{path}.storage.reclaim"),
            "this operator may not delete volumes: install its chart with rbac.deleteVolumes=true, or use Retain",
        );
    }
    pool.storage.reclaim
}

type Problem = Option<(&'static str, String)>;

fn gone(pool: &Pool, node: i32) -> Problem {
    let message =
        format!("controller {node} has a disk there; restore it, or move the controllers to a pool without it");
    pool.roles.controller.then_some(("", message))
}

fn other_class(pool: &Pool, disk: &NodeDisk, wanted: &VolumeClaim, claim: Option<&Claim>, node: i32) -> Problem {
    // Naming the class that a disk has anyway changes nothing.
    if wanted.storage_class.is_some() && claim.is_some_and(|claim| claim.class == wanted.storage_class) {
        return None;
    }
    let is = disk.class.as_deref().unwrap_or("none by name");
    if pool.roles.controller {
        let message = format!(
            "the disk of controller {node} was made with class {is}; restore it, or move the controllers to a pool that has another one"
        );
        return Some((".storageClassName", message));
    }
    let message = format!("the disk of node {node} was made with class {is}: name the class that it shall have");
    wanted.storage_class.is_none().then_some((".storageClassName", message))
}

fn resized(claim: &Claim, wanted: &VolumeClaim, node: i32, facts: &Facts) -> Problem {
    let bytes = |size: &str| measure::bytes(&Quantity(size.to_owned()));
    let (is, asked) = (bytes(&claim.size)?, bytes(&wanted.size)?);
    if asked < is {
        let message = format!(
            "a volume can't shrink: node {node} has {}; write at least that",
            claim.size
        );
        return Some((".size", message));
    }
    let mut classes = facts.storage_classes.iter().flatten();
    let class = classes.find(|class| Some(&class.name) == claim.class.as_ref())?;
    let message = format!(
        "StorageClass {} of node {node} doesn't have allowVolumeExpansion: set it there, or restore {}",
        class.name, claim.size
    );
    (asked > is && !class.expands).then_some((".size", message))
}
