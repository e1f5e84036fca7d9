//! Evening out: replicas, then bytes, then preferred leaders, from the fullest broker to the emptiest.
//!
//! Each step makes the sum of squares of what it evens out smaller, a later step never undoes an earlier one, and a
//! broker that gives does not take in the same plan. So carrying out any part of a plan is progress, and planning again
//! always comes to an end.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::board::{Board, Seat};
use super::world::Rules;

/// What is evened out.
type Measure = fn(&Seat<'_>) -> u64;

/// Who gave and who took, and between whom there is nothing to move.
#[derive(Default)]
struct Trade {
    gave: BTreeSet<i32>,
    took: BTreeSet<i32>,
    barren: BTreeSet<(i32, i32)>,
}

pub(super) fn spread(board: &mut Board<'_>, rules: Rules) {
    if even_replicas(board, rules) || even_bytes(board, rules) {
        return;
    }
    even_leaders(board, rules);
}

/// Tolerated difference between two brokers.
fn gap(board: &Board<'_>, measure: Measure, rules: Rules) -> u64 {
    let brokers = board.open().count().max(1) as u128;
    let total: u128 = board.open().map(|(_, seat)| u128::from(measure(seat))).sum();
    let gap = total * u128::from(rules.tolerance_percent) / (100 * brokers);
    u64::try_from(gap).unwrap_or(u64::MAX)
}

/// Pairs of giver and taker that differ by more than `gap`, the most different first.
fn pairs(board: &Board<'_>, measure: Measure, gap: u64, trade: &Trade) -> Vec<(i32, i32)> {
    let mut loads: Vec<(u64, i32)> = board.open().map(|(id, seat)| (measure(seat), id)).collect();
    let mut found = Vec::new();
    loads.sort_unstable();
    for (most, giver) in loads.iter().filter(|(_, id)| !trade.took.contains(id)) {
        for (least, taker) in loads.iter().filter(|(_, id)| !trade.gave.contains(id)) {
            let difference = most.saturating_sub(*least);
            if difference > gap && !trade.barren.contains(&(*giver, *taker)) {
                found.push((Reverse(difference), *giver, *taker));
            }
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, giver, taker)| (giver, taker)).collect()
}

/// Lets `step` move something from the fullest to the emptiest until it finds nothing; true if anything moved.
fn trade(board: &mut Board<'_>, measure: Measure, gap: u64, step: impl Fn(&mut Board<'_>, i32, i32) -> bool) -> bool {
    let mut trade = Trade::default();
    loop {
        let mut moved = false;
        for (giver, taker) in pairs(board, measure, gap, &trade) {
            if step(board, giver, taker) {
                trade.gave.insert(giver);
                trade.took.insert(taker);
                moved = true;
                break;
            }
            trade.barren.insert((giver, taker));
        }
        if !moved {
            return !trade.gave.is_empty();
        }
    }
}

fn even_replicas(board: &mut Board<'_>, rules: Rules) -> bool {
    let replicas: Measure = |seat| seat.replicas;
    let gap = gap(board, replicas, rules).max(1);
    trade(board, replicas, gap, |board, giver, taker| {
        let wanted = wanted_bytes(board, giver, taker);
        let best = movable(board, giver, taker)
            .into_iter()
            .min_by_key(|(index, leads, bytes)| (*leads, bytes.abs_diff(wanted), *index));
        best.is_some_and(|(index, ..)| hand_over(board, index, giver, taker))
    })
}

/// The size that brings both nearest to the mean.
fn wanted_bytes(board: &Board<'_>, giver: i32, taker: i32) -> u64 {
    let mean = board.totals().1 / board.open().count().max(1) as u64;
    let held = |id| board.seats.get(&id).map_or(0, |seat: &Seat<'_>| seat.bytes);
    held(giver).saturating_sub(mean).min(mean.saturating_sub(held(taker)))
}

/// Moves bytes only as far as the numbers of replicas stay tolerated, whichever part of the plan is carried out.
fn even_bytes(board: &mut Board<'_>, rules: Rules) -> bool {
    let replicas: Measure = |seat| seat.replicas;
    let bytes: Measure = |seat| seat.bytes;
    let tolerated = gap(board, replicas, rules).max(1);
    let (fewest, most) = bounds(board);
    let gap = gap(board, bytes, rules);
    trade(board, bytes, gap, |board, giver, taker| {
        let of = |id, measure: Measure| board.seats.get(&id).map_or(0, measure);
        let (low, high) = bounds(board);
        let (more, fewer) = (of(taker, replicas) + 1, of(giver, replicas).saturating_sub(1));
        if high.max(most).max(more) - low.min(fewest).min(fewer) > tolerated {
            return false;
        }
        let difference = of(giver, bytes).saturating_sub(of(taker, bytes));
        let best = movable(board, giver, taker)
            .into_iter()
            .filter(|(_, _, bytes)| (1..difference).contains(bytes))
            .min_by_key(|(index, leads, bytes)| (bytes.abs_diff(difference / 2), *leads, *index));
        best.is_some_and(|(index, ..)| hand_over(board, index, giver, taker))
    })
}

fn bounds(board: &Board<'_>) -> (u64, u64) {
    let counts = || board.open().map(|(_, seat)| seat.replicas);
    (counts().min().unwrap_or_default(), counts().max().unwrap_or_default())
}

/// Partitions of which `taker` may have the replica of `giver`: index, whether `giver` leads by preference, bytes.
fn movable(board: &Board<'_>, giver: i32, taker: i32) -> Vec<(usize, bool, u64)> {
    let fits = |to: &[i32], bytes: u64| {
        to.contains(&giver)
            && !to.contains(&taker)
            && board.has_room(taker, bytes)
            && others_sharing(board, taker, giver, to) <= board.sharing(giver, to)
    };
    let slots = board.slots.iter().enumerate();
    slots
        .filter(|(_, slot)| !slot.ongoing && fits(&slot.to, slot.partition.bytes))
        .filter(|(_, slot)| board.has_source(slot.partition))
        .map(|(index, slot)| (index, slot.to.first() == Some(&giver), slot.partition.bytes))
        .collect()
}

fn others_sharing(board: &Board<'_>, taker: i32, giver: i32, to: &[i32]) -> usize {
    let others: Vec<i32> = to.iter().copied().filter(|id| *id != giver).collect();
    board.sharing(taker, &others)
}

fn hand_over(board: &mut Board<'_>, index: usize, giver: i32, taker: i32) -> bool {
    let Some(slot) = board.slots.get(index) else {
        return false;
    };
    let successor = |id: &i32| if *id == giver { taker } else { *id };
    let to: Vec<i32> = slot.to.iter().map(successor).collect();
    board.assign(index, &to);
    true
}

/// Only changes the order of replicas, among those in sync.
fn even_leaders(board: &mut Board<'_>, rules: Rules) -> bool {
    let leaders: Measure = |seat| seat.leaders;
    let gap = gap(board, leaders, rules).max(1);
    trade(board, leaders, gap, |board, giver, taker| {
        let swapped = board.slots.iter().enumerate().find_map(|(index, slot)| {
            let leads = slot.to.first() == Some(&giver) && !slot.ongoing && slot.partition.isr.contains(&taker);
            let position = slot.to.iter().position(|id| *id == taker).filter(|_| leads)?;
            let mut to = slot.to.clone();
            to.swap(0, position);
            Some((index, to))
        });
        swapped.is_some_and(|(index, to)| {
            board.assign(index, &to);
            true
        })
    })
}
