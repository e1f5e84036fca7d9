//! Whether a controller takes part in its quorum: it leads, or it follows a leader and has all of its metadata log.
//!
//! A controller that has only just started would be the second one lost, were the next one evicted now: readiness is what
//! a disruption budget counts. What can't be found out is no reason to be unready: a leader that doesn't answer here may
//! be well. If it isn't, and others can elect another one, that one is known within seconds
//! (`controller.quorum.fetch.timeout.ms`); if they can't, each goes on naming the last one (KIP-996), and a budget that
//! counts them ready lets none of them go that isn't gone already.

use super::{Args, Node, ProbeError, Verdict, client};
use crate::kafka::{ClusterView, Endpoint, KafkaAdmin, QuorumView, Target};
use tokio::time::{Instant, timeout_at};

/// A replica was caught up within so many milliseconds of the newest: five times the limit after which a follower gives its
/// leader up (`controller.quorum.fetch.timeout.ms`, 2 s), so that one slow fetch takes nobody out.
const CAUGHT_UP_MS: i64 = 10_000;

/// What a controller and its leader say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// The controller doesn't say who leads: it has no metadata yet.
    Mute,
    /// The leader doesn't say who follows.
    Untold,
    Leaderless,
    Leads,
    Follows(QuorumView),
}

/// Asks the controller who leads, and the leader who follows.
pub(super) async fn role(args: &Args, node: Node, own: &dyn KafkaAdmin, until: Instant) -> Result<Role, ProbeError> {
    let Ok(Ok(controllers)) = timeout_at(until, own.describe_controllers(Target::Controllers)).await else {
        return Ok(Role::Mute);
    };
    let leader = match leader(node, &controllers) {
        Leader::Nobody => return Ok(Role::Leaderless),
        Leader::Own => return Ok(Role::Leads),
        Leader::Unknown => return Ok(Role::Untold),
        Leader::Other(endpoint) => endpoint,
    };
    let leader = client(args, leader).await?;
    Ok(
        match timeout_at(until, leader.describe_quorum(Target::Controllers)).await {
            Ok(Ok(quorum)) => Role::Follows(quorum),
            Ok(Err(_)) | Err(_) => Role::Untold,
        },
    )
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leader {
    Nobody,
    Own,
    /// It hasn't registered its endpoints yet.
    Unknown,
    Other(Endpoint),
}

pub(super) fn leader(node: Node, controllers: &ClusterView) -> Leader {
    let Some(leader) = controllers.controller_id else {
        return Leader::Nobody;
    };
    if leader == node.id {
        return Leader::Own;
    }
    let registered = controllers.brokers.iter().find(|controller| controller.id == leader);
    registered.map_or(Leader::Unknown, |controller| {
        Leader::Other(Endpoint {
            node_id: None,
            address: format!("{}:{}", controller.host, controller.port),
            server_name: controller.host.clone(),
        })
    })
}

pub(super) fn judge(id: i32, role: &Role) -> Verdict {
    match role {
        Role::Untold | Role::Leads => Verdict::Yes,
        Role::Mute => Verdict::No(format!("controller {id} has no metadata yet")),
        Role::Leaderless => Verdict::No(format!("controller {id} knows no leader")),
        Role::Follows(view) => follower(id, view),
    }
}

/// After a lost disk there are two replicas of this id, one of which will never come back.
fn follower(id: i32, view: &QuorumView) -> Verdict {
    let own = view.voters.iter().chain(&view.observers).filter(|one| one.id == id);
    let own: Vec<_> = own.collect();
    if own.iter().any(|one| view.is_caught_up(one, CAUGHT_UP_MS)) {
        return Verdict::Yes;
    }
    let Some(furthest) = own.iter().map(|one| one.log_end_offset).max() else {
        return Verdict::No(format!("the leader doesn't know controller {id} yet"));
    };
    let end = view
        .voters
        .iter()
        .map(|one| one.log_end_offset)
        .max()
        .unwrap_or(furthest);
    let lag = end.saturating_sub(furthest);
    Verdict::No(format!("controller {id} is {lag} records behind the leader"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{BrokerState, ReplicaState};

    const NODE: Node = Node {
        id: 2,
        broker: false,
        controller: true,
    };

    fn replica(id: i32, offset: i64, caught_up_ms: i64) -> ReplicaState {
        ReplicaState {
            id,
            directory_id: format!("disk of {id}"),
            log_end_offset: offset,
            last_fetch_ms: None,
            last_caught_up_ms: Some(caught_up_ms),
        }
    }

    fn quorum(voters: Vec<ReplicaState>, observers: Vec<ReplicaState>) -> Role {
        Role::Follows(QuorumView {
            leader_id: Some(0),
            leader_epoch: 7,
            high_watermark: Some(500),
            voters,
            observers,
        })
    }

    #[test]
    fn a_controller_is_ready_when_it_leads_or_has_all_that_the_leader_has() {
        let no = |why: &str| Verdict::No(why.to_owned());
        let leader = || replica(0, 500, 100_000);
        let cases = [
            (Role::Untold, Verdict::Yes),
            (Role::Leads, Verdict::Yes),
            (Role::Mute, no("controller 2 has no metadata yet")),
            (Role::Leaderless, no("controller 2 knows no leader")),
            (quorum(vec![leader(), replica(2, 500, 99_000)], vec![]), Verdict::Yes),
            (quorum(vec![leader()], vec![replica(2, 500, 99_000)]), Verdict::Yes),
            // Its former disk has a vote still.
            (
                quorum(vec![leader(), replica(2, 90, 1_000)], vec![replica(2, 500, 99_000)]),
                Verdict::Yes,
            ),
            (
                quorum(vec![leader(), replica(2, 90, 1_000)], vec![replica(2, 40, 0)]),
                no("controller 2 is 410 records behind the leader"),
            ),
            (
                quorum(vec![leader()], vec![]),
                no("the leader doesn't know controller 2 yet"),
            ),
        ];
        for (role, expected) in cases {
            assert_eq!(judge(2, &role), expected, "{role:?}");
        }
    }

    #[test]
    fn the_leader_is_asked_under_its_own_name() {
        let view = |controller_id| ClusterView {
            cluster_id: "TEgxAmaTT0OrL3bKwUBMwg".to_owned(),
            controller_id,
            brokers: vec![BrokerState {
                id: 1,
                host: "orders-controllers-1.orders-nodes.kafka.svc".to_owned(),
                port: 9090,
                rack: None,
                fenced: false,
            }],
        };
        assert_eq!(leader(NODE, &view(None)), Leader::Nobody);
        assert_eq!(leader(NODE, &view(Some(2))), Leader::Own);
        assert_eq!(leader(NODE, &view(Some(0))), Leader::Unknown);
        let Leader::Other(endpoint) = leader(NODE, &view(Some(1))) else {
            panic!("another one leads")
        };
        assert_eq!(endpoint.address, "orders-controllers-1.orders-nodes.kafka.svc:9090");
        assert_eq!(endpoint.server_name, "orders-controllers-1.orders-nodes.kafka.svc");
    }
}
