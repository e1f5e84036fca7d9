//! The planner's working copy of a cluster: what each broker would hold if the plan so far were carried out.
//!
//! It keeps the books and picks places; which replicas must move is decided by the goals.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{BrokerState, Partition, World};

/// One broker with what it holds.
#[derive(Debug, Clone)]
pub(super) struct Seat<'a> {
    rack: Option<&'a str>,
    /// May be given replicas.
    pub open: bool,
    runs: bool,
    capacity: Option<u64>,
    pub replicas: u64,
    pub bytes: u64,
    /// Partitions that prefer it as leader.
    pub leaders: u64,
}

/// One partition with its replicas before and after.
#[derive(Debug, Clone)]
pub(super) struct Slot<'a> {
    pub partition: &'a Partition,
    pub from: Vec<i32>,
    pub to: Vec<i32>,
    /// A reassignment is under way.
    pub ongoing: bool,
}

pub(super) struct Board<'a> {
    pub seats: BTreeMap<i32, Seat<'a>>,
    /// By topic and number.
    pub slots: Vec<Slot<'a>>,
}

/// Why a replica cannot be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Every open broker has a replica already.
    Brokers,
    /// No broker with a place has room.
    Room,
}

impl<'a> Board<'a> {
    /// The cluster as it will be once what is under way is over; `closed` brokers are given nothing.
    pub fn new(world: &'a World, closed: &BTreeSet<i32>) -> Self {
        let seats = world.brokers.iter().map(|broker| {
            let seat = Seat {
                rack: broker.rack.as_deref(),
                open: broker.state == BrokerState::Serving && !closed.contains(&broker.id),
                runs: broker.state != BrokerState::Down,
                capacity: broker.capacity_bytes,
                replicas: 0,
                bytes: 0,
                leaders: 0,
            };
            (broker.id, seat)
        });
        let mut board = Self {
            seats: seats.collect(),
            slots: Vec::with_capacity(world.partitions.len()),
        };
        for partition in &world.partitions {
            let from = world.target(partition);
            board.book(&from, partition.bytes);
            board.slots.push(Slot {
                partition,
                to: from.clone(),
                from,
                ongoing: world.ongoing.contains_key(&partition.id),
            });
        }
        board
            .slots
            .sort_by(|one, other| one.partition.id.cmp(&other.partition.id));
        board
    }

    fn book(&mut self, replicas: &[i32], bytes: u64) {
        for (position, id) in replicas.iter().enumerate() {
            if let Some(seat) = self.seats.get_mut(id) {
                seat.replicas += 1;
                seat.bytes += bytes;
                seat.leaders += u64::from(position == 0);
            }
        }
    }

    fn unbook(&mut self, replicas: &[i32], bytes: u64) {
        for (position, id) in replicas.iter().enumerate() {
            if let Some(seat) = self.seats.get_mut(id) {
                seat.replicas -= 1;
                seat.bytes -= bytes;
                seat.leaders -= u64::from(position == 0);
            }
        }
    }

    /// Changes what a partition shall become.
    pub fn assign(&mut self, slot: usize, to: &[i32]) {
        let Some(entry) = self.slots.get_mut(slot) else { return };
        let bytes = entry.partition.bytes;
        let before = std::mem::replace(&mut entry.to, to.to_vec());
        self.unbook(&before, bytes);
        self.book(to, bytes);
    }

    pub fn open(&self) -> impl Iterator<Item = (i32, &Seat<'a>)> {
        self.seats
            .iter()
            .filter(|(_, seat)| seat.open)
            .map(|(id, seat)| (*id, seat))
    }

    /// True when some in-sync replica runs, so that there is something to copy from.
    pub fn has_source(&self, partition: &Partition) -> bool {
        let runs = |id: &i32| self.seats.get(id).is_some_and(|seat| seat.runs);
        partition.isr.iter().any(runs)
    }

    /// How many of `others` are in the rack of `id`; brokers without a rack share one, unknown ones none.
    pub fn sharing(&self, id: i32, others: &[i32]) -> usize {
        let Some(own) = self.seats.get(&id) else { return 0 };
        let same = |other: &&i32| self.seats.get(other).is_some_and(|seat| seat.rack == own.rack);
        others.iter().filter(|other| **other != id).filter(same).count()
    }

    /// Pairs of replicas in one rack: 0 is perfect. `None` if the rack of one is not known.
    pub fn collisions(&self, replicas: &[i32]) -> Option<usize> {
        let known = replicas.iter().all(|id| self.seats.contains_key(id));
        known.then(|| replicas.iter().map(|id| self.sharing(*id, replicas)).sum::<usize>() / 2)
    }

    /// Distinct racks of the open brokers.
    pub fn open_racks(&self) -> usize {
        self.open().map(|(_, seat)| seat.rack).collect::<BTreeSet<_>>().len()
    }

    pub fn has_room(&self, id: i32, bytes: u64) -> bool {
        let fits = |seat: &Seat<'_>| {
            seat.capacity
                .is_none_or(|limit| seat.bytes.saturating_add(bytes) <= limit)
        };
        self.seats.get(&id).is_some_and(fits)
    }

    /// The best open broker for one more replica beside `others`: fewest of them in its rack, then least loaded.
    pub fn place(&self, others: &[i32], bytes: u64, heed_room: bool) -> Result<i32, Obstacle> {
        let (replicas, held) = self.totals();
        let load = |seat: &Seat<'_>| {
            u128::from(seat.replicas) * u128::from(held.max(1)) + u128::from(seat.bytes) * u128::from(replicas.max(1))
        };
        let free: Vec<_> = self.open().filter(|(id, _)| !others.contains(id)).collect();
        let roomy = free.iter().filter(|(id, _)| !heed_room || self.has_room(*id, bytes));
        let best = roomy.min_by_key(|(id, seat)| (self.sharing(*id, others), load(seat), *id));
        let obstacle = if free.is_empty() {
            Obstacle::Brokers
        } else {
            Obstacle::Room
        };
        best.map(|(id, _)| *id).ok_or(obstacle)
    }

    /// Replicas and bytes on open brokers.
    pub fn totals(&self) -> (u64, u64) {
        let sum = |(replicas, bytes): (u64, u64), (_, seat): (i32, &Seat<'_>)| {
            (replicas + seat.replicas, bytes.saturating_add(seat.bytes))
        };
        self.open().fold((0, 0), sum)
    }

    /// Puts first the open replica that is preferred by the fewest, an old one before a new one. No data moves for it.
    pub fn crown(&self, slot: &Slot<'_>, mut replicas: Vec<i32>) -> Vec<i32> {
        let rank = |id: i32| {
            let seat = self.seats.get(&id);
            let leaders = seat.map_or(u64::MAX, |seat| seat.leaders);
            (
                !seat.is_some_and(|seat| seat.open),
                leaders,
                !slot.partition.isr.contains(&id),
            )
        };
        let best = (0..replicas.len()).min_by_key(|position| replicas.get(*position).map(|id| rank(*id)));
        if let Some(best) = best {
            replicas.swap(0, best);
        }
        replicas
    }
}
