//! The next moves to order: as many as fit beside what is under way.

use super::plan::{Move, Plan};
use super::world::{Partition, World};

/// How much may be copied at the same time, whoever ordered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// 0 counts as 1.
    pub partitions: usize,
    /// A partition that is larger is copied alone.
    pub bytes: u64,
}

/// What may be ordered now. A partition that moves already waits, unless it moves to where the plan does not want it.
pub fn next_wave<'a>(plan: &'a Plan, world: &World, limits: Limits) -> Vec<&'a Move> {
    let (mut partitions, mut bytes) = in_flight(plan, world);
    let mut wave = Vec::new();
    for next in &plan.moves {
        if world.ongoing.contains_key(&next.id) && !overrides(next, world) {
            continue;
        }
        let work = next.work().bytes;
        let fits = partitions < limits.partitions && bytes.saturating_add(work) <= limits.bytes;
        if fits || partitions == 0 {
            partitions += 1;
            bytes = bytes.saturating_add(work);
            wave.push(next);
        }
    }
    wave
}

/// A replica is under way to a broker that shall not have it, e.g. because that one is drained now.
fn overrides(next: &Move, world: &World) -> bool {
    let ongoing = world.ongoing.get(&next.id);
    ongoing.is_some_and(|ongoing| ongoing.adding.iter().any(|id| !next.to.contains(id)))
}

/// Partitions and bytes that go on being copied, without those that the plan sends elsewhere.
fn in_flight(plan: &Plan, world: &World) -> (usize, u64) {
    let redirected = |partition: &Partition| {
        let next = plan.moves.iter().find(|next| next.id == partition.id);
        next.is_some_and(|next| overrides(next, world))
    };
    let copies = world.partitions.iter().filter_map(|partition| {
        let adding = world.ongoing.get(&partition.id)?.adding.len() as u64;
        (adding > 0 && !redirected(partition)).then(|| adding.saturating_mul(partition.bytes))
    });
    copies.fold((0, 0), |(partitions, sum), bytes: u64| {
        (partitions + 1, sum.saturating_add(bytes))
    })
}
