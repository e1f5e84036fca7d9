//! Why the planner waits, for people and for machines. A closed list.

use std::fmt;

/// Why not now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nobody leads, or Kafka can't be asked.
    NoLeader,
    /// `kraft.version` is 0.
    Static,
    /// An earlier change may still take effect, for so many seconds.
    Pending { seconds: i64 },
    /// The voters aren't known to be committed.
    Unsettled,
    /// The controller isn't there yet, not even without a vote.
    Missing { id: i32 },
    /// It lacks records, or hasn't fetched lately.
    CatchingUp { id: i32, lag: i64 },
    /// With the change, too few voters would be caught up.
    Majority { id: i32, caught_up: usize, voters: usize },
    /// A controller that stays isn't caught up, and the one that goes is still needed.
    Behind { id: i32 },
}

impl Reason {
    /// Stable, for conditions, events and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoLeader => "NoLeader",
            Self::Static => "StaticQuorum",
            Self::Pending { .. } => "ChangePending",
            Self::Unsettled => "VotersUnsettled",
            Self::Missing { .. } => "ControllerMissing",
            Self::CatchingUp { .. } => "ControllerCatchingUp",
            Self::Majority { .. } => "WouldBreakMajority",
            Self::Behind { .. } => "VoterBehind",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLeader => out.write_str("the metadata quorum has no leader that can be asked"),
            Self::Static => out.write_str("the quorum is static (kraft.version 0): its voters can't be changed"),
            Self::Pending { seconds } => {
                write!(
                    out,
                    "an earlier change of voters may still take effect, for {seconds} s"
                )
            }
            Self::Unsettled => out.write_str("the voters were just changed and aren't known to be committed"),
            Self::Missing { id } => write!(out, "controller {id} doesn't follow the quorum yet"),
            Self::CatchingUp { id, lag } => write!(out, "controller {id} lacks {lag} records of the metadata log"),
            Self::Majority { id, caught_up, voters } => write!(
                out,
                "with controller {id} changed, {caught_up} of {voters} voters would be caught up, which is no majority"
            ),
            Self::Behind { id } => write!(out, "controller {id} stays and isn't caught up"),
        }
    }
}
