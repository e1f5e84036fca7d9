//! What Kafka says, in small plain types: quorum, cluster, partitions, features, SCRAM credentials; and what is
//! asked of it: new topics and credentials.
//!
//! Kafka's "-1 means none" is an `Option` here. Nothing in this file talks to anyone.

use std::collections::{BTreeMap, BTreeSet};

use super::errors::BrokerError;
use super::secret::Secret;

/// The metadata quorum at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumView {
    /// The active controller; `None` while no leader is elected.
    pub leader_id: Option<i32>,
    pub leader_epoch: i32,
    /// Offset up to which the metadata log is committed; `None` while a new leader does not know it.
    pub high_watermark: Option<i64>,
    pub voters: Vec<ReplicaState>,
    pub observers: Vec<ReplicaState>,
}

impl QuorumView {
    /// Whether this voter or observer had everything at some time within so many milliseconds of the newest such time. The
    /// times are the leader's, so they are compared with each other and not with a clock here.
    pub fn is_caught_up(&self, replica: &ReplicaState, within_ms: i64) -> bool {
        let replicas = self.voters.iter().chain(&self.observers);
        let newest = replicas.filter_map(|replica| replica.last_caught_up_ms).max();
        let times = replica.last_caught_up_ms.zip(newest);
        times.is_some_and(|(last, newest)| newest - last <= within_ms)
    }

    /// Records that the slowest voter lacks; `None` while nobody leads.
    pub fn max_lag(&self) -> Option<i64> {
        let leader = self.voters.iter().find(|voter| Some(voter.id) == self.leader_id)?;
        let lags = self
            .voters
            .iter()
            .map(|voter| leader.log_end_offset - voter.log_end_offset);
        lags.max()
    }

    /// Ids of the voters that are caught up, the leader among them. A node whose disk was replaced follows as an observer
    /// under its voter's id, and doesn't count: it has no vote.
    pub fn caught_up(&self, within_ms: i64) -> BTreeSet<i32> {
        let near = self.voters.iter().filter(|voter| self.is_caught_up(voter, within_ms));
        near.map(|voter| voter.id).chain(self.leader_id).collect()
    }
}

/// One replica of the metadata log, as the leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaState {
    pub id: i32,
    /// 22 characters of base64url, as in `meta.properties`; `AAAAAAAAAAAAAAAAAAAAAA` when Kafka names none.
    pub directory_id: String,
    pub log_end_offset: i64,
    /// When it last fetched, milliseconds since the epoch on the leader's clock; `None` when unknown.
    pub last_fetch_ms: Option<i64>,
    /// When it last was caught up with the leader, milliseconds since the epoch on the leader's clock.
    pub last_caught_up_ms: Option<i64>,
}

/// The cluster's id and registered brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterView {
    pub cluster_id: String,
    /// Asked of a broker, `KRaft` names some live broker here, not the quorum leader; use [`QuorumView::leader_id`].
    pub controller_id: Option<i32>,
    pub brokers: Vec<BrokerState>,
}

/// One registered broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerState {
    pub id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
    /// Registered but not serving: starting, stopped or partitioned away.
    pub fenced: bool,
}

/// All partitions, and the topics whose description failed. Incomplete while `errors` is not empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartitionsView {
    pub partitions: Vec<PartitionState>,
    pub errors: BTreeMap<String, BrokerError>,
}

/// One partition's replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionState {
    pub topic: String,
    pub partition: i32,
    /// `None`: nobody can serve it.
    pub leader: Option<i32>,
    /// Assigned brokers, the preferred leader first.
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    /// Eligible leader replicas (KIP-966); `None` when the answering API does not tell.
    pub elr: Option<Vec<i32>>,
    /// Assigned brokers whose replica is offline.
    pub offline: Vec<i32>,
    /// Kafka's own topic (`__consumer_offsets`, …).
    pub internal: bool,
}

/// Finalised levels of the cluster, and the range that the answering node supports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeaturesView {
    /// Grows with each change of the finalised features; `None` when unknown.
    pub finalized_epoch: Option<i64>,
    /// Feature name to finalised level, e.g. `metadata.version` to 30.
    pub finalized: BTreeMap<String, i16>,
    pub supported: BTreeMap<String, FeatureLevels>,
}

/// A range of feature levels, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureLevels {
    pub min: i16,
    pub max: i16,
}

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    pub name: String,
    /// `None`: the cluster's `num.partitions`.
    pub partitions: Option<i32>,
    /// `None`: the cluster's `default.replication.factor`.
    pub replication_factor: Option<i16>,
    pub config: BTreeMap<String, String>,
}

/// A topic's new, larger partition count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPartitions {
    pub topic: String,
    /// Total after the change, not the number to add.
    pub count: i32,
}

/// SCRAM hash functions that Kafka knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScramMechanism {
    Sha256,
    Sha512,
}

/// A stored credential as Kafka shows it: never the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScramCredential {
    pub mechanism: ScramMechanism,
    pub iterations: i32,
}

/// A credential to write. Kafka gets the salted hash, not the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScramUpsert {
    pub user: String,
    pub mechanism: ScramMechanism,
    /// 4096–16384, Kafka refuses others.
    pub iterations: i32,
    pub salt: Vec<u8>,
    pub salted_password: Secret,
}

/// A credential to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScramDeletion {
    pub user: String,
    pub mechanism: ScramMechanism,
}

/// What identifies a voter: the same node with a new disk is another voter (KIP-853).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoterKey {
    pub id: i32,
    /// 22 characters of base64url.
    pub directory_id: String,
}

/// What Kafka is told of a controller that registers (KIP-919).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerRegistration {
    pub id: i32,
    /// Its listeners for controllers; they speak TLS.
    pub listeners: Vec<VoterEndpoint>,
    /// Feature levels that it supports, by feature.
    pub features: BTreeMap<String, FeatureLevels>,
}

/// A controller listener of a voter; must be exactly what the node advertises (KAFKA-20228).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoterEndpoint {
    /// The listener name, e.g. `CONTROLLER`.
    pub name: String,
    pub host: String,
    pub port: u16,
}
