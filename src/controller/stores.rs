//! What the watches know: metadata of the children (never their bodies), the state of pods, users and topics.
//!
//! One watch per kind, selected by label. Every event becomes a trigger for the cluster it belongs to. Caches decide when
//! to look, never whether to harm.

use super::ledger::ObjectKey;
use super::pods::PodFact;
use crate::api::{KafkaTopic, KafkaUser};
use crate::render::Kind;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Event;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use crate::render::labels::CLUSTER as CLUSTER_LABEL;

/// A cluster's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterKey {
    pub namespace: String,
    pub name: String,
}

/// What's remembered of a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildMeta {
    pub uid: String,
    /// Generation where the kind has one (its status changes by itself), else resourceVersion.
    pub version: String,
    pub resource_version: String,
    pub owner_uid: Option<String>,
    pub cluster: Option<String>,
    pub annotations: Vec<(String, String)>,
}

/// A set of objects fed by one watch. A restarted watch replaces its share when its list is complete.
struct Table<K, V> {
    rows: HashMap<K, V>,
    fresh: Option<HashMap<K, V>>,
}

impl<K: Hash + Eq + Clone, V> Table<K, V> {
    fn new() -> Self {
        Self { rows: HashMap::new(), fresh: None }
    }

    /// Applies an event; returns the keys that vanished with the end of a list.
    fn feed(&mut self, event: Feed<K, V>) -> Vec<K> {
        match event {
            Feed::Start => self.fresh = Some(HashMap::new()),
            Feed::Listed(key, value) => {
                self.fresh.get_or_insert_with(HashMap::new).insert(key, value);
            }
            Feed::End => {
                let fresh = self.fresh.take().unwrap_or_default();
                let gone = self.rows.keys().filter(|key| !fresh.contains_key(*key)).cloned().collect();
                self.rows = fresh;
                return gone;
            }
            Feed::Set(key, value) => {
                self.rows.insert(key, value);
            }
            Feed::Gone(key) => {
                self.rows.remove(&key);
            }
        }
        Vec::new()
    }
}

enum Feed<K, V> {
    Start,
    Listed(K, V),
    End,
    Set(K, V),
    Gone(K),
}

fn feed<O, K, V>(event: Event<O>, row: impl Fn(&O) -> (K, V)) -> Feed<K, V> {
    match event {
        Event::Init => Feed::Start,
        Event::InitApply(object) => {
            let (key, value) = row(&object);
            Feed::Listed(key, value)
        }
        Event::InitDone => Feed::End,
        Event::Apply(object) => {
            let (key, value) = row(&object);
            Feed::Set(key, value)
        }
        Event::Delete(object) => Feed::Gone(row(&object).0),
    }
}

/// One watch's place: its kind and, when only some namespaces are watched, its namespace.
type Share = (Kind, Option<String>);

pub struct Stores {
    children: Mutex<HashMap<Share, Table<ObjectKey, ChildMeta>>>,
    pods: Mutex<HashMap<Option<String>, Table<(String, String), PodFact>>>,
    users: Mutex<HashMap<Option<String>, Table<(String, String), Arc<KafkaUser>>>>,
    topics: Mutex<HashMap<Option<String>, Table<(String, String), Arc<KafkaTopic>>>>,
    /// Watches whose first list isn't complete.
    pending: Mutex<BTreeSet<String>>,
    ready: tokio::sync::Notify,
}

