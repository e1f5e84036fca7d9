//! `KafkaUser`: credentials and access rights of one application.

use super::{Condition, DurationText};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An application's user: the operator makes its credentials and grants it what is listed, nothing else.
#[derive(Clone, Debug, PartialEq, Eq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "productionkafka.dev",
    version = "v1alpha1",
    kind = "KafkaUser",
    plural = "kafkausers",
    shortname = "pku",
    category = "kafka",
    namespaced,
    status = "KafkaUserStatus",
    derive = "PartialEq",
    doc = "A user of a ProductionKafka cluster in the same namespace, with credentials and access rights.",
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.cluster"),
    printcolumn(name = "Authentication", type_ = "string", json_path = ".spec.authentication.type"),
    printcolumn(name = "Secret", type_ = "string", json_path = ".status.secret"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = ("size(self.metadata.name) <= 60", "metadata.name can have at most 60 characters: it's the user's name in Kafka and part of its certificate")
)]
#[x_kube(
    validation = ("self.cluster == oldSelf.cluster", "cluster can't be changed: create a KafkaUser for the other cluster"),
    validation = ("self.authentication.type == oldSelf.authentication.type", "authentication.type can't be changed: delete the KafkaUser and create it again"),
    validation = ("!has(self.authentication.principalName) && !has(oldSelf.authentication.principalName) || has(self.authentication.principalName) && has(oldSelf.authentication.principalName) && self.authentication.principalName == oldSelf.authentication.principalName", "authentication.principalName can't be changed: delete the KafkaUser and create it again")
)]
#[serde(rename_all = "camelCase")]
pub struct KafkaUserSpec {
    /// `ProductionKafka` in the same namespace.
    #[schemars(length(min = 1, max = 30))]
    pub cluster: String,
    pub authentication: UserAuthentication,
    /// What the user may do. Nothing is allowed that isn't listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub acls: Vec<AclRule>,
    /// What applications of a kind need, and no more; `status.acls` shows what it comes to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub roles: Vec<UserRole>,
    /// Bounds on what the user may take of each broker. Left out: the cluster's `defaultUserQuotas`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
}

/// How the user proves who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = ("!has(self.passwordFrom) || self.type == 'ScramSha512'", "passwordFrom needs type: ScramSha512"),
    validation = ("!has(self.principalName) || self.type == 'External'", "principalName needs type: External"),
    validation = ("!has(self.rotation) || self.type != 'External'", "rotation isn't possible with type: External: the credentials aren't the operator's")
)]
#[serde(rename_all = "camelCase")]
pub struct UserAuthentication {
    #[serde(rename = "type")]
    pub kind: UserAuthenticationType,
    /// A password of your own. Left out: a generated one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_from: Option<PasswordFrom>,
    /// Name in Kafka of somebody whom the operator gives no credentials. Left out: `metadata.name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = r#"^[^\s:;"\\*][^;"\\\n\r*]*$"#))]
    pub principal_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UserAuthenticationType {
    /// A password, generated or from a Secret.
    ScramSha512,
    /// A certificate of the cluster's clients authority.
    Mtls,
    /// Somebody whom a listener of another type lets in (OAuth, Kerberos, Plain, a certificate of your own): rights and
    /// quotas, no credentials.
    External,
}

/// One key of a Secret in the user's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordFrom {
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
    /// Its text, 16 to 256 printable ASCII characters, is the password.
    #[serde(default = "password")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

fn password() -> String {
    "password".into()
}

/// New credentials while the old ones still work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// Any text; each other one asks for new credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub request: Option<String>,
    /// How long the old credentials work beside the new ones. Applications have to read the Secret anew in this time.
    #[serde(default = "day")]
    pub overlap: DurationText,
}

fn day() -> DurationText {
    DurationText("24h".into())
}

