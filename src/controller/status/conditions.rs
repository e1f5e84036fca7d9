//! Conditions: one function per statement, reasons from a closed set, and the one sentence of `nextAction`.
//!
//! | type             | true                                                        |
//! |------------------|-------------------------------------------------------------|
//! | Ready            | every node runs, the quorum leads, nothing is offline        |
//! | Reconciling      | something is still on its way (kstatus)                      |
//! | Stalled          | the resource must be corrected (kstatus); also when Kafka     |
//! |                  | itself refuses a value                                       |
//! | QuorumHealthy    | a leader, and every voter caught up (`quorum`)               |
//! | FullyReplicated  | every partition has all its replicas in sync                 |
//! | Upgradeable      | a change of version can start                                |
//! | CertificatesValid| the authorities are there, no certificate is about to end    |
//! | CapacitySufficient| no volume is nearly full, the stated workload fits          |
//! | EncryptedAtRest  | every volume's StorageClass shows it                        |
//! | DeletionHeld     | somebody deleted it, and it's protected (`held`); else absent  |
//! | Secure           | no security control fails that the operator knows of (`secure`) |

use super::{Observed, rolling};
use crate::api::{
    Condition, ConditionStatus, NodeStatus, QuorumStatus, RebalancePhase, RebalanceStatus, ReplicationStatus,
};
use crate::model::encryption::AtRest;

/// What conditions are judged from.
pub struct Judged<'a> {
    pub observed: &'a Observed<'a>,
    pub nodes: &'a [NodeStatus],
    pub replication: Option<&'a ReplicationStatus>,
    pub quorum: Option<&'a QuorumStatus>,
}

/// A condition without its time of transition, which `merge` sets.
pub fn condition(
    kind: &str,
    status: ConditionStatus,
    reason: &str,
    message: &str,
    generation: Option<i64>,
) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status,
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: String::new(),
        observed_generation: generation,
    }
}

/// New conditions with the transition times of the old ones where the status is the same.
pub fn merge(old: Option<&[Condition]>, new: Vec<Condition>, now: jiff::Timestamp) -> Vec<Condition> {
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    new.into_iter()
        .map(|mut condition| {
            let before = old.into_iter().flatten().find(|before| before.kind == condition.kind);
            condition.last_transition_time = before
                .filter(|before| before.status == condition.status)
                .map_or_else(|| now.clone(), |before| before.last_transition_time.clone());
            condition
        })
        .collect()
}

