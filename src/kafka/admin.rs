//! The seam between the controller and Kafka: every question and order the operator has for a cluster.
//!
//! It is object safe (`Arc<dyn KafkaAdmin>`) so that tests put an in-memory cluster behind it. An outer `Err` means that
//! the whole call failed; refusals of single items are values in [`Outcomes`]. No method decides anything.

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::acls::{AclBinding, AclFilter};
use super::configs::{ConfigChange, ConfigEntry, ConfigQuery, ConfigResource};
use super::errors::{BrokerError, ErrorCode, KafkaError};
use super::features::FeatureChange;
use super::groups::CommittedOffsets;
use super::partition::{LogDir, Reassignment, TopicPartition};
use super::quotas::{QuotaChange, QuotaEntity, QuotaFilter, QuotaValues};
use super::views::{
    ClusterView, ControllerRegistration, FeaturesView, NewPartitions, NewTopic, PartitionsView, QuorumView,
    ScramCredential, ScramDeletion, ScramUpsert, VoterEndpoint, VoterKey,
};

/// What every method returns: one answer within the client's overall deadline.
pub type AdminFuture<'a, T> = BoxFuture<'a, Result<T, KafkaError>>;

/// The verdict on each item of a batch, e.g. one topic of several; an item that Kafka refused does not fail the others.
pub type Outcomes<K> = BTreeMap<K, Result<(), BrokerError>>;

/// The configuration of each resource asked for.
pub type Described = BTreeMap<ConfigResource, Result<Vec<ConfigEntry>, BrokerError>>;

/// The topic key of a partition's smallest in-sync set that still takes acknowledged writes.
const MIN_IN_SYNC_REPLICAS: &str = "min.insync.replicas";

/// Which nodes may answer a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// Any live broker; brokers forward what belongs to the active controller.
    Brokers,
    /// The controllers' own listeners, for use while brokers are down (KIP-919).
    Controllers,
    /// Exactly this node.
    Node(i32),
    /// Exactly this node's listener for controllers.
    Controller(i32),
}

/// The admin operations of one Kafka cluster.
pub trait KafkaAdmin: Send + Sync {
    /// The metadata quorum as its leader sees it (`DescribeQuorum`, KIP-595 and KIP-853).
    fn describe_quorum(&self, target: Target) -> AdminFuture<'_, QuorumView>;

    /// Cluster id and brokers; with `include_fenced` also registered brokers that are down or starting (KIP-1073).
    fn describe_cluster(&self, include_fenced: bool) -> AdminFuture<'_, ClusterView>;

    /// Registered controllers and their endpoints, and whom the one that's asked follows, asked of the controllers' own
    /// listeners (KIP-919). One that has no metadata yet doesn't answer.
    fn describe_controllers(&self, target: Target) -> AdminFuture<'_, ClusterView>;

    /// Every partition of every topic from one broker's metadata (one consistent image).
    fn partitions(&self) -> AdminFuture<'_, PartitionsView>;

    /// As [`Self::partitions`], with eligible leader replicas (KIP-966). All of it is one broker's view, but a change may
    /// fall between two pages (2000 partitions each). Brokers that do not speak it are asked as in [`Self::partitions`].
    fn partitions_with_elr(&self) -> AdminFuture<'_, PartitionsView>;

    /// Effective configuration of each resource. `Broker(id)` is asked of that broker; others of any broker.
    fn query_configs(&self, resources: Vec<ConfigResource>, query: ConfigQuery) -> AdminFuture<'_, Described>;

