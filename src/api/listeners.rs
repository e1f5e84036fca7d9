//! Client listeners. TLS always; the internal listeners (controllers, replication) are the operator's own.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One listener for clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Upper-cased it's Kafka's listener name; `controller` and `replication` are taken.
    #[schemars(length(min = 1, max = 15), regex(pattern = r"^[a-z][a-z0-9]*$"))]
    pub name: String,
    #[schemars(range(min = 9092, max = 9399))]
    pub port: i32,
    #[serde(default)]
    pub exposure: Exposure,
    pub authentication: Authentication,
    /// Who may connect, as NetworkPolicy peers. Empty: every pod of the resource's namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub allowed_peers: Vec<NetworkPeer>,
}

/// From where the listener can be reached. Only `Internal` is available yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    #[serde(default, rename = "type")]
    pub kind: ExposureType,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExposureType {
    #[default]
    Internal,
    LoadBalancer,
    NodePort,
    Gateway,
    ClusterIP,
}

/// How clients prove who they are. `ScramSha512` and `Mtls` are available; the others aren't yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Authentication {
    #[serde(rename = "type")]
    pub kind: AuthenticationType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthenticationType {
    ScramSha512,
    Mtls,
    Plain,
    OAuth,
    Kerberos,
}

/// A NetworkPolicy peer: pods by label, optionally in namespaces by label.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPeer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_selector: Option<LabelSelector>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
}
