//! When the operator may disturb the cluster, how upgrades end, what is monitored.

use super::DurationText;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Refused yet but for the defaults: the operator restarts nothing by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Maintenance {
    #[serde(default)]
    pub paused: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub windows: Vec<MaintenanceWindow>,
    #[serde(default)]
    pub deletion_protection: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceWindow {
    #[schemars(length(min = 9, max = 64))]
    pub cron: String,
    pub duration: DurationText,
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
}

/// Refused yet but for the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    #[serde(default)]
    pub finalize: Finalize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soak: Option<DurationText>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Finalize {
    #[default]
    Manual,
    Automatic,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Monitoring {
    /// Runs the JMX exporter inside each node, on port 9404.
    #[serde(default = "yes")]
    pub jmx_exporter: bool,
    /// Refused yet.
    #[serde(default)]
    pub pod_monitor: bool,
    /// Refused yet.
    #[serde(default)]
    pub prometheus_rule: bool,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            jmx_exporter: true,
            pod_monitor: false,
            prometheus_rule: false,
        }
    }
}

const fn yes() -> bool {
    true
}
