//! Changes to a cluster that exists already and that would lose data or can't be carried out yet: refused whole, before
//! anything is touched.

use super::{Facts, Findings, disks};
use crate::model::{ClusterNames, Pool};
use std::collections::BTreeMap;

pub fn check(pools: &[Pool], names: &ClusterNames, facts: &Facts, findings: &mut Findings) {
    let Some(identity) = &facts.identity else { return };
    for pool in pools {
        let Some(&first) = identity.pools.get(&pool.name) else {
            if pool.roles.controller {
                findings.add(
                    format!("spec.nodePools[{}]", pool.name),
                    "the cluster's controllers are in another pool; moving them isn't available yet: restore that pool",
                );
            }
            continue;
        };
        if pool.first_node_id.is_some_and(|given| given != first) {
            let path = format!("spec.nodePools[{}].firstNodeId", pool.name);
            findings.add(
                path,
                format!("the pool's node ids start at {first} and can't be changed: restore it"),
            );
        }
        controllers(pool, identity.directory_ids.len(), findings);
        disks::check(pool, names, (identity, facts), findings);
    }
    removed(pools, facts, findings);
}

/// One finding for each pool that's gone, however many nodes it has.
fn removed(pools: &[Pool], facts: &Facts, findings: &mut Findings) {
    let mut gone = BTreeMap::new();
    for node in &facts.existing {
        if !pools.iter().any(|pool| pool.name == node.pool) {
            gone.entry(&node.pool).or_insert(node.id);
        }
    }
    for (pool, id) in gone {
        findings.add(
            format!("spec.nodePools[{pool}]"),
            format!(
                "the pool still has node {id}: restore it; a pool of brokers can be removed once it was emptied with replicas: 0"
            ),
        );
    }
}

fn controllers(pool: &Pool, voters: usize, findings: &mut Findings) {
    if pool.roles.controller && usize::try_from(pool.replicas).ok() != Some(voters) {
        let path = format!("spec.nodePools[{}].replicas", pool.name);
        findings.add(
            path,
            format!("the quorum was formed with {voters} controllers; changing that isn't available yet"),
        );
    }
}
