//! `ProductionKafka`: one resource that states a posture, and the rules the apiserver itself enforces on it.

use super::{
    Capacity, HighAvailability, Listener, Maintenance, Monitoring, NodePool, ProductionKafkaStatus, Quotas, Security,
    Tuning, Upgrade,
};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// A hardened Apache Kafka cluster.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "productionkafka.dev",
    version = "v1alpha1",
    kind = "ProductionKafka",
    plural = "productionkafkas",
    shortname = "pk",
    category = "kafka",
    namespaced,
    status = "ProductionKafkaStatus",
    derive = "PartialEq",
    doc = "A hardened Apache Kafka cluster (KRaft, TLS, authorisation on), as a posture: how available, how secure, how tuned.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.kafkaVersion"),
    printcolumn(name = "Brokers", type_ = "string", json_path = ".status.brokers", description = "ready/desired, without those that leave"),
    printcolumn(name = "Under-replicated", type_ = "integer", json_path = ".status.replication.underReplicated"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.nextAction", priority = 1),
    validation = ("size(self.metadata.name) <= 30", "metadata.name can have at most 30 characters: pod, Service and StatefulSet names are formed from it"),
    validation = ("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')", "metadata.name must start with a letter and hold only a-z, 0-9 and '-': Service names are formed from it")
)]
#[x_kube(
    validation = ("self.nodePools.filter(p, 'Controller' in p.roles).map(p, p.replicas).sum() in [1, 3, 5, 7]", "nodePools with the role Controller need 1, 3, 5 or 7 replicas together: an even number tolerates no more failures than one fewer"),
    validation = ("self.nodePools.exists(p, 'Broker' in p.roles)", "at least one pool must have the role Broker"),
    validation = ("self.nodePools.filter(p, 'Broker' in p.roles).map(p, p.replicas).sum() >= self.highAvailability.replicationFactor", "highAvailability.replicationFactor is above the number of brokers: lower it or add replicas to a pool with the role Broker"),
    validation = ("self.listeners.all(l, self.listeners.exists_one(m, m.port == l.port))", "two listeners have the same port")
)]
#[serde(rename_all = "camelCase")]
pub struct ProductionKafkaSpec {
    /// Kafka version, for example 4.3.1. It must be in the operator's catalogue.
    #[serde(default = "default_version")]
    #[schemars(length(min = 5, max = 12), regex(pattern = r"^4\.[0-9]{1,3}\.[0-9]{1,3}$"))]
    pub version: String,
    /// Kafka image with the layout of `apache/kafka`, best by digest. Left out: `docker.io/apache/kafka:<version>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = kube::core::ListMerge::Map(vec!["name".into()]))]
    pub node_pools: Vec<NodePool>,
    #[serde(default)]
    pub high_availability: HighAvailability,
    #[serde(default)]
    pub security: Security,
    /// Client listeners.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = kube::core::ListMerge::Map(vec!["name".into()]))]
    pub listeners: Vec<Listener>,
    /// Client quotas of every user that has none of its own. Left out: none are set, and none are taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_user_quotas: Option<Quotas>,
    #[serde(default)]
    pub tuning: Tuning,
    #[serde(default)]
    pub capacity: Capacity,
    #[serde(default)]
    pub maintenance: Maintenance,
    #[serde(default)]
    pub upgrade: Upgrade,
    #[serde(default)]
    pub monitoring: Monitoring,
}

/// Annotation: a request, made at this time (RFC 3339), to spread replicas evenly over the brokers. Taken away before it's
/// done, nothing more is moved.
pub const REBALANCE: &str = "productionkafka.dev/rebalance";
/// Annotation: bytes per second that each broker may send and receive for replicas that are moved, for example `50Mi`.
pub const REBALANCE_THROTTLE: &str = "productionkafka.dev/rebalance-throttle";

fn default_version() -> String {
    "4.3.1".into()
}
