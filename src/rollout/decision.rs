//! What the planner decides. Values that carry their reason: the same ones feed acts, events, conditions and `plan`.

use super::reason::{Reason, Reasons};
use super::world::RestartReason;
use jiff::SignedDuration;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing is due: no pod that is there runs anything but what it should, and leaders are where they belong.
    Settled,
    /// Not now. Look again after `again` if nothing happens before.
    Hold { reasons: Reasons, again: SignedDuration },
    /// Delete these pods, after the new state is written.
    Restart(Restart),
    /// Elect the preferred leader of these partitions (topic, partition).
    ElectPreferredLeaders { partitions: Vec<(String, i32)> },
    /// A restarted node doesn't come back: nothing else is touched until it does or the resource asks for something else.
    Halted {
        node: i32,
        /// It was the first one of its pool to get what is wanted now.
        canary: bool,
        why: String,
        again: SignedDuration,
    },
}

/// Pods to delete together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    pub victims: Vec<Victim>,
    /// The first of its pool to get what is wanted.
    pub canary: bool,
    /// The pod serves nothing now and what it should run has changed.
    pub repair: bool,
    pub warnings: Vec<Reason>,
}

/// One pod to delete: exactly this one, whatever may have replaced it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    pub node: i32,
    pub uid: String,
    pub why: Vec<RestartReason>,
}

impl Restart {
    /// `102`, or `102, 103`.
    pub fn nodes(&self) -> String {
        let ids: Vec<i32> = self.victims.iter().map(|victim| victim.node).collect();
        node_list(&ids)
    }
}

impl fmt::Display for Restart {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut why: Vec<RestartReason> = self.victims.iter().flat_map(|victim| victim.why.clone()).collect();
        why.sort_unstable();
        why.dedup();
        let why: Vec<&str> = why.into_iter().map(RestartReason::name).collect();
        let verb = if self.repair { "replace" } else { "restart" };
        let first = if self.canary { ", the first one" } else { "" };
        write!(out, "{verb} node {}{first}: {}", self.nodes(), why.join(", "))
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settled => out.write_str("nothing to do"),
            Self::Hold { reasons, .. } => write!(out, "wait: {}", reasons.lines().join("; ")),
            Self::Restart(restart) => restart.fmt(out),
            Self::ElectPreferredLeaders { partitions } => {
                write!(out, "restore the preferred leaders of {} partitions", partitions.len())
            }
            Self::Halted { node, canary, why, .. } => {
                let which = if *canary { "canary node" } else { "node" };
                write!(out, "halted: {which} {node} doesn't come back: {why}")
            }
        }
    }
}

/// `102`, or `102, 103`: a batch is short.
pub(super) fn node_list(ids: &[i32]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
