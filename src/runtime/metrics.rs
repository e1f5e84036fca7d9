//! Metrics of the operator and of the clusters it runs, in `OpenMetrics` text.
//!
//! Label values are bounded: kinds, verbs, API names and outcomes are fixed in the program, cluster labels are the
//! clusters that exist and go with [`Metrics::forget`], of their consumer groups those furthest behind. Error text, node ids and
//! object names never become labels.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use cluster::ClusterMetrics;
pub use cluster::{ClusterLabels, ClusterReport, Thresholds};
use lag::LagMetrics;

mod cluster;
mod lag;

/// How a reconcile pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Completed,
    Waiting,
    Rejected,
    Failed,
    Abandoned,
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Waiting => "waiting",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// A write to the Kubernetes API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    Apply,
    Create,
    Delete,
    Evict,
    Status,
}

impl Verb {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Evict => "evict",
            Self::Status => "status",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OwnedKindLabels {
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    kind: &'static str,
    verb: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    api: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApiLabels {
    api: &'static str,
}

/// All metrics of the process. Clones share the same series.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_seconds: Family<KindLabels, Histogram>,
    kafka_requests: Family<RequestLabels, Counter>,
    kafka_seconds: Family<ApiLabels, Histogram>,
    kube_writes: Family<WriteLabels, Counter>,
    leader: Gauge,
    unreadable: Family<OwnedKindLabels, Gauge>,
    clusters: ClusterMetrics,
    lags: LagMetrics,
}

impl Metrics {
    /// `version` becomes the label of `productionkafka_build_info`.
    pub fn new(version: &'static str) -> Self {
        let mut registry = Registry::with_prefix("productionkafka");
        let metrics = Self {
            reconciles: Family::default(),
            reconcile_seconds: Family::new_with_constructor(seconds_histogram),
            kafka_requests: Family::default(),
            kafka_seconds: Family::new_with_constructor(seconds_histogram),
            kube_writes: Family::default(),
            leader: Gauge::default(),
            unreadable: Family::default(),
            clusters: ClusterMetrics::register(&mut registry),
            lags: LagMetrics::register(&mut registry),
            registry: Arc::default(),
        };
        metrics.register(&mut registry, version);
        Self {
            registry: Arc::new(registry),
            ..metrics
        }
    }

    fn register(&self, registry: &mut Registry, version: &'static str) {
        registry.register("build", "Version of the operator", Info::new([("version", version)]));
        registry.register("reconcile", "Finished reconcile passes", self.reconciles.clone());
        registry.register_with_unit(
            "reconcile_duration",
            "Duration of reconcile passes",
            Unit::Seconds,
            self.reconcile_seconds.clone(),
        );
        registry.register(
            "kafka_requests",
            "Requests to Kafka clusters",
            self.kafka_requests.clone(),
        );
        registry.register_with_unit(
            "kafka_request_duration",
            "Duration of requests to Kafka clusters",
            Unit::Seconds,
            self.kafka_seconds.clone(),
        );
        registry.register("kube_writes", "Writes to the Kubernetes API", self.kube_writes.clone());
        registry.register(
            "leader",
            "1 while this process holds the leader lease",
            self.leader.clone(),
        );
        registry.register(
            "unreadable_resources",
            "Resources that this version of the operator can't read",
            self.unreadable.clone(),
        );
    }

    /// Records one finished pass over an object of `kind`.
    pub fn reconciled(&self, kind: &'static str, outcome: Outcome, duration: Duration) {
        self.reconciles
            .get_or_create(&ReconcileLabels {
                kind,
                outcome: outcome.as_str(),
            })
            .inc();
        self.reconcile_seconds
            .get_or_create(&KindLabels { kind })
            .observe(duration.as_secs_f64());
    }

    /// Records one request to Kafka. `api` is the protocol's name of the request, `outcome` an error category.
    pub fn kafka_request(&self, api: &'static str, outcome: &'static str, duration: Duration) {
        self.kafka_requests.get_or_create(&RequestLabels { api, outcome }).inc();
        self.kafka_seconds
            .get_or_create(&ApiLabels { api })
            .observe(duration.as_secs_f64());
    }

    /// Records one write to the Kubernetes API.
    pub fn kube_write(&self, kind: &'static str, verb: Verb) {
        self.kube_writes
            .get_or_create(&WriteLabels {
                kind,
                verb: verb.as_str(),
            })
            .inc();
    }

