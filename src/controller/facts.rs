//! Reads what validation needs to know of the world. Done once per generation, and again while the resource is stalled.

use super::apply::bounded;
use super::context::Context;
use super::error::PassError;
use super::identity;
use super::memory::Memory;
use super::secrets;
use super::stores::{CLUSTER_LABEL, ClusterKey};
use super::trust::SecretData;
use crate::api::ProductionKafka;
use crate::model::validate::{Claim, ExistingNode, StorageClassFact, listeners};
use crate::model::version::METADATA;
use crate::model::{ClusterNames, Facts, encryption};
use crate::pki;
use crate::render::labels::{BROKER, NODE_ID, POOL, SIZE};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use kube::core::PartialObjectMeta;
use std::collections::{BTreeMap, BTreeSet};

/// Annotation of the class that claims without a class get.
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

pub async fn gather(
    context: &Context,
    resource: &ProductionKafka,
    key: &ClusterKey,
    memory: &mut Memory,
) -> Result<Facts, PassError> {
    let names = ClusterNames {
        cluster: key.name.clone(),
        namespace: key.namespace.clone(),
        domain: context.settings.cluster_domain.clone(),
    };
    let topology = resource
        .spec
        .high_availability
        .rack
        .as_ref()
        .map(|rack| rack.topology_key.as_str());
    let zones = async {
        match topology {
            Some(topology) => zones(context, topology).await,
            None => Ok(None),
        }
    };
    let (storage_classes, zones, existing, claims, identity) = Box::pin(futures::future::try_join5(
        storage_classes(context),
        zones,
        existing(context, key),
        claims_of(context, key),
        identity::load(context, &names, memory),
    ))
    .await?;
    let (secrets, unusable) = secrets(context, resource, key).await?;
    Ok(Facts {
        storage_classes,
        zones,
        existing,
        claims,
        secrets,
        unusable,
        identity,
        metadata_version: metadata_version(resource, memory),
        cluster_domain: context.settings.cluster_domain.clone(),
        may_delete_volumes: context.settings.may_delete_volumes,
        protects: context.settings.protects,
    })
}

/// Keys by Secret, if it may be read; and what's wrong with certificates.
type Secrets = (Option<BTreeMap<String, BTreeSet<String>>>, BTreeMap<String, String>);

/// Keys of the Secrets that listeners name, read one by one; and what's wrong with those that hold a certificate.
async fn secrets(context: &Context, resource: &ProductionKafka, key: &ClusterKey) -> Result<Secrets, PassError> {
    let (mut found, mut unusable) = (BTreeMap::new(), BTreeMap::new());
    for named in resource.spec.listeners.iter().flat_map(listeners::named) {
        let name = named.secret;
        let read = secrets::read(context, &key.namespace, &name).await;
        let Some(data) = allowed(read)? else {
            return Ok((None, unusable));
        };
        let Some(SecretData(data)) = data else { continue };
        if named.keys == listeners::CERTIFICATE {
            let text = |key: &str| data.get(key).map(String::as_str).unwrap_or_default();
            let problem = pki::own_certificate_problem(text("tls.crt"), text("tls.key"), context.now());
            unusable.extend(problem.map(|problem| (name.clone(), problem)));
        }
        found.insert(name, data.into_keys().collect());
    }
    Ok((Some(found), unusable))
}

/// As Kafka last said, or as the status holds it.
fn metadata_version(resource: &ProductionKafka, memory: &Memory) -> Option<i32> {
    let features = memory.kafka.as_ref().and_then(|facts| facts.features.as_ref());
    let seen = features.and_then(|features| features.finalized.get(METADATA));
    let written = resource.status.as_ref().and_then(|status| status.metadata_version);
    seen.map(|level| i32::from(*level)).or(written)
}

