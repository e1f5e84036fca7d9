//! `quorum`: the quorum of one cluster in words, and what a person can do when it has no leader. It shows what the operator
//! has written to the resource's status, and asks Kafka nothing.
//!
//! Going on with one controller is only asked for here, with the flag that says what it costs; the operator looks again and
//! carries it out. It must not decide by itself which controller that is.

use crate::api::{NodeStatus, ProductionKafka, ProductionKafkaStatus};
use crate::controller::recovery::ANNOTATION;
use crate::quorum::{Standing, Stranded, objections};
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;

/// Arguments of `quorum`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The ProductionKafka resource.
    name: String,
    /// Its namespace; without it that of the kubeconfig's context.
    #[arg(short, long)]
    namespace: Option<String>,
    /// Go on with this controller as the only voter, because the majority is lost for good.
    #[arg(long, value_name = "ID", requires = "accept_metadata_loss")]
    go_on_with: Option<i32>,
    /// What the lost controllers had and this one hasn't is gone: topics, access rights and settings that were acknowledged.
    #[arg(long, requires = "go_on_with")]
    accept_metadata_loss: bool,
}

#[derive(Debug, thiserror::Error)]
enum QuorumError {
    #[error("find the Kubernetes API server")]
    Client(#[source] kube::Error),
    #[error("read ProductionKafka {0}")]
    Read(String, #[source] kube::Error),
    #[error("ask for it on ProductionKafka {0}")]
    Write(String, #[source] kube::Error),
    #[error("not asked for: {0}")]
    Refused(String),
}

pub async fn run(args: Args) -> ExitCode {
    super::exit(explain(&args).await)
}

async fn explain(args: &Args) -> Result<(), QuorumError> {
    // Whoever comes first in this process; both are the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::try_default().await.map_err(QuorumError::Client)?;
    let api: Api<ProductionKafka> = match &args.namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::default_namespaced(client),
    };
    let name = &args.name;
    let resource = api
        .get(name)
        .await
        .map_err(|source| QuorumError::Read(name.clone(), source))?;
    let status = resource.status.clone().unwrap_or_default();
    print!("{}", report(&resource.name_any(), &status));
    let Some(id) = args.go_on_with else { return Ok(()) };
    let chosen = decide(&status, id).map_err(QuorumError::Refused)?;
    let patch = json!({"metadata": {"annotations": {ANNOTATION: chosen.to_string()}}});
    let asked = api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
    asked.map_err(|source| QuorumError::Write(name.clone(), source))?;
    println!(
        "asked for: {ANNOTATION}={chosen}; the operator carries it out, see `kubectl get productionkafka {name} -o wide`"
    );
    Ok(())
}

/// What a person should know.
fn report(name: &str, status: &ProductionKafkaStatus) -> String {
    let healthy = status
        .conditions
        .iter()
        .find(|condition| condition.kind == "QuorumHealthy");
    let verdict = healthy.map_or("nothing is known of the quorum yet", |condition| {
        condition.message.as_str()
    });
    let mut text = format!("{name}: {verdict}\n");
    let quorum = status.quorum.clone().unwrap_or_default();
    for node in controllers(status) {
        let vote = quorum.voters.iter().find(|voter| voter.id == node.id);
        let survivor = quorum.survivors.iter().find(|one| one.id == node.id);
        let standing = match (vote, survivor) {
            (Some(vote), _) if vote.caught_up => format!("votes with disk {}", vote.directory_id),
            (Some(vote), _) => {
                let since = vote.last_caught_up.as_deref().unwrap_or("an unknown time");
                format!("votes with disk {}, behind since {since}", vote.directory_id)
            }
            (None, Some(one)) => format!(
                "has epoch {} up to offset {}, committed {}",
                one.epoch, one.log_end_offset, one.high_watermark
            ),
            (None, None) if quorum.leader_id.is_some() => "has no vote".to_owned(),
            (None, None) => "says nothing".to_owned(),
        };
        let message = node.message.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let _ = writeln!(text, "  controller {}: {}{message}, {standing}", node.id, node.phase);
    }
    if healthy.is_some_and(|condition| condition.reason == "NoLeader") {
        text.push_str(&options(name, status));
    }
    text
}

fn controllers(status: &ProductionKafkaStatus) -> impl Iterator<Item = &NodeStatus> {
    status.nodes.iter().filter(|node| node.roles.contains("Controller"))
}

/// What helps without a leader, the harmless first.
fn options(name: &str, status: &ProductionKafkaStatus) -> String {
    let away: Vec<String> = controllers(status)
        .filter(|node| node.phase != "Running")
        .map(|node| format!("{} ({})", node.id, node.pod))
        .collect();
    let mut text = format!(
        "what helps, the harmless first:\n\
         1. bring back controllers with their disks: {}. The quorum goes on by itself, and nothing is lost.\n",
        away.join(", ")
    );
    let survivors = status.quorum.iter().flat_map(|quorum| &quorum.survivors);
    match survivors.map(|one| one.id).next() {
        Some(id) => {
            let _ = writeln!(
                text,
                "2. if the disks are lost for good: go on with controller {id}, which has most. What the others had and it hasn't\n   \
                 is lost: topics, access rights and settings that were acknowledged. Records in partitions stay.\n     \
                 productionkafka quorum {name} --go-on-with {id} --accept-metadata-loss"
            );
        }
        None => text.push_str(
            "2. go on with one controller: none has said how far its log goes (it's asked through its metrics, which must be on)\n",
        ),
    }
    text
}

/// The decision for this controller, or what's in the way as far as the status tells.
fn decide(status: &ProductionKafkaStatus, id: i32) -> Result<Standing, String> {
    let is = |condition: &&crate::api::Condition| condition.kind == "QuorumHealthy" && condition.reason == "NoLeader";
    let standing: Vec<Standing> = status
        .quorum
        .iter()
        .flat_map(|quorum| &quorum.survivors)
        .map(|one| Standing {
            id: one.id,
            epoch: one.epoch,
            log_end: one.log_end_offset,
        })
        .collect();
    let nodes = || controllers(status);
    let away = |node: &&NodeStatus| node.phase == "Missing" || node.phase == "Pending";
    let stranded = Stranded {
        leaderless: status.conditions.iter().find(is).is_some(),
        controllers: &nodes().map(|node| node.id).collect(),
        brokers: &nodes()
            .filter(|node| node.roles.contains("Broker"))
            .map(|node| node.id)
            .collect(),
        running: &nodes()
            .filter(|node| !away(node))
            .map(|node| node.id)
            .collect::<BTreeSet<i32>>(),
        standing: &standing,
    };
    let chosen = standing.iter().copied().find(|one| one.id == id);
    let chosen = chosen.unwrap_or(Standing {
        id,
        epoch: 0,
        log_end: 0,
    });
    let against = objections(&stranded, &chosen);
    if against.is_empty() {
        return Ok(chosen);
    }
    Err(against.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(leader: bool) -> ProductionKafkaStatus {
        let node = |id: i32, roles: &str, phase: &str| json!({"id": id, "pool": "nodes", "roles": roles, "pod": format!("orders-controllers-{id}-0"), "phase": phase});
        let (quorum, reason, message) = if leader {
            let voter = |id: i32, caught_up: bool| {
                let mut voter = json!({"id": id, "directoryId": format!("disk-{id}"), "caughtUp": caught_up});
                if !caught_up {
                    voter["lastCaughtUp"] = json!("2026-01-31T12:00:00Z");
                }
                voter
            };
            let voters = [voter(0, false), voter(1, true), voter(2, true)];
            (
                json!({"leaderId": 2, "leaderEpoch": 7, "voters": voters}),
                "VotersBehind",
                "voters behind the leader: 0",
            )
        } else {
            let survivors = [json!({"id": 2, "epoch": 7, "logEndOffset": 500, "highWatermark": 490})];
            (
                json!({"leaderEpoch": 7, "survivors": survivors}),
                "NoLeader",
                "nobody leads",
            )
        };
        let condition = json!({
            "type": "QuorumHealthy", "status": "False", "reason": reason, "message": message,
            "lastTransitionTime": "2026-01-31T12:00:00Z",
        });
        serde_json::from_value(json!({
            "conditions": [condition],
            "quorum": quorum,
            "nodes": [
                node(0, "Controller", "Pending"),
                node(1, "Controller", "Missing"),
                node(2, "Controller", "Running"),
                node(100, "Broker", "Running"),
            ],
        }))
        .unwrap()
    }

    #[test]
    fn a_quorum_with_a_leader_is_told_by_its_votes() {
        insta::assert_snapshot!(report("orders", &status(true)), @r"
        orders: voters behind the leader: 0
          controller 0: Pending, votes with disk disk-0, behind since 2026-01-31T12:00:00Z
          controller 1: Missing, votes with disk disk-1
          controller 2: Running, votes with disk disk-2
        ");
        assert!(decide(&status(true), 2).unwrap_err().contains("nothing to give up"));
    }

    #[test]
    fn without_a_leader_it_says_what_helps_and_what_it_costs() {
        insta::assert_snapshot!(report("orders", &status(false)), @r"
        orders: nobody leads
          controller 0: Pending, says nothing
          controller 1: Missing, says nothing
          controller 2: Running, has epoch 7 up to offset 500, committed 490
        what helps, the harmless first:
        1. bring back controllers with their disks: 0 (orders-controllers-0-0), 1 (orders-controllers-1-0). The quorum goes on by itself, and nothing is lost.
        2. if the disks are lost for good: go on with controller 2, which has most. What the others had and it hasn't
           is lost: topics, access rights and settings that were acknowledged. Records in partitions stay.
             productionkafka quorum orders --go-on-with 2 --accept-metadata-loss
        ");
        assert_eq!(
            decide(&status(false), 2).unwrap().to_string(),
            "controller=2 epoch=7 offset=500"
        );
        assert!(
            decide(&status(false), 1)
                .unwrap_err()
                .contains("controller 1 doesn't say")
        );
    }
}
