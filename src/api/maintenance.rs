//! When the operator may disturb the cluster, how upgrades end, what is monitored.

use super::DurationText;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Finalizer of a cluster with `deletionProtection`.
pub const DELETION_PROTECTION: &str = "productionkafka.dev/deletion-protection";

/// When pods may be restarted. Repairs of what is down, and what a person asks for by annotation, wait for no window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Maintenance {
    /// Restart nothing; `status.rollout` says what would be done. Everything else goes on.
    #[serde(default)]
    pub paused: bool,
    /// Restarts begin within one of these only; without any, at any time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub windows: Vec<MaintenanceWindow>,
    /// Partitions that no restart can keep writable, because they have no more replicas than must be in sync: wait until
    /// a person changes the topic, or restart and have them unavailable meanwhile.
    #[serde(default)]
    pub single_replica_partitions: SingleReplicaPartitions,
    /// The API server refuses to delete the resource, its volumes, authorities and identity; a deletion of the resource that it
    /// doesn't refuse is held by a finalizer, and Kafka runs on. Deleting the namespace is neither refused nor held. Needs the
    /// operator's admission policies (chart value `admissionPolicies.enabled`).
    #[serde(default)]
    pub deletion_protection: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceWindow {
    /// Five fields: minute, hour, day of month, month, day of week.
    #[schemars(length(min = 9, max = 64))]
    pub cron: String,
    pub duration: DurationText,
    /// IANA name, for example `Europe/London`.
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SingleReplicaPartitions {
    #[default]
    Wait,
    Restart,
}

/// How an upgrade of Kafka ends. Until the feature levels are finalised, the way back to the old version is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// `Automatic`: after the soak, `metadata.version` and the other features are raised one by one to the version's
    /// levels. `Manual`: a person does it, with `kafka-features.sh`.
    #[serde(default)]
    pub finalize: Finalize,
    /// How long every node runs the new version before levels are raised.
    #[serde(default = "day")]
    pub soak: DurationText,
    /// What to do about a version with published vulnerabilities: say so (`Upgradeable`), or refuse it.
    #[serde(default)]
    pub known_vulnerabilities: KnownVulnerabilities,
}

impl Default for Upgrade {
    fn default() -> Self {
        Self {
            finalize: Finalize::default(),
            soak: day(),
            known_vulnerabilities: KnownVulnerabilities::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Finalize {
    #[default]
    Automatic,
    Manual,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KnownVulnerabilities {
    #[default]
    Report,
    Refuse,
}

fn day() -> DurationText {
    DurationText("24h".into())
}

/// What is measured, and when it's an alert. The alert rules and the PodMonitors are the chart's, one for all clusters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Monitoring {
    /// Runs the JMX exporter inside each node, on port 9404.
    #[serde(default = "yes")]
    pub jmx_exporter: bool,
    /// What alerts compare with; the operator exports each as a metric.
    #[serde(default)]
    pub thresholds: Thresholds,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            jmx_exporter: true,
            thresholds: Thresholds::default(),
        }
    }
}

/// Values beyond which an alert fires. The fullest volume also decides `CapacitySufficient`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Thresholds {
    /// Of the fullest volume, in percent.
    #[schemars(range(min = 1, max = 99))]
    pub disk_warning_percent: i32,
    #[schemars(range(min = 1, max = 99))]
    pub disk_critical_percent: i32,
    /// Records that a consumer group is behind.
    #[schemars(range(min = 1))]
    pub consumer_lag_warning: i64,
    #[schemars(range(min = 1))]
    pub consumer_lag_critical: i64,
    /// Of `capacity.broker.networkThroughput`.
    #[schemars(range(min = 1, max = 100))]
    pub network_percent: i32,
    /// 99th percentile of the time from a produce request to its answer, at any broker.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub request_p99_milliseconds: i32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            disk_warning_percent: 70,
            disk_critical_percent: 85,
            consumer_lag_warning: 10_000,
            consumer_lag_critical: 100_000,
            network_percent: 80,
            request_p99_milliseconds: 100,
        }
    }
}

const fn yes() -> bool {
    true
}
