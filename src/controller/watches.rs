//! One watch per kind (and namespace, when only some are watched). Each event feeds the stores and triggers the cluster it
//! belongs to. Secrets are never watched.

use super::objects::Objects;
use super::queue::{Key, Triggers};
use super::stores::{CLUSTER_LABEL, ClusterKey, Share, Stores};
use crate::api::{KafkaTopic, KafkaUser, ProductionKafka};
use crate::model::{ClusterNames, names};
use crate::render::labels::{MANAGED_BY, OPERATOR};
use crate::render::{Kind, sentinel_name};
use crate::runtime::metrics::Metrics;
use futures::StreamExt;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::Api;
use kube::core::{DeserializeGuard, NamespaceResourceScope, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;

/// How long the apiserver keeps a watch open, in seconds. Renewals are most of a calm operator's requests.
const WATCH_SECONDS: u32 = 3_000;

/// What a watch needs.
#[derive(Clone)]
struct Watching {
    client: kube::Client,
    share: Share,
    stores: Arc<Stores>,
    metrics: Metrics,
    triggers: Triggers,
}

/// Starts every watch. `namespaces` empty: all of them.
pub fn start(
    client: &kube::Client,
    namespaces: &[String],
    (stores, metrics): (&Arc<Stores>, &Metrics),
    triggers: &Triggers,
) {
    let shares: Vec<Share> = if namespaces.is_empty() {
        vec![None]
    } else {
        namespaces.iter().cloned().map(Some).collect()
    };
    for share in shares {
        let watching = Watching {
            client: client.clone(),
            share,
            stores: Arc::clone(stores),
            metrics: metrics.clone(),
            triggers: triggers.clone(),
        };
        watching.child::<ConfigMap>(Kind::ConfigMap);
        watching.child::<Service>(Kind::Service);
        watching.child::<NetworkPolicy>(Kind::NetworkPolicy);
        watching.child::<PodDisruptionBudget>(Kind::PodDisruptionBudget);
        watching.child::<PersistentVolumeClaim>(Kind::PersistentVolumeClaim);
        watching.child::<StatefulSet>(Kind::StatefulSet);
        watching.child::<Job>(Kind::Job);
        watching.pods();
        watching.resources::<ProductionKafka>(
            |stores| &stores.clusters,
            |cluster| {
                let own = key_of(cluster, cluster.name_any());
                vec![Key::Cluster(own.clone()), Key::Users(own.clone()), Key::Topics(own)]
            },
        );
        watching.resources::<KafkaUser>(
            |stores| &stores.users,
            |user| vec![Key::Users(key_of(user, user.spec.cluster.clone()))],
        );
        watching.resources::<KafkaTopic>(
            |stores| &stores.topics,
            |topic| vec![Key::Topics(key_of(topic, topic.spec.cluster.clone()))],
        );
    }
}

fn key_of<K: ResourceExt>(object: &K, name: String) -> ClusterKey {
    ClusterKey {
        namespace: object.namespace().unwrap_or_default(),
        name,
    }
}

/// Takes in an event of a child; says whom it concerns: its cluster, or the users of its cluster.
pub(crate) fn child_keys<K>(
    stores: &Stores,
    kind: Kind,
    share: &Share,
    event: Event<PartialObjectMeta<K>>,
) -> Vec<Key> {
    let of_users = match &event {
        Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => is_of_users(kind, &object.metadata),
        _ => false,
    };
    let touched = stores.child_event(kind, share, event);
    let key = if of_users { Key::Users } else { Key::Cluster };
    touched.into_iter().map(key).collect()
}

/// ACL Jobs and their documents, and the sentinels of users' credentials: there may be thousands, and they say nothing of nodes.
fn is_of_users(kind: Kind, meta: &ObjectMeta) -> bool {
    let name = meta.name.as_deref().unwrap_or_default();
    let cluster = meta.labels.as_ref().and_then(|labels| labels.get(CLUSTER_LABEL));
    let is_document = cluster.is_some_and(|cluster| ClusterNames::is_acl_document(cluster, name));
    kind == Kind::Job
        || (kind == Kind::ConfigMap && (is_document || name.ends_with(&sentinel_name(&names::credentials("")))))
}

fn ours() -> watcher::Config {
    watcher::Config::default().labels(&format!("{MANAGED_BY}={OPERATOR}"))
}

impl Watching {
    fn api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self) -> Api<K> {
        match &self.share {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    /// Runs a watch for ever; `take` gets every event and says whom it concerns.
    fn run<K>(
        self,
        name: String,
        api: Api<K>,
        config: watcher::Config,
        take: impl Fn(&Self, Event<K>) -> Vec<Key> + Send + 'static,
    ) where
        K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        self.stores.expect(&name);
        tokio::spawn(async move {
            let mut events = std::pin::pin!(watcher::watcher(api, config.timeout(WATCH_SECONDS)).default_backoff());
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => {
                        let done = matches!(event, Event::InitDone);
                        for key in take(&self, event) {
                            self.triggers.send(key);
                        }
                        if done {
                            self.stores.complete(&name);
                        }
                    }
                    Err(error) => tracing::warn!(watch = %name, %error, "a watch was interrupted"),
                }
            }
        });
    }

    fn name(&self, kind: &str) -> String {
        format!("{kind}/{}", self.share.as_deref().unwrap_or("*"))
    }

    fn child<K>(&self, kind: Kind)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Send + Sync + 'static,
    {
        let api: Api<PartialObjectMeta<K>> = self.api();
        self.clone()
            .run(self.name(kind.as_str()), api, ours(), move |watching, event| {
                child_keys(&watching.stores, kind, &watching.share, event)
            });
    }

    fn pods(&self) {
        self.clone()
            .run(self.name("Pod"), self.api::<Pod>(), ours(), |watching, event| {
                watching
                    .stores
                    .pod_event(&watching.share, event)
                    .into_iter()
                    .map(Key::Cluster)
                    .collect()
            });
    }

    /// One that this version can't read is logged and counted; the others go on.
    fn resources<K>(&self, store: fn(&Stores) -> &Objects<K>, concerned: fn(&K) -> Vec<Key>)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug
            + Send
            + 'static,
    {
        let kind = K::kind(&()).into_owned();
        let api: Api<DeserializeGuard<K>> = self.api();
        self.clone()
            .run(self.name(&kind), api, watcher::Config::default(), move |watching, event| {
                let keys = match &event {
                    Event::Apply(guard) | Event::InitApply(guard) | Event::Delete(guard) => match &guard.0 {
                        Ok(object) => concerned(object),
                        Err(problem) => {
                            let (namespace, name) = (guard.namespace().unwrap_or_default(), guard.name_any());
                            tracing::error!(kind, namespace, name, %problem, "this version of the operator can't read the resource; what it was before holds");
                            Vec::new()
                        }
                    },
                    Event::Init | Event::InitDone => Vec::new(),
                };
                let objects = store(&watching.stores);
                objects.event(&watching.share, event);
                watching.metrics.set_unreadable(&kind, objects.unreadable());
                keys
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};
    use std::time::Duration;

    /// Answers lists, with `users` as the list of users; watches never say anything.
    fn client(users: Value) -> kube::Client {
        let service = tower::service_fn(move |request: Request<Body>| {
            let items = if request.uri().path().ends_with("/kafkausers") {
                users.clone()
            } else {
                json!([])
            };
            let watches = request.uri().query().unwrap_or_default().contains("watch=true");
            async move {
                if watches {
                    std::future::pending::<()>().await;
                }
                let list =
                    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "1"}, "items": items});
                Ok::<_, tower::BoxError>(Response::new(Body::from(serde_json::to_vec(&list).unwrap())))
            }
        });
        kube::Client::new(service, "kafka")
    }

    #[tokio::test(start_paused = true)]
    async fn one_unreadable_resource_does_not_hide_the_others() {
        let user = |name: &str, kind: &str| {
            json!({
                "apiVersion": "productionkafka.dev/v1alpha1", "kind": "KafkaUser",
                "metadata": {"name": name, "namespace": "kafka", "resourceVersion": "1"},
                "spec": {"cluster": "orders", "authentication": {"type": kind}},
            })
        };
        let users = json!([user("future", "Quantum"), user("good", "ScramSha512")]);
        let (stores, (triggers, mut keys)) = (Arc::new(Stores::default()), Triggers::channel());
        let metrics = Metrics::new("0.1.0");
        start(&client(users), &[], (&stores, &metrics), &triggers);
        tokio::time::timeout(Duration::from_mins(1), stores.wait_ready())
            .await
            .expect("every watch lists");
        assert!(stores.users.get("kafka", "good").is_some());
        assert!(stores.users.get("kafka", "future").is_none());
        let expected = ClusterKey {
            namespace: "kafka".into(),
            name: "orders".into(),
        };
        assert_eq!(keys.recv().await, Some(Key::Users(expected)));
        let text = metrics.encode().unwrap();
        assert!(
            text.contains("productionkafka_unreadable_resources{kind=\"KafkaUser\"} 1"),
            "{text}"
        );
    }
}
