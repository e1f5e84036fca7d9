//! Reads what the operator would know from its watches, and the resource as it would be once it's applied.

use super::allowed;
use crate::api::{KafkaUser, ProductionKafka};
use crate::controller::apply::bounded;
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::controller::stores::{CLUSTER_LABEL, ClusterKey};
use crate::render::labels::{MANAGED_BY, OPERATOR};
use crate::render::{Kind, PREPARE};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Api, ListParams};
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// The given resource over the one that's there: its status and uid, the labels and annotations of both, and a generation
/// of its own if the spec differs. With the one that's there, if any.
pub async fn as_applied(
    context: &Context,
    given: &ProductionKafka,
) -> Result<(ProductionKafka, Option<ProductionKafka>), PassError> {
    let (namespace, name) = (given.namespace().unwrap_or_default(), given.name_any());
    let api: Api<ProductionKafka> = Api::namespaced(context.client.clone(), &namespace);
    let live = bounded("get", "ProductionKafka", (&namespace, &name), api.get_opt(&name)).await?;
    let mut resource = given.clone();
    let Some(live) = live else {
        resource.metadata.uid = None;
        resource.metadata.generation = Some(1);
        resource.status = None;
        return Ok((resource, None));
    };
    resource.metadata = live.metadata.clone();
    resource.status.clone_from(&live.status);
    let annotations = resource.metadata.annotations.get_or_insert_default();
    annotations.extend(given.annotations().clone());
    let labels = resource.metadata.labels.get_or_insert_default();
    labels.extend(given.labels().clone());
    if live.spec != given.spec {
        resource.metadata.generation = resource.metadata.generation.map(|generation| generation + 1);
    }
    Ok((resource, Some(live)))
}

/// Lists what the watches would hold.
pub async fn fill(context: &Context, key: &ClusterKey) -> Result<(), PassError> {
    children::<ConfigMap>(context, key, Kind::ConfigMap).await?;
    children::<Service>(context, key, Kind::Service).await?;
    children::<NetworkPolicy>(context, key, Kind::NetworkPolicy).await?;
    children::<PodDisruptionBudget>(context, key, Kind::PodDisruptionBudget).await?;
    children::<PersistentVolumeClaim>(context, key, Kind::PersistentVolumeClaim).await?;
    children::<StatefulSet>(context, key, Kind::StatefulSet).await?;
    children::<Job>(context, key, Kind::Job).await?;
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &key.namespace);
    let listed = bounded("list", "Pod", (&key.namespace, ""), pods.list(&ours(key))).await?;
    feed(listed.items, |event| drop(context.stores.pod_event(&None, event)));
    let users: Api<DeserializeGuard<KafkaUser>> = Api::namespaced(context.client.clone(), &key.namespace);
    let listed = bounded(
        "list",
        "KafkaUser",
        (&key.namespace, ""),
        users.list(&ListParams::default()),
    )
    .await;
    // Without them nothing is said about access rights.
    let listed = allowed(listed)?.map(|list| list.items).unwrap_or_default();
    feed(listed, |event| context.stores.users.event(&None, event));
    Ok(())
}

async fn children<K>(context: &Context, key: &ClusterKey, kind: Kind) -> Result<(), PassError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
{
    let api: Api<K> = Api::namespaced(context.client.clone(), &key.namespace);
    let ours = ours(key);
    let listed = bounded("list", kind.as_str(), (&key.namespace, ""), api.list_metadata(&ours)).await?;
    feed(listed.items, |event| {
        drop(context.stores.child_event(kind, &None, event));
    });
    Ok(())
}

/// What the operator's watches select, of this cluster.
fn ours(key: &ClusterKey) -> ListParams {
    ListParams::default().labels(&format!("{MANAGED_BY}={OPERATOR},{CLUSTER_LABEL}={}", key.name))
}

/// Tells a list as a watch would.
fn feed<O>(objects: Vec<O>, take: impl Fn(Event<O>)) {
    take(Event::Init);
    for object in objects {
        take(Event::InitApply(object));
    }
    take(Event::InitDone);
}

/// The operator's image, as the nodes of the cluster have it; without nodes the one that belongs to this binary.
pub async fn operator_image(context: &Context, key: &ClusterKey) -> Result<String, PassError> {
    let api: Api<StatefulSet> = Api::namespaced(context.client.clone(), &key.namespace);
    let listed = bounded("list", "StatefulSet", (&key.namespace, ""), api.list(&ours(key))).await?;
    let image = |set: &StatefulSet| {
        let pod = set.spec.as_ref()?.template.spec.as_ref()?;
        let mut containers = pod.init_containers.iter().flatten();
        containers.find(|container| container.name == PREPARE)?.image.clone()
    };
    let found = listed.items.iter().find_map(image);
    Ok(found.unwrap_or_else(|| context.settings.operator_image.clone()))
}
