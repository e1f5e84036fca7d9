//! What the planner is told: brokers, partitions, what moves already, and what is wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Names one partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId {
    pub topic: String,
    pub partition: i32,
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// What may be asked of a broker. Only a `Serving` one is given replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerState {
    Serving,
    /// Will be emptied, by this goal or another.
    Draining,
    /// Takes nothing new (KIP-1066).
    Cordoned,
    /// Does not run; nothing can be copied from it.
    Down,
}

/// One broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    pub id: i32,
    pub rack: Option<String>,
    pub state: BrokerState,
    /// How much it may hold in all, in bytes; `None`: no limit.
    pub capacity_bytes: Option<u64>,
}

/// One partition as Kafka shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    pub id: PartitionId,
    /// The preferred leader first; while it is reassigned, those to be removed too.
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    /// Of one replica.
    pub bytes: u64,
}

/// A reassignment under way, whoever ordered it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ongoing {
    pub adding: Vec<i32>,
    pub removing: Vec<i32>,
}

/// All facts, of one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    pub brokers: Vec<Broker>,
    pub partitions: Vec<Partition>,
    pub ongoing: BTreeMap<PartitionId, Ongoing>,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// No replica on these brokers, whether or not they are still known.
    Drain(BTreeSet<i32>),
    /// Even numbers of replicas, then even bytes, then even numbers of preferred leaders, each once the one before is
    /// reached. Only serving brokers give and take.
    Spread,
    /// So many replicas of each partition of a topic.
    ReplicationFactor { topic: String, replicas: usize },
}

/// How a goal is pursued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Brokers may differ by this share of the mean, in percent; by one replica and one leader in any case.
    pub tolerance_percent: u32,
    /// Draining may leave a partition in fewer racks than it was in.
    pub allow_fewer_racks: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            tolerance_percent: 10,
            allow_fewer_racks: false,
        }
    }
}

impl World {
    /// The replicas that a partition has, or will have once its reassignment is over.
    pub fn target(&self, partition: &Partition) -> Vec<i32> {
        let removing = self.ongoing.get(&partition.id).map(|ongoing| &ongoing.removing);
        let stays = |id: &i32| removing.is_none_or(|removing| !removing.contains(id));
        partition.replicas.iter().copied().filter(stays).collect()
    }
}
