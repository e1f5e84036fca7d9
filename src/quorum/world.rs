//! What the planner is told. Facts only, gathered by others.

use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fmt;

/// Everything a step depends on.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    pub now: Timestamp,
    /// Ids of the controllers that the resource asks for.
    pub wanted: &'a BTreeSet<i32>,
    /// The quorum now; `None`: nobody leads, or Kafka can't be asked.
    pub seen: Option<&'a Seen>,
    /// The quorum as it was at an earlier look of the same process.
    pub before: Option<&'a Seen>,
    /// The last change that was asked for, unless its answer has come.
    pub attempt: Option<&'a Attempt>,
}

/// The metadata quorum, from one `DescribeQuorum`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When it was asked for, on the operator's clock.
    pub at: Timestamp,
    /// The active controller.
    pub leader: i32,
    pub epoch: i32,
    /// Offset up to which the log is committed; `None` while a new leader doesn't know it.
    pub high_watermark: Option<i64>,
    /// Where the leader's own log ends.
    pub log_end: i64,
    /// `kraft.version` is 1 or higher.
    pub dynamic: bool,
    pub voters: Vec<Replica>,
    pub observers: Vec<Replica>,
}

/// One replica of the metadata log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    pub voter: VoterId,
    /// Had everything within `controller.quorum.fetch.timeout.ms` of the leader's clock.
    pub caught_up: bool,
    /// Records that it lacks.
    pub lag: i64,
}

/// A voter is a node with a disk: the same node with another disk is another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VoterId {
    pub id: i32,
    /// `directory.id`, 22 characters of base64url.
    pub directory: String,
}

impl fmt::Display for VoterId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (directory {})", self.id, self.directory)
    }
}

/// A change of the voter set whose outcome isn't known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub at: Timestamp,
}

impl Seen {
    pub(super) fn voter(&self, id: i32) -> Option<&Replica> {
        self.voters.iter().find(|replica| replica.voter.id == id)
    }

    /// A process that follows without a vote, has another disk than the node's voter, and isn't one that stopped lately:
    /// Kafka lists those for minutes.
    pub(super) fn candidate(&self, id: i32) -> Option<&Replica> {
        let voter = self.voter(id).map(|replica| &replica.voter);
        let mut others: Vec<&Replica> = self
            .observers
            .iter()
            .filter(|replica| replica.voter.id == id && Some(&replica.voter) != voter)
            .collect();
        others.sort_by_key(|replica| (!replica.caught_up, replica.lag));
        others.first().copied()
    }

    /// Voters that had everything lately, without this one.
    pub(super) fn caught_up_without(&self, without: Option<&VoterId>) -> usize {
        let others = self.voters.iter().filter(|replica| Some(&replica.voter) != without);
        others.filter(|replica| replica.caught_up).count()
    }

    pub(super) fn ids(&self) -> BTreeSet<&VoterId> {
        self.voters.iter().map(|replica| &replica.voter).collect()
    }
}
