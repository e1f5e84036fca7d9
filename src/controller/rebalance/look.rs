//! What the planner is told, asked of Kafka in one go. Reassignments are listed before and after the partitions: a view
//! of partitions that change meanwhile is none.

use super::brake::{self, CORDONED};
use crate::kafka::configs::{ConfigEntry, ConfigQuery, ConfigResource, ConfigSource};
use crate::kafka::errors::KafkaError;
use crate::kafka::{ClusterView, KafkaAdmin, LogDir, PartitionsView, Reassignment, TopicPartition};
use crate::rebalance::{Broker, BrokerState, Ongoing, Partition, PartitionId, Throttle, ThrottleTarget, World};
use std::collections::{BTreeMap, BTreeSet};

/// Share of a disk that stays free of what is moved there.
const SPARE: u64 = 10;

/// Kafka at one moment.
pub struct Seen {
    pub world: World,
    /// The brake as it is set.
    pub set: Throttle,
    /// Brokers that run and serve.
    pub up: BTreeSet<i32>,
    /// Brokers all of whose log dirs are cordoned.
    pub cordoned: BTreeSet<i32>,
    /// Replicas on the disks of brokers that leave.
    pub left: usize,
    /// What isn't known, so that nothing may be ordered.
    pub unknown: Vec<String>,
}

type LogDirs = BTreeMap<i32, Result<Vec<LogDir>, KafkaError>>;

/// Asks. Of brokers that are being `removed` nothing is asked any more.
pub async fn look(
    admin: &dyn KafkaAdmin,
    leaving: &BTreeSet<i32>,
    removed: &BTreeSet<i32>,
) -> Result<Seen, KafkaError> {
    let ongoing = admin.list_partition_reassignments().await?;
    let (cluster, partitions) = futures::future::try_join(admin.describe_cluster(true), admin.partitions()).await?;
    let again = admin.list_partition_reassignments().await?;
    let up: BTreeSet<i32> = cluster
        .brokers
        .iter()
        .filter(|one| !one.fenced && !removed.contains(&one.id))
        .map(|one| one.id)
        .collect();
    let topics: BTreeSet<&String> = partitions.partitions.iter().map(|one| &one.topic).collect();
    let brokers = up.iter().map(|id| ConfigResource::Broker(*id));
    let asked = brokers.chain(topics.into_iter().map(|topic| ConfigResource::Topic(topic.clone())));
    let query = ConfigQuery {
        keys: Some(brake::KEYS.iter().map(|key| (*key).to_owned()).collect()),
        synonyms: false,
    };
    let configs = admin.query_configs(asked.collect(), query);
    let dirs = admin.describe_log_dirs(up.iter().copied().collect());
    let (configs, dirs) = futures::future::try_join(configs, dirs).await?;
    let mut settings = Vec::new();
    let mut unknown = unknown(&ongoing, &again, &partitions, &dirs);
    for (resource, entries) in configs {
        match entries {
            Ok(entries) => settings.extend(entries.into_iter().map(|entry| (resource.clone(), entry))),
            // A topic that is being deleted has none any more.
            Err(error) => unknown.push(format!("the configuration of {resource:?} can't be read: {error}")),
        }
    }
    let cordoned = cordoned(&settings);
    Ok(Seen {
        left: held(&dirs, leaving),
        world: world(&cluster, &partitions, &ongoing, (&dirs, &cordoned, leaving)),
        set: set(&settings),
        up,
        cordoned,
        unknown,
    })
}

fn unknown(
    before: &BTreeMap<TopicPartition, Reassignment>,
    after: &BTreeMap<TopicPartition, Reassignment>,
    partitions: &PartitionsView,
    dirs: &LogDirs,
) -> Vec<String> {
    let changed = (before != after).then(|| "reassignments change at this moment".to_owned());
    let failed = partitions
        .errors
        .iter()
        .map(|(topic, error)| format!("topic {topic} can't be read: {error}"));
    let silent = dirs.iter().filter_map(|(id, answer)| {
        let error = answer.as_ref().err()?;
        Some(format!("broker {id} doesn't say what its log dirs hold: {error}"))
    });
    changed.into_iter().chain(failed).chain(silent).collect()
}

