//! [`KafkaAdmin`] over real connections.
//!
//! Each method names the request, where it goes, and nothing else: requests are in `wire`, routing and retries in
//! `call`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::FutureExt;

use super::acls::{AclBinding, AclFilter};
use super::admin::{AdminFuture, KafkaAdmin, Outcomes, Target};
use super::call::{Caller, Limits};
use super::configs::{ConfigChange, ConfigEntry, ConfigResource};
use super::connection::ConnectionSettings;
use super::endpoint::Endpoints;
use super::errors::{BrokerError, KafkaError};
use super::pool::{Pool, Transport};
use super::views::{
    ClusterView, FeaturesView, NewPartitions, NewTopic, PartitionsView, QuorumView, ScramCredential, ScramDeletion,
    ScramUpsert, VoterEndpoint, VoterKey,
};
use super::wire;

/// Resources in one `DescribeConfigs` request, so that an answer stays far below the frame limit.
const CONFIG_BATCH: usize = 200;
/// Items in one request that changes topics or ACLs.
const CHANGE_BATCH: usize = 500;

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
    caller: Caller,
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

    /// Replaces the addresses, e.g. after pods moved; connections to endpoints that stay are kept.
    pub fn set_endpoints(&self, endpoints: Endpoints) {
        self.caller.set_endpoints(endpoints);
    }

    /// What Kafka itself may take for a change: less than we wait, so that it is Kafka who reports the timeout.
    fn broker_timeout_ms(&self) -> i32 {
        i32::try_from((self.attempt_timeout * 3 / 4).as_millis()).unwrap_or(i32::MAX)
    }

    async fn configs_of(
        &self,
        resources: Vec<ConfigResource>,
    ) -> Result<BTreeMap<ConfigResource, Result<Vec<ConfigEntry>, BrokerError>>, KafkaError> {
        let mut described = BTreeMap::new();
        for (target, resources) in by_target(resources, |resource| resource) {
            for batch in resources.chunks(CONFIG_BATCH) {
                let api = wire::configs::DescribeConfigs {
                    resources: batch.to_vec(),
                };
                described.extend(self.caller.call(target, api).await?);
            }
        }
        Ok(described)
    }

    async fn change_configs(
        &self,
        changes: Vec<ConfigChange>,
        validate_only: bool,
    ) -> Result<Outcomes<ConfigResource>, KafkaError> {
        let mut outcomes = Outcomes::new();
        for (target, changes) in by_target(changes, |change| &change.resource) {
            for batch in changes.chunks(CHANGE_BATCH) {
                let api = wire::configs::AlterConfigs {
                    changes: batch.to_vec(),
                    validate_only,
                };
                outcomes.extend(self.caller.call(target, api).await?);
            }
        }
        Ok(outcomes)
    }

    async fn make_topics(&self, topics: Vec<NewTopic>, validate_only: bool) -> Result<Outcomes<String>, KafkaError> {
        let timeout_ms = self.broker_timeout_ms();
        let mut outcomes = Outcomes::new();
        for batch in topics.chunks(CHANGE_BATCH) {
            let api = wire::topics::CreateTopics {
                topics: batch.to_vec(),
                validate_only,
                timeout_ms,
            };
            outcomes.extend(self.caller.call(Target::Brokers, api).await?);
        }
        Ok(outcomes)
    }

    async fn change_acls(&self, bindings: Vec<AclBinding>, grant: bool) -> Result<Outcomes<AclBinding>, KafkaError> {
        let distinct: Vec<_> = bindings.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut outcomes = Outcomes::new();
        for batch in distinct.chunks(CHANGE_BATCH) {
            let bindings = batch.to_vec();
            outcomes.extend(if grant {
                self.caller
                    .call(Target::Brokers, wire::acls::CreateAcls { bindings })
                    .await?
            } else {
                self.caller
                    .call(Target::Brokers, wire::acls::DeleteAcls { bindings })
                    .await?
            });
        }
        Ok(outcomes)
    }
}

/// A broker's own configuration is read and validated only by that broker; Kafka refuses it elsewhere.
fn by_target<T>(items: Vec<T>, resource: impl Fn(&T) -> &ConfigResource) -> Vec<(Target, Vec<T>)> {
    let mut groups: BTreeMap<Option<i32>, Vec<T>> = BTreeMap::new();
    for item in items {
        let broker = match resource(&item) {
            ConfigResource::Broker(id) => Some(*id),
            ConfigResource::ClusterDefault | ConfigResource::Topic(_) => None,
        };
        groups.entry(broker).or_default().push(item);
    }
    groups
        .into_iter()
        .map(|(broker, items)| (broker.map_or(Target::Brokers, Target::Node), items))
        .collect()
}

impl KafkaAdmin for KafkaClient {
    fn describe_quorum(&self, target: Target) -> AdminFuture<'_, QuorumView> {
        self.caller.call(target, wire::quorum::DescribeQuorum).boxed()
    }

    fn describe_cluster(&self, include_fenced: bool) -> AdminFuture<'_, ClusterView> {
        self.caller
            .call(Target::Brokers, wire::cluster::DescribeCluster { include_fenced })
            .boxed()
    }

    fn partitions(&self) -> AdminFuture<'_, PartitionsView> {
        self.caller
            .call(Target::Brokers, wire::partitions::AllPartitions)
            .boxed()
    }

    fn describe_configs(
        &self,
        resources: Vec<ConfigResource>,
    ) -> AdminFuture<'_, BTreeMap<ConfigResource, Result<Vec<ConfigEntry>, BrokerError>>> {
        self.configs_of(resources).boxed()
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
        if users.is_empty() {
            return futures::future::ready(Ok(BTreeMap::new())).boxed();
        }
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

    fn unregister_broker(&self, broker_id: i32) -> AdminFuture<'_, ()> {
        self.caller
            .call(Target::Brokers, wire::voters::UnregisterBroker { broker_id })
            .boxed()
    }
}