    /// Says how many resources of a kind can't be read.
    pub fn set_unreadable(&self, kind: &str, count: usize) {
        let kind = kind.to_owned();
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.unreadable.get_or_create(&OwnedKindLabels { kind }).set(count);
    }

    pub fn set_leader(&self, is_leader: bool) {
        self.leader.set(i64::from(is_leader));
    }

    /// Replaces the gauges of one cluster; what the report does not know has no series.
    pub fn set_cluster(&self, cluster: &ClusterLabels, report: &ClusterReport) {
        self.clusters.set(cluster, report);
    }

    /// Replaces how far a cluster's consumer groups are behind, in records.
    pub fn set_lags(&self, cluster: &ClusterLabels, groups: &[(String, u64)]) {
        self.lags.set(cluster, groups);
    }

    /// Removes every series of a cluster that is gone.
    pub fn forget(&self, cluster: &ClusterLabels) {
        self.clusters.forget(cluster);
        self.lags.set(cluster, &[]);
    }

    /// Everything in `OpenMetrics` text (`application/openmetrics-text; version=1.0.0`).
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// 1 ms to about 65 s: a pass without changes is in the first buckets, a call that runs into its deadline in the last.
fn seconds_histogram() -> Histogram {
    Histogram::new(prometheus_client::metrics::histogram::exponential_buckets(
        0.001, 4.0, 9,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders() -> ClusterLabels {
        ClusterLabels {
            namespace: "kafka".into(),
            name: "orders".into(),
        }
    }

    #[test]
    fn operator_metrics_have_their_documented_names() {
        let metrics = Metrics::new("1.2.3");
        metrics.reconciled("ProductionKafka", Outcome::Waiting, Duration::from_millis(20));
        metrics.kafka_request("Metadata", "ok", Duration::from_millis(3));
        metrics.kube_write("StatefulSet", Verb::Apply);
        metrics.set_leader(true);
        let text = metrics.encode().unwrap();
        for line in [
            r#"productionkafka_build_info{version="1.2.3"} 1"#,
            r#"productionkafka_reconcile_total{kind="ProductionKafka",outcome="waiting"} 1"#,
            r#"productionkafka_reconcile_duration_seconds_count{kind="ProductionKafka"} 1"#,
            r#"productionkafka_kafka_requests_total{api="Metadata",outcome="ok"} 1"#,
            r#"productionkafka_kafka_request_duration_seconds_count{api="Metadata"} 1"#,
            r#"productionkafka_kube_writes_total{kind="StatefulSet",verb="apply"} 1"#,
            "productionkafka_leader 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn an_unknown_value_has_no_series() {
        let metrics = Metrics::new("1");
        let labels = r#"{namespace="kafka",name="orders"}"#;
        let known = ClusterReport {
            ready: true,
            offline_partitions: Some(2),
            ..ClusterReport::default()
        };
        metrics.set_cluster(&orders(), &known);
        let text = metrics.encode().unwrap();
        assert!(
            text.contains(&format!("productionkafka_cluster_ready{labels} 1\n")),
            "{text}"
        );
        assert!(
            text.contains(&format!("productionkafka_cluster_offline_partitions{labels} 2\n")),
            "{text}"
        );
        assert!(
            !text.contains(&format!("productionkafka_cluster_quorum_leader{labels}")),
            "{text}"
        );
        metrics.set_cluster(&orders(), &ClusterReport::default());
        let text = metrics.encode().unwrap();
        assert!(
            text.contains(&format!("productionkafka_cluster_ready{labels} 0\n")),
            "{text}"
        );
        assert!(
            !text.contains(&format!("productionkafka_cluster_offline_partitions{labels}")),
            "{text}"
        );
    }

    #[test]
    fn a_forgotten_cluster_leaves_nothing_and_others_stay() {
        let metrics = Metrics::new("1");
        let other = ClusterLabels {
            namespace: "kafka".into(),
            name: "audit".into(),
        };
        let report = ClusterReport {
            brokers_ready: Some(3),
            quorum_leader: Some(1),
            ..ClusterReport::default()
        };
        metrics.set_cluster(&orders(), &report);
        metrics.set_cluster(&other, &report);
        metrics.forget(&orders());
        let text = metrics.encode().unwrap();
        assert!(!text.contains("orders"), "{text}");
        assert!(
            text.contains(r#"productionkafka_cluster_brokers_ready{namespace="kafka",name="audit"} 3"#),
            "{text}"
        );
    }
}
