//! The workload a cluster is meant for, and what one broker can do. The operator compares and reports; it never resizes by itself.

use super::{DurationText, Quantity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the cluster is measured against: `CapacitySufficient` in the status, and `productionkafka capacity`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// What applications write and read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// What one broker can do, as measured; what isn't given isn't judged.
    #[serde(default)]
    pub broker: BrokerLimits,
}

/// All topics together, at the busiest time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    #[schemars(range(min = 1, max = 1_000_000_000_000_i64))]
    pub messages_per_second: i64,
    /// Of one record as it's stored: after compression, if producers compress.
    pub message_bytes: Quantity,
    pub retention: DurationText,
    /// How many times each record is read; 1 without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10000))]
    pub consumer_groups: Option<i32>,
    /// Partitions of all topics, without their further replicas; without it what the throughput asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub partitions: Option<i32>,
    /// Bytes per second that one partition takes in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub producer_partition_throughput: Option<Quantity>,
    /// Bytes per second that one consumer reads from one partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer_partition_throughput: Option<Quantity>,
    /// Percentage kept free beyond what the workload asks for, 20 % without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4), regex(pattern = r"^[0-9]{1,3}%$"))]
    pub headroom: Option<String>,
}

/// Bytes per second of one broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrokerLimits {
    /// That all its disks together write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_throughput: Option<Quantity>,
    /// Of its network, each way. The alert on network throughput measures against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_throughput: Option<Quantity>,
}
