//! Emptying brokers: each of their replicas gets one successor, no other replica moves.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::board::{Board, Obstacle, Slot};
use super::plan::Finding;
use super::world::Rules;

/// Large partitions are placed first, so that small ones fill the gaps.
pub(super) fn drain(board: &mut Board<'_>, leaving: &BTreeSet<i32>, rules: Rules) -> BTreeSet<Finding> {
    let affected = |slot: &Slot<'_>| slot.to.iter().any(|id| leaving.contains(id));
    let mut order: Vec<(Reverse<u64>, usize)> = board
        .slots
        .iter()
        .enumerate()
        .filter(|(_, slot)| affected(slot))
        .map(|(index, slot)| (Reverse(slot.partition.bytes), index))
        .collect();
    order.sort_unstable();
    let mut findings = BTreeSet::new();
    for (_, index) in order {
        let Some(slot) = board.slots.get(index) else { continue };
        match successors(board, slot, leaving, rules) {
            Ok(to) => board.assign(index, &to),
            Err(finding) => drop(findings.insert(finding)),
        }
    }
    findings
}

/// The replicas with each leaving one replaced in its position.
fn successors(board: &Board<'_>, slot: &Slot<'_>, leaving: &BTreeSet<i32>, rules: Rules) -> Result<Vec<i32>, Finding> {
    let topic = &slot.partition.id.topic;
    let best = replaced(board, slot, leaving, true);
    let is_worse = |to: &[i32]| {
        let (before, after) = (board.collisions(&slot.to), board.collisions(to));
        before.is_some_and(|before| after.is_some_and(|after| after > before))
    };
    let unwanted = |to: &Vec<i32>| is_worse(to) && !rules.allow_fewer_racks;
    match best {
        Ok(to) if !unwanted(&to) => Ok(led(board, slot, leaving, to)),
        Ok(_) if replaced(board, slot, leaving, false).is_ok_and(|to| unwanted(&to)) => Err(Finding::TooFewRacks {
            topic: topic.clone(),
            replicas: slot.to.len(),
            racks: board.open_racks(),
        }),
        Ok(_) | Err(Obstacle::Room) => Err(Finding::NoRoom {
            topic: topic.clone(),
            bytes: slot.partition.bytes,
        }),
        Err(Obstacle::Brokers) => Err(Finding::TooFewBrokers {
            topic: topic.clone(),
            replicas: slot.to.len(),
            brokers: board
                .seats
                .keys()
                .filter(|id| may_hold(board, slot, leaving, **id))
                .count(),
        }),
    }
}

fn may_hold(board: &Board<'_>, slot: &Slot<'_>, leaving: &BTreeSet<i32>, id: i32) -> bool {
    let open = board.seats.get(&id).is_some_and(|seat| seat.open);
    !leaving.contains(&id) && (open || slot.to.contains(&id))
}

fn replaced(
    board: &Board<'_>,
    slot: &Slot<'_>,
    leaving: &BTreeSet<i32>,
    heed_room: bool,
) -> Result<Vec<i32>, Obstacle> {
    let mut others: Vec<i32> = slot.to.iter().copied().filter(|id| !leaving.contains(id)).collect();
    let mut to = Vec::with_capacity(slot.to.len());
    for id in &slot.to {
        if leaving.contains(id) {
            let successor = board.place(&others, slot.partition.bytes, heed_room)?;
            others.push(successor);
            to.push(successor);
        } else {
            to.push(*id);
        }
    }
    Ok(to)
}

/// Who leads by preference stays so; where it leaves, the one with the fewest such duties follows.
fn led(board: &Board<'_>, slot: &Slot<'_>, leaving: &BTreeSet<i32>, to: Vec<i32>) -> Vec<i32> {
    match slot.to.first() {
        Some(head) if leaving.contains(head) => board.crown(slot, to),
        _ => to,
    }
}
