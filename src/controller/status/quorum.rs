//! The quorum of controllers as the status shows it, and the verdict on it.
//!
//! | reason            | `QuorumHealthy` | when                                                              |
//! |-------------------|-----------------|-------------------------------------------------------------------|
//! | LeaderElected     | True            | a leader, and every voter caught up                               |
//! | RackHoldsMajority | True            | the same, but the loss of one rack would end it                   |
//! | VotersBehind      | False           | voters that lack records or don't answer                          |
//! | NoLeader          | False           | controllers answer, and nobody leads                              |
//! | NotObserved       | Unknown         | nobody could be asked                                             |
//!
//! How far a voter is behind changes with every record and is a metric; here stands since when, which doesn't change.

use std::collections::BTreeMap;

use super::Observed;
use super::conditions::Verdict;
use crate::api::{ConditionStatus, NodeStatus, ObserverStatus, QuorumStatus, SurvivorStatus, VoterStatus};
use crate::controller::survivors::Survivor;
use crate::kafka::views::{QuorumView, ReplicaState};
use jiff::Timestamp;

/// A replica is shown as caught up while it was so within this many milliseconds of the newest: five fetch timeouts
/// (`controller.quorum.fetch.timeout.ms`, 2 s), so that one slow fetch isn't a change of status.
const CAUGHT_UP_MS: i64 = 10_000;
/// Most observers in a status.
const NAMED: usize = 100;

/// Voters and observers by id; `None` while nobody leads.
pub fn status(view: &QuorumView, observed: &Observed<'_>) -> Option<QuorumStatus> {
    let leader_id = view.leader_id?;
    let caught_up = view.caught_up(CAUGHT_UP_MS);
    let voter = |voter: &ReplicaState| {
        let is_caught_up = caught_up.contains(&voter.id);
        VoterStatus {
            id: voter.id,
            directory_id: voter.directory_id.clone(),
            caught_up: is_caught_up,
            last_caught_up: voter.last_caught_up_ms.filter(|_| !is_caught_up).and_then(time),
        }
    };
    let mut voters: Vec<VoterStatus> = view.voters.iter().map(voter).collect();
    voters.sort_by_key(|voter| voter.id);
    Some(QuorumStatus {
        leader_id: Some(leader_id),
        leader_epoch: view.leader_epoch,
        tolerates: tolerates(&voters),
        voters,
        observers: observers(view, observed),
        survivors: Vec::new(),
    })
}

/// What controllers have while nobody leads, the furthest first.
pub fn without_leader(survivors: &[Survivor]) -> Option<QuorumStatus> {
    let mut survivors: Vec<SurvivorStatus> = survivors
        .iter()
        .map(|one| SurvivorStatus {
            id: one.id,
            epoch: one.epoch,
            log_end_offset: one.log_end,
            high_watermark: one.committed,
        })
        .collect();
    survivors.sort_by_key(|one| std::cmp::Reverse((one.epoch, one.log_end_offset, -one.id)));
    Some(QuorumStatus {
        leader_epoch: i32::try_from(survivors.first()?.epoch).ok()?,
        survivors,
        ..QuorumStatus::default()
    })
}

/// Brokers always observe; only controllers that aren't voters are worth a line.
fn observers(view: &QuorumView, observed: &Observed<'_>) -> Vec<ObserverStatus> {
    let nodes = observed.cluster.nodes(observed.identity);
    let is_broker = |id: i32| nodes.iter().any(|node| node.id == id && node.roles.broker);
    let status = |replica: &ReplicaState| ObserverStatus {
        id: replica.id,
        caught_up: view.is_caught_up(replica, CAUGHT_UP_MS),
    };
    let controllers = view.observers.iter().filter(|observer| !is_broker(observer.id));
    let mut observers: Vec<ObserverStatus> = controllers.map(status).collect();
    observers.sort_by_key(|observer| observer.id);
    observers.truncate(NAMED);
    observers
}

