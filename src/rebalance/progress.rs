//! How far a rebalance is, and when it will be over.
//!
//! Plans are made anew in each pass, so the total is what the caller remembers from the first one.

use std::time::Duration;

use super::plan::Work;
use super::world::World;

/// What had been copied at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// On any clock that does not run backwards.
    pub at: Duration,
    pub moved_bytes: u64,
}

/// For people and for status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub moved: Work,
    pub total: Work,
    /// Of bytes, or of replicas where there are none; 100 only when nothing remains.
    pub percent: u8,
    /// At the pace between the first and the last sample; `None` while nothing was seen to move.
    pub remaining_time: Option<Duration>,
}

/// Copies that Kafka makes now.
pub fn under_way(world: &World) -> Work {
    let copies = world.partitions.iter().filter_map(|partition| {
        let replicas = world.ongoing.get(&partition.id)?.adding.len() as u64;
        Some(Work {
            replicas,
            bytes: replicas.saturating_mul(partition.bytes),
        })
    });
    copies.sum()
}

/// `remaining` is the plan's work and what is [`under_way`]. A total that has grown since counts as it is now.
pub fn progress(total: Work, remaining: Work, samples: &[Sample]) -> Progress {
    let total = Work {
        replicas: total.replicas.max(remaining.replicas),
        bytes: total.bytes.max(remaining.bytes),
    };
    let moved = Work {
        replicas: total.replicas - remaining.replicas,
        bytes: total.bytes - remaining.bytes,
    };
    Progress {
        moved,
        total,
        percent: percent(moved, total, remaining),
        remaining_time: remaining_time(remaining, samples),
    }
}

fn percent(moved: Work, total: Work, remaining: Work) -> u8 {
    if remaining == Work::default() {
        return 100;
    }
    let share = |part: u64, whole: u64| u128::from(part) * 100 / u128::from(whole.max(1));
    let share = match total.bytes {
        0 => share(moved.replicas, total.replicas),
        bytes => share(moved.bytes, bytes),
    };
    u8::try_from(share.min(99)).unwrap_or(99)
}

fn remaining_time(remaining: Work, samples: &[Sample]) -> Option<Duration> {
    if remaining == Work::default() {
        return Some(Duration::ZERO);
    }
    let (first, last) = (samples.first()?, samples.last()?);
    let elapsed = last.at.checked_sub(first.at)?;
    let moved = last
        .moved_bytes
        .checked_sub(first.moved_bytes)
        .filter(|bytes| *bytes > 0)?;
    let seconds = u128::from(remaining.bytes) * elapsed.as_millis() / (u128::from(moved) * 1000);
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)))
}
