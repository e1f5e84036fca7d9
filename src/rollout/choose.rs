//! Which pods go next: the dead ones that need something else first, then the first due pod that all guards let go, and
//! with a proven broker as many of its rack as they let go together.

use super::due::{Due, is_dead, is_stuck};
use super::guards::{self, Proposal};
use super::reason::{Reason, Reasons};
use super::sight::{Sight, serves};
use super::state::State;
use super::world::{Phase, Recovery};

/// The first pod that serves nothing and should run something else. Replacing it takes nothing away, so it waits for
/// nobody: a bad revision is undone this way even when Kafka can't be asked.
pub(super) fn repair<'p, 'a>(sight: &Sight<'_>, due: &'p [Due<'a>]) -> Option<&'p Due<'a>> {
    due.iter()
        .find(|due| due.node.refused.is_none() && is_harmless(sight, due))
}

/// All nodes together, when the certificate of each one that runs is over and Kafka can't be asked any more. What they still say
/// to each other they say over connections from before; none that breaks comes back, and one that's restarted alone finds nobody
/// who would talk to it. Together they start with certificates that hold.
pub(super) fn ended<'p, 'a>(sight: &Sight<'_>, due: &'p [Due<'a>]) -> Vec<&'p Due<'a>> {
    let runs = |phase: &Phase| matches!(phase, Phase::Ready { .. } | Phase::Starting { .. });
    let world = sight.world;
    let mut running = world
        .nodes
        .iter()
        .filter(|node| node.phase().is_some_and(runs))
        .peekable();
    let cut_off = world.kafka.is_none() && running.peek().is_some() && running.all(|node| node.ended);
    let goes = |due: &&Due<'_>| cut_off && due.node.ended && runs(&due.pod.phase) && due.node.refused.is_none();
    due.iter().filter(goes).collect()
}

fn is_harmless(sight: &Sight<'_>, due: &Due<'_>) -> bool {
    let phase = &due.pod.phase;
    let idle = match phase {
        Phase::Starting { recovery, .. } => match recovery {
            Recovery::No => true,
            Recovery::Unknown => !due.node.roles.broker || due.is_manual(),
            Recovery::Progressing { .. } => false,
        },
        _ => false,
    };
    let unknown_to_kafka = || guards::view(sight.world).is_ok_and(|kafka| !serves(kafka, due.node));
    is_dead(phase) || (idle && is_stuck(sight.world.now, phase) && unknown_to_kafka())
}

/// The next batch with its warnings, or why there's none.
pub(super) fn next<'p, 'a>(
    sight: &Sight<'_>,
    state: &State,
    due: &'p [Due<'a>],
) -> Result<(Vec<&'p Due<'a>>, Vec<Reason>), Reasons> {
    let mut against = Reasons::default();
    due.iter()
        .filter_map(|due| guards::refusal(due.node))
        .for_each(|reason| against.push(reason));
    if let Err(reason) = guards::view(sight.world) {
        against.push(reason);
        return Err(against);
    }
    let now: Vec<&Due<'_>> = due.iter().filter(|due| due.may_begin(sight.world)).collect();
    let controllers = now.iter().any(|due| due.node.roles.controller);
    for first in now {
        let node = first.node;
        let well = node.is_ready() && !sight.behind(node.id);
        if !can_go(sight, first) {
            against.push(guards::not_ready(node));
            continue;
        }
        if controllers && !node.roles.controller && well {
            continue;
        }
        match guards::judge(sight, due, &alone(first)) {
            Ok(warnings) => return Ok(grown(sight, state, due, (first, warnings))),
            Err(reasons) => against.add(reasons),
        }
    }
    Err(against)
}

fn alone<'p, 'a>(first: &'p Due<'a>) -> Proposal<'p, 'a> {
    Proposal {
        go: vec![first],
        down: Vec::new(),
    }
}

/// Adds brokers of the first one's rack, one by one, as long as the whole batch passes.
fn grown<'p, 'a>(
    sight: &Sight<'_>,
    state: &State,
    due: &'p [Due<'a>],
    (first, mut warnings): (&'p Due<'a>, Vec<Reason>),
) -> (Vec<&'p Due<'a>>, Vec<Reason>) {
    let mut batch = alone(first);
    let may_join = |due: &Due<'_>| {
        due.node.is_ready()
            && !due.node.roles.controller
            && state.proven.contains(&due.node.pool)
            && due.may_begin(sight.world)
    };
    if first.node.rack.is_none() || !may_join(first) {
        return (batch.go, warnings);
    }
    for mate in due.iter().filter(|due| due.node.id != first.node.id && may_join(due)) {
        if batch.go.len() >= sight.world.policy.max_unavailable {
            break;
        }
        if mate.node.rack != first.node.rack {
            continue;
        }
        batch.go.push(mate);
        match guards::judge(sight, due, &batch) {
            Ok(costs) => warnings = costs,
            Err(_) => {
                batch.go.pop();
            }
        }
    }
    (batch.go, warnings)
}

fn can_go(sight: &Sight<'_>, due: &Due<'_>) -> bool {
    match &due.pod.phase {
        Phase::Ready { .. } => true,
        phase @ Phase::Starting { .. } => is_stuck(sight.world.now, phase),
        _ => false,
    }
}
