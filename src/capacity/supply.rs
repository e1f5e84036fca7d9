//! What a resource gives a workload.

use super::units::{Bytes, Rate};
use crate::api::Quantity;
use crate::model::{Cluster, Pool, measure};

/// `log.segment.bytes` as Kafka has it.
const SEGMENT: u64 = 1 << 30;
/// `max.connections` of a broker, which the operator sets.
const CONNECTIONS: u64 = 10_000;

/// Of the smallest broker where brokers differ: replicas are spread evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supply {
    pub brokers: u64,
    /// Copies of each record.
    pub factor: u64,
    /// All volumes of one broker.
    pub disk: Bytes,
    pub memory: Bytes,
    pub heap: Bytes,
    /// That one broker's disks write.
    pub disk_rate: Option<Rate>,
    /// Of one broker, each way.
    pub network: Option<Rate>,
    /// `log.segment.bytes`.
    pub segment: Bytes,
    /// `max.connections`.
    pub connections: u64,
}

impl Supply {
    pub fn of(cluster: &Cluster) -> Self {
        let brokers: Vec<&Pool> = cluster
            .pools
            .iter()
            .filter(|pool| pool.roles.broker && pool.replicas > 0)
            .collect();
        let least = |of: fn(&Pool) -> u64| brokers.iter().map(|pool| of(pool)).min().unwrap_or_default();
        let set = |key: &str| cluster.config.get(key).and_then(|value| value.parse().ok());
        Self {
            brokers: u64::from(cluster.brokers().max(0).unsigned_abs()),
            factor: u64::from(cluster.replication_factor.max(1).unsigned_abs()),
            disk: Bytes(least(disk)),
            memory: Bytes(least(memory)),
            heap: Bytes(least(|pool| pool.heap_mib << 20)),
            disk_rate: cluster.broker_limits.disk.map(Rate),
            network: cluster.broker_limits.network.map(Rate),
            segment: Bytes(set("log.segment.bytes").unwrap_or(SEGMENT)),
            connections: set("max.connections").unwrap_or(CONNECTIONS),
        }
    }
}

fn disk(pool: &Pool) -> u64 {
    let sizes = pool
        .volumes
        .iter()
        .map(|volume| measure::bytes(&Quantity(volume.size.clone())));
    sizes.map(Option::unwrap_or_default).fold(0, u64::saturating_add)
}

fn memory(pool: &Pool) -> u64 {
    pool.resources
        .limits
        .get("memory")
        .and_then(measure::bytes)
        .unwrap_or_default()
}
