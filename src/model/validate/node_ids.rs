//! Node ids: blocks that the resource gives and blocks that the operator allocates may never meet.

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
