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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacityStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebalance: Option<RebalanceStatus>,
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
    /// The active controller; without it nobody leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader_id: Option<i32>,
    pub leader_epoch: i32,
    /// How many voters more may be lost before nobody can lead.
    #[serde(default)]
    pub tolerates: i32,
    #[serde(default)]
    pub voters: Vec<VoterStatus>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observers: Vec<ObserverStatus>,
    /// While nobody leads: what the controllers that run have, the furthest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub survivors: Vec<SurvivorStatus>,
}

/// One controller's own word on its metadata log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SurvivorStatus {
    pub id: i32,
    pub epoch: i64,
    pub log_end_offset: i64,
    /// Offset up to which it knows the log to be committed.
    pub high_watermark: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VoterStatus {
    pub id: i32,
    pub directory_id: String,
    pub caught_up: bool,
    /// While it isn't caught up: when it last was, on the leader's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_caught_up: Option<String>,
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

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// The broker is emptied, and goes then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
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

/// How full the volumes are, and what the stated workload lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityStatus {
    /// Of the fullest volume of all brokers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fullest_percent: Option<i32>,
    /// Until the first volume is full, as it filled in the last day; absent when that's more than 90 days away or not known.
    /// Beyond 14 in whole weeks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_until_full: Option<i32>,
    /// What `spec.capacity.workload` needs and the cluster doesn't have; `productionkafka capacity` shows the arithmetic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shortages: Vec<String>,
    /// The ten topics that take the most, with all their replicas; none that takes less than one percent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub largest_topics: Vec<TopicShare>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopicShare {
    pub topic: String,
    /// Of all volumes together, rounded down.
    pub percent: i32,
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

/// Restarts in progress and what must be remembered of them; absent when there's nothing to say. A pod is named in
/// `current` before it's deleted, so that whoever goes on knows what was meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutStatus {
    pub phase: RolloutPhase,
    /// When the phase began, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Fingerprint of what all nodes together should run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Pools whose first node came back with the target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proven: Vec<String>,
    /// Pods that are being replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub current: Vec<RolloutPod>,
    /// The first of `current` is the first of its pool to get the target.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canary: bool,
    /// When `current` was decided, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_since: Option<String>,
    /// Nodes that wait for their restart, the next first; at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queue: Vec<i32>,
    /// How many nodes wait.
    #[serde(default)]
    pub waiting: i32,
    /// What the next restart waits for, at most 10 sentences and a count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<String>,
    /// Pods were replaced since preferred leaders were restored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restore_leaders: bool,
    /// Nodes whose new pod looks older than the request that it answers, because clocks differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<AnsweredRestart>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RolloutPhase {
    /// Every pod runs what it should.
    #[default]
    Settled,
    /// Pods are being replaced.
    Rolling,
    /// A restart is due and would do harm now.
    Waiting,
    Paused,
    /// A replaced pod doesn't come back.
    Halted,
    /// The roll is over, leaders return to where they belong.
    RestoringLeaders,
}

/// Exactly one pod: its node and uid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutPod {
    pub node: i32,
    pub uid: String,
}

/// A request to restart that a node's pod has answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnsweredRestart {
    pub node: i32,
    /// The request's time, RFC 3339.
    pub asked: String,
}

/// Replicas that are moved between brokers; stays when it's over. It's written before anything is moved, so that whoever
/// goes on knows that there's something to clean up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RebalanceStatus {
    pub phase: RebalancePhase,
    pub goal: RebalanceGoal,
    /// When it began, RFC 3339.
    pub since: String,
    /// When it was over, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<String>,
    /// Time of the last request that was carried out to its end, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<String>,
    /// Brokers that are emptied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaving: Vec<i32>,
    /// Of the bytes to copy; 100 only when none are left.
    pub percent: i32,
    /// Replicas to copy, in all.
    pub replicas_total: i64,
    pub replicas_left: i64,
    pub bytes_total: i64,
    pub bytes_left: i64,
    /// When it will be over at the pace so far, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What it waits for, at most 10 sentences and a count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RebalancePhase {
    /// Nothing has been moved yet.
    #[default]
    Starting,
    Moving,
    /// Nothing can be moved now: see `blockedBy`.
    Waiting,
    Finished,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RebalanceGoal {
    /// Even numbers of replicas, bytes and preferred leaders.
    #[default]
    Spread,
    /// No replica on the brokers that leave.
    Drain,
    /// As many replicas of each topic as its `KafkaTopic` names.
    ReplicationFactor,
}
