//! The planner on hand-made and on random clusters, with a Kafka in memory that carries waves out.

mod properties;
mod settings;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// A broker per id; ids of the same remainder by `racks` share a rack, 0 means no racks.
fn brokers(ids: impl IntoIterator<Item = i32>, racks: i32) -> Vec<Broker> {
    let broker = |id: i32| Broker {
        id,
        rack: (racks > 0).then(|| format!("r{}", id % racks.max(1))),
        state: BrokerState::Serving,
        capacity_bytes: None,
    };
    ids.into_iter().map(broker).collect()
}

fn id(topic: &str, partition: i32) -> PartitionId {
    PartitionId {
        topic: topic.to_owned(),
        partition,
    }
}

/// Fully in sync.
fn partition(topic: &str, number: i32, replicas: &[i32], bytes: u64) -> Partition {
    Partition {
        id: id(topic, number),
        replicas: replicas.to_vec(),
        isr: replicas.to_vec(),
        bytes,
    }
}

fn world(brokers: Vec<Broker>, partitions: Vec<Partition>) -> World {
    World {
        brokers,
        partitions,
        ongoing: BTreeMap::new(),
    }
}

fn drain(ids: &[i32]) -> Goal {
    Goal::Drain(ids.iter().copied().collect())
}

/// What Kafka does with an order: an earlier one is given up, copying begins, a change without copies is over at once.
fn order(world: &mut World, next: &Move) {
    let earlier = world.ongoing.remove(&next.id).unwrap_or_default();
    let partition = world.partitions.iter_mut().find(|it| it.id == next.id).unwrap();
    let held: Vec<i32> = partition
        .replicas
        .iter()
        .copied()
        .filter(|id| !earlier.adding.contains(id))
        .collect();
    let adding: Vec<i32> = next.to.iter().copied().filter(|id| !held.contains(id)).collect();
    let removing: Vec<i32> = held.iter().copied().filter(|id| !next.to.contains(id)).collect();
    partition.replicas = next.to.iter().copied().chain(removing.iter().copied()).collect();
    partition.isr.retain(|id| held.contains(id));
    let over = adding.is_empty();
    world.ongoing.insert(next.id.clone(), Ongoing { adding, removing });
    if over {
        finish(world, &next.id);
    }
}

/// The copies are in sync, the rest is given up.
fn finish(world: &mut World, id: &PartitionId) {
    let Some(ongoing) = world.ongoing.remove(id) else {
        return;
    };
    let partition = world.partitions.iter_mut().find(|it| it.id == *id).unwrap();
    partition.replicas.retain(|broker| !ongoing.removing.contains(broker));
    partition.isr.retain(|broker| !ongoing.removing.contains(broker));
    partition.isr.extend(ongoing.adding);
}

fn counts(world: &World) -> BTreeMap<i32, u64> {
    let mut counts: BTreeMap<i32, u64> = world.brokers.iter().map(|broker| (broker.id, 0)).collect();
    for broker in world.partitions.iter().flat_map(|partition| world.target(partition)) {
        *counts.entry(broker).or_default() += 1;
    }
    counts
}

fn racks_of(world: &World, replicas: &[i32]) -> BTreeSet<Option<String>> {
    let rack = |id: &i32| {
        world
            .brokers
            .iter()
            .find(|broker| broker.id == *id)
            .unwrap()
            .rack
            .clone()
    };
    replicas.iter().map(rack).collect()
}
