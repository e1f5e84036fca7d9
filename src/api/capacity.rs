//! The workload a cluster is meant for. Refused yet: nothing reads it.

use super::{DurationText, Quantity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    #[schemars(range(min = 1))]
    pub messages_per_second: i64,
    pub message_bytes: Quantity,
    pub retention: DurationText,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10000))]
    pub consumer_groups: Option<i32>,
    /// Bytes per second that one partition takes in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub producer_partition_throughput: Option<Quantity>,
    /// Bytes per second that one consumer reads from one partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer_partition_throughput: Option<Quantity>,
    /// Percentage kept free, for example `20%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4), regex(pattern = r"^[0-9]{1,3}%$"))]
    pub headroom: Option<String>,
}
