//! What of a roll is worth an event: each restart, each new kind of hold, a halt, the end of waiting.

use super::Planned;
use crate::controller::memory::Memory;
use crate::rollout::Decision;
use kube::runtime::events::EventType;

/// An event's type, reason and note.
pub type News = (EventType, &'static str, String);

/// What changed since the last pass; a hold is said again when it's about something else, not when its numbers change.
pub fn news(planned: &Planned, memory: &mut Memory) -> Vec<News> {
    let note = planned.decision.to_string();
    let holds: Vec<&'static str> = match &planned.decision {
        Decision::Hold { reasons, .. } => reasons.shown.iter().map(crate::rollout::Reason::name).collect(),
        Decision::Halted { .. } => vec!["Halted"],
        _ => Vec::new(),
    };
    let same = holds == memory.holds;
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
