//! The admin client's seam on the Kafka in memory. Orders pass the gate like writes to the apiserver do.

use super::clock;
use super::gate::{Fault, Passage};
use super::kafka::{Kafka, KafkaState, Process, Topic};
use crate::controller::access::scram::GUARD;
use crate::controller::kafka::Connector;
use crate::kafka::groups::CommittedOffsets;
use crate::kafka::{
    AclBinding, AclFilter, AdminFuture, BrokerError, BrokerState, ClientIdentity, ClusterView, ConfigChange,
    ConfigEntry, ConfigOp, ConfigQuery, ConfigResource, ConfigSource, ControllerRegistration, Described, Endpoints,
    ErrorCode, FeatureChange, FeatureLevels, FeaturesView, KafkaAdmin, KafkaError, LogDir, LogDirReplica,
    NewPartitions, NewTopic, Outcomes, PartitionState, PartitionsView, QuorumView, QuotaChange, QuotaEntity,
    QuotaFilter, QuotaValues, Reassignment, ReplicaState, ScramCredential, ScramDeletion, ScramUpsert, Target,
    TlsError, TopicPartition, VoterEndpoint, VoterKey,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const METADATA: &str = "metadata.version";

pub struct SimulatedConnector(pub Arc<Kafka>);

impl Connector for SimulatedConnector {
    fn open(&self, identity: &ClientIdentity, endpoints: Endpoints) -> Result<Arc<dyn KafkaAdmin>, TlsError> {
        identity.client_config()?;
        Ok(Arc::new(Admin {
            kafka: Arc::clone(&self.0),
            endpoints,
        }))
    }

    fn certificate(&self, address: String, _: Duration) -> BoxFuture<'_, Option<String>> {
        let shown = self.0.shown_at(&address);
        async move { shown }.boxed()
    }

    fn metrics(&self, address: String, path: String, _: Duration) -> BoxFuture<'_, Option<String>> {
        if path.contains("raft_metrics") {
            let told = self.0.raft_metrics(&address);
            return async move { told }.boxed();
        }
        let logs = self.0.state().recovering;
        let name = path.rsplit_once('=').map(|(_, name)| name.to_owned()).unwrap();
        async move { Some(format!("{name}{{dir=\"/d\"}} {logs}.0\n")) }.boxed()
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
    /// Asks something that only the leader can answer.
    fn ask<'a, T: Send + 'a>(
        &'a self,
        target: Target,
        answer: impl FnOnce(&Kafka) -> T + Send + 'a,
    ) -> AdminFuture<'a, T> {
        self.ask_even_without_leader(target, |kafka| kafka.quorum().1.map(|_| answer(kafka)))
    }

    /// `None` is no answer.
    fn ask_even_without_leader<'a, T: Send + 'a>(
        &'a self,
        target: Target,
        answer: impl FnOnce(&Kafka) -> Option<T> + Send + 'a,
    ) -> AdminFuture<'a, T> {
        async move {
            if self.kafka.gate.read() == Passage::Closed {
                return std::future::pending().await;
            }
            let endpoints = if matches!(target, Target::Controllers | Target::Controller(_)) {
                &self.endpoints.controllers
            } else {
                &self.endpoints.brokers
            };
            if endpoints.is_empty() {
                return Err(KafkaError::NoEndpoint { target });
            }
            let cut_off = self.kafka.state().cut_off || self.kafka.shows_nothing_that_holds();
            let answer = if cut_off { None } else { answer(&self.kafka) };
            answer.map_or_else(silence, Ok)
        }
        .boxed()
    }

    /// Orders something.
    fn vote(&self, voter: VoterKey, named: bool, add: bool) -> AdminFuture<'_, ()> {
        async move {
            let passage = self.kafka.gate.write(format!("kafka vote {add} {}", voter.id));
            if passage == Passage::Closed {
                return std::future::pending().await;
            }
            let silent = self.kafka.quorum().1.is_none() || self.kafka.state().cut_off;
            if silent || matches!(passage, Passage::Struck(Fault::Refuse(_))) {
                return silence();
            }
            if !named {
                self.kafka.state().accuse("a voter was added without its endpoint");
            }
            let answer = self.kafka.change_voters(voter.id, &voter.directory_id, add);
            match passage {
                Passage::Struck(Fault::KillUnanswered) => {
                    self.kafka.gate.die();
                    std::future::pending().await
                }
                Passage::Struck(Fault::LoseAnswer) => silence(),
                _ => answer.map_err(|error| KafkaError::Broker {
                    api: "vote",
                    address: "simulated".to_owned(),
                    error,
                }),
            }
        }
        .boxed()
    }

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