    /// Every key of each resource, without synonyms.
    fn describe_configs(&self, resources: Vec<ConfigResource>) -> AdminFuture<'_, Described> {
        self.query_configs(resources, ConfigQuery::default())
    }

    /// The effective `min.insync.replicas` of each topic. A topic without a readable one is an error in its entry.
    fn min_in_sync_replicas(
        &self,
        topics: Vec<String>,
    ) -> AdminFuture<'_, BTreeMap<String, Result<usize, BrokerError>>> {
        let query = ConfigQuery {
            keys: Some(vec![MIN_IN_SYNC_REPLICAS.to_owned()]),
            synonyms: false,
        };
        let described = self.query_configs(topics.into_iter().map(ConfigResource::Topic).collect(), query);
        async move {
            let by_name = |(resource, entries): (ConfigResource, Result<Vec<ConfigEntry>, BrokerError>)| match resource
            {
                ConfigResource::Topic(name) => Some((name, entries.and_then(|entries| min_in_sync(&entries)))),
                _ => None,
            };
            Ok(described.await?.into_iter().filter_map(by_name).collect())
        }
        .boxed()
    }

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

    /// SCRAM credentials of the named users, of everybody where none is named, without secrets; a user that has none is absent
    /// from the map.
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

    /// Changes finalised levels. Callers order one feature at a time: from version 2 on Kafka has one verdict on all.
    /// After a timeout re-read the features before any other change.
    fn update_features(&self, changes: Vec<FeatureChange>, validate_only: bool) -> AdminFuture<'_, Outcomes<String>>;

    /// Makes the preferred replica lead, of these partitions or of all. One that leads already is no error; one that is
    /// not in sync is `PREFERRED_LEADER_NOT_AVAILABLE`. For all, only partitions with something to do have an outcome.
    fn elect_preferred_leaders(
        &self,
        partitions: Option<Vec<TopicPartition>>,
    ) -> AdminFuture<'_, Outcomes<TopicPartition>>;

    /// Gives partitions new replicas, the preferred leader first; `None` cancels what is under way. Unless
    /// `allow_factor_change`, Kafka refuses a target of another size (KIP-860, from 4.1 on).
    /// After a timeout list what is under way before any other change.
    fn alter_partition_reassignments(
        &self,
        targets: BTreeMap<TopicPartition, Option<Vec<i32>>>,
        allow_factor_change: bool,
    ) -> AdminFuture<'_, Outcomes<TopicPartition>>;

    /// Reassignments under way, whoever ordered them.
    fn list_partition_reassignments(&self) -> AdminFuture<'_, BTreeMap<TopicPartition, Reassignment>>;

    /// The log dirs of each broker, as it sees them; a broker that does not answer fails only its own entry.
    fn describe_log_dirs(&self, brokers: Vec<i32>) -> AdminFuture<'_, BTreeMap<i32, Result<Vec<LogDir>, KafkaError>>>;

    /// Offsets that consumer groups have committed, of those that these brokers coordinate; what a broker doesn't tell is absent.
    fn committed_offsets(&self, brokers: Vec<i32>) -> AdminFuture<'_, CommittedOffsets>;

    /// Ends of partitions, asked of their leaders; what a leader doesn't tell is absent.
    fn end_offsets(
        &self,
        leaders: BTreeMap<i32, Vec<TopicPartition>>,
    ) -> AdminFuture<'_, BTreeMap<TopicPartition, i64>>;

    /// Moves replicas of one broker to another of its log dirs, by path.
    fn alter_replica_log_dirs(
        &self,
        broker: i32,
        moves: BTreeMap<TopicPartition, String>,
    ) -> AdminFuture<'_, Outcomes<TopicPartition>>;

    /// Quotas of users and client ids.
    fn describe_client_quotas(&self, filter: QuotaFilter) -> AdminFuture<'_, BTreeMap<QuotaEntity, QuotaValues>>;

    /// Sets and removes quotas.
    fn alter_client_quotas(
        &self,
        changes: Vec<QuotaChange>,
        validate_only: bool,
    ) -> AdminFuture<'_, Outcomes<QuotaEntity>>;

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

    /// Registers a controller in the place of its former registration, as it does itself when it starts (KIP-919).
    fn register_controller(&self, registration: ControllerRegistration) -> AdminFuture<'_, ()>;

    /// Forgets the registration of a stopped controller without a vote (KIP-1312; from `metadata.version` 33 on). One that
    /// isn't registered is `CONTROLLER_ID_NOT_REGISTERED`.
    fn unregister_controller(&self, controller_id: i32) -> AdminFuture<'_, ()>;

    /// Forgets the registration of a stopped broker; a running one registers again.
    fn unregister_broker(&self, broker_id: i32) -> AdminFuture<'_, ()>;
}

fn min_in_sync(entries: &[ConfigEntry]) -> Result<usize, BrokerError> {
    let value = entries.iter().find(|entry| entry.name == MIN_IN_SYNC_REPLICAS);
    let value = value.and_then(|entry| entry.value.as_deref());
    value.and_then(|value| value.parse().ok()).ok_or_else(|| {
        let what = format!("{MIN_IN_SYNC_REPLICAS} is {value:?}, not a number");
        BrokerError::new(ErrorCode::INVALID_CONFIG, Some(what))
    })
}
