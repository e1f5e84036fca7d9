//! The admin client's seam on the Kafka in memory. Orders pass the gate like writes to the apiserver do.

use super::gate::{Fault, Passage};
use super::kafka::{Kafka, KafkaState, Topic};
use crate::controller::kafka::Connector;
use crate::kafka::{
    AclBinding, AclFilter, AdminFuture, BrokerError, BrokerState, ClientIdentity, ClusterView, ConfigChange,
    ConfigEntry, ConfigOp, ConfigQuery, ConfigResource, ConfigSource, Described, Endpoints, ErrorCode, FeatureChange,
    FeaturesView, KafkaAdmin, KafkaError, LogDir, LogDirReplica, NewPartitions, NewTopic, Outcomes, PartitionState,
    PartitionsView, QuorumView, QuotaChange, QuotaEntity, QuotaFilter, QuotaValues, Reassignment, ReplicaState,
    ScramCredential, ScramDeletion, ScramUpsert, Target, TlsError, TopicPartition, VoterEndpoint, VoterKey,
};
use futures::FutureExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub struct SimulatedConnector(pub Arc<Kafka>);

impl Connector for SimulatedConnector {
    fn open(&self, identity: &ClientIdentity, endpoints: Endpoints) -> Result<Arc<dyn KafkaAdmin>, TlsError> {
        identity.client_config()?;
        Ok(Arc::new(Admin {
            kafka: Arc::clone(&self.0),
            endpoints,
        }))
    }
}

struct Admin {
    kafka: Arc<Kafka>,
    endpoints: Endpoints,
}

type Answer<T> = Result<T, KafkaError>;

fn silence<T>() -> Answer<T> {
    Err(KafkaError::Timeout {
        api: "simulated",
        after: Duration::from_secs(8),
        last: None,
    })
}

fn done<K: Ord>(items: impl IntoIterator<Item = K>) -> Outcomes<K> {
    items.into_iter().map(|item| (item, Ok(()))).collect()
}

impl Admin {
    /// Asks something.
    fn ask<'a, T: Send + 'a>(
        &'a self,
        target: Target,
        answer: impl FnOnce(&Kafka) -> T + Send + 'a,
    ) -> AdminFuture<'a, T> {
        async move {
            if self.kafka.gate.read() == Passage::Closed {
                return std::future::pending().await;
            }
            let endpoints = if target == Target::Controllers {
                &self.endpoints.controllers
            } else {
                &self.endpoints.brokers
            };
            if endpoints.is_empty() {
                return Err(KafkaError::NoEndpoint { target });
            }
            if self.kafka.quorum().1.is_none() || self.kafka.state().cut_off {
                silence()
            } else {
                Ok(answer(&self.kafka))
            }
        }
        .boxed()
    }

    /// Orders something.
    fn order<'a, T: Send + 'a>(
        &'a self,
        what: String,
        carry_out: impl FnOnce(&mut KafkaState, &[i32]) -> T + Send + 'a,
    ) -> AdminFuture<'a, T> {
        async move {
            let passage = self.kafka.gate.write(format!("kafka {what}"));
            if passage == Passage::Closed {
                return std::future::pending().await;
            }
            let silent = self.kafka.quorum().1.is_none() || self.kafka.state().cut_off;
            if silent || matches!(passage, Passage::Struck(Fault::Refuse(_))) {
                return silence();
            }
            let brokers: Vec<i32> = self
                .kafka
                .processes()
                .iter()
                .filter(|one| one.broker)
                .map(|one| one.id)
                .collect();
            let answer = carry_out(&mut self.kafka.state(), &brokers);
            match passage {
                Passage::Struck(Fault::KillUnanswered) => {
                    self.kafka.gate.die();
                    std::future::pending().await
                }
                Passage::Struck(Fault::LoseAnswer) => silence(),
                _ => Ok(answer),
            }
        }
        .boxed()
    }
}