fn node(id: i32, rack: Option<&String>, fenced: bool) -> BrokerState {
    BrokerState {
        id,
        host: format!("b{id}"),
        port: 9091,
        rack: rack.cloned(),
        fenced,
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
    pub fn accuse(&mut self, what: &str) {
        self.accusations.insert(what.to_owned());
    }

    fn alter(&mut self, change: &ConfigChange, brokers: &[i32]) {
        // Takes nothing away, so that the broker reads its files again.
        if let ([ConfigOp::Delete { name }], ConfigResource::Broker(id)) = (change.ops.as_slice(), &change.resource)
            && name == "listener.name.replication.ssl.keystore.location"
        {
            self.read_files_again(*id);
            return;
        }
        self.alterations.push(format!("{:?} {:?}", change.resource, change.ops));
        let mut nothing = BTreeMap::new();
        let values = match &change.resource {
            ConfigResource::Topic(name) => self
                .topics
                .get_mut(name)
                .map_or(&mut nothing, |topic| &mut topic.config),
            ConfigResource::Broker(id) => self.broker_configs.entry(*id).or_default(),
            ConfigResource::ClusterDefault => &mut self.defaults,
        };
        // Nobody can read what a stopped broker has.
        let blind = matches!(change.resource, ConfigResource::Broker(id) if !brokers.contains(&id));
        for op in &change.ops {
            let before = match op {
                ConfigOp::Set { name, value } => values.insert(name.clone(), value.clone()).filter(|old| old == value),
                ConfigOp::Delete { name } => values.remove(name).is_none().then(String::new),
            };
            if before.is_some() && !blind {
                self.accusations.insert(format!(
                    "a configuration was altered to what it was: {:?} {op:?}",
                    change.resource
                ));
            }
        }
        self.broker_configs.retain(|_, values| !values.is_empty());
    }

    /// Whether the brake of KIP-73 holds for a copy that's about to begin.
    fn is_braked(&self, id: &TopicPartition, sources: &[i32], adding: &[i32], brokers: &[i32]) -> bool {
        let config = &self.topics[&id.topic].config;
        let listed = |key: &str, ids: &[i32]| {
            let list: Vec<&str> = config
                .get(key)
                .map(|list| list.split(',').collect())
                .unwrap_or_default();
            ids.iter()
                .all(|broker| list.contains(&format!("{}:{broker}", id.partition).as_str()))
        };
        let mut involved = sources.iter().chain(adding).filter(|id| brokers.contains(id));
        let rates = [
            "leader.replication.throttled.rate",
            "follower.replication.throttled.rate",
        ];
        let is_limited = |id: &i32| {
            let config = self.broker_configs.get(id);
            config.is_some_and(|config| rates.iter().all(|rate| config.contains_key(*rate)))
        };
        listed("leader.replication.throttled.replicas", sources)
            && listed("follower.replication.throttled.replicas", adding)
            && involved.all(is_limited)
    }

    fn reassign(&mut self, id: &TopicPartition, target: &[i32], brokers: &[i32]) {
        let earlier = self.moving.remove(id).map(|(one, _)| one).unwrap_or_default();
        let replicas = self.replicas_of(id).clone();
        let held: Vec<i32> = replicas.into_iter().filter(|id| !earlier.adding.contains(id)).collect();
        let adding: Vec<i32> = target.iter().copied().filter(|id| !held.contains(id)).collect();
        let removing: Vec<i32> = held.iter().copied().filter(|id| !target.contains(id)).collect();
        self.moves += 1;
        let sources: Vec<i32> = held.clone();
        if !adding.is_empty() && !self.is_braked(id, &sources, &adding, brokers) {
            self.accuse(&format!("{id} is copied without a brake"));
        }
        let closed = adding.iter().find(|id| {
            let config = self.broker_configs.get(id);
            config.is_some_and(|config| config.contains_key("cordoned.log.dirs"))
        });
        if let Some(closed) = closed {
            self.accuse(&format!("{id} is given to broker {closed}, which is cordoned"));
        }
        let replicas: Vec<i32> = target.iter().chain(&removing).copied().collect();
        self.replicas_of(id).clone_from(&replicas);
        let one = Reassignment {
            replicas,
            adding,
            removing,
        };
        self.moving.insert(id.clone(), (one, 0));
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
                size_bytes: 1000 * (i64::try_from(partition).unwrap() + 1),
                offset_lag: 0,
                future: false,
            })
            .collect()
        };
        LogDir {
            path: "/var/lib/kafka/data-0/kafka-log".to_owned(),
            error: self
                .failed_disks
                .contains(&broker)
                .then(|| BrokerError::new(ErrorCode::KAFKA_STORAGE_ERROR, None)),
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
        if new.config.contains_key("no.such.key") {
            return Err(BrokerError::new(
                ErrorCode::INVALID_CONFIG,
                Some("Unknown topic config name: no.such.key".into()),
            ));
        }
        let closed = |id: &&i32| {
            let config = self.broker_configs.get(id);
            config.is_some_and(|config| config.contains_key("cordoned.log.dirs"))
        };
        let brokers: Vec<i32> = brokers.iter().filter(|id| !closed(id)).copied().collect();
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
            let processes = kafka.processes();
            let runs = |(id, directory): &(i32, String)| {
                processes
                    .iter()
                    .any(|one| one.id == *id && one.disk.directory == *directory)
            };
            // The log grows while the quorum leads.
            let end = {
                let mut state = kafka.state();
                state.records += if leader_id.is_some() { 10 } else { 0 };
                state.records
            };
            // A list of voters names no disks.
            let is_static = kafka.state().features.get("kraft.version") == Some(&0);
            let replica = |one: (i32, String)| {
                let runs = runs(&one);
                ReplicaState {
                    id: one.0,
                    directory_id: if is_static { "A".repeat(22) } else { one.1 },
                    log_end_offset: if runs { end } else { 0 },
                    last_fetch_ms: None,
                    last_caught_up_ms: runs.then(|| 1_000 * clock::seconds()),
                }
            };
            QuorumView {
                leader_id,
                leader_epoch: 1,
                high_watermark: Some(end),
                voters: voters.into_iter().map(replica).collect(),
                observers: kafka.observers().into_iter().map(replica).collect(),
            }
        })
    }

    fn describe_cluster(&self, include_fenced: bool) -> AdminFuture<'_, ClusterView> {
        self.ask(Target::Brokers, move |kafka| {
            let processes = kafka.processes();
            let (racks, up) = (kafka.racks(), kafka.brokers_up());
            let mut known: BTreeSet<i32> = up.iter().copied().collect();
            if include_fenced {
                known.extend(&kafka.state().registered);
            }
            ClusterView {
                cluster_id: processes
                    .first()
                    .map(|one| one.disk.cluster.clone())
                    .unwrap_or_default(),
                controller_id: None,
                brokers: known
                    .into_iter()
                    .map(|id| node(id, racks.get(&id), !up.contains(&id)))
                    .collect(),
            }
        })
    }

    fn describe_controllers(&self, target: Target) -> AdminFuture<'_, ClusterView> {
        let answer = self.ask_even_without_leader(target, move |kafka| {
            let processes = kafka.processes();
            let (voters, leader) = kafka.quorum();
            let former = kafka.state().former_leader;
            let asked = processes.iter().find(|one| target == Target::Controller(one.id));
            let has_metadata =
                |one: &Process| leader.is_some() || voters.contains(&(one.id, one.disk.directory.clone()));
            if asked.is_some_and(|one| !has_metadata(one)) {
                return Some(None);
            }
            Some(Some(ClusterView {
                cluster_id: processes
                    .first()
                    .map(|one| one.disk.cluster.clone())
                    .unwrap_or_default(),
                // Without a majority a controller goes on naming the leader that it had.
                controller_id: leader.or(former.filter(|former| target != Target::Controller(*former))),
                brokers: kafka
                    .state()
                    .controllers
                    .keys()
                    .map(|id| node(*id, None, false))
                    .collect(),
            }))
        });
        // A controller without metadata knows no `metadata.version`, so it doesn't know either whether it may say that.
        async move {
            answer.await?.ok_or_else(|| KafkaError::Broker {
                api: "DescribeCluster",
                address: "simulated".into(),
                error: BrokerError::new(ErrorCode::UNSUPPORTED_VERSION, None),
            })
        }
        .boxed()
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
                let id = TopicPartition::new(name.clone(), i32::try_from(partition).unwrap());
                let copying = state
                    .moving
                    .get(&id)
                    .map(|(one, _)| one.adding.clone())
                    .unwrap_or_default();
                let in_sync = |id: &i32| {
                    up.contains(id)
                        && !copying.contains(id)
                        && !state.lagging.contains(id)
                        && !state.failed_disks.contains(id)
                };
                let isr: Vec<i32> = replicas.iter().copied().filter(in_sync).collect();
                PartitionState {
                    topic: name.clone(),
                    partition: i32::try_from(partition).unwrap(),
                    leader: isr.first().copied(),
                    replicas: replicas.clone(),
                    isr,
                    elr: None,
                    offline: replicas
                        .iter()
                        .copied()
                        .filter(|id| !up.contains(id) || state.failed_disks.contains(id))
                        .collect(),
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
        let dialled = |id: &i32| self.endpoints.brokers.iter().any(|one| one.node_id == Some(*id));
        for resource in &resources {
            if let ConfigResource::Broker(id) = resource
                && !dialled(id)
            {
                let target = Target::Node(*id);
                return async move { Err(KafkaError::NoEndpoint { target }) }.boxed();
            }
        }
        self.ask(Target::Brokers, move |kafka| {
            let state = kafka.state();
            let wanted = |entry: &ConfigEntry| query.keys.as_ref().is_none_or(|keys| keys.contains(&entry.name));
            let of_broker = |id: &i32| {
                let own = state.broker_configs.get(id).cloned().unwrap_or_default();
                let mut all = entries(&own, ConfigSource::DynamicBroker);
                all.extend(entries(&state.defaults, ConfigSource::DynamicDefaultBroker));
                all
            };
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
                ConfigResource::Broker(id) => of_broker(id),
                ConfigResource::ClusterDefault => entries(&state.defaults, ConfigSource::DynamicDefaultBroker),
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
        self.order("IncrementalAlterConfigs".into(), |state, brokers| {
            let unknown = |resource: &ConfigResource| match resource {
                ConfigResource::Broker(id) => !state.registered.contains(id),
                _ => false,
            };
            let refused: Vec<ConfigResource> = changes
                .iter()
                .map(|change| change.resource.clone())
                .filter(unknown)
                .collect();
            for change in changes.iter().filter(|change| !refused.contains(&change.resource)) {
                state.alter(change, brokers);
            }
            let verdict = |resource: ConfigResource| {
                let refused = refused.contains(&resource);
                let error = || BrokerError::new(ErrorCode::INVALID_REQUEST, Some("no such broker".into()));
                (resource, if refused { Err(error()) } else { Ok(()) })
            };
            changes.into_iter().map(|change| verdict(change.resource)).collect()
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

    fn delete_topics(&self, names: Vec<String>) -> AdminFuture<'_, Outcomes<String>> {
        self.order("DeleteTopics".into(), move |state, _| {
            if names.len() > 200 {
                let count = names.len();
                state.accusations.insert(format!("{count} topics were deleted at once"));
            }
            let delete = |name: String| {
                if state.keeps_topics {
                    return (
                        name,
                        Err(BrokerError::new(
                            ErrorCode(73),
                            Some("Topic deletion is disabled.".into()),
                        )),
                    );
                }
                if !state.may_go.contains(&name) {
                    state.accusations.insert(format!("topic {name} was deleted"));
                }
                state.topics.remove(&name);
                (name, Ok(()))
            };
            names.into_iter().map(delete).collect()
        })
    }

    fn describe_user_scram(&self, users: Vec<String>) -> AdminFuture<'_, BTreeMap<String, Vec<ScramCredential>>> {
        self.ask(Target::Brokers, move |kafka| {
            let state = kafka.state();
            let mut all = BTreeMap::<String, Vec<ScramCredential>>::new();
            for ((user, mechanism), stored) in &state.scram {
                all.entry(user.clone()).or_default().push(ScramCredential {
                    mechanism: *mechanism,
                    iterations: stored.iterations,
                });
            }
            all.retain(|user, _| users.is_empty() || users.contains(user));
            all
        })
    }

    fn alter_user_scram(
        &self,
        upserts: Vec<ScramUpsert>,
        deletions: Vec<ScramDeletion>,
    ) -> AdminFuture<'_, Outcomes<String>> {
        self.order("AlterUserScramCredentials".into(), move |state, _| {
            state.upserts += upserts.len();
            let touched = upserts.iter().map(|one| (one.user.clone(), one.mechanism));
            let touched = touched.chain(deletions.iter().map(|one| (one.user.clone(), one.mechanism)));
            let touched: Vec<_> = touched.collect();
            let mut users: Vec<String> = touched.iter().map(|(user, _)| user.clone()).collect();
            users.sort();
            if users.windows(2).any(|pair| pair[0] == pair[1]) {
                state
                    .accusations
                    .insert("two changes of one user's credentials in one request".into());
            }
            for (user, mechanism) in &touched {
                let stands = state.scram.contains_key(&(GUARD.to_owned(), *mechanism));
                let is_alone = user == GUARD && touched.len() == 1;
                if !(stands || is_alone) {
                    state
                        .accusations
                        .insert("SCRAM credentials changed while the guard was missing".into());
                }
            }
            for deletion in deletions {
                state.scram.remove(&(deletion.user, deletion.mechanism));
            }
            let written = upserts.into_iter().map(|one| ((one.user.clone(), one.mechanism), one));
            state.scram.extend(written);
            done(touched.into_iter().map(|(user, _)| user))
        })
    }

    fn describe_acls(&self, filter: AclFilter) -> AdminFuture<'_, Vec<AclBinding>> {
        self.ask(Target::Brokers, move |kafka| {
            kafka.state().access_looks += usize::from(filter.principal.is_none());
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
            let supports = kafka.state().supports;
            let levels = supports.map(|max| ("metadata.version".to_owned(), FeatureLevels { min: 7, max }));
            FeaturesView {
                finalized,
                supported: levels.into_iter().collect(),
                ..FeaturesView::default()
            }
        })
    }

    fn update_features(&self, changes: Vec<FeatureChange>, validate_only: bool) -> AdminFuture<'_, Outcomes<String>> {
        self.order("UpdateFeatures".into(), move |state, _| {
            let refuses = |change: &FeatureChange| {
                let mut registered = state.controllers.iter();
                let (id, max) = registered.find(|(_, max)| change.feature == METADATA && **max < change.level)?;
                Some(format!("Controller {id} only supports versions 7-{max}"))
            };
            if let Some((change, words)) = changes.iter().find_map(|change| Some((change, refuses(change)?))) {
                let error = BrokerError::new(ErrorCode::INVALID_UPDATE_VERSION, Some(words));
                return Outcomes::from([(change.feature.clone(), Err(error))]);
            }
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

    fn alter_partition_reassignments(
        &self,
        targets: BTreeMap<TopicPartition, Option<Vec<i32>>>,
        _: bool,
    ) -> AdminFuture<'_, Outcomes<TopicPartition>> {
        self.order("AlterPartitionReassignments".into(), move |state, brokers| {
            for (partition, replicas) in &targets {
                match replicas {
                    Some(replicas) => state.reassign(partition, replicas, brokers),
                    None => state.accuse("a reassignment was cancelled"),
                }
            }
            done(targets.into_keys())
        })
    }

    fn list_partition_reassignments(&self) -> AdminFuture<'_, BTreeMap<TopicPartition, Reassignment>> {
        self.ask(Target::Brokers, |kafka| {
            let state = kafka.state();
            let moving = state.moving.iter();
            moving.map(|(id, (one, _))| (id.clone(), one.clone())).collect()
        })
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

    fn committed_offsets(&self, _: Vec<i32>) -> AdminFuture<'_, CommittedOffsets> {
        self.ask(Target::Brokers, |_| CommittedOffsets::new())
    }

    fn end_offsets(&self, _: BTreeMap<i32, Vec<TopicPartition>>) -> AdminFuture<'_, BTreeMap<TopicPartition, i64>> {
        self.ask(Target::Brokers, |_| BTreeMap::new())
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

    fn add_raft_voter(
        &self,
        _: Target,
        _: String,
        voter: VoterKey,
        listeners: Vec<VoterEndpoint>,
    ) -> AdminFuture<'_, ()> {
        self.vote(voter, listeners.len() == 1, true)
    }

    fn remove_raft_voter(&self, _: Target, _: String, voter: VoterKey) -> AdminFuture<'_, ()> {
        self.vote(voter, true, false)
    }

    fn register_controller(&self, registration: ControllerRegistration) -> AdminFuture<'_, ()> {
        let id = registration.id;
        let votes = self.kafka.quorum().0.iter().any(|(voter, _)| *voter == id);
        let runs = self.kafka.processes().iter().any(|one| one.controller && one.id == id);
        self.order("ControllerRegistration".into(), move |state, _| {
            if votes || runs {
                state.accuse(&format!("somebody spoke for controller {id}, which is there"));
            }
            let level = registration.features.get(METADATA).map_or(0, |levels| levels.max);
            state.controllers.insert(id, level);
        })
    }

    fn unregister_controller(&self, id: i32) -> AdminFuture<'_, ()> {
        let votes = self.kafka.quorum().0.iter().any(|(voter, _)| *voter == id);
        let runs = self.kafka.processes().iter().any(|one| one.controller && one.id == id);
        self.order("UnregisterController".into(), move |state, _| {
            if votes || runs {
                state.accuse(&format!("controller {id} was unregistered, and it's there"));
            }
            if state.features.get(METADATA).is_none_or(|level| *level < 33) {
                state.accuse("a controller was unregistered before Kafka can");
            }
            state.controllers.remove(&id);
        })
    }

    fn unregister_broker(&self, broker: i32) -> AdminFuture<'_, ()> {
        self.order("UnregisterBroker".into(), move |state, running| {
            if running.contains(&broker) {
                state.accuse(&format!("broker {broker} was unregistered while it runs"));
            }
            if state.counts().contains_key(&broker) {
                state.accuse(&format!("broker {broker} was unregistered with its replicas"));
            }
            if state.broker_configs.contains_key(&broker) {
                state.accuse(&format!("broker {broker} was unregistered and its settings stay"));
            }
            state.registered.remove(&broker);
        })
    }
}
