//! Calls that take more than one request: batches below the frame limit, and one request for each broker.
//!
//! Where each request goes is decided here; retries are `call`'s.

use std::collections::{BTreeMap, BTreeSet};

use super::acls::AclBinding;
use super::admin::{Described, Outcomes, Target};
use super::client::KafkaClient;
use super::configs::{ConfigChange, ConfigQuery, ConfigResource};
use super::errors::KafkaError;
use super::partition::{LogDir, TopicPartition};
use super::views::{NewTopic, PartitionsView};
use super::wire;

/// Resources in one `DescribeConfigs` request, so that an answer stays far below the frame limit.
const CONFIG_BATCH: usize = 200;
/// The same when only a few keys of each are asked for.
const FEW_KEYS_BATCH: usize = 5000;
/// Items in one request that changes topics, partitions or ACLs.
const CHANGE_BATCH: usize = 500;

impl KafkaClient {
    pub(crate) async fn configs_of(
        &self,
        resources: Vec<ConfigResource>,
        query: ConfigQuery,
    ) -> Result<Described, KafkaError> {
        let mut described = Described::new();
        let size = if query.keys.is_some() {
            FEW_KEYS_BATCH
        } else {
            CONFIG_BATCH
        };
        for (target, resources) in by_target(resources, |resource| resource) {
            for batch in resources.chunks(size) {
                let api = wire::configs::DescribeConfigs {
                    resources: batch.to_vec(),
                    query: query.clone(),
                };
                described.extend(self.caller.call(target, api).await?);
            }
        }
        Ok(described)
    }

    pub(crate) async fn change_configs(
        &self,
        changes: Vec<ConfigChange>,
        validate_only: bool,
    ) -> Result<Outcomes<ConfigResource>, KafkaError> {
        let mut outcomes = Outcomes::new();
        for (target, changes) in by_target(changes, |change| &change.resource) {
            // A stopped broker can't be asked; of the others only controllers change its configuration (KIP-919).
            let target = match target {
                Target::Node(_) if !self.caller.knows(target) => Target::Controllers,
                target => target,
            };
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

    pub(crate) async fn make_topics(
        &self,
        topics: Vec<NewTopic>,
        validate_only: bool,
    ) -> Result<Outcomes<String>, KafkaError> {
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

    pub(crate) async fn change_acls(
        &self,
        bindings: Vec<AclBinding>,
        grant: bool,
    ) -> Result<Outcomes<AclBinding>, KafkaError> {
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

    pub(crate) async fn reassign(
        &self,
        targets: BTreeMap<TopicPartition, Option<Vec<i32>>>,
        allow_factor_change: bool,
    ) -> Result<Outcomes<TopicPartition>, KafkaError> {
        let timeout_ms = self.broker_timeout_ms();
        let targets: Vec<_> = targets.into_iter().collect();
        let mut outcomes = Outcomes::new();
        for batch in targets.chunks(CHANGE_BATCH) {
            let api = wire::reassignments::AlterReassignments {
                targets: batch.to_vec(),
                allow_factor_change,
                timeout_ms,
            };
            outcomes.extend(self.caller.call(Target::Brokers, api).await?);
        }
        Ok(outcomes)
    }

    /// All brokers are asked at the same time, so that one that is gone costs one deadline.
    pub(crate) async fn log_dirs_of(&self, brokers: Vec<i32>) -> BTreeMap<i32, Result<Vec<LogDir>, KafkaError>> {
        let distinct: BTreeSet<i32> = brokers.into_iter().collect();
        let asked = distinct.into_iter().map(|id| async move {
            let dirs = self
                .caller
                .call(Target::Node(id), wire::log_dirs::DescribeLogDirs)
                .await;
            (id, dirs)
        });
        futures::future::join_all(asked).await.into_iter().collect()
    }

    pub(crate) async fn eligible_leaders(&self) -> Result<PartitionsView, KafkaError> {
        let pages = wire::partitions::PartitionPages::default();
        match self.caller.call(Target::Brokers, pages).await {
            Ok(page) => Ok(page.view),
            Err(KafkaError::UnsupportedApi { .. }) => {
                self.caller.call(Target::Brokers, wire::partitions::AllPartitions).await
            }
            Err(error) => Err(error),
        }
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
