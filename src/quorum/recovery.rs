//! Whether a quorum that has lost its majority for good may go on with one of its controllers. Pure: the command line shows
//! what is in the way, and the operator looks again at what is so by then.
//!
//! What the others had and this one hasn't is lost, so it's the furthest of those that are left, it's a person's decision,
//! and it holds for exactly the log that the person has seen. The others' disks must never come back: with the old voters
//! they would form a second quorum.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// How far one controller's log goes, by its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub id: i32,
    pub epoch: i64,
    /// Offset after the last record.
    pub log_end: i64,
}

/// A person's decision, as it's written: `controller=2 epoch=7 offset=4711`.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "controller={} epoch={} offset={}", self.id, self.epoch, self.log_end)
    }
}

/// It isn't such a decision.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable;

impl FromStr for Standing {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let mut words = text.split_whitespace();
        let mut word = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=').map(str::to_owned);
        let mut standing = || {
            Some(Self {
                id: word("controller")?.parse().ok()?,
                epoch: word("epoch")?.parse().ok()?,
                log_end: word("offset")?.parse().ok()?,
            })
        };
        let standing = standing();
        standing.filter(|_| words.next().is_none()).ok_or(Unreadable)
    }
}

/// A quorum without a leader.
pub struct Stranded<'a> {
    /// Controllers answer, and nobody leads.
    pub leaderless: bool,
    pub controllers: &'a BTreeSet<i32>,
    /// Those of them that are brokers too.
    pub brokers: &'a BTreeSet<i32>,
    /// Those whose process may run: Kubernetes hasn't confirmed its end.
    pub running: &'a BTreeSet<i32>,
    pub standing: &'a [Standing],
}

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    NotLeaderless,
    /// So many may run, and so many are enough.
    MajorityRuns {
        running: usize,
        majority: usize,
    },
    /// Its log is the disk that holds partitions too.
    IsBroker(i32),
    /// It doesn't say how far its log goes.
    Silent(i32),
    /// Its log has gone on since.
    Moved {
        now: Standing,
    },
    Further {
        id: i32,
        than: i32,
    },
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeaderless => write!(f, "it isn't known that nobody leads: there's nothing to give up"),
            Self::MajorityRuns { running, majority } => write!(
                f,
                "{running} controllers may run and {majority} are enough: wait until they have found each other, or confirm to Kubernetes that they're gone"
            ),
            Self::IsBroker(id) => write!(
                f,
                "node {id} is a broker too: its disk, which would have to be left behind, holds partitions"
            ),
            Self::Silent(id) => write!(f, "controller {id} doesn't say how far its log goes"),
            Self::Moved { now } => write!(
                f,
                "controller {} has epoch {} up to offset {} now: decide again",
                now.id, now.epoch, now.log_end
            ),
            Self::Further { id, than } => write!(
                f,
                "controller {id} has more than controller {than}: go on with that one"
            ),
        }
    }
}

/// Everything that's in the way of going on with this controller.
pub fn objections(stranded: &Stranded<'_>, chosen: &Standing) -> Vec<Objection> {
    let mut found = Vec::new();
    if !stranded.leaderless {
        found.push(Objection::NotLeaderless);
    }
    let majority = stranded.controllers.len() / 2 + 1;
    // One that came back with an empty disk has nothing that it could bring in.
    let is_blank = |id: &&i32| stranded.standing.iter().any(|one| one.id == **id && one.log_end == 0);
    let running = stranded
        .controllers
        .intersection(stranded.running)
        .filter(|id| !is_blank(id))
        .count();
    if running >= majority {
        found.push(Objection::MajorityRuns { running, majority });
    }
    found.extend(stranded.brokers.iter().copied().map(Objection::IsBroker));
    let Some(own) = stranded.standing.iter().find(|one| one.id == chosen.id) else {
        found.push(Objection::Silent(chosen.id));
        return found;
    };
    if own != chosen {
        found.push(Objection::Moved { now: *own });
    }
    let others = stranded.standing.iter();
    let further = others.filter(|one| (one.epoch, one.log_end) > (own.epoch, own.log_end));
    found.extend(further.map(|one| Objection::Further {
        id: one.id,
        than: own.id,
    }));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Standing = Standing {
        id: 2,
        epoch: 7,
        log_end: 500,
    };

    fn at(id: i32, epoch: i64, log_end: i64) -> Standing {
        Standing { id, epoch, log_end }
    }

    fn found(leaderless: bool, brokers: &[i32], running: &[i32], standing: &[Standing]) -> Vec<Objection> {
        let set = |ids: &[i32]| ids.iter().copied().collect::<BTreeSet<i32>>();
        let stranded = Stranded {
            leaderless,
            controllers: &set(&[0, 1, 2, 3, 4]),
            brokers: &set(brokers),
            running: &set(running),
            standing,
        };
        objections(&stranded, &OWN)
    }

    #[test]
    fn only_the_furthest_of_a_minority_may_go_on_and_only_from_where_it_was_seen() {
        use Objection::{Further, IsBroker, MajorityRuns, Moved, NotLeaderless, Silent};
        let rest = [OWN, at(3, 7, 500)];
        assert_eq!(found(true, &[], &[2, 3], &rest), []);
        assert_eq!(
            found(true, &[], &[2, 3], &[OWN, at(3, 6, 900)]),
            [],
            "an older epoch has less, however long it is"
        );
        assert_eq!(found(false, &[], &[2], &rest), [NotLeaderless]);
        let many = MajorityRuns {
            running: 3,
            majority: 3,
        };
        assert_eq!(found(true, &[], &[1, 2, 3], &rest), [many]);
        let blank = [OWN, at(0, 0, 0), at(1, 0, 0)];
        assert_eq!(
            found(true, &[], &[0, 1, 2, 3], &blank),
            [],
            "those with empty disks have nothing to bring in"
        );
        assert_eq!(found(true, &[4], &[2], &rest), [IsBroker(4)]);
        assert_eq!(found(true, &[], &[2], &[at(3, 7, 500)]), [Silent(2)]);
        assert_eq!(found(true, &[], &[2], &[at(2, 8, 500)]), [Moved { now: at(2, 8, 500) }]);
        for other in [at(3, 7, 501), at(3, 8, 0)] {
            assert_eq!(found(true, &[], &[2, 3], &[OWN, other]), [Further { id: 3, than: 2 }]);
        }
    }

    #[test]
    fn a_decision_is_read_as_it_is_written_and_nothing_else_is() {
        assert_eq!(OWN.to_string(), "controller=2 epoch=7 offset=500");
        assert_eq!(OWN.to_string().parse(), Ok(OWN));
        for wrong in [
            "",
            "2",
            "controller=2",
            "controller=2 epoch=7 offset=x",
            "controller=2 epoch=7 offset=1 yes",
        ] {
            assert_eq!(wrong.parse::<Standing>(), Err(Unreadable), "{wrong}");
        }
    }

    #[test]
    fn every_objection_says_what_to_do_or_why_not() {
        for objection in found(false, &[4], &[0, 1, 2], &[at(2, 8, 1), at(3, 9, 1)]) {
            assert!(objection.to_string().len() > 40, "{objection}");
        }
    }
}
