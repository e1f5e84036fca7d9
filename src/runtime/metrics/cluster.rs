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
    /// The `Stalled` condition.
    pub stalled: bool,
    /// It was deleted, and is held (condition `DeletionHeld`).
    pub deletion_held: bool,
    /// Volume claims that are being deleted.
    pub leaving_volumes: u64,
    /// The condition `CertificatesValid`; `None`: unknown.
    pub certificates_valid: Option<bool>,
    /// The condition `CapacitySufficient`; `None`: unknown.
    pub capacity_sufficient: Option<bool>,
    pub partitions: Option<u64>,
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
    /// When Kafka was looked at last, in seconds since 1970.
    pub observed: Option<u64>,
    /// Of the fullest volume.
    pub disk_used_percent: Option<u64>,
    pub days_until_full: Option<u64>,
    /// All replicas of all topics.
    pub data_bytes: Option<u64>,
    /// Nodes that wait for their restart.
    pub rollout_waiting: Option<u64>,
    /// When the present phase of a rolling restart began, in seconds since 1970; none while none is due.
    pub rollout_since: Option<u64>,
    pub thresholds: Thresholds,
}

/// What alerts compare with, in the units of what they compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    pub disk_warning_percent: Option<u64>,
    pub disk_critical_percent: Option<u64>,
    pub consumer_lag_warning: Option<u64>,
    pub consumer_lag_critical: Option<u64>,
    pub network_percent: Option<u64>,
    /// Bytes per second of one broker, each way.
    pub network_limit: Option<u64>,
    pub request_p99_milliseconds: Option<u64>,
}

type Read = fn(&ClusterReport) -> Option<u64>;

/// Name after the prefix `productionkafka_`, help text, source.
const GAUGES: [(&str, &str, Read); 33] = [
    (
        "cluster_ready",
        "1 if the cluster's Ready condition is true",
        |report| Some(u64::from(report.ready)),
    ),
    (
        "cluster_stalled",
        "1 if the resource must be corrected (condition Stalled)",
        |report| Some(u64::from(report.stalled)),
    ),
    (
        "cluster_deletion_held",
        "1 if the resource was deleted and is held by deletion protection (condition DeletionHeld)",
        |report| Some(u64::from(report.deletion_held)),
    ),
    (
        "cluster_leaving_volumes",
        "Volume claims that somebody has deleted and that pods still use",
        |report| Some(report.leaving_volumes),
    ),
    (
        "cluster_certificates_valid",
        "1 if no certificate is about to end and no authority is lost (condition CertificatesValid)",
        |report| report.certificates_valid.map(u64::from),
    ),
    (
        "cluster_capacity_sufficient",
        "1 if no volume is nearly full and the stated workload fits (condition CapacitySufficient)",
        |report| report.capacity_sufficient.map(u64::from),
    ),
    ("cluster_partitions", "Partitions of all topics", |report| {
        report.partitions
    }),
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
    (
        "cluster_observed_timestamp_seconds",
        "When the operator looked at Kafka last, in Unix time",
        |report| report.observed,
    ),
    (
        "cluster_disk_used_percent",
        "How full the fullest volume of all brokers is",
        |report| report.disk_used_percent,
    ),
    (
        "cluster_disk_days_until_full",
        "Days until the first volume is full, as it filled in the last day",
        |report| report.days_until_full,
    ),
    ("cluster_data_bytes", "Bytes of all replicas of all topics", |report| {
        report.data_bytes
    }),
    (
        "cluster_rollout_waiting_nodes",
        "Nodes that wait for their restart",
        |report| report.rollout_waiting,
    ),
    (
        "cluster_rollout_since_timestamp_seconds",
        "When the present phase of a rolling restart began, in Unix time; absent while none is due",
        |report| report.rollout_since,
    ),
    (
        "cluster_disk_warning_threshold_percent",
        "spec.monitoring.thresholds.diskWarningPercent",
        |report| report.thresholds.disk_warning_percent,
    ),
    (
        "cluster_disk_critical_threshold_percent",
        "spec.monitoring.thresholds.diskCriticalPercent",
        |report| report.thresholds.disk_critical_percent,
    ),
    (
        "cluster_consumer_lag_warning_threshold",
        "spec.monitoring.thresholds.consumerLagWarning, in records",
        |report| report.thresholds.consumer_lag_warning,
    ),
    (
        "cluster_consumer_lag_critical_threshold",
        "spec.monitoring.thresholds.consumerLagCritical, in records",
        |report| report.thresholds.consumer_lag_critical,
    ),
    (
        "cluster_network_threshold_percent",
        "spec.monitoring.thresholds.networkPercent",
        |report| report.thresholds.network_percent,
    ),
    (
        "cluster_network_limit_bytes_per_second",
        "spec.capacity.broker.networkThroughput of each broker, each way",
        |report| report.thresholds.network_limit,
    ),
    (
        "cluster_request_p99_threshold_milliseconds",
        "spec.monitoring.thresholds.requestP99Milliseconds",
        |report| report.thresholds.request_p99_milliseconds,
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
