//! Node ids: blocks that the resource gives and blocks that the operator allocates may never meet, and a pool excludes
//! none but its own.

use super::{Facts, Findings};
use crate::model::identity::{BLOCK, Plan};
use crate::model::{ClusterNames, Pool};

pub fn check(names: &ClusterNames, pools: &[Pool], facts: &Facts, findings: &mut Findings) {
    let plan = Plan {
        names,
        pools,
        zones: &[],
    };
    // The ids that are drawn here are thrown away: only the blocks count.
    let identity = plan.complete(facts.identity.clone(), &mut || [1; 16]);
    for pool in pools {
        if let Some(&first) = identity.pools.get(&pool.name) {
            foreign(pool, first, findings);
        }
    }
    for pool in pools.iter().filter(|pool| pool.first_node_id.is_some()) {
        let Some(&first) = identity.pools.get(&pool.name) else {
            continue;
        };
        let meets = |(name, other): &(&String, &i32)| **name != pool.name && (first - **other).abs() < BLOCK;
        if let Some((name, other)) = identity.pools.iter().find(meets) {
            findings.add(
                format!("spec.nodePools[{}].firstNodeId", pool.name),
                format!("{first} is less than {BLOCK} from {other}, where the ids of pool {name} start: move it"),
            );
        }
    }
}

/// An id of another pool excludes nothing here: a mistake, not a wish.
fn foreign(pool: &Pool, first: i32, findings: &mut Findings) {
    let block = first..first.saturating_add(BLOCK);
    if let Some(id) = pool.excluded.iter().find(|id| !block.contains(id)) {
        findings.add(
            format!("spec.nodePools[{}].excludedNodeIds", pool.name),
            format!(
                "{id} isn't one of the pool's ids, {first} to {}: remove it",
                block.end - 1
            ),
        );
    }
}