/// `None` when the operator may not list them.
async fn storage_classes(context: &Context) -> Result<Option<Vec<StorageClassFact>>, PassError> {
    let api: Api<StorageClass> = Api::all(context.client.clone());
    let list = bounded("list", "StorageClass", ("", ""), api.list(&ListParams::default())).await;
    let Some(list) = allowed(list)? else { return Ok(None) };
    let fact = |class: &StorageClass| StorageClassFact {
        name: class.name_any(),
        expands: class.allow_volume_expansion.unwrap_or_default(),
        default: class
            .annotations()
            .get(DEFAULT_CLASS)
            .is_some_and(|value| value == "true"),
        provisioner: class.provisioner.clone(),
        parameters: class.parameters.clone().unwrap_or_default(),
        vouched: class.annotations().get(encryption::ANNOTATION).cloned(),
    };
    Ok(Some(list.items.iter().map(fact).collect()))
}

/// `None` when the operator may not list nodes.
async fn zones(context: &Context, topology: &str) -> Result<Option<Vec<String>>, PassError> {
    let api: Api<Node> = Api::all(context.client.clone());
    let parameters = ListParams::default().labels(topology);
    let list = bounded("list", "Node", ("", ""), api.list_metadata(&parameters)).await;
    let Some(list) = allowed(list)? else { return Ok(None) };
    let mut zones: Vec<String> = list
        .items
        .iter()
        .filter_map(|node| node.labels().get(topology).cloned())
        .collect();
    zones.sort();
    zones.dedup();
    Ok(Some(zones))
}

/// A read that RBAC forbids is a fact that isn't known, not a failure: an installation may leave these rights out.
fn allowed<T>(result: Result<T, PassError>) -> Result<Option<T>, PassError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.category() == "forbidden" => Ok(None),
        Err(error) => Err(error),
    }
}

async fn existing(context: &Context, key: &ClusterKey) -> Result<Vec<ExistingNode>, PassError> {
    let api: Api<StatefulSet> = Api::namespaced(context.client.clone(), &key.namespace);
    let parameters = ListParams::default().labels(&format!("{CLUSTER_LABEL}={}", key.name));
    let list = bounded(
        "list",
        "StatefulSet",
        (&key.namespace, ""),
        api.list_metadata(&parameters),
    )
    .await?;
    Ok(list.items.iter().filter_map(existing_node).collect())
}

fn existing_node(set: &PartialObjectMeta<StatefulSet>) -> Option<ExistingNode> {
    let labels = set.labels();
    Some(ExistingNode {
        id: labels.get(NODE_ID)?.parse().ok()?,
        pool: labels.get(POOL)?.clone(),
        broker: labels.contains_key(BROKER),
    })
}

/// Claims of disks, those of nodes that are gone among them.
async fn claims_of(context: &Context, key: &ClusterKey) -> Result<Vec<Claim>, PassError> {
    let api: Api<PersistentVolumeClaim> = Api::namespaced(context.client.clone(), &key.namespace);
    let parameters = ListParams::default().labels(&format!("{CLUSTER_LABEL}={}", key.name));
    let place = (key.namespace.as_str(), "");
    let list = bounded("list", "PersistentVolumeClaim", place, api.list(&parameters)).await?;
    let claim = |claim: &PersistentVolumeClaim| {
        Some(Claim {
            name: claim.name_any(),
            size: claim.annotations().get(SIZE)?.clone(),
            class: claim.spec.as_ref()?.storage_class_name.clone(),
        })
    };
    Ok(list.items.iter().filter_map(claim).collect())
}

/// Uid of each metadata volume claim of the given pods, by claim name. Read while a cluster is forming only.
pub async fn claims(context: &Context, key: &ClusterKey) -> Result<BTreeMap<String, String>, PassError> {
    let api: Api<PersistentVolumeClaim> = Api::namespaced(context.client.clone(), &key.namespace);
    let parameters = ListParams::default().labels(&format!("{CLUSTER_LABEL}={}", key.name));
    let list = bounded(
        "list",
        "PersistentVolumeClaim",
        (&key.namespace, ""),
        api.list_metadata(&parameters),
    )
    .await?;
    Ok(list
        .items
        .iter()
        .map(|claim| (claim.name_any(), claim.uid().unwrap_or_default()))
        .collect())
}
