//! The planner: from the world to one decision and what to remember. Order of thought: is anything due; can something
//! dead be repaired; is a batch under way; is the hour right; which batch do all guards let go.

use super::choose;
use super::decision::{Decision, Restart, Victim};
use super::due::{self, Due};
use super::guards::{self, Proposal};
use super::leaders;
use super::progress;
use super::reason::{Reason, Reasons};
use super::sight::Sight;
use super::state::{Batch, Member, State};
use super::world::{Phase, World};
use crate::api::RolloutPhase;
use crate::model::Window;
use jiff::SignedDuration;

/// Looks again this soon while Kafka is all that's waited for.
const SOON: SignedDuration = SignedDuration::from_millis(500);
/// Looks again this soon otherwise.
const LATER: SignedDuration = SignedDuration::from_secs(5);
/// Looks again at least this often while a window is closed.
const CLOSED: SignedDuration = SignedDuration::from_mins(5);

/// Decides. The state belongs into `status.rollout` before the decision is carried out.
pub fn plan(world: &World<'_>) -> (Decision, State) {
    let sight = Sight::of(world);
    let mut state = progress::carried(&sight);
    let due = due::due(&sight, &state);
    let decision = if world.policy.paused {
        paused(&sight, &state, &due)
    } else {
        decide(&sight, &mut state, &due)
    };
    report(world, &mut state, &due, &decision);
    (decision, state)
}

fn decide(sight: &Sight<'_>, state: &mut State, due: &[Due<'_>]) -> Decision {
    let world = sight.world;
    if let Some(dead) = choose::repair(sight, due) {
        return restart(world, state, &[dead], (true, Vec::new()));
    }
    let ended = choose::ended(sight, due);
    if !ended.is_empty() {
        return restart(world, state, &ended, (true, Vec::new()));
    }
    if let Some(batch) = state.batch.clone() {
        return under_way(sight, state, due, &batch);
    }
    if due.is_empty() {
        return restore_leaders(sight, state);
    }
    if !due.iter().any(|due| due.may_begin(world)) {
        return out_of_hours(sight, state, due);
    }
    match choose::next(sight, state, due) {
        Ok((batch, warnings)) => restart(world, state, &batch, (false, warnings)),
        Err(reasons) => hold(reasons),
    }
}

/// Says what would be done, and does nothing.
fn paused(sight: &Sight<'_>, state: &State, due: &[Due<'_>]) -> Decision {
    match decide(sight, &mut state.clone(), due) {
        Decision::Settled => Decision::Settled,
        halted @ Decision::Halted { .. } => halted,
        decision => Decision::Hold {
            reasons: Reasons::of(Reason::Paused {
                would: decision.to_string(),
            }),
            again: LATER,
        },
    }
}

/// Goes on with a batch: what was to be deleted and lives still is judged again, the rest is waited for.
fn under_way(sight: &Sight<'_>, state: &mut State, due: &[Due<'_>], batch: &Batch) -> Decision {
    let world = sight.world;
    let alive = |due: &&Due<'_>| batch.members.iter().any(|member| is(due, member));
    let go: Vec<&Due<'_>> = due.iter().filter(alive).collect();
    let down: Vec<i32> = batch
        .ids()
        .into_iter()
        .filter(|id| go.iter().all(|due| due.node.id != *id))
        .collect();
    let mut reasons = Reasons::default();
    if !go.is_empty() {
        let proposal = Proposal { go, down: down.clone() };
        match guards::judge(sight, due, &proposal) {
            Ok(warnings) => return restart(world, state, &proposal.go, (false, warnings)),
            Err(against) => reasons.add(against),
        }
        let members: Vec<Member> = batch
            .members
            .iter()
            .filter(|member| down.contains(&member.node))
            .cloned()
            .collect();
        state.batch = (!members.is_empty()).then_some(Batch {
            members,
            ..batch.clone()
        });
    }
    wait(sight, state, reasons)
}

fn wait(sight: &Sight<'_>, state: &State, mut reasons: Reasons) -> Decision {
    let Some(batch) = &state.batch else {
        return hold(reasons);
    };
    if let Some((node, why)) = progress::lost(sight.world, batch) {
        return Decision::Halted {
            node,
            canary: batch.canary,
            why,
            again: LATER,
        };
    }
    let nodes: Vec<_> = batch.ids().into_iter().filter_map(|id| sight.world.node(id)).collect();
    for node in &nodes {
        for reason in progress::awaited(sight, batch, node) {
            reasons.push(reason);
        }
    }
    Decision::Hold { reasons, again: SOON }
}

