//! What of a roll is worth an event: each restart, each new kind of hold, a halt. That a pod takes its time to come back
//! isn't.

use super::Planned;
use crate::api::RolloutPhase;
use crate::controller::memory::Memory;
use crate::rollout::Decision;
use kube::runtime::events::EventType;

/// An event's type, reason and note.
pub type News = (EventType, &'static str, String);

/// What every restart waits for.
const USUAL: [&str; 6] = [
    "PodNotReady",
    "ReplicasOutOfSync",
    "BrokerFenced",
    "BrokerUnregistered",
    "ControllerNotCaughtUp",
    "ViewIncomplete",
];

/// What changed since the last pass; a hold is said again when it's about something else, not when its numbers change.
pub fn news(planned: &Planned, memory: &mut Memory) -> Vec<News> {
    let note = planned.decision.to_string();
    let holds: Vec<&'static str> = match &planned.decision {
        Decision::Hold { reasons, .. } => reasons.shown.iter().map(crate::rollout::Reason::name).collect(),
        Decision::Halted { .. } => vec!["Halted"],
        _ => Vec::new(),
    };
    let usual = planned.phase() == RolloutPhase::Rolling && holds.iter().all(|hold| USUAL.contains(hold));
    let same = usual || holds == memory.holds;
    memory.holds = holds;
    let normal = |reason| vec![(EventType::Normal, reason, note.clone())];
    match &planned.decision {
        Decision::Restart(restart) if restart.repair => normal("ReplacingPods"),
        Decision::Restart(_) => normal("RestartingPods"),
        Decision::ElectPreferredLeaders { .. } => normal("RestoringLeaders"),
        Decision::Hold { .. } if !same => normal("RolloutWaiting"),
        Decision::Halted { .. } if !same => vec![(EventType::Warning, "RolloutHalted", note)],
        _ => Vec::new(),
    }
}
