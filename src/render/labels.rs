//! Labels, annotations and owner references: made here and nowhere else. Selectors are immutable in the field, so a
//! label that one of them names can never change.

use crate::api::{GROUP, VERSION};
use crate::model::{Cluster, ClusterNames, Node};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use std::collections::BTreeMap;

/// Cluster that an object belongs to; the operator's watches select by it.
pub const CLUSTER: &str = "productionkafka.dev/cluster";
pub const POOL: &str = "productionkafka.dev/pool";
pub const NODE_ID: &str = "productionkafka.dev/node-id";
pub const BROKER: &str = "productionkafka.dev/broker";
pub const CONTROLLER: &str = "productionkafka.dev/controller";
pub const COMPONENT: &str = "productionkafka.dev/component";
/// `KafkaUser` that a credentials Secret belongs to.
pub const USER: &str = "productionkafka.dev/user";
/// Annotation of a pod: hash of everything in its template that a restart would change.
pub const REVISION: &str = "productionkafka.dev/revision";
/// Annotation of a volume claim: the size that the resource asked for last. The claim's own may have grown beyond it.
pub const SIZE: &str = "productionkafka.dev/size";
/// Annotation of a volume claim: the class that the resource named, if it named one.
pub const STORAGE_CLASS: &str = "productionkafka.dev/storage-class";
/// Annotation of a volume claim: which of the node's disks it is, from 0.
pub const DISK: &str = "productionkafka.dev/disk";
/// Annotation of a volume claim, with `Delete`: it goes once its node doesn't use it any more.
pub const RECLAIM: &str = "productionkafka.dev/reclaim";
/// Annotation of a pod: changes with the files of client listeners, which brokers read when they start.
pub const LISTENER_FILES: &str = "productionkafka.dev/listener-files";
/// Annotation of a pod: changes with the key of delegation tokens.
pub const DELEGATION_KEY: &str = "productionkafka.dev/delegation-key";
/// Annotation of a pod: serial of the node certificate that it was started with.
pub const CERTIFICATE: &str = "productionkafka.dev/certificate";
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of `app.kubernetes.io/managed-by`, and `app.kubernetes.io/name` of the operator's own pods.
pub const OPERATOR: &str = "productionkafka";

const NAME: &str = "app.kubernetes.io/name";
const INSTANCE: &str = "app.kubernetes.io/instance";
const APP_COMPONENT: &str = "app.kubernetes.io/component";

/// What an object is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// Kafka nodes and what serves them.
    Node,
    /// What must never be drawn twice.
    Identity,
    /// The spec that was accepted last.
    Accepted,
    Certificates,
    Credentials,
    AclSync,
}

impl Component {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Identity => "identity",
            Self::Accepted => "accepted",
            Self::Certificates => "certificates",
            Self::Credentials => "credentials",
            Self::AclSync => "acl-sync",
        }
    }
}

type Labels = BTreeMap<String, String>;

fn map<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}

/// Labels of every object of a cluster.
pub fn labels(names: &ClusterNames, component: Component) -> Labels {
    map([
        (NAME, "kafka"),
        (INSTANCE, &names.cluster),
        (MANAGED_BY, OPERATOR),
        (APP_COMPONENT, component.as_str()),
        (COMPONENT, component.as_str()),
        (CLUSTER, &names.cluster),
    ])
}

/// Labels of a node's pod and of the objects that are only its own.
pub fn node_labels(names: &ClusterNames, node: &Node<'_>) -> Labels {
    let mut labels = labels(names, Component::Node);
    labels.insert(POOL.into(), node.pool.name.clone());
    labels.insert(NODE_ID.into(), node.id.to_string());
    if node.roles.broker {
        labels.insert(BROKER.into(), "true".into());
    }
    if node.roles.controller {
        labels.insert(CONTROLLER.into(), "true".into());
    }
    labels
}

/// Labels of a volume claim, which outlives the resource: nothing of its life is in them.
pub fn claim_labels(names: &ClusterNames, node: &Node<'_>) -> Labels {
    map([
        (INSTANCE, &names.cluster),
        (MANAGED_BY, OPERATOR),
        (CLUSTER, &names.cluster),
        (POOL, &node.pool.name),
        (NODE_ID, &node.id.to_string()),
    ])
}

/// Selects one node's pod.
pub fn node_selector(names: &ClusterNames, node: &Node<'_>) -> Labels {
    map([(CLUSTER, &names.cluster), (NODE_ID, &node.id.to_string())])
}

/// Selects the pods of all Kafka nodes of the cluster, and no Job's.
pub fn nodes_selector(names: &ClusterNames) -> Labels {
    component_selector(names, Component::Node)
}

/// Selects the pods of one component of the cluster.
pub fn component_selector(names: &ClusterNames, component: Component) -> Labels {
    map([(CLUSTER, &names.cluster), (COMPONENT, component.as_str())])
}

/// Selects the cluster's brokers ([`BROKER`]) or controllers ([`CONTROLLER`]).
pub fn role_selector(names: &ClusterNames, role: &str) -> Labels {
    map([(CLUSTER, &names.cluster), (role, "true")])
}

/// Selects the pods of a pool.
pub fn pool_selector(names: &ClusterNames, pool: &str) -> Labels {
    map([(CLUSTER, &names.cluster), (POOL, pool)])
}

/// Selects the operator's own pods.
pub fn operator_selector() -> Labels {
    map([(NAME, OPERATOR)])
}

/// A `LabelSelector` of plain labels.
pub fn matching(labels: Labels) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels),
        match_expressions: None,
    }
}

/// Metadata of an object that goes with the `ProductionKafka`.
pub fn owned(cluster: &Cluster, name: &str, labels: Labels) -> ObjectMeta {
    ObjectMeta {
        owner_references: Some(vec![owner("ProductionKafka", &cluster.names.cluster, &cluster.uid)]),
        ..surviving(&cluster.names.namespace, name, labels)
    }
}

/// Metadata of an object that outlives its resource: no owner reference, so garbage collection never takes it.
pub fn surviving(namespace: &str, name: &str, labels: Labels) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}

/// Reference to one of the operator's resources, as the one controller of an object.
pub fn owner(kind: &str, name: &str, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: format!("{GROUP}/{VERSION}"),
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