pub type Verdict = (ConditionStatus, &'static str, String);

/// All conditions, and what comes next.
pub fn judge(judged: &Judged<'_>) -> (Vec<Condition>, String) {
    let generation = Some(judged.observed.cluster.generation);
    let quorum = super::quorum::healthy(judged.quorum, judged.nodes, judged.observed);
    let replicated = fully_replicated(judged);
    let certificates = certificates_valid(judged);
    let (ready, next) = ready(judged, &quorum, &replicated);
    let is_ready = ready.0 == ConditionStatus::True;
    let reconciling = if let Some(why) = judged.observed.disks.filter(|_| is_ready) {
        (
            ConditionStatus::True,
            "DisksWaiting",
            format!("other disks are asked for: {why}"),
        )
    } else if let Some(why) = judged.observed.voting.filter(|_| is_ready) {
        (ConditionStatus::True, "QuorumChanging", why.to_owned())
    } else if is_ready {
        (
            ConditionStatus::False,
            "Settled",
            "everything is as the resource asks".to_owned(),
        )
    } else {
        (ConditionStatus::True, "Progressing", next.clone())
    };
    let open = rolling::open(judged);
    let reconciling = match open {
        Some(planned) if is_ready => rolling::reconciling(planned),
        _ => reconciling,
    };
    let stalled = stalled(judged);
    let (reconciling, next) = if stalled.0 == ConditionStatus::True && is_ready {
        let reconciling = (
            ConditionStatus::False,
            stalled.1,
            "the rest is as the resource asks".to_owned(),
        );
        (reconciling, bounded(&format!("correct the resource: {}", stalled.2)))
    } else {
        (reconciling, next)
    };
    let mut conditions: Vec<Condition> = [
        ("Ready", ready),
        ("Reconciling", reconciling),
        ("Stalled", stalled),
        ("QuorumHealthy", quorum),
        ("FullyReplicated", replicated),
        ("CertificatesValid", certificates),
        ("CapacitySufficient", super::capacity::sufficient(judged.observed)),
        ("EncryptedAtRest", encrypted_at_rest(judged.observed.at_rest)),
        ("Upgradeable", super::upgradeable::upgradeable(judged.observed)),
    ]
    .into_iter()
    .map(|(kind, (status, reason, message))| condition(kind, status, reason, &message, generation))
    .collect();
    let (status, reason, message) = super::secure::secure(judged.observed, judged.nodes, &conditions);
    conditions.push(condition("Secure", status, reason, &message, generation));
    (conditions, next)
}

/// A value that only Kafka can judge, and refused: the old one is in force.
fn stalled(judged: &Judged<'_>) -> Verdict {
    if let Some(halted) = rolling::open(judged).and_then(rolling::stalled) {
        return halted;
    }
    let refused: Vec<String> = judged.observed.refused.iter().map(ToString::to_string).collect();
    if let Some(unreadable) = judged.observed.unreadable {
        return (ConditionStatus::True, "RequestUnreadable", unreadable.to_owned());
    }
    if refused.is_empty() {
        return (ConditionStatus::False, "Valid", "the resource is valid".to_owned());
    }
    let message = format!("{}; the old values are in force", refused.join("; "));
    (
        ConditionStatus::True,
        "ConfigRefused",
        message.chars().take(1_000).collect(),
    )
}

fn fully_replicated(judged: &Judged<'_>) -> Verdict {
    let Some(replication) = judged.replication else {
        return (
            ConditionStatus::Unknown,
            "NotObserved",
            "the partitions haven't been seen yet".into(),
        );
    };
    if replication.offline > 0 {
        let message = format!(
            "{} of {} partitions are offline",
            replication.offline, replication.partitions
        );
        return (ConditionStatus::False, "PartitionsOffline", message);
    }
    if replication.under_replicated > 0 {
        let message = format!(
            "{} of {} partitions lack replicas in sync, {} of them refuse writes",
            replication.under_replicated, replication.partitions, replication.under_min_isr
        );
        return (ConditionStatus::False, "UnderReplicated", message);
    }
    (
        ConditionStatus::True,
        "InSync",
        "every partition has all its replicas in sync".into(),
    )
}

/// What's wrong with the authorities; nothing else about certificates matters as much.
fn lost(judged: &Judged<'_>) -> Option<Verdict> {
    let losses = judged.observed.losses;
    (!losses.is_empty()).then(|| (ConditionStatus::False, "AuthorityLost", losses.join("; ")))
}

fn certificates_valid(judged: &Judged<'_>) -> Verdict {
    if let Some(lost) = lost(judged) {
        return lost;
    }
    let Some(until) = judged.observed.certificates_until else {
        return (
            ConditionStatus::Unknown,
            "NotObserved",
            "there are no certificates yet".into(),
        );
    };
    // Of short-lived ones, the half of the time in which they should have been renewed.
    let half = judged.observed.cluster.security.renew_before / 2;
    let soon = half.min(std::time::Duration::from_hours(24));
    if until.checked_sub(soon).unwrap_or(until) < judged.observed.now {
        return (
            ConditionStatus::False,
            "Expiring",
            format!("a certificate ends at {}", until.strftime("%Y-%m-%d %H:%M UTC")),
        );
    }
    if !judged.observed.ungiven.is_empty() {
        let message = judged.observed.ungiven.join("; ");
        return (ConditionStatus::True, "AuthorityNotGiven", bounded(&message));
    }
    if let Some(first) = judged.observed.certificates.first() {
        let others = judged.observed.certificates.iter().skip(1);
        let message = others.fold(first.clone(), |all, one| format!("{all}; {one}"));
        return (ConditionStatus::True, "Renewing", bounded(&message));
    }
    (
        ConditionStatus::True,
        "Current",
        format!(
            "all certificates are valid until {} or longer",
            until.strftime(if soon < std::time::Duration::from_hours(24) {
                "%Y-%m-%d %H:%M UTC"
            } else {
                "%Y-%m-%d"
            })
        ),
    )
}

/// With the evidence, class by class.
fn encrypted_at_rest(known: Option<&[AtRest]>) -> Verdict {
    let Some(all) = known else {
        let why = "the operator may not read StorageClasses".to_owned();
        return (ConditionStatus::Unknown, "NotObserved", why);
    };
    let text = |verdict: &AtRest| match verdict {
        AtRest::Shown(text) | AtRest::NotShown(text) => text.clone(),
    };
    let (shown, others): (Vec<&AtRest>, Vec<&AtRest>) = all.iter().partition(|one| matches!(one, AtRest::Shown(_)));
    let told = |all: Vec<&AtRest>| bounded(&all.into_iter().map(text).collect::<Vec<_>>().join("; "));
    if others.is_empty() {
        (ConditionStatus::True, "ShownByStorageClass", told(shown))
    } else {
        (ConditionStatus::False, "NotShown", told(others))
    }
}

/// `Ready`, and the sentence of `nextAction`.
fn ready(judged: &Judged<'_>, quorum: &Verdict, replicated: &Verdict) -> (Verdict, String) {
    if let Some(lost) = lost(judged) {
        let next = bounded(&format!("wait: {}", lost.2));
        return (lost, next);
    }
    if let Some(why) = judged
        .observed
        .voting
        .filter(|_| judged.observed.identity.recovery.is_some())
    {
        return (
            (ConditionStatus::False, "QuorumRecovering", why.to_owned()),
            bounded(why),
        );
    }
    if quorum.1 == "NoLeader" {
        let next = format!("wait: {} (docs/quorum.md says what a person can do)", quorum.2);
        return ((ConditionStatus::False, "NoLeader", quorum.2.clone()), bounded(&next));
    }
    let replaced = rolling::being_replaced(judged);
    let waiting: Vec<&NodeStatus> = judged
        .nodes
        .iter()
        .filter(|node| node.phase != "Running" && !replaced.contains(&node.id))
        .collect();
    if let Some(node) = waiting
        .iter()
        .find(|node| node.phase == "Failing")
        .or_else(|| waiting.first())
    {
        let why = node.message.clone().unwrap_or_default();
        let message = format!(
            "{} of {} nodes run",
            judged.nodes.len() - waiting.len(),
            judged.nodes.len()
        );
        let reason = if node.phase == "Failing" {
            "NodesFailing"
        } else {
            "NodesStarting"
        };
        let next = rolling::open(judged).map_or_else(
            || format!("wait: node {} is {}: {why}", node.id, node.phase.to_lowercase()),
            |planned| planned.decision.to_string(),
        );
        return ((ConditionStatus::False, reason, message), bounded(&next));
    }
    if quorum.0 == ConditionStatus::Unknown {
        let next = format!("wait: {}", quorum.2);
        return (
            (ConditionStatus::False, "KafkaNotObserved", quorum.2.clone()),
            bounded(&next),
        );
    }
    if replicated.0 == ConditionStatus::Unknown {
        return (
            (ConditionStatus::False, "KafkaNotObserved", replicated.2.clone()),
            bounded(&format!("wait: {}", replicated.2)),
        );
    }
    if replicated.1 == "PartitionsOffline" {
        return (
            (ConditionStatus::False, "PartitionsOffline", replicated.2.clone()),
            bounded(&format!("wait: {}", replicated.2)),
        );
    }
    let next = next_when_ready(judged, replicated);
    if replaced.is_empty() {
        let message = format!("all {} nodes run", judged.nodes.len());
        return ((ConditionStatus::True, "AllNodesRunning", message), next);
    }
    let ids: Vec<String> = replaced.iter().map(ToString::to_string).collect();
    let message = format!(
        "node {} is being restarted, every partition takes writes",
        ids.join(", ")
    );
    ((ConditionStatus::True, "Rolling", message), next)
}

fn next_when_ready(judged: &Judged<'_>, replicated: &Verdict) -> String {
    if let Some(planned) = rolling::open(judged) {
        return bounded(&planned.decision.to_string());
    }
    if replicated.0 == ConditionStatus::False {
        return bounded(&format!("wait: {}", replicated.2));
    }
    if let Some(why) = judged.observed.voting {
        return bounded(why);
    }
    if let Some(why) = judged.observed.disks {
        return bounded(&format!("wait: other disks are taken up node by node: {why}"));
    }
    let mut told = judged.nodes.iter().filter(|node| node.phase == "Running");
    if let Some(why) = told.find_map(|node| Some(format!("node {}: {}", node.id, node.message.as_ref()?))) {
        return bounded(&why);
    }
    let moving = judged.observed.rebalance.and_then(next_of_rebalance);
    moving.map_or_else(|| super::NOTHING_TO_DO.to_owned(), |next| bounded(&next))
}

fn next_of_rebalance(rebalance: &RebalanceStatus) -> Option<String> {
    match (rebalance.phase, rebalance.blocked_by.first()) {
        (RebalancePhase::Finished, _) => None,
        (RebalancePhase::Waiting, Some(why)) => Some(format!("wait: replicas can't be moved: {why}")),
        _ => Some(format!("wait: replicas are moved, {} % done", rebalance.percent)),
    }
}

pub(super) fn bounded(text: &str) -> String {
    text.chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_time_changes_only_with_the_status() {
        let at = |second: i64| jiff::Timestamp::from_second(second).unwrap();
        let of = |status| vec![condition("Ready", status, "R", "m", Some(1))];
        let first = merge(None, of(ConditionStatus::False), at(1_000));
        assert_eq!(first[0].last_transition_time, "1970-01-01T00:16:40Z");
        let same = merge(Some(&first), of(ConditionStatus::False), at(2_000));
        assert_eq!(same, first);
        let changed = merge(Some(&first), of(ConditionStatus::True), at(2_000));
        assert_eq!(changed[0].last_transition_time, "1970-01-01T00:33:20Z");
    }
}
