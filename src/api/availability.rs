//! How available: replication, racks, what may be unavailable at once.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Replication and spread. The defaults keep every acknowledged write through the loss of one broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = ("self.minInSyncReplicas <= self.replicationFactor", "minInSyncReplicas can't be above replicationFactor: no write could ever be acknowledged")
)]
#[serde(rename_all = "camelCase")]
pub struct HighAvailability {
    /// `default.replication.factor` and the replication of every internal topic.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 7))]
    pub replication_factor: i32,
    /// `min.insync.replicas`, set cluster-wide as a dynamic config (per broker it's illegal with eligible leader replicas).
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 7))]
    pub min_in_sync_replicas: i32,
    /// Failure domains. Set, nodes are spread over them and brokers know theirs (`broker.rack`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rack: Option<Rack>,
    /// How many brokers of one rack may be down at once for maintenance, as long as no partition loses its minimum.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    pub max_unavailable: i32,
    /// `unclean.leader.election.enable`: trades acknowledged writes for availability. Refused yet.
    #[serde(default)]
    pub unclean_leader_election: bool,
}

impl Default for HighAvailability {
    fn default() -> Self {
        Self {
            replication_factor: three(),
            min_in_sync_replicas: two(),
            rack: None,
            max_unavailable: one(),
            unclean_leader_election: false,
        }
    }
}

/// What a rack is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rack {
    /// Node label that names the failure domain, for example `topology.kubernetes.io/zone`.
    #[schemars(length(min = 1, max = 253))]
    pub topology_key: String,
    /// The domains to use, in order. Left out, those of the Kubernetes nodes there are when the cluster is created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 63)))]
    pub zones: Vec<String>,
}

const fn one() -> i32 {
    1
}

const fn two() -> i32 {
    2
}

const fn three() -> i32 {
    3
}
