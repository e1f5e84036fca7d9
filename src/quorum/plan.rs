//! The decision: at most one change of the voter set.

use super::reason::Reason;
use super::world::{Replica, Seen, VoterId, World};
use jiff::SignedDuration;
use std::fmt;

/// How long a change whose answer didn't come may still take effect: the time that the request itself gives Kafka
/// (`timeoutMs`, 10 s), twice, since it may have waited in a queue before.
pub const SETTLES_AFTER: SignedDuration = SignedDuration::from_secs(20);

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Exactly the controllers that are asked for vote.
    Settled,
    /// `AddRaftVoter`.
    Add(VoterId),
    /// `RemoveRaftVoter`. `lost`: the disk is gone, and the node is back with another.
    Remove { voter: VoterId, lost: bool },
    /// Restart it, so that the other one leads: it's to go, and one of two that gives up its own vote and ends before the
    /// other has heard of it leaves nobody who can be elected.
    Resign(VoterId),
    /// Look again later.
    Hold(Vec<Reason>),
}

impl Step {
    /// Something happens to the quorum if it's carried out.
    pub const fn is_act(&self) -> bool {
        matches!(self, Self::Add(_) | Self::Remove { .. } | Self::Resign(_))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settled => out.write_str("nothing to do"),
            Self::Add(voter) => write!(out, "make controller {voter} a voter"),
            Self::Remove { voter, lost: true } => {
                write!(out, "take the vote from controller {voter}, whose disk is gone")
            }
            Self::Remove { voter, lost: false } => write!(out, "take the vote from controller {voter}"),
            Self::Resign(voter) => write!(out, "restart controller {voter}, so that the other one leads"),
            Self::Hold(reasons) => {
                let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                write!(out, "wait: {}", reasons.join("; "))
            }
        }
    }
}

/// The next step.
pub fn plan(world: &World<'_>) -> Step {
    let Some(seen) = world.seen else {
        return Step::Hold(vec![Reason::NoLeader]);
    };
    let wish = wish(world, seen);
    if wish == Step::Settled {
        return wish;
    }
    if !seen.dynamic {
        return Step::Hold(vec![Reason::Static]);
    }
    if let (true, Some(why)) = (wish.is_act(), open(world, seen)) {
        return Step::Hold(vec![why]);
    }
    wish
}

/// Whether a controller that isn't asked for may be taken away: it has no vote, and that is committed. Taken away before,
/// it would still be needed for the majority that commits its removal.
pub fn may_go(world: &World<'_>, id: i32) -> bool {
    let without = |seen: &Seen| seen.voter(id).is_none() && open(world, seen).is_none();
    !world.wanted.contains(&id) && world.seen.is_some_and(without)
}

/// What's to be done if nothing is open.
fn wish(world: &World<'_>, seen: &Seen) -> Step {
    let (lost, mut waits) = replaced(world, seen);
    if let Some(step) = lost {
        return step;
    }
    let (next, missing) = added(world, seen);
    if let Some(step) = next {
        return step;
    }
    waits.extend(missing);
    // Nobody goes before everybody has come: redundancy never shrinks for a change.
    if !waits.is_empty() {
        return Step::Hold(waits);
    }
    removed(world, seen)
}

/// Why no change may begin now.
fn open(world: &World<'_>, seen: &Seen) -> Option<Reason> {
    if let Some(attempt) = world.attempt {
        let left = SETTLES_AFTER - world.now.duration_since(attempt.at);
        if left.is_positive() {
            return Some(Reason::Pending {
                seconds: left.as_secs() + 1,
            });
        }
    }
    let settled = world.before.is_some_and(|before| is_committed(before, seen));
    let later = world.before.zip(world.attempt);
    let after = later.is_none_or(|(before, attempt)| before.at >= attempt.at + SETTLES_AFTER);
    (!settled || !after).then_some(Reason::Unsettled)
}

