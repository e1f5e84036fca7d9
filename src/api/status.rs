//! `status` of a `ProductionKafka`: bounded whatever the size of the cluster, and written only when it differs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductionKafkaStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka_version: Option<String>,
    /// Finalised `metadata.version` level, for example 30 (4.3-IV0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_version: Option<i32>,
    /// Finalised feature levels, `name=level`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finalized_features: Vec<String>,
    /// Ready and desired brokers, `3/3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brokers: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quorum: Option<QuorumStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication: Option<ReplicationStatus>,
    /// At most 100 nodes, those with something to say first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeStatus>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<ListenerStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<UpgradeStatus>,
    /// What the operator does next, or what it waits for and why, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_action: Option<String>,
}

/// A standard condition (`metav1.Condition`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    pub status: ConditionStatus,
    pub reason: String,
    pub message: String,
    /// RFC 3339, second resolution.
    pub last_transition_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuorumStatus {
    pub leader_id: i32,
    pub leader_epoch: i32,
    #[serde(default)]
    pub voters: Vec<VoterStatus>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observers: Vec<ObserverStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VoterStatus {
    pub id: i32,
    pub directory_id: String,
    pub caught_up: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObserverStatus {
    pub id: i32,
    pub caught_up: bool,
}

/// Partition counts of the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationStatus {
    pub partitions: i32,
    pub under_replicated: i32,
    pub under_min_isr: i32,
    pub at_min_isr: i32,
    pub offline: i32,
    pub preferred_leader_imbalance: i32,
    /// At most 10, the most endangered first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worst: Vec<PartitionProblem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartitionProblem {
    /// `topic-partition`.
    pub partition: String,
    pub in_sync: i32,
    pub replicas: i32,
    pub min_in_sync: i32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    pub id: i32,
    pub pool: String,
    /// `Controller`, `Broker` or `Controller,Broker`.
    pub roles: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rack: Option<String>,
    pub pod: String,
    /// `Missing`, `Pending`, `Starting`, `Running`, `Fenced`, `Failing`.
    pub phase: String,
    /// Why, when the phase isn't `Running`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Hash of the configuration that the pod runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Why the pod doesn't run what the resource asks for; empty when it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending_reasons: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<VolumeStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeStatus {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_percent: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    pub name: String,
    /// `host:port`, for `bootstrap.servers`.
    pub bootstrap_servers: String,
    /// Secret whose key `ca.crt` holds what clients must trust.
    pub certificate_authority: String,
}

/// How far the finalised feature levels are behind the version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeStatus {
    /// The version that every node runs.
    pub version: String,
    /// Since when they all do, RFC 3339.
    pub since: String,
    /// The next level to raise, `metadata.version from 30 to 33`; absent when all are those of the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What happens to it, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A roll in progress; absent when there's none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutStatus {
    pub phase: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queue: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}
