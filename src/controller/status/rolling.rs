//! What a rolling restart means for the conditions: nodes that are being replaced don't make a cluster unready, a roll
//! that a person has to help is stalled, and one that waits for a person's hour isn't on its way.

use super::conditions::{Judged, Verdict};
use crate::api::{ConditionStatus, RolloutPhase};
use crate::controller::rollout::Planned;
use crate::rollout::{Decision, Reason};

/// Nodes that don't run because their pods are being replaced, as long as every partition stays writable.
pub fn being_replaced(judged: &Judged<'_>) -> Vec<i32> {
    let writable = judged
        .replication
        .is_some_and(|replication| replication.offline == 0 && replication.under_min_isr == 0);
    match judged.observed.rollout {
        Some(planned) if writable && planned.phase() != RolloutPhase::Halted => planned.under_way(),
        _ => Vec::new(),
    }
}

/// The roll that isn't over, if there's one.
pub fn open<'a>(judged: &Judged<'a>) -> Option<&'a Planned> {
    let planned = judged.observed.rollout?;
    (planned.decision != Decision::Settled).then_some(planned)
}

/// `Reconciling`, while there's something to roll.
pub fn reconciling(planned: &Planned) -> Verdict {
    let said = planned.decision.to_string();
    match planned.phase() {
        RolloutPhase::Paused => (ConditionStatus::False, "Paused", said),
        RolloutPhase::Waiting if waits_for_a_window(planned) => {
            (ConditionStatus::False, "MaintenanceWindowClosed", said)
        }
        RolloutPhase::Waiting => (ConditionStatus::True, "RolloutWaiting", said),
        RolloutPhase::Halted => (ConditionStatus::False, "RolloutHalted", said),
        RolloutPhase::RestoringLeaders => (ConditionStatus::True, "RestoringLeaders", said),
        RolloutPhase::Rolling | RolloutPhase::Settled => (ConditionStatus::True, "Rolling", said),
    }
}

/// `Stalled`, when a restarted node doesn't come back.
pub fn stalled(planned: &Planned) -> Option<Verdict> {
    matches!(planned.decision, Decision::Halted { .. }).then(|| {
        let message = format!(
            "{}; correct or revert the spec, nothing else is restarted before",
            planned.decision
        );
        (ConditionStatus::True, "RolloutHalted", message)
    })
}

fn waits_for_a_window(planned: &Planned) -> bool {
    match &planned.decision {
        Decision::Hold { reasons, .. } => reasons.shown.iter().all(|r| matches!(r, Reason::WindowClosed { .. })),
        _ => false,
    }
}
