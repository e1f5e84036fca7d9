//! What the planner remembers between passes, and how `status.rollout` holds it. Lost memory is safe: pods and Kafka
//! still say what is down, only the first node of a target is watched anew.

use super::reason::SHOWN;
use crate::api::{AnsweredRestart, RolloutPhase, RolloutPod, RolloutStatus};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub phase: RolloutPhase,
    pub since: Option<Timestamp>,
    /// Fingerprint of what all nodes together should run; empty while nothing is due.
    pub target: String,
    /// Pools whose first node came back with the target.
    pub proven: BTreeSet<String>,
    pub batch: Option<Batch>,
    /// Every node that waits for its restart, the next first.
    pub queue: Vec<i32>,
    pub blocked_by: Vec<String>,
    /// Pods were replaced since preferred leaders were restored.
    pub restore_leaders: bool,
    /// The request that a node's pod has answered though it looks older, because clocks differ.
    pub answered: BTreeMap<i32, Timestamp>,
}

/// Pods that are being replaced, written down before the first is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub members: Vec<Member>,
    pub canary: bool,
    pub since: Timestamp,
}

/// One pod of a batch, by the uid that it had when it was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub node: i32,
    pub uid: String,
}

impl Batch {
    pub(super) fn ids(&self) -> Vec<i32> {
        self.members.iter().map(|member| member.node).collect()
    }
}

impl State {
    /// Reads what the status says; what can't be read is as if it weren't there.
    pub fn read(status: Option<&RolloutStatus>) -> Self {
        let Some(status) = status else {
            return Self::default();
        };
        let members: Vec<Member> = status.current.iter().map(member).collect();
        let since = time(status.current_since.as_ref()).unwrap_or(Timestamp::UNIX_EPOCH);
        let answered = status.answered.iter();
        Self {
            phase: status.phase,
            since: time(status.since.as_ref()),
            target: status.target.clone().unwrap_or_default(),
            proven: status.proven.iter().cloned().collect(),
            batch: (!members.is_empty()).then_some(Batch {
                members,
                canary: status.canary,
                since,
            }),
            queue: status.queue.clone(),
            blocked_by: status.blocked_by.clone(),
            restore_leaders: status.restore_leaders,
            answered: answered
                .filter_map(|answer| Some((answer.node, answer.asked.parse().ok()?)))
                .collect(),
        }
    }

    /// What the status should say: `None` when there's nothing to say or remember.
    pub fn status(&self) -> Option<RolloutStatus> {
        if self.phase == RolloutPhase::Settled && self.answered.is_empty() && !self.restore_leaders {
            return None;
        }
        let batch = self.batch.as_ref();
        Some(RolloutStatus {
            phase: self.phase,
            since: self.since.map(|since| since.to_string()),
            target: (!self.target.is_empty()).then(|| self.target.clone()),
            proven: self.proven.iter().cloned().collect(),
            current: batch.map_or_else(Vec::new, |batch| batch.members.iter().map(pod).collect()),
            canary: batch.is_some_and(|batch| batch.canary),
            current_since: batch.map(|batch| batch.since.to_string()),
            queue: self.queue.iter().take(SHOWN).copied().collect(),
            waiting: i32::try_from(self.queue.len()).unwrap_or(i32::MAX),
            blocked_by: self.blocked_by.clone(),
            restore_leaders: self.restore_leaders,
            answered: self
                .answered
                .iter()
                .map(|(node, asked)| AnsweredRestart {
                    node: *node,
                    asked: asked.to_string(),
                })
                .collect(),
        })
    }
}

fn time(text: Option<&String>) -> Option<Timestamp> {
    text.and_then(|text| text.parse().ok())
}

fn member(pod: &RolloutPod) -> Member {
    Member {
        node: pod.node,
        uid: pod.uid.clone(),
    }
}

fn pod(member: &Member) -> RolloutPod {
    RolloutPod {
        node: member.node,
        uid: member.uid.clone(),
    }
}
