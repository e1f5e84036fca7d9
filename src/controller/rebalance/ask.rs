//! What is asked for: to empty brokers that leave, to spread on request, or to bring to an end what was begun. Pure.

use crate::api::{RebalanceGoal, RebalancePhase, RebalanceStatus};
use crate::model::Identity;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// An open matter; `None` of it costs no look at Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `None`: nothing more; what is under way ends, and throttles go.
    pub goal: Option<RebalanceGoal>,
    /// Brokers to empty.
    pub leaving: BTreeSet<i32>,
    /// The request that is carried out.
    pub request: Option<Timestamp>,
}

/// What is open. Brokers that leave come before an even spread, and both before topics of another replication factor; a
/// request counts from its time on, once.
pub fn asked(
    (request, resized): (Option<Timestamp>, bool),
    identity: &Identity,
    last: Option<&RebalanceStatus>,
    now: Timestamp,
) -> Option<Asked> {
    let answered: Option<Timestamp> = last
        .and_then(|last| last.answered.as_ref())
        .and_then(|text| text.parse().ok());
    let request = request.filter(|request| *request <= now && answered.is_none_or(|answered| answered < *request));
    let begun = last.is_some_and(|last| last.phase != RebalancePhase::Finished);
    let leaving: BTreeSet<i32> = identity.leaving.union(&identity.drained).copied().collect();
    let goal = if !identity.leaving.is_empty() {
        Some(RebalanceGoal::Drain)
    } else if request.is_some() {
        Some(RebalanceGoal::Spread)
    } else if resized {
        Some(RebalanceGoal::ReplicationFactor)
    } else if begun {
        None
    } else {
        return None;
    };
    Some(Asked { goal, leaving, request })
}

impl Asked {
    /// Whether it was written down before; nothing is touched until it is.
    pub fn is_begun(&self, last: Option<&RebalanceStatus>) -> bool {
        let open = last.filter(|last| last.phase != RebalancePhase::Finished);
        open.is_some_and(|last| self.leaving.iter().all(|id| last.leaving.contains(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::identity::Plan;
    use crate::model::validate::tests::valid_cluster;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn identity(leaving: &[i32], drained: &[i32]) -> Identity {
        let cluster = valid_cluster();
        let plan = Plan {
            names: &cluster.names,
            pools: &cluster.pools,
            zones: &[],
        };
        let mut identity = plan.complete(None, &mut || [1; 16]);
        identity.leaving = leaving.iter().copied().collect();
        identity.drained = drained.iter().copied().collect();
        identity
    }

    fn status(phase: RebalancePhase, answered: Option<i64>) -> RebalanceStatus {
        RebalanceStatus {
            phase,
            answered: answered.map(|second| at(second).to_string()),
            ..RebalanceStatus::default()
        }
    }

    #[test]
    fn a_request_is_answered_once_and_not_before_its_time() {
        let open = |request: Option<i64>, last: Option<RebalanceStatus>| {
            let asked = asked((request.map(at), false), &identity(&[], &[]), last.as_ref(), at(100));
            asked.map(|asked| asked.goal)
        };
        let finished = |answered| Some(status(RebalancePhase::Finished, answered));
        assert_eq!(open(None, None), None);
        assert_eq!(open(Some(50), None), Some(Some(RebalanceGoal::Spread)));
        assert_eq!(open(Some(101), None), None);
        assert_eq!(open(Some(50), finished(Some(50))), None);
        assert_eq!(open(Some(60), finished(Some(50))), Some(Some(RebalanceGoal::Spread)));
        assert_eq!(open(Some(40), finished(Some(50))), None);
        assert_eq!(open(None, finished(None)), None);
        let moving = Some(status(RebalancePhase::Moving, None));
        assert_eq!(open(None, moving), Some(None), "taken back");
        let resized = asked((None, true), &identity(&[], &[]), None, at(100)).unwrap();
        assert_eq!(resized.goal, Some(RebalanceGoal::ReplicationFactor));
    }

    #[test]
    fn brokers_that_leave_come_first_and_are_written_down_before() {
        let asked = asked((Some(at(50)), true), &identity(&[102], &[103]), None, at(100)).unwrap();
        assert_eq!((asked.goal, asked.leaving.len()), (Some(RebalanceGoal::Drain), 2));
        let mut last = status(RebalancePhase::Moving, None);
        assert!(!asked.is_begun(None) && !asked.is_begun(Some(&last)));
        last.leaving = vec![101, 102, 103];
        assert!(asked.is_begun(Some(&last)));
        last.phase = RebalancePhase::Finished;
        assert!(!asked.is_begun(Some(&last)));
    }
}
