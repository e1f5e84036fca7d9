//! Changes to a cluster that exists already and that would lose data or can't be carried out: refused whole, before anything
//! is touched.

use super::{Facts, Findings, disks};
use crate::model::{ClusterNames, Identity, Pool};
use std::collections::BTreeMap;

pub fn check(pools: &[Pool], names: &ClusterNames, facts: &Facts, findings: &mut Findings) {
    let Some(identity) = &facts.identity else { return };
    for pool in pools {
        let Some(&first) = identity.pools.get(&pool.name) else {
            continue;
        };
        if pool.first_node_id.is_some_and(|given| given != first) {
            let path = format!("spec.nodePools[{}].firstNodeId", pool.name);
            findings.add(
                path,
                format!("the pool's node ids start at {first} and can't be changed: restore it"),
            );
        }
        roles(pool, facts, findings);
        disks::check(pool, names, (identity, facts), findings);
    }
    static_quorum(pools, identity, findings);
    removed(pools, facts, findings);
}

/// A controller that isn't in the list of a static quorum doesn't start, and one that leaves it stays in everybody else's.
fn static_quorum(pools: &[Pool], identity: &Identity, findings: &mut Findings) {
    if identity.static_voters.is_empty() || identity.wanted_controllers(pools) == identity.static_voters {
        return;
    }
    findings.add(
        "spec.nodePools",
        "the quorum is a static one (kraft.version 0), whose controllers can't be changed: restore them, and make it dynamic first with the annotation productionkafka.dev/dynamic-quorum",
    );
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
                "the pool still has node {id}: restore it; a pool can be removed once it was emptied with replicas: 0"
            ),
        );
    }
}

/// A pool may gain a role, and its controllers may give up their vote; brokers that give up their role would lose data.
fn roles(pool: &Pool, facts: &Facts, findings: &mut Findings) {
    let mut nodes = facts.existing.iter().filter(|node| node.pool == pool.name);
    if let Some(node) = nodes.find(|node| node.broker && !pool.roles.broker) {
        findings.add(
            format!("spec.nodePools[{}].roles", pool.name),
            format!(
                "broker {} of the pool holds data: restore the role, or move it with replicas: 0 and another pool",
                node.id
            ),
        );
    }
}