fn replica((id, directory): (i32, String)) -> ReplicaState {
    ReplicaState {
        id,
        directory_id: directory,
        log_end_offset: 1,
        last_fetch_ms: Some(0),
        last_caught_up_ms: Some(0),
    }
}

fn node(id: i32) -> BrokerState {
    BrokerState {
        id,
        host: format!("b{id}"),
        port: 9091,
        rack: None,
        fenced: false,
    }
}

fn entries(values: &BTreeMap<String, String>, source: ConfigSource) -> Vec<ConfigEntry> {
    let entry = |(name, value): (&String, &String)| ConfigEntry {
        name: name.clone(),
        value: Some(value.clone()),
        source,
        read_only: false,
        sensitive: false,
        synonyms: Vec::new(),
    };
    values.iter().map(entry).collect()
}

impl KafkaState {
    fn accuse(&mut self, what: &str) {
        self.accusations.insert(what.to_owned());
    }

    fn alter(&mut self, change: &ConfigChange) {
        self.alterations.push(format!("{:?} {:?}", change.resource, change.ops));
        let mut nothing = BTreeMap::new();
        let values = match &change.resource {
            ConfigResource::Topic(name) => self
                .topics
                .get_mut(name)
                .map_or(&mut nothing, |topic| &mut topic.config),
            _ => &mut self.defaults,
        };
        for op in &change.ops {
            let before = match op {
                ConfigOp::Set { name, value } => values.insert(name.clone(), value.clone()).filter(|old| old == value),
                ConfigOp::Delete { name } => values.remove(name).is_none().then(String::new),
            };
            if before.is_some() {
                self.accusations.insert(format!(
                    "a configuration was altered to what it was: {:?} {op:?}",
                    change.resource
                ));
            }
        }
    }

    fn log_dir(&self, broker: i32) -> LogDir {
        let of_topic = |(name, topic): (&String, &Topic)| -> Vec<LogDirReplica> {
            let held = topic
                .replicas
                .iter()
                .enumerate()
                .filter(|(_, ids)| ids.contains(&broker));
            held.map(|(partition, _)| LogDirReplica {
                partition: TopicPartition::new(name.clone(), i32::try_from(partition).unwrap()),
                size_bytes: 1,
                offset_lag: 0,
                future: false,
            })
            .collect()
        };
        LogDir {
            path: "/var/lib/kafka/data-0/kafka-log".to_owned(),
            error: None,
            total_bytes: Some(1 << 30),
            usable_bytes: Some(1 << 29),
            replicas: self.topics.iter().flat_map(of_topic).collect(),
        }
    }

    fn create(&mut self, new: &NewTopic, brokers: &[i32]) -> Result<(), BrokerError> {
        if self.unheard.contains(&new.name) && self.topics.contains_key(&new.name) {
            self.already += 1;
            return Err(BrokerError {
                code: ErrorCode::TOPIC_ALREADY_EXISTS,
                message: None,
            });
        }
        let replicas = usize::try_from(new.replication_factor.unwrap()).unwrap();
        let partitions = usize::try_from(new.partitions.unwrap()).unwrap();
        let place = |partition: usize| {
            (0..replicas)
                .map(|index| brokers[(partition + index) % brokers.len()])
                .collect()
        };
        let topic = Topic {
            replicas: (0..partitions).map(place).collect(),
            config: new.config.clone(),
        };
        if self.topics.insert(new.name.clone(), topic).is_some() {
            self.accusations.insert(format!("topic {} was created twice", new.name));
        }
        Ok(())
    }
}