impl Default for Stores {
    fn default() -> Self {
        Self {
            children: Mutex::default(),
            pods: Mutex::default(),
            users: Mutex::default(),
            topics: Mutex::default(),
            pending: Mutex::default(),
            ready: tokio::sync::Notify::new(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stores {
    /// Announces a watch, so that nobody starts before its first list is complete.
    pub fn expect(&self, watch: &str) {
        lock(&self.pending).insert(watch.to_owned());
    }

    fn complete(&self, watch: &str) {
        let mut pending = lock(&self.pending);
        pending.remove(watch);
        if pending.is_empty() {
            self.ready.notify_waiters();
        }
    }

    /// True when every announced watch has listed once.
    pub fn is_ready(&self) -> bool {
        lock(&self.pending).is_empty()
    }

    /// Waits until every announced watch has listed once.
    pub async fn wait_ready(&self) {
        loop {
            let notified = self.ready.notified();
            if self.is_ready() {
                return;
            }
            notified.await;
        }
    }

    /// Takes in an event of a child's watch; returns the clusters to look at.
    pub fn child_event<K>(&self, watch: &str, share: &Share, event: Event<PartialObjectMeta<K>>) -> Vec<ClusterKey> {
        let done = matches!(event, Event::InitDone);
        let mut touched: Vec<ClusterKey> = match &event {
            Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => cluster_of(object).into_iter().collect(),
            _ => Vec::new(),
        };
        let kind = share.0;
        let mut children = lock(&self.children);
        let table = children.entry(share.clone()).or_insert_with(Table::new);
        let before: Vec<(ObjectKey, Option<String>)> = if done {
            table.rows.iter().map(|(key, meta)| (key.clone(), meta.cluster.clone())).collect()
        } else {
            Vec::new()
        };
        let gone = table.feed(feed(event, |object| row(kind, object)));
        drop(children);
        for (key, cluster) in before {
            if let (true, Some(name)) = (gone.contains(&key), cluster) {
                touched.push(ClusterKey { namespace: key.namespace, name });
            }
        }
        if done {
            self.complete(watch);
        }
        touched
    }

    pub fn pod_event(&self, watch: &str, share: &Option<String>, event: Event<Pod>) -> Vec<ClusterKey> {
        let done = matches!(event, Event::InitDone);
        let touched = match &event {
            Event::Apply(pod) | Event::InitApply(pod) | Event::Delete(pod) => cluster_of(pod).into_iter().collect(),
            _ => Vec::new(),
        };
        let row = |pod: &Pod| ((pod.namespace().unwrap_or_default(), pod.name_any()), PodFact::of(pod));
        lock(&self.pods).entry(share.clone()).or_insert_with(Table::new).feed(feed(event, row));
        if done {
            self.complete(watch);
        }
        touched
    }

    pub fn user_event(&self, watch: &str, share: &Option<String>, event: Event<KafkaUser>) -> Vec<ClusterKey> {
        let done = matches!(event, Event::InitDone);
        let touched = match &event {
            Event::Apply(user) | Event::InitApply(user) | Event::Delete(user) => vec![ClusterKey {
                namespace: user.namespace().unwrap_or_default(),
                name: user.spec.cluster.clone(),
            }],
            _ => Vec::new(),
        };
        let row = |user: &KafkaUser| ((user.namespace().unwrap_or_default(), user.name_any()), Arc::new(user.clone()));
        lock(&self.users).entry(share.clone()).or_insert_with(Table::new).feed(feed(event, row));
        if done {
            self.complete(watch);
        }
        touched
    }

    pub fn topic_event(&self, watch: &str, share: &Option<String>, event: Event<KafkaTopic>) -> Vec<ClusterKey> {
        let done = matches!(event, Event::InitDone);
        let touched = match &event {
            Event::Apply(topic) | Event::InitApply(topic) | Event::Delete(topic) => vec![ClusterKey {
                namespace: topic.namespace().unwrap_or_default(),
                name: topic.spec.cluster.clone(),
            }],
            _ => Vec::new(),
        };
        let row = |topic: &KafkaTopic| ((topic.namespace().unwrap_or_default(), topic.name_any()), Arc::new(topic.clone()));
        lock(&self.topics).entry(share.clone()).or_insert_with(Table::new).feed(feed(event, row));
        if done {
            self.complete(watch);
        }
        touched
    }

    pub fn child(&self, key: &ObjectKey) -> Option<ChildMeta> {
        lock(&self.children).values().find_map(|table| table.rows.get(key).cloned())
    }

    /// The children that carry the cluster's label.
    pub fn children_of(&self, cluster: &ClusterKey) -> Vec<(ObjectKey, ChildMeta)> {
        let children = lock(&self.children);
        let mut found: Vec<_> = children
            .values()
            .flat_map(|table| &table.rows)
            .filter(|(key, meta)| key.namespace == cluster.namespace && meta.cluster.as_ref() == Some(&cluster.name))
            .map(|(key, meta)| (key.clone(), meta.clone()))
            .collect();
        found.sort_by(|one, other| one.0.name.cmp(&other.0.name));
        found
    }

    /// The cluster's Kafka pods by name.
    pub fn pods_of(&self, cluster: &ClusterKey) -> Vec<PodFact> {
        let pods = lock(&self.pods);
        let mut found: Vec<PodFact> = pods
            .values()
            .flat_map(|table| table.rows.values())
            .filter(|pod| pod.namespace == cluster.namespace && pod.cluster.as_ref() == Some(&cluster.name))
            .cloned()
            .collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found
    }

    /// The users of a cluster by name.
    pub fn users_of(&self, cluster: &ClusterKey) -> Vec<Arc<KafkaUser>> {
        let users = lock(&self.users);
        let mut found: Vec<Arc<KafkaUser>> = users
            .values()
            .flat_map(|table| &table.rows)
            .filter(|((namespace, _), user)| *namespace == cluster.namespace && user.spec.cluster == cluster.name)
            .map(|(_, user)| Arc::clone(user))
            .collect();
        found.sort_by_key(|user| user.name_any());
        found
    }

    /// The topics of a cluster by name.
    pub fn topics_of(&self, cluster: &ClusterKey) -> Vec<Arc<KafkaTopic>> {
        let topics = lock(&self.topics);
        let mut found: Vec<Arc<KafkaTopic>> = topics
            .values()
            .flat_map(|table| &table.rows)
            .filter(|((namespace, _), topic)| *namespace == cluster.namespace && topic.spec.cluster == cluster.name)
            .map(|(_, topic)| Arc::clone(topic))
            .collect();
        found.sort_by_key(|topic| topic.name_any());
        found
    }
}

fn cluster_of<K: ResourceExt>(object: &K) -> Option<ClusterKey> {
    let name = object.labels().get(CLUSTER_LABEL)?.clone();
    Some(ClusterKey { namespace: object.namespace().unwrap_or_default(), name })
}

fn row<K>(kind: Kind, object: &PartialObjectMeta<K>) -> (ObjectKey, ChildMeta) {
    let meta = &object.metadata;
    let key = ObjectKey {
        kind,
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
    };
    (key, child_meta(kind, meta))
}

/// What's remembered of an object with this metadata.
pub fn child_meta(kind: Kind, meta: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> ChildMeta {
    let resource_version = meta.resource_version.clone().unwrap_or_default();
    let generation = meta.generation.filter(|_| has_generation(kind));
    ChildMeta {
        uid: meta.uid.clone().unwrap_or_default(),
        version: generation.map_or_else(|| resource_version.clone(), |generation| format!("g{generation}")),
        resource_version,
        owner_uid: meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.clone()),
        cluster: meta.labels.as_ref().and_then(|labels| labels.get(CLUSTER_LABEL)).cloned(),
        annotations: meta
            .annotations
            .iter()
            .flatten()
            .filter(|(key, _)| key.starts_with("productionkafka.dev/"))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    }
}

/// Kinds whose generation counts changes of the wish alone; of the others the resourceVersion must do.
const fn has_generation(kind: Kind) -> bool {
    matches!(kind, Kind::StatefulSet | Kind::Job | Kind::PodDisruptionBudget | Kind::NetworkPolicy)
}
