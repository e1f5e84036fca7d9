//! Node pools: groups of Kafka nodes that share roles, resources and storage.

use super::Quantity;
use k8s_openapi::api::core::v1::{Affinity, Toleration};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a node does (`process.roles`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Role {
    Controller,
    Broker,
}

/// A group of Kafka nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = ("size(self.roles) > 0", "a pool needs the role Controller, Broker or both"),
    validation = ("!has(self.firstNodeId) || !has(oldSelf.firstNodeId) || self.firstNodeId == oldSelf.firstNodeId", "firstNodeId is part of the names under which controllers and brokers know each other and can't be changed: add another pool")
)]
#[serde(rename_all = "camelCase")]
pub struct NodePool {
    /// Part of every name of the pool's nodes; can't be changed.
    #[schemars(length(min = 1, max = 20), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// `[Controller]`, `[Broker]` or both.
    #[schemars(length(min = 1, max = 2))]
    #[x_kube(merge_strategy = kube::core::ListMerge::Set)]
    pub roles: Vec<Role>,
    /// Number of Kafka nodes. A lower one empties the surplus brokers and takes the vote from surplus controllers before they
    /// go; 0 does so with the whole pool, which can be removed afterwards.
    #[schemars(range(min = 0, max = 100))]
    pub replicas: i32,
    /// First node id of the pool. Left out, the operator allocates a block of 100: controllers from 0, others from 100 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9900))]
    pub first_node_id: Option<i32>,
    /// Node ids that the pool shall not use. A node that has one gives up its data or its vote and is removed, and another id
    /// takes its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 99))]
    #[x_kube(merge_strategy = kube::core::ListMerge::Set)]
    pub excluded_node_ids: Vec<i32>,
    pub storage: Storage,
    #[serde(default)]
    pub resources: Resources,
    #[serde(default)]
    pub template: PodTemplate,
}

/// The disks of each node of a pool (JBOD).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = kube::core::ListMerge::Atomic)]
    pub volumes: Vec<Volume>,
    /// What happens to a volume that no node uses any more because its broker left the cluster or got another disk.
    /// `Delete` needs an operator that may delete volumes (chart value `rbac.deleteVolumes`), and holds for volumes that
    /// were in use at some time since it was written. Deleting the resource deletes no volume either way.
    #[serde(default)]
    pub reclaim: Reclaim,
}

/// One disk: a `PersistentVolumeClaim` per node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    pub size: Quantity,
    /// `StorageClass`; left out, the cluster's default class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Reclaim {
    #[default]
    Retain,
    Delete,
}

/// CPU and memory of the Kafka container. Memory limit and request should be equal; a CPU limit hurts tail latency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 8))]
    pub requests: BTreeMap<String, Quantity>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 8))]
    pub limits: BTreeMap<String, Quantity>,
}

/// Where and how the pods of a pool run. Nothing here can loosen the restricted pod security profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodTemplate {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub node_selector: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub tolerations: Vec<Toleration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
}
