//! Everything that must be true before pods are deleted. Each guard adds its reasons; a batch may go when none has any.
//! The same guards judge a fresh choice and one that an operator before us wrote down.

use super::decision::node_list;
use super::due::Due;
use super::partitions;
use super::reason::{Reason, Reasons};
use super::sight::Sight;
use super::world::{KafkaView, Node, Phase, Recovery, RestartReason, World};
use jiff::SignedDuration;

/// Kafka's answer is at most this old.
pub const VIEW_BOUND: SignedDuration = SignedDuration::from_secs(30);
/// A node whose process ended must be ready this long before others are touched.
pub const STABLE: SignedDuration = SignedDuration::from_mins(2);

/// Pods to delete, and those of the same batch that are down already.
#[derive(Clone, Debug)]
pub(super) struct Proposal<'p, 'a> {
    pub go: Vec<&'p Due<'a>>,
    pub down: Vec<i32>,
}

impl Proposal<'_, '_> {
    /// Everything that's down once it is carried out.
    fn ids(&self) -> Vec<i32> {
        let down = self.down.iter().copied();
        self.go.iter().map(|due| due.node.id).chain(down).collect()
    }
}

/// What speaks against a proposal, and what it costs if it's carried out.
#[derive(Default)]
struct Verdict {
    against: Reasons,
    warnings: Vec<Reason>,
}

/// Judges a proposal. `due`: every pod that should be replaced. `Ok` carries warnings.
pub(super) fn judge(sight: &Sight<'_>, due: &[Due<'_>], proposal: &Proposal<'_, '_>) -> Result<Vec<Reason>, Reasons> {
    let world = sight.world;
    let ids = proposal.ids();
    let mut verdict = Verdict::default();
    let against = &mut verdict.against;
    others(world, &ids, against);
    shape(world, &ids, against);
    proposal.go.iter().for_each(|due| itself(due, against));
    due.iter()
        .filter_map(|due| refusal(due.node))
        .for_each(|reason| against.push(reason));
    match view(world) {
        Err(reason) => against.push(reason),
        Ok(kafka) => {
            brokers(sight, kafka, (due, proposal), &mut verdict);
            for node in proposal
                .go
                .iter()
                .map(|due| due.node)
                .filter(|node| node.roles.controller)
            {
                controller(world, kafka, (due, node), &mut verdict);
            }
        }
    }
    if verdict.against.is_empty() {
        Ok(verdict.warnings)
    } else {
        Err(verdict.against)
    }
}

/// Kafka's answer, if it may be acted upon: there, whole, recent, with an active controller, and younger than what is
/// known of the pods, so that no restart that's over already is missing from it.
pub(super) fn view<'a>(world: &World<'a>) -> Result<&'a KafkaView, Reason> {
    let kafka = world.kafka.ok_or(Reason::Unreachable)?;
    let age = world.now.duration_since(kafka.taken_at);
    if !kafka.complete {
        Err(Reason::ViewIncomplete)
    } else if age > VIEW_BOUND || age.is_negative() {
        Err(Reason::ViewStale {
            age: age.as_secs(),
            bound: VIEW_BOUND.as_secs(),
        })
    } else if kafka.taken_at < world.pods_at {
        Err(Reason::ViewOlderThanPods)
    } else if kafka.quorum.leader.is_none() {
        Err(Reason::NoActiveController)
    } else {
        Ok(kafka)
    }
}

/// No other pod is down or has just been.
fn others(world: &World<'_>, batch: &[i32], against: &mut Reasons) {
    for node in world.nodes.iter().filter(|node| !batch.contains(&node.id)) {
        match node.phase() {
            Some(Phase::Ready { since, restarts }) => {
                if *restarts > 0 && world.now.duration_since(*since) < STABLE {
                    against.push(Reason::Unstable {
                        node: node.id,
                        restarts: *restarts,
                    });
                }
            }
            None if node.leaving => {}
            _ => against.push(not_ready(node)),
        }
    }
}

/// What a node's pod is, when it isn't ready.
pub(super) fn not_ready(node: &Node) -> Reason {
    let state = match node.phase() {
        None => "missing".to_owned(),
        Some(Phase::Terminating { .. }) => "being deleted".to_owned(),
        Some(Phase::Pending { why, .. }) => format!("pending: {}", bounded(why)),
        Some(Phase::Starting {
            recovery: Recovery::Progressing { logs_left },
            ..
        }) => {
            return Reason::Recovering {
                node: node.id,
                logs_left: *logs_left,
            };
        }
        Some(Phase::Starting { .. }) => "starting".to_owned(),
        Some(Phase::Failing { why }) => format!("failing: {}", bounded(why)),
        Some(Phase::Lost { why }) => format!("on a Kubernetes node that doesn't answer: {}", bounded(why)),
        Some(Phase::Ready { .. }) => "ready".to_owned(),
    };
    Reason::PodNotReady { node: node.id, state }
}

