//! What a cluster is measured against, in numbers.

use std::time::Duration;

/// What applications write and read at the busiest time, all topics together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    pub messages_per_second: u64,
    /// Bytes of one record as it's stored.
    pub message_bytes: u64,
    pub retention: Duration,
    /// How many times each record is read.
    pub consumer_groups: u64,
    /// Of all topics, without further replicas; `None`: what the throughput asks for.
    pub partitions: Option<u64>,
    /// Bytes per second that one partition takes in.
    pub producer_partition: Option<u64>,
    /// Bytes per second that one consumer reads from one partition.
    pub consumer_partition: Option<u64>,
    /// Percent kept free.
    pub headroom: u64,
}

/// What one broker can do, in bytes per second; `None`: not known, not judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrokerLimits {
    pub disk: Option<u64>,
    /// Each way.
    pub network: Option<u64>,
}