impl KafkaAdmin for Admin {
    fn describe_quorum(&self, target: Target) -> AdminFuture<'_, QuorumView> {
        self.ask(target, |kafka| {
            let (voters, leader_id) = kafka.quorum();
            QuorumView {
                leader_id,
                leader_epoch: 1,
                high_watermark: Some(1),
                voters: voters.into_iter().map(replica).collect(),
                observers: Vec::new(),
            }
        })
    }

    fn describe_cluster(&self, _include_fenced: bool) -> AdminFuture<'_, ClusterView> {
        self.ask(Target::Brokers, |kafka| {
            let processes = kafka.processes();
            ClusterView {
                cluster_id: processes
                    .first()
                    .map(|one| one.disk.cluster.clone())
                    .unwrap_or_default(),
                controller_id: None,
                brokers: processes
                    .iter()
                    .filter(|one| one.broker)
                    .map(|one| node(one.id))
                    .collect(),
            }
        })
    }

    fn describe_controllers(&self) -> AdminFuture<'_, ClusterView> {
        self.ask(Target::Controllers, |kafka| {
            let processes = kafka.processes();
            let controllers = processes.iter().filter(|one| one.controller);
            ClusterView {
                cluster_id: processes
                    .first()
                    .map(|one| one.disk.cluster.clone())
                    .unwrap_or_default(),
                controller_id: kafka.quorum().1,
                brokers: controllers.map(|one| node(one.id)).collect(),
            }
        })
    }

    fn partitions_with_elr(&self) -> AdminFuture<'_, PartitionsView> {
        self.partitions()
    }

    fn partitions(&self) -> AdminFuture<'_, PartitionsView> {
        self.ask(Target::Brokers, |kafka| {
            kafka.state().looks += 1;
            let up: Vec<i32> = kafka
                .processes()
                .iter()
                .filter(|one| one.broker)
                .map(|one| one.id)
                .collect();
            let state = kafka.state();
            let view = |name: &String, (partition, replicas): (usize, &Vec<i32>)| {
                let isr: Vec<i32> = replicas
                    .iter()
                    .copied()
                    .filter(|id| up.contains(id) && !state.lagging.contains(id))
                    .collect();
                PartitionState {
                    topic: name.clone(),
                    partition: i32::try_from(partition).unwrap(),
                    leader: isr.first().copied(),
                    replicas: replicas.clone(),
                    isr,
                    elr: None,
                    offline: Vec::new(),
                    internal: false,
                }
            };
            let of_topic = |(name, topic): (&String, &Topic)| -> Vec<PartitionState> {
                topic.replicas.iter().enumerate().map(|one| view(name, one)).collect()
            };
            let heard = state.topics.iter().filter(|(name, _)| !state.unheard.contains(*name));
            PartitionsView {
                partitions: heard.flat_map(of_topic).collect(),
                ..PartitionsView::default()
            }
        })
    }

    fn query_configs(&self, resources: Vec<ConfigResource>, query: ConfigQuery) -> AdminFuture<'_, Described> {
        self.ask(Target::Brokers, move |kafka| {
            let state = kafka.state();
            let wanted = |entry: &ConfigEntry| query.keys.as_ref().is_none_or(|keys| keys.contains(&entry.name));
            let described = |resource: &ConfigResource| match resource {
                // Asked by name, a topic's key that isn't set says what the cluster has.
                ConfigResource::Topic(name) => {
                    let inherited = query.keys.is_some().then(|| state.defaults.clone());
                    let own = state.topics.get(name).map(|topic| topic.config.clone());
                    let mut all = entries(&inherited.unwrap_or_default(), ConfigSource::DynamicDefaultBroker);
                    let own = entries(&own.unwrap_or_default(), ConfigSource::DynamicTopic);
                    all.retain(|entry| own.iter().all(|set| set.name != entry.name));
                    all.extend(own);
                    all
                }
                _ => entries(&state.defaults, ConfigSource::DynamicDefaultBroker),
            };
            resources
                .into_iter()
                .map(|resource| {
                    let entries = described(&resource).into_iter().filter(wanted).collect();
                    (resource, Ok(entries))
                })
                .collect()
        })
    }

    fn incremental_alter_configs(
        &self,
        changes: Vec<ConfigChange>,
        _: bool,
    ) -> AdminFuture<'_, Outcomes<ConfigResource>> {
        self.order("IncrementalAlterConfigs".into(), |state, _| {
            for change in &changes {
                state.alter(change);
            }
            done(changes.into_iter().map(|change| change.resource))
        })
    }

    fn create_topics(&self, topics: Vec<NewTopic>, _: bool) -> AdminFuture<'_, Outcomes<String>> {
        self.order("CreateTopics".into(), |state, brokers| {
            let create = |topic: NewTopic| {
                let outcome = state.create(&topic, brokers);
                (topic.name, outcome)
            };
            topics.into_iter().map(create).collect()
        })
    }

    fn create_partitions(&self, _: Vec<NewPartitions>, _: bool) -> AdminFuture<'_, Outcomes<String>> {
        async { silence() }.boxed()
    }

    fn delete_topics(&self, _: Vec<String>) -> AdminFuture<'_, Outcomes<String>> {
        self.order("DeleteTopics".into(), |state, _| {
            state.accusations.insert("a topic was deleted".into());
            Outcomes::new()
        })
    }

    fn describe_user_scram(&self, users: Vec<String>) -> AdminFuture<'_, BTreeMap<String, Vec<ScramCredential>>> {
        self.ask(Target::Brokers, |kafka| {
            let state = kafka.state();
            let shown = |user: String| {
                let stored = state.scram.get(&user)?;
                Some((
                    user,
                    vec![ScramCredential {
                        mechanism: stored.mechanism,
                        iterations: stored.iterations,
                    }],
                ))
            };
            users.into_iter().filter_map(shown).collect()
        })
    }

    fn alter_user_scram(
        &self,
        upserts: Vec<ScramUpsert>,
        deletions: Vec<ScramDeletion>,
    ) -> AdminFuture<'_, Outcomes<String>> {
        self.order("AlterUserScramCredentials".into(), move |state, _| {
            state.upserts += upserts.len();
            for deletion in &deletions {
                state.scram.remove(&deletion.user);
            }
            let users = upserts
                .iter()
                .map(|one| one.user.clone())
                .chain(deletions.iter().map(|one| one.user.clone()));
            let outcomes = done(users);
            state
                .scram
                .extend(upserts.into_iter().map(|one| (one.user.clone(), one)));
            outcomes
        })
    }

    fn describe_acls(&self, filter: AclFilter) -> AdminFuture<'_, Vec<AclBinding>> {
        self.ask(Target::Brokers, move |kafka| {
            let matches = |acl: &&AclBinding| filter.principal.as_ref().is_none_or(|wanted| *wanted == acl.principal);
            kafka.state().acls.iter().filter(matches).cloned().collect()
        })
    }

    fn create_acls(&self, bindings: Vec<AclBinding>) -> AdminFuture<'_, Outcomes<AclBinding>> {
        self.order("CreateAcls".into(), |state, _| {
            state.acls.extend(bindings.iter().cloned());
            done(bindings)
        })
    }

    fn delete_acls(&self, bindings: Vec<AclBinding>) -> AdminFuture<'_, Outcomes<AclBinding>> {
        self.order("DeleteAcls".into(), |state, _| {
            state.acls.retain(|acl| !bindings.contains(acl));
            done(bindings)
        })
    }

    fn describe_features(&self, target: Target) -> AdminFuture<'_, FeaturesView> {
        self.ask(target, |kafka| {
            let mut finalized = BTreeMap::from([("metadata.version".to_owned(), 30), ("kraft.version".to_owned(), 1)]);
            finalized.extend(kafka.state().features.clone());
            FeaturesView {
                finalized,
                ..FeaturesView::default()
            }
        })
    }

    fn update_features(&self, changes: Vec<FeatureChange>, validate_only: bool) -> AdminFuture<'_, Outcomes<String>> {
        self.order("UpdateFeatures".into(), move |state, _| {
            let levels = changes.iter().map(|change| (change.feature.clone(), change.level));
            if !validate_only {
                state.features.extend(levels);
            }
            done(changes.into_iter().map(|change| change.feature))
        })
    }

    fn elect_preferred_leaders(
        &self,
        partitions: Option<Vec<TopicPartition>>,
    ) -> AdminFuture<'_, Outcomes<TopicPartition>> {
        self.order("ElectLeaders".into(), move |_, _| done(partitions.unwrap_or_default()))
    }

    /// A reassignment is over at once.
    fn alter_partition_reassignments(
        &self,
        targets: BTreeMap<TopicPartition, Option<Vec<i32>>>,
        _: bool,
    ) -> AdminFuture<'_, Outcomes<TopicPartition>> {
        self.order("AlterPartitionReassignments".into(), move |state, _| {
            for (partition, replicas) in &targets {
                let index = usize::try_from(partition.partition).unwrap();
                let topic = state.topics.get_mut(&partition.topic).unwrap();
                topic.replicas[index] = replicas.clone().unwrap_or_else(|| topic.replicas[index].clone());
            }
            done(targets.into_keys())
        })
    }

    fn list_partition_reassignments(&self) -> AdminFuture<'_, BTreeMap<TopicPartition, Reassignment>> {
        self.ask(Target::Brokers, |_| BTreeMap::new())
    }

    fn describe_log_dirs(&self, brokers: Vec<i32>) -> AdminFuture<'_, BTreeMap<i32, Answer<Vec<LogDir>>>> {
        self.ask(Target::Brokers, move |kafka| {
            let running: Vec<i32> = kafka.processes().iter().map(|one| one.id).collect();
            let state = kafka.state();
            let dirs = |id: i32| {
                if running.contains(&id) {
                    Ok(vec![state.log_dir(id)])
                } else {
                    silence()
                }
            };
            brokers.into_iter().map(|id| (id, dirs(id))).collect()
        })
    }

    fn alter_replica_log_dirs(
        &self,
        _: i32,
        moves: BTreeMap<TopicPartition, String>,
    ) -> AdminFuture<'_, Outcomes<TopicPartition>> {
        self.order("AlterReplicaLogDirs".into(), move |_, _| done(moves.into_keys()))
    }

    fn describe_client_quotas(&self, _: QuotaFilter) -> AdminFuture<'_, BTreeMap<QuotaEntity, QuotaValues>> {
        self.ask(Target::Brokers, |kafka| kafka.state().quotas.clone())
    }

    fn alter_client_quotas(&self, changes: Vec<QuotaChange>, _: bool) -> AdminFuture<'_, Outcomes<QuotaEntity>> {
        self.order("AlterClientQuotas".into(), move |state, _| {
            for change in &changes {
                let values = state.quotas.entry(change.entity.clone()).or_default();
                for (key, value) in &change.ops {
                    match value {
                        Some(value) => drop(values.insert(key.clone(), *value)),
                        None => drop(values.remove(key)),
                    }
                }
            }
            state.quotas.retain(|_, values| !values.is_empty());
            done(changes.into_iter().map(|change| change.entity))
        })
    }

    fn add_raft_voter(&self, _: Target, _: String, _: VoterKey, _: Vec<VoterEndpoint>) -> AdminFuture<'_, ()> {
        self.order("AddRaftVoter".into(), |state, _| state.accuse("a voter was added"))
    }

    fn remove_raft_voter(&self, _: Target, _: String, _: VoterKey) -> AdminFuture<'_, ()> {
        self.order("RemoveRaftVoter".into(), |state, _| state.accuse("a voter was removed"))
    }

    fn unregister_broker(&self, _: i32) -> AdminFuture<'_, ()> {
        self.order("UnregisterBroker".into(), |state, _| {
            state.accuse("a broker was forgotten");
        })
    }
}
