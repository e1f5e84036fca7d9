//! What has become of the pods that were being replaced: back, on their way, or never deleted because whoever wanted to
//! was interrupted.
//!
//! | the member's pod          | then                                                     |
//! |---------------------------|----------------------------------------------------------|
//! | uid as chosen, alive, due | not deleted yet: judged again, then deleted              |
//! | uid as chosen, not due    | forgotten: the resource asks for something else          |
//! | terminating, or missing   | waited for                                               |
//! | new uid                   | waited for until it's ready, in sync and a caught-up voter |

use super::due::{self, is_stuck};
use super::guards::{self, STABLE};
use super::reason::{Few, Reason};
use super::sight::Sight;
use super::state::{Batch, Member, State};
use super::world::{Node, Phase, World};

/// The state of the last pass, brought up to what has happened since.
pub(super) fn carried(sight: &Sight<'_>) -> State {
    let world = sight.world;
    let mut state = world.state.clone();
    let target = due::target(world.nodes);
    if state.target != target {
        state.proven.clear();
        state.target = target;
    }
    forget_answered(world, &mut state);
    let Some(batch) = state.batch.take() else {
        return state;
    };
    let mut left = Vec::new();
    for member in &batch.members {
        if let Some(node) = world.node(member.node).filter(|node| !node.leaving) {
            answer(world, &batch, (node, member), &mut state);
            if settle(sight, &batch, (node, member), &mut state) {
                left.push(member.clone());
            }
        }
    }
    state.batch = (!left.is_empty()).then_some(Batch { members: left, ..batch });
    state
}

/// Whether a member still is to be waited for or deleted.
fn settle(sight: &Sight<'_>, batch: &Batch, (node, member): (&Node, &Member), state: &mut State) -> bool {
    let Some(pod) = &node.pod else {
        return true;
    };
    let is_due = !due::reasons(sight.world.now, node, pod, state).is_empty();
    if pod.uid == member.uid {
        return is_due || matches!(pod.phase, Phase::Terminating { .. });
    }
    if !awaited(sight, batch, node).is_empty() {
        return true;
    }
    if !is_due {
        state.proven.insert(node.pool.clone());
    }
    false
}

/// What a replaced pod's node still lacks; empty when it's back.
pub(super) fn awaited(sight: &Sight<'_>, batch: &Batch, node: &Node) -> Vec<Reason> {
    let world = sight.world;
    let Some(Phase::Ready { since, restarts }) = node.phase() else {
        return vec![guards::not_ready(node)];
    };
    let kafka = match guards::view(world) {
        Ok(kafka) => kafka,
        Err(reason) => return vec![reason],
    };
    let mut lacks: Vec<Reason> = sight.health.get(&node.id).cloned().into_iter().collect();
    let caught_up = |id: i32| {
        kafka
            .quorum
            .voters
            .iter()
            .any(|voter| voter.id == id && voter.caught_up)
    };
    if node.roles.controller && !caught_up(node.id) {
        lacks.push(Reason::NotCaughtUp { node: node.id });
    }
    let ready_for = world.now.duration_since(*since);
    if *restarts > 0 && ready_for < STABLE {
        lacks.push(Reason::Unstable {
            node: node.id,
            restarts: *restarts,
        });
    }
    if batch.canary && ready_for < world.policy.canary_soak {
        lacks.push(Reason::Soaking {
            node: node.id,
            seconds: world.policy.canary_soak.as_secs(),
        });
    }
    lacks
}

/// The first member that doesn't come back by itself, and why.
pub(super) fn lost(world: &World<'_>, batch: &Batch) -> Option<(i32, String)> {
    batch.members.iter().find_map(|member| {
        let node = world.node(member.node)?;
        let gone_for_long = || world.now.duration_since(batch.since) > due::STUCK;
        match node.phase() {
            Some(Phase::Failing { why }) => Some((node.id, guards::bounded(why))),
            Some(phase) if is_stuck(world.now, phase) => Some((node.id, stuck(node))),
            None if gone_for_long() => Some((node.id, "its pod isn't created".to_owned())),
            _ => None,
        }
    })
}

fn stuck(node: &Node) -> String {
    match node.phase() {
        Some(Phase::Pending { why, .. }) => format!("pending: {}", guards::bounded(why)),
        _ => "starting for long".to_owned(),
    }
}

/// A request is answered by the pod that came after it, though by another clock that pod may look older.
fn answer(world: &World<'_>, batch: &Batch, (node, member): (&Node, &Member), state: &mut State) {
    let (Some(pod), Some(asked)) = (&node.pod, node.restart_asked) else {
        return;
    };
    if pod.uid != member.uid && pod.created < asked && asked <= batch.since.min(world.now) {
        state.answered.insert(node.id, asked);
    }
}

/// Only what would be taken for a new request is remembered.
fn forget_answered(world: &World<'_>, state: &mut State) {
    state.answered.retain(|id, answered| {
        let node = world.node(*id);
        node.is_some_and(|node| {
            let created = node.pod.as_ref().map(|pod| pod.created);
            node.restart_asked == Some(*answered) && created.is_none_or(|created| created < *answered)
        })
    });
}

/// Names of the nodes, for a reason.
pub(super) fn few<'n>(nodes: impl Iterator<Item = &'n Node>) -> Few {
    let mut few = Few::default();
    nodes.for_each(|node| few.push(|| node.id.to_string()));
    few
}
