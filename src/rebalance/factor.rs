//! A topic's replication factor: missing replicas are added, surplus ones given up, nothing else moves.

use std::collections::BTreeSet;

use super::board::{Board, Obstacle, Slot};
use super::plan::Finding;

pub(super) fn set(board: &mut Board<'_>, topic: &str, replicas: usize) -> BTreeSet<Finding> {
    let indexes: Vec<usize> = board
        .slots
        .iter()
        .enumerate()
        .filter(|(_, slot)| slot.partition.id.topic == topic)
        .map(|(index, _)| index)
        .collect();
    let topic = || topic.to_owned();
    if indexes.is_empty() {
        return BTreeSet::from([Finding::UnknownTopic { topic: topic() }]);
    }
    if replicas == 0 {
        return BTreeSet::from([Finding::NoReplicas { topic: topic() }]);
    }
    let mut findings = BTreeSet::new();
    for index in indexes {
        let Some(slot) = board.slots.get(index) else { continue };
        match resized(board, slot, replicas) {
            Ok(to) => board.assign(index, &to),
            Err(finding) => drop(findings.insert(finding)),
        }
    }
    findings
}

fn resized(board: &Board<'_>, slot: &Slot<'_>, replicas: usize) -> Result<Vec<i32>, Finding> {
    let mut to = slot.to.clone();
    while to.len() > replicas {
        let Some(surplus) = surplus(board, slot, &to) else {
            break;
        };
        to.remove(surplus);
    }
    while to.len() < replicas {
        let bytes = slot.partition.bytes;
        let topic = || slot.partition.id.topic.clone();
        // Room may not be found at the price of the racks.
        let as_spread = |id: i32| {
            let best = board.place(&to, bytes, false);
            best.is_ok_and(|best| board.sharing(id, &to) <= board.sharing(best, &to))
        };
        match board.place(&to, bytes, true) {
            Ok(id) if as_spread(id) => to.push(id),
            Ok(_) | Err(Obstacle::Room) => return Err(Finding::NoRoom { topic: topic(), bytes }),
            Err(Obstacle::Brokers) => {
                return Err(Finding::TooFewBrokers {
                    topic: topic(),
                    replicas,
                    brokers: to.len(),
                });
            }
        }
    }
    Ok(to)
}

/// Who goes first: out of sync, then on a broker that takes nothing, then with most neighbours in its rack, then on the
/// fullest broker. The preferred leader stays unless it is out of sync itself.
fn surplus(board: &Board<'_>, slot: &Slot<'_>, replicas: &[i32]) -> Option<usize> {
    let rank = |position: usize| {
        let id = replicas.get(position).copied().unwrap_or_default();
        let in_sync = slot.partition.isr.contains(&id);
        let seat = board.seats.get(&id);
        (
            !in_sync,
            position != 0,
            !seat.is_some_and(|seat| seat.open),
            board.sharing(id, replicas),
            seat.map_or(u64::MAX, |seat| seat.bytes),
            position,
        )
    };
    (0..replicas.len()).max_by_key(|position| rank(*position))
}