/// Everything that the leader had at the earlier look is committed now, under the same leader and with the same voters:
/// so no change of voters is open.
fn is_committed(before: &Seen, seen: &Seen) -> bool {
    before.epoch == seen.epoch
        && before.leader == seen.leader
        && before.ids() == seen.ids()
        && before.at < seen.at
        && seen.high_watermark.is_some_and(|committed| committed >= before.log_end)
}

/// Nodes that are asked for and vote under a disk that they don't have any more.
fn replaced(world: &World<'_>, seen: &Seen) -> (Option<Step>, Vec<Reason>) {
    let mut waits = Vec::new();
    for id in world.wanted {
        let (Some(former), Some(candidate)) = (seen.voter(*id), seen.candidate(*id)) else {
            continue;
        };
        // The process under the former disk is the one that serves; the other is a memory of the leader's.
        if former.caught_up || *id == seen.leader {
            continue;
        }
        if !candidate.caught_up {
            waits.push(catching_up(candidate));
            continue;
        }
        match remaining(seen, &former.voter) {
            Ok(()) => {
                let voter = former.voter.clone();
                return (Some(Step::Remove { voter, lost: true }), Vec::new());
            }
            Err(reason) => waits.push(reason),
        }
    }
    (None, waits)
}

/// The first controller that's asked for, has everything and doesn't vote.
fn added(world: &World<'_>, seen: &Seen) -> (Option<Step>, Vec<Reason>) {
    let mut waits = Vec::new();
    for id in world.wanted.iter().filter(|id| seen.voter(**id).is_none()) {
        let Some(candidate) = seen.candidate(*id) else {
            waits.push(Reason::Missing { id: *id });
            continue;
        };
        if !candidate.caught_up {
            waits.push(catching_up(candidate));
            continue;
        }
        let (voters, caught_up) = (seen.voters.len() + 1, seen.caught_up_without(None) + 1);
        if caught_up < majority(voters) {
            waits.push(Reason::Majority {
                id: *id,
                caught_up,
                voters,
            });
            continue;
        }
        return (Some(Step::Add(candidate.voter.clone())), Vec::new());
    }
    (None, waits)
}

/// The first voter that isn't asked for: one that lags before one that's needed, the leader last.
fn removed(world: &World<'_>, seen: &Seen) -> Step {
    let surplus = |replica: &&Replica| !world.wanted.contains(&replica.voter.id);
    let mut surplus: Vec<&Replica> = seen.voters.iter().filter(surplus).collect();
    surplus.sort_by_key(|replica| (replica.caught_up, replica.voter.id == seen.leader, replica.voter.id));
    let Some(first) = surplus.first() else {
        return Step::Settled;
    };
    let behind = seen
        .voters
        .iter()
        .find(|replica| world.wanted.contains(&replica.voter.id) && !replica.caught_up);
    if let (true, Some(behind)) = (first.caught_up, behind) {
        return Step::Hold(vec![Reason::Behind { id: behind.voter.id }]);
    }
    let voter = first.voter.clone();
    match remaining(seen, &voter) {
        Ok(()) if voter.id == seen.leader && seen.voters.len() == 2 => Step::Resign(voter),
        Ok(()) => Step::Remove { voter, lost: false },
        Err(reason) => Step::Hold(vec![reason]),
    }
}

/// Without this voter, the others that are caught up are a majority of those that remain.
fn remaining(seen: &Seen, voter: &VoterId) -> Result<(), Reason> {
    let (voters, caught_up) = (seen.voters.len().saturating_sub(1), seen.caught_up_without(Some(voter)));
    if voters > 0 && caught_up >= majority(voters) {
        return Ok(());
    }
    Err(Reason::Majority {
        id: voter.id,
        caught_up,
        voters,
    })
}

fn catching_up(candidate: &Replica) -> Reason {
    Reason::CatchingUp {
        id: candidate.voter.id,
        lag: candidate.lag,
    }
}

/// More than half.
const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}
