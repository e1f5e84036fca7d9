//! The seam between the controller and Kafka: every question and order the operator has for a cluster.
//!
//! It is object safe (`Arc<dyn KafkaAdmin>`) so that tests put an in-memory cluster behind it. An outer `Err` means that
//! the whole call failed; refusals of single items are values in [`Outcomes`]. No method decides anything.

use std::collections::BTreeMap;

use futures::future::BoxFuture;

use super::acls::{AclBinding, AclFilter};
use super::configs::{ConfigChange, ConfigEntry, ConfigResource};
use super::errors::{BrokerError, KafkaError};
use super::views::{
    ClusterView, FeaturesView, NewPartitions, NewTopic, PartitionsView, QuorumView, ScramCredential, ScramDeletion,
    ScramUpsert, VoterEndpoint, VoterKey,
};

/// What every method returns: one answer within the client's overall deadline.
pub type AdminFuture<'a, T> = BoxFuture<'a, Result<T, KafkaError>>;

/// The verdict on each item of a batch, e.g. one topic of several; an item that Kafka refused does not fail the others.
pub type Outcomes<K> = BTreeMap<K, Result<(), BrokerError>>;

/// Which nodes may answer a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// Any live broker; brokers forward what belongs to the active controller.
    Brokers,
    /// The controllers' own listeners, for use while brokers are down (KIP-919).
    Controllers,
    /// Exactly this node.
    Node(i32),
}

/// The admin operations of one Kafka cluster.
pub trait KafkaAdmin: Send + Sync {
    /// The metadata quorum as its leader sees it (`DescribeQuorum`, KIP-595 and KIP-853).
    fn describe_quorum(&self, target: Target) -> AdminFuture<'_, QuorumView>;

    /// Cluster id and brokers; with `include_fenced` also registered brokers that are down or starting (KIP-1073).
    fn describe_cluster(&self, include_fenced: bool) -> AdminFuture<'_, ClusterView>;

    /// Every partition of every topic from one broker's metadata (one consistent image).
    fn partitions(&self) -> AdminFuture<'_, PartitionsView>;

    /// Effective configuration of each resource. `Broker(id)` is asked of that broker; others of any broker.
    fn describe_configs(
        &self,
        resources: Vec<ConfigResource>,
    ) -> AdminFuture<'_, BTreeMap<ConfigResource, Result<Vec<ConfigEntry>, BrokerError>>>;

    /// Sets and deletes dynamic configuration. `Broker(id)` is sent to that broker, which validates the values.
    fn incremental_alter_configs(
        &self,
        changes: Vec<ConfigChange>,
        validate_only: bool,
    ) -> AdminFuture<'_, Outcomes<ConfigResource>>;

    /// Creates topics; an existing one is `TOPIC_ALREADY_EXISTS` in its outcome.
    fn create_topics(&self, topics: Vec<NewTopic>, validate_only: bool) -> AdminFuture<'_, Outcomes<String>>;

    /// Raises partition counts; Kafka cannot lower one.
    fn create_partitions(&self, topics: Vec<NewPartitions>, validate_only: bool) -> AdminFuture<'_, Outcomes<String>>;

    /// Deletes topics and their data.
    fn delete_topics(&self, names: Vec<String>) -> AdminFuture<'_, Outcomes<String>>;

    /// SCRAM credentials of the named users, without secrets; a user that has none is absent from the map.
    fn describe_user_scram(&self, users: Vec<String>) -> AdminFuture<'_, BTreeMap<String, Vec<ScramCredential>>>;

    /// Writes and removes SCRAM credentials; outcomes are by user.
    fn alter_user_scram(
        &self,
        upserts: Vec<ScramUpsert>,
        deletions: Vec<ScramDeletion>,
    ) -> AdminFuture<'_, Outcomes<String>>;

    /// The ACL bindings that match `filter`.
    fn describe_acls(&self, filter: AclFilter) -> AdminFuture<'_, Vec<AclBinding>>;

    /// Creates ACL bindings; creating one that exists is no error.
    fn create_acls(&self, bindings: Vec<AclBinding>) -> AdminFuture<'_, Outcomes<AclBinding>>;

    /// Deletes exactly these ACL bindings; deleting one that does not exist is no error.
    fn delete_acls(&self, bindings: Vec<AclBinding>) -> AdminFuture<'_, Outcomes<AclBinding>>;

    /// Finalised features (`metadata.version`, `kraft.version`, …) and what the answering node supports.
    fn describe_features(&self, target: Target) -> AdminFuture<'_, FeaturesView>;

    /// Adds a caught-up observer to the voters (KIP-853). After a timeout re-read the quorum before any other change.
    fn add_raft_voter(
        &self,
        target: Target,
        cluster_id: String,
        voter: VoterKey,
        listeners: Vec<VoterEndpoint>,
    ) -> AdminFuture<'_, ()>;

    /// Removes a voter (KIP-853). After a timeout re-read the quorum before any other change.
    fn remove_raft_voter(&self, target: Target, cluster_id: String, voter: VoterKey) -> AdminFuture<'_, ()>;

    /// Forgets the registration of a stopped broker; a running one registers again.
    fn unregister_broker(&self, broker_id: i32) -> AdminFuture<'_, ()>;
}