/// Operations that are allowed, or denied, on one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AclRule {
    pub resource: AclResource,
    #[schemars(length(min = 1, max = 12))]
    pub operations: Vec<AclOperation>,
    /// A Deny wins over every Allow.
    #[serde(default, skip_serializing_if = "is_allow")]
    pub permission: AclPermission,
    /// Client addresses; from Kafka 4.4 on networks in CIDR notation, too. Empty: every host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 64)))]
    pub hosts: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_allow(permission: &AclPermission) -> bool {
    *permission == AclPermission::Allow
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum AclPermission {
    #[default]
    Allow,
    Deny,
}

/// Rights that an application of this kind needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = ("!(self.type in ['Producer', 'Consumer']) || has(self.topic)", "Producer and Consumer need topic"),
    validation = ("!(self.type in ['Consumer', 'Connect']) || has(self.group)", "Consumer and Connect need group"),
    validation = ("has(self.applicationId) == (self.type == 'Streams')", "Streams and applicationId need each other"),
    validation = ("!has(self.transactionalId) || self.type == 'Producer'", "transactionalId needs type: Producer"),
    validation = ("!has(self.topic) || self.type in ['Producer', 'Consumer']", "topic needs type: Producer or Consumer; give a Streams application or a connector these roles too"),
    validation = ("!has(self.group) || self.type in ['Consumer', 'Connect']", "group needs type: Consumer or Connect")
)]
#[serde(rename_all = "camelCase")]
pub struct UserRole {
    #[serde(rename = "type")]
    pub kind: RoleType,
    /// Of a producer or consumer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<Pattern>,
    /// Of a consumer; of Connect the workers' `group.id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Pattern>,
    /// Of a producer with transactions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transactional_id: Option<Pattern>,
    /// `application.id` of a Streams application: with it begin its internal topics, its group and its transactional ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200), regex(pattern = r"^[a-zA-Z0-9._-]+$"))]
    pub application_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RoleType {
    /// Writes to topics.
    Producer,
    /// Reads topics as a member of a group.
    Consumer,
    /// Looks after topics, groups and transactions; neither reads nor writes records, nor changes rights or brokers.
    Admin,
    /// Its own internal topics and group; topics that it reads and writes are roles of their own.
    Streams,
    /// A Connect worker: its internal topics `<group>-…`, its group, and the groups of its sinks (`connect-…`).
    Connect,
}

/// A name, or all names that begin so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pattern {
    #[schemars(length(min = 1, max = 249))]
    pub name: String,
    #[serde(default)]
    pub pattern_type: PatternType,
}

/// Client quotas (KIP-13, KIP-124, KIP-599). Each bound holds on every broker by itself; what isn't given isn't limited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quotas {
    /// Bytes per second to one broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub producer_byte_rate: Option<i64>,
    /// Bytes per second from one broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub consumer_byte_rate: Option<i64>,
    /// Percent of one network and I/O thread's time on one broker: 200 is two threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub request_percentage: Option<i32>,
    /// Partitions created or deleted per second, in the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub controller_mutation_rate: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = ("self.type == 'Cluster' || (has(self.name) && size(self.name) > 0)", "name is needed for every resource type but Cluster")
)]
#[serde(rename_all = "camelCase")]
pub struct AclResource {
    #[serde(rename = "type")]
    pub kind: AclResourceType,
    /// Topic, group, transactional id or token, or `*` for all; left out for `Cluster`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 249))]
    pub name: Option<String>,
    #[serde(default)]
    pub pattern_type: PatternType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum AclResourceType {
    Topic,
    Group,
    Cluster,
    TransactionalId,
    DelegationToken,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum PatternType {
    #[default]
    Literal,
    Prefixed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum AclOperation {
    All,
    Read,
    Write,
    Create,
    Delete,
    Alter,
    Describe,
    DescribeConfigs,
    AlterConfigs,
    IdempotentWrite,
    /// As a broker does: replication. No client needs it.
    ClusterAction,
    /// Transactions that another system coordinates (KIP-939).
    TwoPhaseCommit,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaUserStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Kafka principal, `User:name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Secret with the credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// What `acls` and `roles` come to, for people: `Allow Read Topic payments from *`. At most 50 are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acls: Vec<String>,
    /// How many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acl_count: Option<i32>,
    /// Where a change of credentials stands; absent when there's none under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<RotationStatus>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// A change of credentials under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotationStatus {
    pub phase: RotationPhase,
    /// The old credentials work until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RotationPhase {
    /// Kafka learns the new credentials; the Secret holds the old ones.
    Preparing,
    /// The Secret holds the new ones; the old ones still work.
    Overlapping,
    /// The old ones are taken away.
    Ending,
}