/// The due pod is the very one that was chosen.
fn is(due: &Due<'_>, member: &Member) -> bool {
    due.node.id == member.node && due.pod.uid == member.uid && !matches!(due.pod.phase, Phase::Terminating { .. })
}

fn restore_leaders(sight: &Sight<'_>, state: &mut State) -> Decision {
    if !state.restore_leaders {
        return Decision::Settled;
    }
    match leaders::misplaced(sight) {
        Err(reasons) => hold(reasons),
        Ok(partitions) => {
            state.restore_leaders = false;
            if partitions.is_empty() {
                Decision::Settled
            } else {
                Decision::ElectPreferredLeaders { partitions }
            }
        }
    }
}

/// Nothing may begin now; leaders needn't wait for the next window.
fn out_of_hours(sight: &Sight<'_>, state: &mut State, due: &[Due<'_>]) -> Decision {
    let elect = restore_leaders(sight, state);
    if matches!(elect, Decision::ElectPreferredLeaders { .. }) {
        return elect;
    }
    let opens = match sight.world.policy.window {
        Window::Closed { opens } => opens,
        _ => None,
    };
    let wait = opens.map_or(CLOSED, |opens| opens.duration_since(sight.world.now));
    Decision::Hold {
        reasons: Reasons::of(Reason::WindowClosed {
            nodes: progress::few(due.iter().map(|due| due.node)),
            opens,
        }),
        again: wait.clamp(SOON, CLOSED),
    }
}

fn hold(reasons: Reasons) -> Decision {
    let soon = reasons.shown.contains(&Reason::ViewOlderThanPods);
    Decision::Hold {
        reasons,
        again: if soon { SOON } else { LATER },
    }
}

/// The decision to delete, with its intent in the state.
fn restart(world: &World<'_>, state: &mut State, go: &[&Due<'_>], (repair, warnings): (bool, Vec<Reason>)) -> Decision {
    let canary = go.iter().any(|due| !state.proven.contains(&due.node.pool));
    let mut batch = state.batch.take().unwrap_or(Batch {
        members: Vec::new(),
        canary,
        since: world.now,
    });
    batch.since = world.now;
    batch.canary |= canary;
    batch
        .members
        .retain(|member| go.iter().all(|due| due.node.id != member.node));
    batch.members.extend(go.iter().map(|due| Member {
        node: due.node.id,
        uid: due.pod.uid.clone(),
    }));
    state.batch = Some(batch);
    state.restore_leaders |= go.iter().any(|due| due.node.roles.broker);
    let victims = go.iter().map(|due| Victim {
        node: due.node.id,
        uid: due.pod.uid.clone(),
        why: due.why.clone(),
    });
    Decision::Restart(Restart {
        victims: victims.collect(),
        canary,
        repair,
        warnings,
    })
}

/// Fills in what people read.
fn report(world: &World<'_>, state: &mut State, due: &[Due<'_>], decision: &Decision) {
    if *decision == Decision::Settled {
        *state = State {
            answered: std::mem::take(&mut state.answered),
            ..State::default()
        };
        return;
    }
    let phase = match decision {
        Decision::Settled => RolloutPhase::Settled,
        Decision::Halted { .. } => RolloutPhase::Halted,
        _ if world.policy.paused => RolloutPhase::Paused,
        Decision::ElectPreferredLeaders { .. } => RolloutPhase::RestoringLeaders,
        _ if state.batch.is_some() => RolloutPhase::Rolling,
        _ if due.is_empty() => RolloutPhase::RestoringLeaders,
        _ => RolloutPhase::Waiting,
    };
    if state.phase != phase || state.since.is_none() {
        state.since = Some(world.now);
    }
    state.phase = phase;
    let current = state.batch.as_ref().map_or_else(Vec::new, Batch::ids);
    let waits = due.iter().map(|due| due.node.id).filter(|id| !current.contains(id));
    state.queue = waits.collect();
    state.blocked_by = match decision {
        Decision::Hold { reasons, .. } => reasons.lines(),
        Decision::Halted { .. } => vec![decision.to_string()],
        _ => Vec::new(),
    };
}
