//! What the watches know: metadata of the children (never their bodies), the state of pods, users and topics.
//!
//! One watch per kind, selected by label. Every event becomes a trigger for the cluster it belongs to. Caches decide when
//! to look, never whether to harm.

use super::ledger::ObjectKey;
use super::objects::Objects;
use super::pods::PodFact;
use crate::api::{KafkaTopic, KafkaUser, ProductionKafka};
use crate::render::Kind;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
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
    /// Somebody has deleted it, and something holds it.
    pub leaving: bool,
}

/// A set of objects fed by one watch. A restarted watch replaces its share when its list is complete.
pub(super) struct Table<K, V> {
    pub(super) rows: HashMap<K, V>,
    fresh: Option<HashMap<K, V>>,
}

impl<K: Hash + Eq + Clone, V> Table<K, V> {
    pub(super) fn new() -> Self {
        Self {
            rows: HashMap::new(),
            fresh: None,
        }
    }

    /// Applies an event; returns the keys that vanished with the end of a list.
    pub(super) fn feed(&mut self, event: Feed<K, V>) -> Vec<K> {
        match event {
            Feed::Start => self.fresh = Some(HashMap::new()),
            Feed::Listed(key, value) => {
                self.fresh.get_or_insert_with(HashMap::new).insert(key, value);
            }
            Feed::End => {
                let fresh = self.fresh.take().unwrap_or_default();
                let gone = self
                    .rows
                    .keys()
                    .filter(|key| !fresh.contains_key(*key))
                    .cloned()
                    .collect();
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

pub(super) enum Feed<K, V> {
    Start,
    Listed(K, V),
    End,
    Set(K, V),
    Gone(K),
}

pub(super) fn feed<O, K, V>(event: Event<O>, row: impl Fn(&O) -> (K, V)) -> Feed<K, V> {
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

/// The namespace that a watch is bound to; `None`: all.
pub type Share = Option<String>;

/// Rows by namespace and name, per watch.
pub(super) type Shares<V> = HashMap<Share, Table<(String, String), V>>;

#[derive(Default)]
pub struct Stores {
    children: Mutex<HashMap<(Kind, Share), Table<ObjectKey, ChildMeta>>>,
    pods: Mutex<Shares<PodFact>>,
    pub clusters: Objects<ProductionKafka>,
    pub users: Objects<KafkaUser>,
    pub topics: Objects<KafkaTopic>,
    /// Watches whose first list isn't complete.
    pending: Mutex<BTreeSet<String>>,
    ready: tokio::sync::Notify,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stores {
    /// Announces a watch, so that nobody starts before its first list is complete.
    pub fn expect(&self, watch: &str) {
        lock(&self.pending).insert(watch.to_owned());
    }

    /// Notes that a watch has listed once.
    pub fn complete(&self, watch: &str) {
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
    pub fn child_event<K>(&self, kind: Kind, share: &Share, event: Event<PartialObjectMeta<K>>) -> Vec<ClusterKey> {
        let done = matches!(event, Event::InitDone);
        let mut touched: Vec<ClusterKey> = match &event {
            Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => {
                cluster_of(&object.metadata).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let mut children = lock(&self.children);
        let table = children.entry((kind, share.clone())).or_insert_with(Table::new);
        let before: Vec<(ObjectKey, Option<String>)> = if done {
            table
                .rows
                .iter()
                .map(|(key, meta)| (key.clone(), meta.cluster.clone()))
                .collect()
        } else {
            Vec::new()
        };
        let gone = table.feed(feed(event, |object| row(kind, object)));
        drop(children);
        for (key, cluster) in before {
            if let (true, Some(name)) = (gone.contains(&key), cluster) {
                touched.push(ClusterKey {
                    namespace: key.namespace,
                    name,
                });
            }
        }
        touched
    }

    /// Takes in an event of the pods' watch; returns the clusters to look at.
    pub fn pod_event(&self, share: &Share, event: Event<Pod>) -> Vec<ClusterKey> {
        let touched = match &event {
            Event::Apply(pod) | Event::InitApply(pod) | Event::Delete(pod) => {
                cluster_of(&pod.metadata).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let row = |pod: &Pod| ((pod.namespace().unwrap_or_default(), pod.name_any()), PodFact::of(pod));
        lock(&self.pods)
            .entry(share.clone())
            .or_insert_with(Table::new)
            .feed(feed(event, row));
        touched
    }

    pub fn child(&self, key: &ObjectKey) -> Option<ChildMeta> {
        lock(&self.children)
            .values()
            .find_map(|table| table.rows.get(key).cloned())
    }

    pub fn has_child(&self, key: &ObjectKey) -> bool {
        lock(&self.children).values().any(|table| table.rows.contains_key(key))
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

    /// Names of the cluster's volume claims that somebody has deleted and that are still there.
    pub fn leaving_claims(&self, cluster: &ClusterKey) -> BTreeSet<String> {
        let children = lock(&self.children);
        let claims = children
            .iter()
            .filter(|((kind, _), _)| *kind == Kind::PersistentVolumeClaim);
        let of_cluster = claims.flat_map(|(_, table)| &table.rows).filter(|(key, meta)| {
            meta.leaving && key.namespace == cluster.namespace && meta.cluster.as_ref() == Some(&cluster.name)
        });
        of_cluster.map(|(key, _)| key.name.clone()).collect()
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
        self.users
            .select(&cluster.namespace, |user| user.spec.cluster == cluster.name)
    }

    /// The topics of a cluster by name.
    pub fn topics_of(&self, cluster: &ClusterKey) -> Vec<Arc<KafkaTopic>> {
        self.topics
            .select(&cluster.namespace, |topic| topic.spec.cluster == cluster.name)
    }
}

fn cluster_of(meta: &ObjectMeta) -> Option<ClusterKey> {
    let name = meta.labels.as_ref()?.get(CLUSTER_LABEL)?.clone();
    Some(ClusterKey {
        namespace: meta.namespace.clone().unwrap_or_default(),
        name,
    })
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
pub fn child_meta(kind: Kind, meta: &ObjectMeta) -> ChildMeta {
    let resource_version = meta.resource_version.clone().unwrap_or_default();
    let generation = meta.generation.filter(|_| has_generation(kind));
    ChildMeta {
        uid: meta.uid.clone().unwrap_or_default(),
        version: generation.map_or_else(|| resource_version.clone(), |generation| format!("g{generation}")),
        resource_version,
        leaving: meta.deletion_timestamp.is_some(),
        owner_uid: meta
            .owner_references
            .iter()
            .flatten()
            .find(|owner| owner.controller == Some(true))
            .map(|owner| owner.uid.clone()),
        cluster: meta
            .labels
            .as_ref()
            .and_then(|labels| labels.get(CLUSTER_LABEL))
            .cloned(),
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
    matches!(
        kind,
        Kind::StatefulSet | Kind::Job | Kind::PodDisruptionBudget | Kind::NetworkPolicy
    )
}
