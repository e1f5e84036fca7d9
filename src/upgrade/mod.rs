//! When the finalised feature levels follow the version: after every node runs it and the soak is over, one feature at a
//! time. Raising `metadata.version` can't be undone where it changes metadata, so nothing is raised that wasn't asked for.
//! Pure: what is so and the time come in, a decision with its reason goes out.
//!
//! Never by release version: that would raise `kraft.version` along (KAFKA-21426).

#[cfg(test)]
mod tests;

use crate::api::Finalize;
use crate::model::KafkaVersion;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::fmt;

/// What is so.
pub struct World<'a> {
    pub now: Timestamp,
    /// The version that the resource asks for.
    pub version: KafkaVersion,
    /// Every node's pod runs that version's image and is ready, and no roll is under way.
    pub settled: bool,
    /// Finalised levels; `None` while Kafka can't be asked.
    pub finalized: Option<&'a BTreeMap<String, i16>>,
    /// Highest level that the node which answered supports.
    pub supported: &'a BTreeMap<String, i16>,
    pub policy: Finalize,
    pub soak: SignedDuration,
    /// Since when every node has run this version, as recorded; `None` before that was seen.
    pub since: Option<Timestamp>,
}

/// What to do about the feature levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Kafka isn't asked, or the roll isn't over.
    NotYet,
    /// All levels are those of the version.
    Current,
    /// Every node runs the version for the first time: remember the time.
    Remember,
    /// The soak runs: until its end a downgrade is possible.
    Soak { until: Timestamp, next: Raise },
    /// A person raises the level.
    Manual { next: Raise },
    /// Raise this one now.
    Raise(Raise),
}

/// One feature to raise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raise {
    pub feature: &'static str,
    pub from: i16,
    pub to: i16,
}

impl fmt::Display for Raise {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} from {} to {}", self.feature, self.from, self.to)
    }
}

/// The next step.
pub fn decide(world: &World<'_>) -> Decision {
    let Some(finalized) = world.finalized else {
        return Decision::NotYet;
    };
    let Some(next) = next(world, finalized) else {
        return Decision::Current;
    };
    if !world.settled {
        return Decision::NotYet;
    }
    let Some(since) = world.since else {
        return Decision::Remember;
    };
    let until = since.checked_add(world.soak).unwrap_or(Timestamp::MAX);
    match world.policy {
        Finalize::Manual => Decision::Manual { next },
        Finalize::Automatic if world.now < until => Decision::Soak { until, next },
        Finalize::Automatic => Decision::Raise(next),
    }
}

/// The first feature below the version's level that the nodes can raise.
fn next(world: &World<'_>, finalized: &BTreeMap<String, i16>) -> Option<Raise> {
    let possible = |raise: &Raise| {
        world
            .supported
            .get(raise.feature)
            .is_some_and(|highest| *highest >= raise.to)
    };
    behind(world.version, finalized).find(possible)
}

/// Features below the version's level, in the order in which they are raised. One that Kafka doesn't list at all is at 0.
pub fn behind(version: KafkaVersion, finalized: &BTreeMap<String, i16>) -> impl Iterator<Item = Raise> {
    version.features().into_iter().filter_map(|(feature, to)| {
        let from = finalized.get(feature).copied().unwrap_or(0);
        (from < to).then_some(Raise { feature, from, to })
    })
}
