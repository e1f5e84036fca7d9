//! The world, and what is worked out of it once because every guard asks for it.

use super::reason::{Few, Reason};
use super::world::{KafkaView, Node, World};
use std::collections::BTreeMap;

pub(super) struct Sight<'a> {
    pub world: &'a World<'a>,
    /// Why a broker of ours doesn't do all of its work; healthy ones aren't in it.
    pub health: BTreeMap<i32, Reason>,
}

impl<'a> Sight<'a> {
    pub fn of(world: &'a World<'a>) -> Self {
        Self {
            world,
            health: world.kafka.map(|kafka| health(world, kafka)).unwrap_or_default(),
        }
    }

    pub fn behind(&self, id: i32) -> bool {
        self.health.contains_key(&id)
    }
}

/// Kafka counts on the node, whatever Kubernetes says of its pod.
pub(super) fn serves(kafka: &KafkaView, node: &Node) -> bool {
    let id = node.id;
    let unfenced = kafka.brokers.get(&id).is_some_and(|broker| !broker.fenced);
    let in_sync = || kafka.partitions.iter().any(|partition| partition.isr.contains(&id));
    let votes = || {
        kafka
            .quorum
            .voters
            .iter()
            .any(|voter| voter.id == id && voter.caught_up)
    };
    (node.roles.broker && (unfenced || in_sync())) || (node.roles.controller && votes())
}

/// Unregistered, fenced, or out of sync. Replicas on brokers that aren't ours (any more) are for the simulation alone.
fn health(world: &World<'_>, kafka: &KafkaView) -> BTreeMap<i32, Reason> {
    let ours = world
        .nodes
        .iter()
        .filter(|node| node.roles.broker && (node.pod.is_some() || !node.leaving));
    let mut found = BTreeMap::new();
    let mut lagging: BTreeMap<i32, Few> = BTreeMap::new();
    for node in ours {
        match kafka.brokers.get(&node.id) {
            None => {
                found.insert(node.id, Reason::Unregistered { node: node.id });
            }
            Some(broker) if broker.fenced => {
                found.insert(node.id, Reason::Fenced { node: node.id });
            }
            Some(_) => {
                lagging.insert(node.id, Few::default());
            }
        }
    }
    for partition in &kafka.partitions {
        for id in partition.replicas.iter().filter(|id| !partition.isr.contains(id)) {
            if let Some(partitions) = lagging.get_mut(id) {
                partitions.push(|| partition.name());
            }
        }
    }
    let lagging = lagging.into_iter().filter(|(_, partitions)| !partitions.is_empty());
    found.extend(lagging.map(|(node, partitions)| (node, Reason::OutOfSync { node, partitions })));
    found
}
