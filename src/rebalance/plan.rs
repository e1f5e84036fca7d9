//! A plan: every move that is left to reach a goal, or the reasons why it cannot be reached.

use std::collections::BTreeSet;

use thiserror::Error;

use super::board::{Board, Slot};
use super::world::{Goal, PartitionId, Rules, World};
use super::{empty, factor, spread};

/// A partition's new replicas, the preferred leader first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub id: PartitionId,
    pub from: Vec<i32>,
    pub to: Vec<i32>,
    /// Of one replica.
    pub bytes: u64,
}

impl Move {
    /// Brokers that must copy the partition first; none when only the order or number changes.
    pub fn adding(&self) -> impl Iterator<Item = i32> {
        self.to.iter().copied().filter(|id| !self.from.contains(id))
    }

    fn is_more_than_order(&self) -> bool {
        self.from.len() != self.to.len() || self.adding().next().is_some()
    }

    pub fn work(&self) -> Work {
        let replicas = self.adding().count() as u64;
        Work {
            replicas,
            bytes: replicas.saturating_mul(self.bytes),
        }
    }
}

/// How much is to be copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    pub replicas: u64,
    pub bytes: u64,
}

impl std::iter::Sum for Work {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |sum, item| Self {
            replicas: sum.replicas + item.replicas,
            bytes: sum.bytes.saturating_add(item.bytes),
        })
    }
}

/// What is left to be ordered. Moves are by topic and number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub moves: Vec<Move>,
    /// Would have to change, but no in-sync replica of it runs: there is nothing to copy from, and nothing to spare.
    pub held: Vec<PartitionId>,
}

impl Plan {
    /// Nothing is left to be ordered; what is under way may not be over yet.
    pub fn is_empty(&self) -> bool {
        self.moves.is_empty() && self.held.is_empty()
    }

    pub fn work(&self) -> Work {
        self.moves.iter().map(Move::work).sum()
    }
}

/// Why a goal cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Finding {
    #[error("topic {topic} needs {replicas} replicas, but only {brokers} brokers may hold one")]
    TooFewBrokers {
        topic: String,
        replicas: usize,
        brokers: usize,
    },
    #[error("topic {topic} with {replicas} replicas would have more of them in one rack: only {racks} racks remain")]
    TooFewRacks {
        topic: String,
        replicas: usize,
        racks: usize,
    },
    #[error("no broker where topic {topic} may be placed has room for {bytes} bytes more")]
    NoRoom { topic: String, bytes: u64 },
    #[error("there is no topic {topic}")]
    UnknownTopic { topic: String },
    #[error("topic {topic} cannot have 0 replicas")]
    NoReplicas { topic: String },
}

/// What is left to be done for `goal`. The same facts give the same plan, in whatever order they come.
///
/// Replicas that it copies: to drain, exactly those that sit on the brokers to be emptied; for a replication factor,
/// exactly those that are missing; to spread `c` replicas on each of the serving brokers, while no rack, capacity or
/// existing replica is in the way, at most `Σ max(0, c − ⌈mean⌉) + Σ max(0, ⌊mean⌋ − c)`.
pub fn plan(world: &World, goal: &Goal, rules: Rules) -> Result<Plan, Vec<Finding>> {
    let nobody = BTreeSet::new();
    let mut board = Board::new(world, if let Goal::Drain(ids) = goal { ids } else { &nobody });
    let findings = match goal {
        Goal::Drain(ids) => empty::drain(&mut board, ids, rules),
        Goal::Spread => {
            spread::spread(&mut board, rules);
            BTreeSet::new()
        }
        Goal::ReplicationFactor { topic, replicas } => factor::set(&mut board, topic, *replicas),
    };
    if findings.is_empty() {
        Ok(written(&board))
    } else {
        Err(findings.into_iter().collect())
    }
}

fn written(board: &Board<'_>) -> Plan {
    let mut plan = Plan::default();
    for slot in board.slots.iter().filter(|slot| slot.from != slot.to) {
        let next = to_move(slot);
        if next.is_more_than_order() && !board.has_source(slot.partition) {
            plan.held.push(next.id);
        } else {
            plan.moves.push(next);
        }
    }
    plan
}

fn to_move(slot: &Slot<'_>) -> Move {
    Move {
        id: slot.partition.id.clone(),
        from: slot.from.clone(),
        to: slot.to.clone(),
        bytes: slot.partition.bytes,
    }
}