/// Words of others, at most 300 characters of them.
pub(super) fn bounded(text: &str) -> String {
    text.chars().take(300).collect()
}

/// One pod alone, or brokers of one rack up to the limit.
fn shape(world: &World<'_>, ids: &[i32], against: &mut Reasons) {
    let allowed = world.policy.max_unavailable.max(1);
    if ids.len() < 2 {
        return;
    }
    let nodes: Vec<&Node> = ids.iter().filter_map(|id| world.node(*id)).collect();
    if nodes.iter().any(|node| node.roles.controller) {
        against.push(Reason::OneController { nodes: node_list(ids) });
    }
    let rack = nodes.first().and_then(|node| node.rack.as_ref());
    let one_rack = rack.is_some() && nodes.iter().all(|node| node.rack.as_ref() == rack);
    if !one_rack || ids.len() > allowed {
        against.push(Reason::BatchShape {
            nodes: node_list(ids),
            allowed,
        });
    }
}

/// What the pod itself is in the middle of.
fn itself(due: &Due<'_>, against: &mut Reasons) {
    let node = due.node.id;
    match &due.pod.phase {
        Phase::Starting { recovery, .. } => match recovery {
            Recovery::Progressing { logs_left } => against.push(Reason::Recovering {
                node,
                logs_left: *logs_left,
            }),
            Recovery::Unknown if due.node.roles.broker && !due.is_manual() => {
                against.push(Reason::RecoveryUnknown { node });
            }
            _ => {}
        },
        Phase::Lost { .. } => against.push(not_ready(due.node)),
        _ => {}
    }
}

/// Kubernetes' answer to the dry run, if it was no.
pub(super) fn refusal(node: &Node) -> Option<Reason> {
    node.refused.as_ref().map(|message| Reason::Refused {
        node: node.id,
        message: bounded(message),
    })
}

/// Replicas: the others' are in sync, and enough of them stay so without the batch; versions: controllers first.
fn brokers(
    sight: &Sight<'_>,
    kafka: &KafkaView,
    (due, proposal): (&[Due<'_>], &Proposal<'_, '_>),
    verdict: &mut Verdict,
) {
    let world = sight.world;
    if !proposal.go.iter().any(|due| due.node.roles.broker) {
        return;
    }
    let ids = proposal.ids();
    for (id, reason) in &sight.health {
        if !ids.contains(id) {
            verdict.against.push(reason.clone());
        }
    }
    let (losses, costs) = partitions::simulate(kafka, &ids, world.policy.single_replica);
    for reason in losses {
        verdict.against.push(reason);
    }
    verdict.warnings.extend(costs);
    let changes_image = |due: &Due<'_>| due.why.contains(&RestartReason::ImageChanged);
    let controllers_wait = due.iter().any(|due| due.node.roles.controller && changes_image(due));
    for due in proposal
        .go
        .iter()
        .filter(|due| !due.node.roles.controller && changes_image(due))
    {
        if controllers_wait {
            verdict.against.push(Reason::ControllersFirst { node: due.node.id });
        }
    }
}

/// A majority of the voters is caught up without this one, and the active controller goes when no other has to.
fn controller(world: &World<'_>, kafka: &KafkaView, (due, node): (&[Due<'_>], &Node), verdict: &mut Verdict) {
    let id = node.id;
    let voters = &kafka.quorum.voters;
    if let [only] = voters.as_slice()
        && only.id == id
    {
        verdict.warnings.push(Reason::SingleController { node: id });
        return;
    }
    let left = voters.iter().filter(|voter| voter.caught_up && voter.id != id).count();
    let needed = voters.len() / 2 + 1;
    if left < needed {
        verdict.against.push(Reason::Majority {
            node: id,
            left,
            voters: voters.len(),
            needed,
        });
    }
    let another = |due: &Due<'_>| due.node.roles.controller && due.node.id != id && due.may_begin(world);
    if kafka.quorum.leader == Some(id) && due.iter().any(another) {
        verdict.against.push(Reason::ActiveLast { node: id });
    }
}
