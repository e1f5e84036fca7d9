//! How secure: certificates, authorisation, network policies, encryption at rest. There's no switch that turns TLS or
//! authorisation off.

use super::DurationText;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Security {
    #[serde(default)]
    pub tls: Tls,
    #[serde(default)]
    pub authorization: Authorization,
    #[serde(default)]
    pub network_policy: NetworkPolicySettings,
    #[serde(default)]
    pub encryption_at_rest: EncryptionAtRest,
    /// Tokens that stand for a user for a while (KIP-48), used with SCRAM. Left out: none are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delegation_tokens: Option<DelegationTokens>,
}

/// How long delegation tokens are good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DelegationTokens {
    /// `delegation.token.expiry.time.ms`: without being renewed.
    #[serde(default = "expiry")]
    pub expiry: DurationText,
    /// `delegation.token.max.lifetime.ms`: at all.
    #[serde(default = "max_lifetime")]
    pub max_lifetime: DurationText,
}

fn expiry() -> DurationText {
    DurationText("24h".into())
}

fn max_lifetime() -> DurationText {
    DurationText("7d".into())
}

/// Certificates of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    #[serde(default)]
    pub key_algorithm: KeyAlgorithm,
    /// Who signs certificates of nodes and listeners. Left out: an authority that the operator makes and renews.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_authority: Option<GivenAuthority>,
    /// Who signs certificates of users with `Mtls`. Left out: an authority that the operator makes and renews.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients_authority: Option<GivenAuthority>,
    #[serde(default = "leaf_lifetime")]
    pub leaf_lifetime: DurationText,
    /// Of certificates between nodes, which Kafka reads when it starts: they're made anew in the middle of it, and the next
    /// restart that happens anyway takes them up.
    #[serde(default = "node_leaf_lifetime")]
    pub node_leaf_lifetime: DurationText,
    #[serde(default = "ca_lifetime")]
    pub ca_lifetime: DurationText,
    /// How long clients have to take up another authority, or another certificate by it, while one is being replaced.
    #[serde(default = "trust_overlap")]
    pub trust_overlap: DurationText,
    /// A certificate is renewed when less than this is left.
    #[serde(default = "renew_before")]
    pub renew_before: DurationText,
    #[serde(default)]
    pub minimum_version: TlsVersion,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            key_algorithm: KeyAlgorithm::default(),
            cluster_authority: None,
            clients_authority: None,
            leaf_lifetime: leaf_lifetime(),
            node_leaf_lifetime: node_leaf_lifetime(),
            ca_lifetime: ca_lifetime(),
            trust_overlap: trust_overlap(),
            renew_before: renew_before(),
            minimum_version: TlsVersion::default(),
        }
    }
}

fn leaf_lifetime() -> DurationText {
    DurationText("90d".into())
}

fn node_leaf_lifetime() -> DurationText {
    DurationText("1y".into())
}

fn trust_overlap() -> DurationText {
    DurationText("7d".into())
}

fn ca_lifetime() -> DurationText {
    DurationText("5y".into())
}

fn renew_before() -> DurationText {
    DurationText("30d".into())
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyAlgorithm {
    #[default]
    EcdsaP256,
    EcdsaP384,
    Rsa3072,
    Rsa4096,
}

/// An authority that others make and renew: cert-manager, Vault, a person. The operator follows it: another certificate of the
/// same name and key is taken up at once, another key replaces the one before it with `trustOverlap`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GivenAuthority {
    /// Secret of the resource's namespace as cert-manager writes it for a `Certificate` with `isCA`: `tls.crt`, `tls.key`, and
    /// `ca.crt` if somebody else has signed it. Read every five minutes.
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum TlsVersion {
    #[serde(rename = "TLSv1.2")]
    V12,
    #[default]
    #[serde(rename = "TLSv1.3")]
    V13,
}

/// Authorisation is always on; nobody but the nodes and the operator is a super user unless named here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    /// More super users, as Kafka principals: `User:alice`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 6, max = 256)))]
    #[x_kube(validation = super::refused::super_users())]
    pub super_users: Vec<String>,
    /// Remove the ACLs of principals that no `KafkaUser` manages. Off: they are left alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prune: bool,
    /// What the authorizer logs. `All` logs allowed requests too.
    #[serde(default)]
    pub audit: Audit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Audit {
    #[default]
    Denied,
    All,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicySettings {
    #[serde(default = "yes")]
    pub enabled: bool,
}

impl Default for NetworkPolicySettings {
    fn default() -> Self {
        Self { enabled: true }
    }
}

const fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EncryptionAtRest {
    /// `Report` says in the condition `EncryptedAtRest` what StorageClasses show; `Require` refuses one that shows nothing.
    #[serde(default)]
    pub requirement: EncryptionRequirement,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EncryptionRequirement {
    #[default]
    Report,
    Require,
}
