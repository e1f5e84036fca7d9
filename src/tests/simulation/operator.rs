//! One process of the operator: its context, its watches, its queue. Dropped when it's killed; nothing of it survives.

use super::apiserver::{Apiserver, Change};
use super::clock;
use super::kafka::Kafka;
use super::kafka_admin::SimulatedConnector;
use super::world::NAMESPACE;
use crate::api::{KafkaTopic, KafkaUser, ProductionKafka};
use crate::controller::access::memory::Accesses;
use crate::controller::ledger::Ledger;
use crate::controller::memory::Memories;
use crate::controller::queue::{self, Key};
use crate::controller::stores::{ClusterKey, Stores};
use crate::controller::topics::AllTopics;
use crate::controller::watches::child_keys;
use crate::controller::{Context, Settings, World};
use crate::render::Kind;
use crate::runtime::metrics::Metrics;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::watcher::Event;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

pub struct Operator {
    pub context: Context,
    api: Arc<Apiserver>,
    /// Up to here it knows the apiserver's changes.
    seen: usize,
    /// What to look at and when, in seconds.
    due: Vec<(Key, i64, u32)>,
}

const WATCHED: [&str; 11] = [
    "configmaps",
    "services",
    "networkpolicies",
    "poddisruptionbudgets",
    "persistentvolumeclaims",
    "statefulsets",
    "jobs",
    "pods",
    "productionkafkas",
    "kafkausers",
    "kafkatopics",
];

impl Operator {
    /// A new process: it knows what its first lists say.
    pub fn start(api: &Arc<Apiserver>, kafka: &Arc<Kafka>) -> Self {
        let client = api.client();
        let reporter = Reporter {
            controller: "productionkafka".into(),
            instance: None,
        };
        let context = Context {
            settings: Settings {
                operator_image: "docker.io/productionkafka/operator:0.1.0".into(),
                cluster_domain: "cluster.local".into(),
                may_delete_volumes: true,
                protects: true,
            },
            stores: Arc::new(Stores::default()),
            ledger: Ledger::default(),
            memories: Memories::default(),
            access: Accesses::default(),
            topics: AllTopics::default(),
            connector: Arc::new(SimulatedConnector(Arc::clone(kafka))),
            metrics: Metrics::new("0.1.0"),
            fence: None,
            recorder: Recorder::new(client.clone(), reporter),
            world: World {
                now: clock::now,
                random: clock::random,
            },
            client,
        };
        let mut operator = Self {
            context,
            api: Arc::clone(api),
            seen: api.state().log.len(),
            due: Vec::new(),
        };
        for plural in WATCHED {
            let listed = api.state().list(plural);
            operator.event(plural, Event::Init);
            for (_, object) in listed {
                operator.event(plural, Event::InitApply(object));
            }
            operator.event(plural, Event::InitDone);
        }
        operator
    }

    /// Delivers what has happened since.
    pub fn feed(&mut self) {
        let news: Vec<Change> = self.api.state().log[self.seen..].to_vec();
        self.seen += news.len();
        for change in news {
            let event = if change.deleted {
                Event::Delete(change.object)
            } else {
                Event::Apply(change.object)
            };
            self.event(&change.key.plural, event);
        }
    }

    fn event(&mut self, plural: &str, event: Event<Value>) {
        let stores = Arc::clone(&self.context.stores);
        let child = |kind: Kind, event: Event<Value>| {
            if !is_ours(&event) {
                return Vec::new();
            }
            child_keys(&stores, kind, &None, typed::<PartialObjectMeta<ConfigMap>>(event))
        };
        let keys: Vec<Key> = match plural {
            "configmaps" => child(Kind::ConfigMap, event),
            "services" => child(Kind::Service, event),
            "networkpolicies" => child(Kind::NetworkPolicy, event),
            "poddisruptionbudgets" => child(Kind::PodDisruptionBudget, event),
            "persistentvolumeclaims" => child(Kind::PersistentVolumeClaim, event),
            "statefulsets" => child(Kind::StatefulSet, event),
            "jobs" => child(Kind::Job, event),
            "pods" if is_ours(&event) => stores
                .pod_event(&None, typed::<Pod>(event))
                .into_iter()
                .map(Key::Cluster)
                .collect(),
            "productionkafkas" => {
                let keys = named(&event, |cluster: ProductionKafka| {
                    let own = place(cluster.name_any());
                    vec![Key::Cluster(own.clone()), Key::Users(own.clone()), Key::Topics(own)]
                });
                stores.clusters.event(&None, typed(event));
                keys
            }
            "kafkausers" => {
                let keys = named(&event, |user: KafkaUser| vec![Key::Users(place(user.spec.cluster))]);
                stores.users.event(&None, typed(event));
                keys
            }
            "kafkatopics" => {
                let keys = named(&event, |topic: KafkaTopic| vec![Key::Topics(place(topic.spec.cluster))]);
                stores.topics.event(&None, typed(event));
                keys
            }
            _ => Vec::new(),
        };
        for key in keys {
            self.schedule(key, 0);
        }
    }

    fn schedule(&mut self, key: Key, after: i64) {
        let at = clock::seconds() + after;
        match self.due.iter_mut().find(|(known, _, _)| *known == key) {
            Some((_, due, _)) => *due = at.min(*due),
            None => self.due.push((key, at, 0)),
        }
    }

    /// Runs every pass that is due, once.
    pub async fn work(&mut self) {
        let now = clock::seconds();
        let keys: Vec<Key> = self
            .due
            .iter()
            .filter(|(_, at, _)| *at <= now)
            .map(|(key, _, _)| key.clone())
            .collect();
        for key in keys {
            let ended = queue::pass(&self.context, &key).await;
            let index = self.due.iter().position(|(known, _, _)| *known == key).unwrap();
            let (_, at, failures) = &mut self.due[index];
            match ended {
                Some(Ok(ended)) => (*at, *failures) = (now + seconds(ended.again), 0),
                Some(Err(error)) => {
                    *at = now + seconds(error.first_retry()).saturating_mul(1 << *failures).min(60);
                    *failures = (*failures + 1).min(8);
                }
                None => {
                    if let Key::Cluster(place) = &key {
                        self.context.memories.forget(place);
                    }
                    self.due.remove(index);
                }
            }
        }
    }
}

fn seconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap()
}

fn place(name: String) -> ClusterKey {
    ClusterKey {
        namespace: NAMESPACE.into(),
        name,
    }
}

/// The operator's watches select by this label.
fn is_ours(event: &Event<Value>) -> bool {
    match event {
        Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => {
            object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "productionkafka"
        }
        Event::Init | Event::InitDone => true,
    }
}

fn typed<T: DeserializeOwned>(event: Event<Value>) -> Event<T> {
    let read = |object: Value| serde_json::from_value(object).unwrap();
    match event {
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
        Event::InitApply(object) => Event::InitApply(read(object)),
        Event::Apply(object) => Event::Apply(read(object)),
        Event::Delete(object) => Event::Delete(read(object)),
    }
}

fn named<T: DeserializeOwned>(event: &Event<Value>, keys: impl Fn(T) -> Vec<Key>) -> Vec<Key> {
    match event {
        Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => {
            serde_json::from_value(object.clone()).map(keys).unwrap_or_default()
        }
        Event::Init | Event::InitDone => Vec::new(),
    }
}
