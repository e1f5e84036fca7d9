//! Broker keys that a running cluster takes over without a restart, by release: what `DynamicBrokerConfig` of each release
//! lists as cluster-wide, less what the operator owns or forbids. Only the first synonym of a key is dynamic:
//! `log.retention.ms` is, `log.retention.hours` isn't.
//!
//! A key in this table is never written to `server.properties`; one that isn't in it needs a restart.

use super::KafkaVersion;

/// Key, and the minor release of Kafka 4 since which it's dynamic.
const SINCE: [(&str, u16); 65] = [
    ("background.threads", 2),
    ("compression.gzip.level", 2),
    ("compression.lz4.level", 2),
    ("compression.type", 2),
    ("compression.zstd.level", 2),
    ("errors.deadletterqueue.topic.name.prefix", 4),
    ("follower.fetch.last.tiered.offset.enable", 3),
    ("group.consumer.assignment.interval.ms", 3),
    ("group.consumer.assignor.offload.enable", 4),
    ("group.coordinator.cached.buffer.max.bytes", 3),
    ("group.share.assignment.interval.ms", 3),
    ("group.share.assignor.offload.enable", 4),
    ("group.streams.assignment.interval.ms", 3),
    ("group.streams.assignor.offload.enable", 4),
    ("log.cleaner.backoff.ms", 2),
    ("log.cleaner.dedupe.buffer.size", 2),
    ("log.cleaner.delete.retention.ms", 2),
    ("log.cleaner.io.buffer.load.factor", 2),
    ("log.cleaner.io.buffer.size", 2),
    ("log.cleaner.io.max.bytes.per.second", 2),
    ("log.cleaner.max.compaction.lag.ms", 2),
    ("log.cleaner.min.cleanable.ratio", 2),
    ("log.cleaner.min.compaction.lag.ms", 2),
    ("log.cleaner.threads", 2),
    ("log.cleanup.policy", 2),
    ("log.flush.interval.messages", 2),
    ("log.flush.interval.ms", 2),
    ("log.index.interval.bytes", 2),
    ("log.index.size.max.bytes", 2),
    ("log.local.retention.bytes", 2),
    ("log.local.retention.ms", 2),
    ("log.message.timestamp.after.max.ms", 2),
    ("log.message.timestamp.before.max.ms", 2),
    ("log.message.timestamp.type", 2),
    ("log.preallocate", 2),
    ("log.remote.copy.lag.bytes", 4),
    ("log.remote.copy.lag.ms", 4),
    ("log.retention.bytes", 2),
    ("log.retention.ms", 2),
    ("log.roll.jitter.ms", 2),
    ("log.roll.ms", 2),
    ("log.segment.bytes", 2),
    ("log.segment.delete.delay.ms", 2),
    ("max.connection.creation.rate", 2),
    ("max.connections", 2),
    ("max.connections.per.ip", 2),
    ("max.connections.per.ip.overrides", 2),
    ("max.decompressed.message.bytes", 4),
    ("message.max.bytes", 2),
    ("num.io.threads", 2),
    ("num.network.threads", 2),
    ("num.recovery.threads.per.data.dir", 2),
    ("num.replica.fetchers", 2),
    ("producer.id.expiration.ms", 2),
    ("remote.fetch.max.wait.ms", 2),
    ("remote.list.offsets.request.timeout.ms", 2),
    ("remote.log.index.file.cache.total.size.bytes", 2),
    ("remote.log.manager.copier.thread.pool.size", 2),
    ("remote.log.manager.copy.max.bytes.per.second", 2),
    ("remote.log.manager.expiration.thread.pool.size", 2),
    ("remote.log.manager.fetch.max.bytes.per.second", 2),
    ("remote.log.manager.follower.thread.pool.size", 2),
    ("remote.log.reader.threads", 2),
    ("share.coordinator.cached.buffer.max.bytes", 3),
    ("transaction.partition.verification.enable", 2),
];

/// Sizes of thread pools: one change may at most halve or double them (`DynamicThreadPool`).
const POOLS: [&str; 5] = [
    "background.threads",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
];

/// Whether brokers of `version` take `key` over while they run.
pub fn is_dynamic(key: &str, version: KafkaVersion) -> bool {
    SINCE
        .iter()
        .any(|(known, since)| *known == key && version.minor() >= *since)
}

/// Whether `key` is the size of a thread pool.
pub fn is_pool(key: &str) -> bool {
    POOLS.contains(&key)
}

/// The size to ask for on the way from `current` to `wanted` threads: at most double, at least half.
pub fn step(current: u32, wanted: u32) -> u32 {
    wanted.clamp(current.div_ceil(2).max(1), current.saturating_mul(2).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dynamic_depends_on_the_release() {
        let version = |text| KafkaVersion::parse(text).unwrap();
        assert!(is_dynamic("log.retention.ms", version("4.2.1")));
        assert!(!is_dynamic("log.retention.hours", version("4.4.0")));
        assert!(!is_dynamic("log.remote.copy.lag.ms", version("4.3.1")));
        assert!(is_dynamic("log.remote.copy.lag.ms", version("4.4.0")));
        assert!(!is_dynamic("group.consumer.assignment.interval.ms", version("4.2.1")));
        assert!(!is_dynamic("num.partitions", version("4.4.0")));
    }

    #[test]
    fn the_table_is_sorted_and_knows_the_pools() {
        assert!(SINCE.is_sorted_by(|one, other| one.0 < other.0));
        for pool in POOLS {
            assert!(SINCE.iter().any(|(key, _)| *key == pool), "{pool}");
        }
    }

    #[test]
    fn pools_grow_and_shrink_by_steps() {
        let walk = |mut current: u32, wanted: u32| {
            let mut seen = Vec::new();
            while current != wanted {
                current = step(current, wanted);
                seen.push(current);
            }
            seen
        };
        assert_eq!(walk(8, 40), [16, 32, 40]);
        assert_eq!(walk(9, 1), [5, 3, 2, 1]);
        assert_eq!(walk(3, 4), [4]);
    }
}
