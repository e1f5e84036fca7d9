//! Changes of disks that exist: they may grow where their class allows it, and a disk may be added behind the others.
//! Everything else would need replicas to move first, or loses them, and is refused before anything is touched.

use super::{Disk, Facts, Findings};
use crate::api::Quantity;
use crate::model::{Pool, VolumeClaim, measure};
use std::collections::BTreeSet;

pub fn check(pool: &Pool, facts: &Facts, findings: &mut Findings) {
    let nodes: BTreeSet<i32> = facts.existing.iter().map(|node| node.id).collect();
    let mut said = BTreeSet::new();
    for disk in facts.disks.iter().filter(|disk| disk.pool == pool.name) {
        let problem = match pool.volumes.get(disk.index) {
            Some(wanted) => changed(disk, wanted, facts),
            None if nodes.contains(&disk.node) => Some((
                String::new(),
                format!(
                    "node {} has a disk there; taking one away isn't available yet: restore it",
                    disk.node
                ),
            )),
            // Of a node that's gone: it was kept, and nobody asks for it.
            None => None,
        };
        // One finding for a disk of the pool, however many nodes have it.
        if let Some((field, message)) = problem.filter(|_| said.insert(disk.index)) {
            let path = format!("spec.nodePools[{}].storage.volumes[{}]{field}", pool.name, disk.index);
            findings.add(path, message);
        }
    }
}

fn changed(disk: &Disk, wanted: &VolumeClaim, facts: &Facts) -> Option<(String, String)> {
    let named = |class: &Option<String>| class.as_deref().unwrap_or("none by name").to_owned();
    // Naming the class that a disk has anyway changes nothing.
    if wanted.storage_class != disk.asked_class
        && (wanted.storage_class.is_none() || wanted.storage_class != disk.class)
    {
        return Some((
            ".storageClassName".into(),
            format!(
                "the disk of node {} was made with class {}; another class isn't available yet: restore it",
                disk.node,
                named(&disk.asked_class)
            ),
        ));
    }
    let bytes = |size: &str| measure::bytes(&Quantity(size.to_owned()));
    let (is, asked) = (bytes(&disk.size)?, bytes(&wanted.size)?);
    if asked < is {
        return Some((
            ".size".into(),
            format!(
                "a volume can't shrink: node {} has {}; write at least that",
                disk.node, disk.size
            ),
        ));
    }
    let class = facts
        .storage_classes
        .iter()
        .flatten()
        .find(|class| Some(&class.name) == disk.class.as_ref())?;
    (asked > is && !class.expands).then(|| {
        (
            ".size".into(),
            format!(
                "StorageClass {} of node {} doesn't have allowVolumeExpansion: set it there, or restore {}",
                class.name, disk.node, disk.size
            ),
        )
    })
}
