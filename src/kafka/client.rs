//! [`KafkaAdmin`] over real connections.
//!
//! Each method names the request, where it goes, and nothing else: requests are in `wire`, routing and retries in
//! `call`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::acls::{AclBinding, AclFilter};
use super::admin::{AdminFuture, Described, KafkaAdmin, Outcomes, Target};
use super::call::{Caller, Limits, Observer};
use super::configs::{ConfigChange, ConfigQuery, ConfigResource};
use super::connection::ConnectionSettings;
use super::endpoint::Endpoints;
use super::errors::KafkaError;
use super::features::FeatureChange;
use super::groups::CommittedOffsets;
use super::partition::{LogDir, Reassignment, TopicPartition};
use super::pool::{Pool, Transport};
use super::quotas::{QuotaChange, QuotaEntity, QuotaFilter, QuotaValues};
use super::views::{
    ClusterView, ControllerRegistration, FeaturesView, NewPartitions, NewTopic, PartitionsView, QuorumView,
    ScramCredential, ScramDeletion, ScramUpsert, VoterEndpoint, VoterKey,
};
use super::wire;

/// Limits of a client. The defaults suit an operator; probes want shorter ones.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Shown in the brokers' request log.
    pub client_id: String,
    /// Deadline of a call over all its attempts.
    pub call_timeout: Duration,
    /// How long one node may take for one answer.
    pub attempt_timeout: Duration,
    /// Limit of the TCP connect, of the TLS handshake and of `ApiVersions`, each.
    pub dial_timeout: Duration,
    /// How often all candidates are asked once more after faults that pass by themselves, while the deadline lasts.
    pub retries: usize,
    /// Largest answer accepted, in bytes.
    pub max_frame: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            client_id: "productionkafka".to_owned(),
            call_timeout: Duration::from_secs(20),
            attempt_timeout: Duration::from_secs(8),
            dial_timeout: Duration::from_secs(3),
            retries: 5,
            max_frame: 64 * 1024 * 1024,
        }
    }
}

/// An admin client of one cluster. It dials nothing before the first call.
pub struct KafkaClient {
    pub(crate) caller: Caller,
    attempt_timeout: Duration,
}

impl KafkaClient {
    pub fn new(transport: Transport, endpoints: Endpoints, options: ClientOptions) -> Self {
        let settings = ConnectionSettings {
            client_id: options.client_id,
            max_frame: options.max_frame,
        };
        let pool = Pool::new(transport, settings, options.dial_timeout);
        let limits = Limits {
            call: options.call_timeout,
            attempt: options.attempt_timeout,
            retries: options.retries,
        };
        Self {
            caller: Caller::new(pool, limits, endpoints),
            attempt_timeout: options.attempt_timeout,
        }
    }

    /// Tells somebody of each call.
    #[must_use]
    pub fn observed(self, observer: Arc<dyn Observer>) -> Self {
        Self {
            caller: self.caller.observed(observer),
            ..self
        }
    }

    /// Replaces the addresses, e.g. after pods moved; connections to endpoints that stay are kept.
    pub fn set_endpoints(&self, endpoints: Endpoints) {
        self.caller.set_endpoints(endpoints);
    }

    /// What Kafka itself may take for a change: less than we wait, so that it is Kafka who reports the timeout.
    pub(crate) fn broker_timeout_ms(&self) -> i32 {
        i32::try_from((self.attempt_timeout * 3 / 4).as_millis()).unwrap_or(i32::MAX)
    }
}