/// Only what is set for one broker or topic: cluster-wide rates are the resource's own.
fn set(settings: &[(ConfigResource, ConfigEntry)]) -> Throttle {
    Throttle::observed(settings.iter().filter_map(|(resource, entry)| {
        let target = match (resource, entry.source) {
            (ConfigResource::Broker(id), ConfigSource::DynamicBroker) => ThrottleTarget::Broker(*id),
            (ConfigResource::Topic(topic), ConfigSource::DynamicTopic) => ThrottleTarget::Topic(topic.clone()),
            _ => return None,
        };
        Some((target, entry.name.as_str(), entry.value.as_deref()?))
    }))
}

fn cordoned(settings: &[(ConfigResource, ConfigEntry)]) -> BTreeSet<i32> {
    let is_set = |entry: &ConfigEntry| {
        let set = entry.source == ConfigSource::DynamicBroker && entry.name == CORDONED;
        set && entry.value.as_ref().is_some_and(|value| !value.is_empty())
    };
    let cordons = settings.iter().filter(|(_, entry)| is_set(entry));
    cordons
        .filter_map(|(resource, _)| match resource {
            ConfigResource::Broker(id) => Some(*id),
            _ => None,
        })
        .collect()
}

fn held(dirs: &LogDirs, leaving: &BTreeSet<i32>) -> usize {
    let of = dirs.iter().filter(|(id, _)| leaving.contains(id));
    of.filter_map(|(_, dirs)| dirs.as_ref().ok())
        .flatten()
        .map(|dir| dir.replicas.len())
        .sum()
}

fn world(
    cluster: &ClusterView,
    partitions: &PartitionsView,
    ongoing: &BTreeMap<TopicPartition, Reassignment>,
    (dirs, cordoned, leaving): (&LogDirs, &BTreeSet<i32>, &BTreeSet<i32>),
) -> World {
    let state = |id: i32, fenced: bool| match (fenced, leaving.contains(&id), cordoned.contains(&id)) {
        (true, _, _) => BrokerState::Down,
        (_, true, _) => BrokerState::Draining,
        (_, _, true) => BrokerState::Cordoned,
        _ => BrokerState::Serving,
    };
    let dirs_of = |id: i32| dirs.get(&id).and_then(|dirs| dirs.as_ref().ok());
    let brokers = cluster.brokers.iter().map(|broker| Broker {
        id: broker.id,
        rack: broker.rack.clone(),
        state: state(broker.id, broker.fenced),
        capacity_bytes: dirs_of(broker.id).and_then(|dirs| capacity(dirs)),
    });
    let moving = ongoing.iter().map(|(id, one)| {
        let ongoing = Ongoing {
            adding: one.adding.clone(),
            removing: one.removing.clone(),
        };
        (named(id), ongoing)
    });
    World {
        brokers: brokers.collect(),
        partitions: sized(partitions, &sizes(dirs)),
        ongoing: moving.collect(),
    }
}

fn sized(partitions: &PartitionsView, sizes: &BTreeMap<TopicPartition, u64>) -> Vec<Partition> {
    let shown = partitions.partitions.iter().map(|one| {
        let id = TopicPartition::new(one.topic.clone(), one.partition);
        Partition {
            bytes: sizes.get(&id).copied().unwrap_or_default(),
            id: named(&id),
            replicas: one.replicas.clone(),
            isr: one.isr.clone(),
        }
    });
    shown.collect()
}

fn named(id: &TopicPartition) -> PartitionId {
    PartitionId {
        topic: id.topic.clone(),
        partition: id.partition,
    }
}

/// What is on its disks now and what may come on top; `None` when a broker doesn't say.
fn capacity(dirs: &[LogDir]) -> Option<u64> {
    let mut sum = 0_u64;
    for dir in dirs.iter().filter(|dir| dir.error.is_none()) {
        let held: u64 = dir.replicas.iter().map(|one| bytes(one.size_bytes)).sum();
        let spare = bytes(dir.total_bytes?) / SPARE;
        sum = sum.saturating_add(held.saturating_add(bytes(dir.usable_bytes?)).saturating_sub(spare));
    }
    Some(sum)
}

/// The largest replica of each partition: one that is being copied is smaller.
fn sizes(dirs: &LogDirs) -> BTreeMap<TopicPartition, u64> {
    let mut sizes = BTreeMap::new();
    let replicas = dirs
        .values()
        .filter_map(|dirs| dirs.as_ref().ok())
        .flatten()
        .flat_map(|dir| &dir.replicas);
    for replica in replicas {
        let size: &mut u64 = sizes.entry(replica.partition.clone()).or_default();
        *size = (*size).max(bytes(replica.size_bytes));
    }
    sizes
}

fn bytes(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
