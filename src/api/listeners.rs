//! Client listeners. TLS always; the internal listeners (controllers, replication) are the operator's own.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// Left out: a certificate of the cluster's own authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<ListenerCertificate>,
}

/// From where the listener can be reached. What isn't `Internal` gives each broker an address of its own, and the broker
/// advertises it once Kubernetes has assigned it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = ("!has(self.loadBalancer) || self.type == 'LoadBalancer'", "loadBalancer needs type: LoadBalancer"),
    validation = ("!has(self.nodePort) || self.type == 'NodePort'", "nodePort needs type: NodePort"),
    validation = ("has(self.gateway) == (self.type == 'Gateway')", "gateway and type: Gateway need each other")
)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    #[serde(default, rename = "type")]
    pub kind: ExposureType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_port: Option<NodePort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExposureType {
    /// Pods by their DNS names.
    #[default]
    Internal,
    /// A Service of type LoadBalancer per broker, and one to find a first broker.
    LoadBalancer,
    /// A Service of type NodePort per broker, at the address of the Kubernetes node that runs it.
    NodePort,
    /// A TLSRoute per broker at a Gateway that passes TLS through by server name.
    Gateway,
    /// A Service of type ClusterIP per broker, for networks in which Service addresses are routed.
    ClusterIP,
}

/// Settings of the load balancers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    /// `loadBalancerClass`; can't be changed once there's a Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class: Option<String>,
    /// Annotations of every Service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub annotations: BTreeMap<String, String>,
    /// Client networks in CIDR notation (`loadBalancerSourceRanges`). Empty: everyone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 3, max = 64)))]
    pub source_ranges: Vec<String>,
    #[serde(default)]
    pub external_traffic_policy: TrafficPolicy,
}

/// Settings of node ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodePort {
    /// Which of the Kubernetes node's addresses is advertised.
    #[serde(default)]
    pub address_type: NodeAddressType,
    #[serde(default)]
    pub external_traffic_policy: TrafficPolicy,
}

/// `externalTrafficPolicy` of a Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TrafficPolicy {
    #[default]
    Cluster,
    /// Keeps the client's address; only the broker's own Kubernetes node takes its traffic.
    Local,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NodeAddressType {
    /// The machine's own IP address.
    #[default]
    InternalIP,
    /// The name of the Kubernetes node, which clients must be able to resolve.
    Hostname,
}

/// A Gateway of the resource's namespace whose listener has `protocol: TLS` and `tls.mode: Passthrough`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Listener of the Gateway; left out, any that allows the host names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub section_name: Option<String>,
    /// Broker 100 gets `broker-100.<domain>`, the first address is `bootstrap.<domain>`. DNS is yours.
    #[schemars(length(min = 1, max = 200))]
    pub domain: String,
    /// Port of the Gateway's listener, as clients see it.
    #[serde(default = "https")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
}

impl Gateway {
    /// Host name by which clients know a broker.
    pub fn broker_host(&self, broker: i32) -> String {
        format!("broker-{broker}.{}", self.domain)
    }

    /// Host name behind which every broker is.
    pub fn bootstrap_host(&self) -> String {
        format!("bootstrap.{}", self.domain)
    }
}

const fn https() -> i32 {
    443
}

/// How clients prove who they are; always over TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = ("has(self.plain) == (self.type == 'Plain')", "plain and type: Plain need each other"),
    validation = ("has(self.oauth) == (self.type == 'OAuth')", "oauth and type: OAuth need each other"),
    validation = ("has(self.kerberos) == (self.type == 'Kerberos')", "kerberos and type: Kerberos need each other")
)]
#[serde(rename_all = "camelCase")]
pub struct Authentication {
    #[serde(rename = "type")]
    pub kind: AuthenticationType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain: Option<Plain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kerberos: Option<Kerberos>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthenticationType {
    ScramSha512,
    Mtls,
    /// SASL/PLAIN: passwords reach the broker, protected by TLS alone.
    Plain,
    /// SASL/OAUTHBEARER with signed tokens of an OpenID Connect provider.
    OAuth,
    /// SASL/GSSAPI.
    Kerberos,
}

/// Users of SASL/PLAIN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plain {
    /// Secret of the resource's namespace: user names as keys, passwords as values. Brokers read it when they start, so a
    /// change restarts them one after the other.
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
}

/// Which tokens are accepted: signed by a key of the JWKS endpoint, from the issuer, for the audience.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OAuth {
    /// `sasl.oauthbearer.jwks.endpoint.url`. Brokers may ask this address and no other.
    #[schemars(length(min = 9, max = 512), regex(pattern = r"^https://[A-Za-z0-9._~:/?=&%-]+$"))]
    pub jwks_endpoint: String,
    /// `iss` that a token must have.
    #[schemars(length(min = 1, max = 512))]
    pub issuer: String,
    /// A token's `aud` must hold one of these.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 256)))]
    pub audience: Vec<String>,
    /// Claim with the name of the principal.
    #[serde(default = "sub")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_.:-]+$"))]
    pub principal_claim: String,
    /// Secret of the resource's namespace whose key `ca.crt` holds the authority of the JWKS endpoint. Left out: those that
    /// the image trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub ca_secret_name: Option<String>,
}

fn sub() -> String {
    "sub".into()
}

/// Kerberos: the brokers' keys and where the realm's KDC is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kerberos {
    /// Secret of the resource's namespace: `krb5.conf`, and `kafka.keytab` with a key of `<serviceName>/<host>@<realm>`
    /// for every broker's host, `<pod>.<cluster>-nodes.<namespace>.svc`.
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9.-]+$"))]
    pub realm: String,
    /// `sasl.kerberos.service.name`.
    #[serde(default = "kafka")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z][a-z0-9-]*$"))]
    pub service_name: String,
}

fn kafka() -> String {
    "kafka".into()
}

/// A server certificate of your own for the listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerCertificate {
    /// Secret of the resource's namespace as cert-manager writes it: `tls.crt` (chain), `tls.key` (PKCS #8), and `ca.crt` if
    /// clients aren't expected to know the authority.
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
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
