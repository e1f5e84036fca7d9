//! Gauges of one Kafka cluster, labelled by the resource's namespace and name only.
//!
//! A value that the operator does not know (Kafka not reachable) has no series: zero would say that all is well.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The `ProductionKafka` resource that a series belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ClusterLabels {
    pub namespace: String,
    pub name: String,
}

/// The last observation of one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterReport {
    /// The `Ready` condition.
    pub ready: bool,
    /// Partitions with fewer replicas in sync than assigned.
    pub under_replicated_partitions: Option<u64>,
    /// Partitions without a leader.
    pub offline_partitions: Option<u64>,
    /// Partitions that refuse `acks=all` writes.
    pub under_min_isr_partitions: Option<u64>,
    pub brokers_ready: Option<u64>,
    pub brokers_desired: Option<u64>,
    pub controllers_ready: Option<u64>,
    pub controllers_desired: Option<u64>,
    /// Node id of the active controller.
    pub quorum_leader: Option<u64>,
    /// Voters of the quorum.
    pub quorum_voters: Option<u64>,
    /// Voters that may be lost before nobody can lead.
    pub quorum_tolerates: Option<u64>,
    /// Rises with every election.
    pub quorum_epoch: Option<u64>,
    /// Records that the slowest voter lacks.
    pub quorum_max_lag: Option<u64>,
    /// End of the certificate that ends first, in seconds since 1970.
    pub certificate_expiry: Option<u64>,
}

type Read = fn(&ClusterReport) -> Option<u64>;

/// Name after the prefix `productionkafka_`, help text, source.
const GAUGES: [(&str, &str, Read); 14] = [
    (
        "cluster_ready",
        "1 if the cluster's Ready condition is true",
        |report| Some(u64::from(report.ready)),
    ),
    (
        "cluster_under_replicated_partitions",
        "Partitions with fewer in-sync replicas than assigned",
        |report| report.under_replicated_partitions,
    ),
    ("cluster_offline_partitions", "Partitions without a leader", |report| {
        report.offline_partitions
    }),
    (
        "cluster_under_min_isr_partitions",
        "Partitions below min.insync.replicas",
        |report| report.under_min_isr_partitions,
    ),
    ("cluster_brokers_ready", "Brokers whose pod is ready", |report| {
        report.brokers_ready
    }),
    (
        "cluster_brokers_desired",
        "Brokers that the resource asks for",
        |report| report.brokers_desired,
    ),
    (
        "cluster_controllers_ready",
        "Controllers whose pod is ready",
        |report| report.controllers_ready,
    ),
    (
        "cluster_controllers_desired",
        "Controllers that the resource asks for",
        |report| report.controllers_desired,
    ),
    ("cluster_quorum_leader", "Node id of the active controller", |report| {
        report.quorum_leader
    }),
    ("cluster_quorum_voters", "Controllers that vote", |report| {
        report.quorum_voters
    }),
    (
        "cluster_quorum_tolerates",
        "Voters that may be lost before no controller can lead",
        |report| report.quorum_tolerates,
    ),
    (
        "cluster_quorum_epoch",
        "Epoch of the quorum, which rises with every election",
        |report| report.quorum_epoch,
    ),
    (
        "cluster_quorum_max_lag_records",
        "Records of the metadata log that the slowest voter lacks",
        |report| report.quorum_max_lag,
    ),
    (
        "cluster_certificate_expiry_seconds",
        "End of the certificate that ends first, in Unix time",
        |report| report.certificate_expiry,
    ),
];

#[derive(Clone)]
pub(super) struct ClusterMetrics {
    gauges: Vec<(Family<ClusterLabels, Gauge>, Read)>,
}

impl ClusterMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let gauges = GAUGES.iter().map(|(name, help, read)| {
            let family = Family::<ClusterLabels, Gauge>::default();
            registry.register(*name, *help, family.clone());
            (family, *read)
        });
        Self {
            gauges: gauges.collect(),
        }
    }

    pub(super) fn set(&self, cluster: &ClusterLabels, report: &ClusterReport) {
        for (family, read) in &self.gauges {
            match read(report) {
                Some(value) => {
                    family
                        .get_or_create(cluster)
                        .set(i64::try_from(value).unwrap_or(i64::MAX));
                }
                None => {
                    family.remove(cluster);
                }
            }
        }
    }

    pub(super) fn forget(&self, cluster: &ClusterLabels) {
        for (family, _) in &self.gauges {
            family.remove(cluster);
        }
    }
}
