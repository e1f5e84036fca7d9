//! After a roll leadership is where the restarts left it: given back once, when all replicas are in sync.

use super::guards;
use super::reason::{Few, Reason, Reasons};
use super::sight::Sight;

/// Partitions that another than their preferred leader leads, or why not to look yet.
pub(super) fn misplaced(sight: &Sight<'_>) -> Result<Vec<(String, i32)>, Reasons> {
    let kafka = guards::view(sight.world).map_err(Reasons::of)?;
    let mut lagging = Few::default();
    for reason in sight.health.values() {
        lagging.push(|| reason.to_string());
    }
    if !lagging.is_empty() {
        return Err(Reasons::of(Reason::LeadersWait { partitions: lagging }));
    }
    let misplaced = kafka.partitions.iter().filter(|partition| {
        let preferred = partition.replicas.first();
        preferred.is_some_and(|id| partition.leader != Some(*id) && partition.isr.contains(id))
    });
    Ok(misplaced
        .map(|partition| (partition.topic.clone(), partition.partition))
        .collect())
}