impl KafkaAdmin for KafkaClient {
    fn describe_quorum(&self, target: Target) -> AdminFuture<'_, QuorumView> {
        self.caller.call(target, wire::quorum::DescribeQuorum).boxed()
    }

    fn describe_cluster(&self, include_fenced: bool) -> AdminFuture<'_, ClusterView> {
        self.caller
            .call(
                Target::Brokers,
                wire::cluster::DescribeCluster::Brokers { include_fenced },
            )
            .boxed()
    }

    fn describe_controllers(&self, target: Target) -> AdminFuture<'_, ClusterView> {
        self.caller
            .call(target, wire::cluster::DescribeCluster::Controllers)
            .boxed()
    }

    fn partitions(&self) -> AdminFuture<'_, PartitionsView> {
        self.caller
            .call(Target::Brokers, wire::partitions::AllPartitions)
            .boxed()
    }

    fn partitions_with_elr(&self) -> AdminFuture<'_, PartitionsView> {
        self.eligible_leaders().boxed()
    }

    fn query_configs(&self, resources: Vec<ConfigResource>, query: ConfigQuery) -> AdminFuture<'_, Described> {
        self.configs_of(resources, query).boxed()
    }

    fn incremental_alter_configs(
        &self,
        changes: Vec<ConfigChange>,
        validate_only: bool,
    ) -> AdminFuture<'_, Outcomes<ConfigResource>> {
        self.change_configs(changes, validate_only).boxed()
    }

    fn create_topics(&self, topics: Vec<NewTopic>, validate_only: bool) -> AdminFuture<'_, Outcomes<String>> {
        self.make_topics(topics, validate_only).boxed()
    }

    fn create_partitions(&self, topics: Vec<NewPartitions>, validate_only: bool) -> AdminFuture<'_, Outcomes<String>> {
        let timeout_ms = self.broker_timeout_ms();
        self.caller
            .call(
                Target::Brokers,
                wire::topics::CreatePartitions {
                    topics,
                    validate_only,
                    timeout_ms,
                },
            )
            .boxed()
    }

    fn delete_topics(&self, names: Vec<String>) -> AdminFuture<'_, Outcomes<String>> {
        let timeout_ms = self.broker_timeout_ms();
        self.caller
            .call(Target::Brokers, wire::topics::DeleteTopics { names, timeout_ms })
            .boxed()
    }

    fn describe_user_scram(&self, users: Vec<String>) -> AdminFuture<'_, BTreeMap<String, Vec<ScramCredential>>> {
        self.caller
            .call(Target::Brokers, wire::scram::DescribeScram { users })
            .boxed()
    }

    fn alter_user_scram(
        &self,
        upserts: Vec<ScramUpsert>,
        deletions: Vec<ScramDeletion>,
    ) -> AdminFuture<'_, Outcomes<String>> {
        self.caller
            .call(Target::Brokers, wire::scram::AlterScram { upserts, deletions })
            .boxed()
    }

    fn describe_acls(&self, filter: AclFilter) -> AdminFuture<'_, Vec<AclBinding>> {
        self.caller
            .call(Target::Brokers, wire::acls::DescribeAcls { filter })
            .boxed()
    }

    fn create_acls(&self, bindings: Vec<AclBinding>) -> AdminFuture<'_, Outcomes<AclBinding>> {
        self.change_acls(bindings, true).boxed()
    }

    fn delete_acls(&self, bindings: Vec<AclBinding>) -> AdminFuture<'_, Outcomes<AclBinding>> {
        self.change_acls(bindings, false).boxed()
    }

    fn describe_features(&self, target: Target) -> AdminFuture<'_, FeaturesView> {
        self.caller.call(target, wire::features::DescribeFeatures).boxed()
    }

    fn update_features(&self, changes: Vec<FeatureChange>, validate_only: bool) -> AdminFuture<'_, Outcomes<String>> {
        let timeout_ms = self.broker_timeout_ms();
        let api = wire::features::UpdateFeatures {
            changes,
            validate_only,
            timeout_ms,
        };
        self.caller.call(Target::Brokers, api).boxed()
    }

    fn elect_preferred_leaders(
        &self,
        partitions: Option<Vec<TopicPartition>>,
    ) -> AdminFuture<'_, Outcomes<TopicPartition>> {
        if partitions.as_ref().is_some_and(Vec::is_empty) {
            return futures::future::ready(Ok(Outcomes::new())).boxed();
        }
        let timeout_ms = self.broker_timeout_ms();
        let api = wire::reassignments::ElectPreferred { partitions, timeout_ms };
        self.caller.call(Target::Brokers, api).boxed()
    }

    fn alter_partition_reassignments(
        &self,
        targets: BTreeMap<TopicPartition, Option<Vec<i32>>>,
        allow_factor_change: bool,
    ) -> AdminFuture<'_, Outcomes<TopicPartition>> {
        self.reassign(targets, allow_factor_change).boxed()
    }

    fn list_partition_reassignments(&self) -> AdminFuture<'_, BTreeMap<TopicPartition, Reassignment>> {
        let timeout_ms = self.broker_timeout_ms();
        self.caller
            .call(Target::Brokers, wire::reassignments::ListReassignments { timeout_ms })
            .boxed()
    }

    fn describe_log_dirs(&self, brokers: Vec<i32>) -> AdminFuture<'_, BTreeMap<i32, Result<Vec<LogDir>, KafkaError>>> {
        self.log_dirs_of(brokers).map(Ok).boxed()
    }

    fn committed_offsets(&self, brokers: Vec<i32>) -> AdminFuture<'_, CommittedOffsets> {
        self.committed(brokers).map(Ok).boxed()
    }

    fn end_offsets(
        &self,
        leaders: BTreeMap<i32, Vec<TopicPartition>>,
    ) -> AdminFuture<'_, BTreeMap<TopicPartition, i64>> {
        self.ends(leaders).map(Ok).boxed()
    }

    fn alter_replica_log_dirs(
        &self,
        broker: i32,
        moves: BTreeMap<TopicPartition, String>,
    ) -> AdminFuture<'_, Outcomes<TopicPartition>> {
        let moves = moves.into_iter().collect();
        self.caller
            .call(Target::Node(broker), wire::log_dirs::AlterLogDirs { moves })
            .boxed()
    }

    fn describe_client_quotas(&self, filter: QuotaFilter) -> AdminFuture<'_, BTreeMap<QuotaEntity, QuotaValues>> {
        self.caller
            .call(Target::Brokers, wire::quotas::DescribeQuotas { filter })
            .boxed()
    }

    fn alter_client_quotas(
        &self,
        changes: Vec<QuotaChange>,
        validate_only: bool,
    ) -> AdminFuture<'_, Outcomes<QuotaEntity>> {
        let api = wire::quotas::AlterQuotas { changes, validate_only };
        self.caller.call(Target::Brokers, api).boxed()
    }

    fn add_raft_voter(
        &self,
        target: Target,
        cluster_id: String,
        voter: VoterKey,
        listeners: Vec<VoterEndpoint>,
    ) -> AdminFuture<'_, ()> {
        let timeout_ms = self.broker_timeout_ms();
        let api = wire::voters::AddVoter {
            cluster_id,
            voter,
            listeners,
            timeout_ms,
        };
        self.caller.call(target, api).boxed()
    }

    fn remove_raft_voter(&self, target: Target, cluster_id: String, voter: VoterKey) -> AdminFuture<'_, ()> {
        self.caller
            .call(target, wire::voters::RemoveVoter { cluster_id, voter })
            .boxed()
    }

    fn register_controller(&self, registration: ControllerRegistration) -> AdminFuture<'_, ()> {
        self.caller
            .call(
                Target::Controllers,
                wire::registrations::RegisterController { registration },
            )
            .boxed()
    }

    fn unregister_controller(&self, controller_id: i32) -> AdminFuture<'_, ()> {
        self.caller
            .call(
                Target::Brokers,
                wire::registrations::UnregisterController { controller_id },
            )
            .boxed()
    }

    fn unregister_broker(&self, broker_id: i32) -> AdminFuture<'_, ()> {
        self.caller
            .call(Target::Brokers, wire::registrations::UnregisterBroker { broker_id })
            .boxed()
    }
}