/// Milliseconds since the epoch as RFC 3339, to the second.
fn time(ms: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(ms).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A majority of all voters must run; those that are caught up beyond it may be lost.
fn tolerates(voters: &[VoterStatus]) -> i32 {
    let caught_up = voters.iter().filter(|voter| voter.caught_up).count();
    i32::try_from(caught_up.saturating_sub(majority(voters.len()))).unwrap_or(i32::MAX)
}

fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// The condition `QuorumHealthy`.
pub fn healthy(quorum: Option<&QuorumStatus>, nodes: &[NodeStatus], observed: &Observed<'_>) -> Verdict {
    let Some((quorum, leader)) = quorum.and_then(|quorum| Some((quorum, quorum.leader_id?))) else {
        return unseen(quorum, observed);
    };
    let behind: Vec<String> = quorum
        .voters
        .iter()
        .filter(|voter| !voter.caught_up)
        .map(behind)
        .collect();
    let margin = match quorum.tolerates {
        0 => "no voter more may be lost".to_owned(),
        more => format!("tolerates the loss of {more}"),
    };
    if !behind.is_empty() {
        let message = format!("voters behind the leader: {}; {margin}", behind.join(", "));
        return (ConditionStatus::False, "VotersBehind", message);
    }
    let fixed = if observed.identity.static_voters.is_empty() {
        ""
    } else {
        ", which can't be changed (kraft.version 0)"
    };
    let message = format!(
        "controller {leader} leads {} voters{fixed}; {margin}",
        quorum.voters.len()
    );
    if let Some(rack) = heaviest_rack(quorum, nodes) {
        let message = format!("{message}; rack {rack} holds the majority, and its loss would end the quorum");
        return (ConditionStatus::True, "RackHoldsMajority", message);
    }
    (ConditionStatus::True, "LeaderElected", message)
}

fn behind(voter: &VoterStatus) -> String {
    let since = voter.last_caught_up.as_ref();
    since.map_or_else(|| voter.id.to_string(), |since| format!("{} (since {since})", voter.id))
}

fn unseen(quorum: Option<&QuorumStatus>, observed: &Observed<'_>) -> Verdict {
    let facts = observed.kafka;
    // Before the first election there's none to miss.
    if observed.identity.bootstrapped && facts.is_some_and(|facts| facts.leaderless) {
        let all = observed.identity.controllers.len();
        let has = |one: &SurvivorStatus| {
            let SurvivorStatus {
                id,
                epoch,
                log_end_offset,
                high_watermark,
            } = one;
            format!("controller {id} has epoch {epoch} up to offset {log_end_offset}, committed {high_watermark}")
        };
        let mut told: Vec<String> = quorum.iter().flat_map(|quorum| &quorum.survivors).map(has).collect();
        told.insert(
            0,
            format!(
                "nobody leads: of {all} controllers {} must run with their disks",
                majority(all)
            ),
        );
        return (ConditionStatus::False, "NoLeader", told.join("; "));
    }
    let why = facts.and_then(|facts| facts.problem.clone());
    let message = why.unwrap_or_else(|| "the quorum hasn't been seen yet".into());
    (ConditionStatus::Unknown, "NotObserved", message)
}

/// The rack without which too few voters would be left, if there is one. A quorum of one or two has no other choice.
fn heaviest_rack<'a>(quorum: &QuorumStatus, nodes: &'a [NodeStatus]) -> Option<&'a str> {
    let mut racks: BTreeMap<&str, usize> = BTreeMap::new();
    for voter in &quorum.voters {
        let node = nodes.iter().find(|node| node.id == voter.id)?;
        *racks.entry(node.rack.as_deref()?).or_default() += 1;
    }
    let all = quorum.voters.len();
    if all < 3 {
        return None;
    }
    let heavy = racks.into_iter().find(|(_, held)| all - held < majority(all));
    heavy.map(|(rack, _)| rack)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voters(caught_up: &[bool]) -> Vec<VoterStatus> {
        let voter = |(id, caught_up): (i32, &bool)| VoterStatus {
            id,
            directory_id: format!("disk of {id}"),
            caught_up: *caught_up,
            last_caught_up: None,
        };
        (0..).zip(caught_up).map(voter).collect()
    }

    #[test]
    fn what_may_be_lost_is_what_is_caught_up_beyond_a_majority_of_all() {
        let cases: [(&[bool], i32); 7] = [
            (&[true], 0),
            (&[true, true], 0),
            (&[true, true, true], 1),
            (&[true, true, false], 0),
            (&[true, false, false], 0),
            (&[true, true, true, true, true], 2),
            (&[true, true, true, true, false], 1),
        ];
        for (caught_up, expected) in cases {
            assert_eq!(tolerates(&voters(caught_up)), expected, "{caught_up:?}");
        }
    }

    #[test]
    fn a_rack_that_holds_the_majority_is_named() {
        let cases: [(&[Option<&str>], Option<&str>); 6] = [
            (&[Some("a"), Some("b"), Some("c")], None),
            (&[Some("a"), Some("b"), Some("b")], Some("b")),
            (&[Some("a"), Some("a"), Some("b"), Some("b"), Some("c")], None),
            (&[Some("a"), Some("a"), Some("a"), Some("b"), Some("c")], Some("a")),
            (&[Some("a")], None),
            (&[Some("a"), Some("a"), None], None),
        ];
        for (racks, expected) in cases {
            let node = |(id, rack): (i32, Option<&str>)| NodeStatus {
                id,
                rack: rack.map(str::to_owned),
                ..NodeStatus::default()
            };
            let nodes: Vec<NodeStatus> = (0..).zip(racks.iter().copied()).map(node).collect();
            let quorum = QuorumStatus {
                voters: voters(&vec![true; racks.len()]),
                ..QuorumStatus::default()
            };
            assert_eq!(heaviest_rack(&quorum, &nodes), expected, "{racks:?}");
        }
    }

    #[test]
    fn a_time_is_shown_to_the_second() {
        assert_eq!(time(1_700_000_000_999).as_deref(), Some("2023-11-14T22:13:20Z"));
    }
}
