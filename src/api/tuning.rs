//! How tuned: profile, extra broker keys, JVM, operating system, flush policy.

use super::refused;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tuning {
    /// `Balanced`: threads by the broker's cores. `Throughput`: more of them, and the kernel sizes socket buffers. `Latency`:
    /// more replica fetchers. `Reference`: a published checklist's numbers. Keys in `config` go before; applications' settings
    /// follow the profile too.
    #[serde(default)]
    pub profile: Profile,
    /// Any other broker key. Keys that the operator owns and keys that can weaken the cluster are refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 100), extend("additionalProperties" = {"type": "string", "maxLength": 4096}))]
    #[x_kube(
        validation = refused::owned_keys(),
        validation = refused::owned_families(),
        validation = refused::class_keys(),
        validation = refused::references()
    )]
    pub config: BTreeMap<String, String>,
    #[serde(default)]
    pub jvm: Jvm,
    #[serde(default)]
    pub os: OperatingSystem,
    #[serde(default)]
    pub flush: Flush,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Profile {
    #[default]
    Balanced,
    Throughput,
    Latency,
    Reference,
}

impl Profile {
    pub const ALL: [Self; 4] = [Self::Balanced, Self::Throughput, Self::Latency, Self::Reference];
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Jvm {
    /// `auto` (a quarter of the memory limit, at most 6 GiB) or a JVM size such as `4g`.
    #[serde(default = "auto")]
    #[schemars(length(min = 1, max = 12), regex(pattern = r"^(auto|[1-9][0-9]*[mg])$"))]
    pub heap: String,
    /// More JVM options; a collector chosen here replaces the default one. Options that run code are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 2, max = 256)))]
    #[x_kube(validation = refused::jvm_options())]
    pub options: Vec<String>,
}

impl Default for Jvm {
    fn default() -> Self {
        Self {
            heap: auto(),
            options: Vec::new(),
        }
    }
}

fn auto() -> String {
    "auto".into()
}

/// Kernel settings. What belongs to the machine and not to the pod is set on the machine: see the chart's `nodeTuning`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperatingSystem {
    /// Of each pod's own network: those that Kubernetes takes for safe, for example `net.ipv4.tcp_rmem`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub sysctls: BTreeMap<String, String>,
    /// A node starts only on a machine whose `vm.max_map_count` is at least this. Two maps for each segment; 65530 is the
    /// kernel's default, and enough for some 30000 segments.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 65530, max = 16_777_216))]
    pub require_max_map_count: Option<i64>,
}

/// Explicit flushes (`log.flush.*`): Kafka's durability is replication; each flush blocks appends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Flush {
    /// Must be true for `log.flush.interval.messages` and `log.flush.interval.ms` to be accepted in `config`.
    #[serde(default)]
    pub acknowledge_cost: bool,
}
