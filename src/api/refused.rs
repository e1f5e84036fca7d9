//! Settings that nobody may give, as tables: what the operator sets itself, and what would load code, weaken the cluster or run a
//! command. The apiserver refuses them by the CEL rules made here, and `model::validate` again by the same tables, because the
//! definitions in a cluster may be older than the operator.
//!
//! The rules ask only how a text begins and ends: the apiserver limits what a rule may cost, and a key has no greatest length.

use kube::core::{Message, Rule};

/// Broker keys that follow from another field, with that field.
pub const OWNED_KEYS: [(&str, &str); 33] = [
    ("advertised.listeners", "listeners"),
    (
        "allow.everyone.if.no.acl.found",
        "security: authorisation can't be switched off",
    ),
    ("auto.create.topics.enable", "KafkaTopic resources"),
    ("broker.id", "nodePools"),
    ("broker.rack", "highAvailability.rack"),
    (
        "controlled.shutdown.enable",
        "nothing: clean shutdowns can't be switched off",
    ),
    ("cordoned.log.dirs", "nodePools"),
    ("default.replication.factor", "highAvailability.replicationFactor"),
    ("early.start.listeners", "listeners"),
    (
        "group.coordinator.new.enable",
        "nothing: the group coordinator is chosen by version",
    ),
    (
        "follower.replication.throttled.rate",
        "nothing: reassignments are throttled by the operator while they run",
    ),
    (
        "leader.replication.throttled.rate",
        "nothing: reassignments are throttled by the operator while they run",
    ),
    ("listeners", "listeners"),
    ("log.dir", "nodePools[].storage"),
    ("log.dirs", "nodePools[].storage"),
    (
        "log.retention.hours",
        "log.retention.ms in tuning.config, which can be changed without a restart",
    ),
    (
        "log.retention.minutes",
        "log.retention.ms in tuning.config, which can be changed without a restart",
    ),
    (
        "log.roll.hours",
        "log.roll.ms in tuning.config, which can be changed without a restart",
    ),
    (
        "log.roll.jitter.hours",
        "log.roll.jitter.ms in tuning.config, which can be changed without a restart",
    ),
    ("metadata.log.dir", "nodePools[].storage"),
    ("min.insync.replicas", "highAvailability.minInSyncReplicas"),
    ("node.id", "nodePools"),
    ("offsets.topic.replication.factor", "highAvailability.replicationFactor"),
    ("principal.builder.class", "listeners"),
    ("process.roles", "nodePools[].roles"),
    (
        "replica.alter.log.dirs.io.max.bytes.per.second",
        "nothing: moves between disks are throttled by the operator while they run",
    ),
    ("replica.selector.class", "highAvailability.rack"),
    (
        "share.coordinator.state.topic.min.isr",
        "highAvailability.minInSyncReplicas",
    ),
    (
        "share.coordinator.state.topic.replication.factor",
        "highAvailability.replicationFactor",
    ),
    ("super.users", "security.authorization.superUsers"),
    ("transaction.state.log.min.isr", "highAvailability.minInSyncReplicas"),
    (
        "transaction.state.log.replication.factor",
        "highAvailability.replicationFactor",
    ),
    (
        "unclean.leader.election.enable",
        "highAvailability.uncleanLeaderElection",
    ),
];

/// Families of broker keys that the operator owns.
pub const OWNED_PREFIXES: [&str; 11] = [
    "advertised.",
    "authorizer.",
    "config.providers",
    "controller.",
    "inter.broker.",
    "listener.",
    "sasl.",
    "security.",
    "ssl.",
    "zookeeper.",
    "java.",
];

/// Beginnings of JVM options that run code, open a port, read files of options or undo what the operator sets.
pub const JVM_OPTIONS: [&str; 27] = [
    "-javaagent",
    "-agentlib",
    "-agentpath",
    "-Xrun",
    "-Xdebug",
    "-Xbootclasspath",
    "-Xmx",
    "-Xms",
    "-Xloggc",
    "-XX:OnError",
    "-XX:OnOutOfMemoryError",
    "-XX:Flags",
    "-XX:VMOptionsFile",
    "-XX:HeapDumpPath",
    "-XX:ErrorFile",
    "-XX:SharedArchiveFile",
    "-XX:MaxHeapSize",
    "-XX:InitialHeapSize",
    "-Dcom.sun.management",
    "-Dorg.apache.kafka",
    "-Djava.class.path",
    "-Djava.library.path",
    "-Djava.security",
    "-Djava.system.class.loader",
    "-Djavax.net.ssl",
    "-Dlog4j",
    "-Djdk.",
];

/// Ends of broker keys whose values are names of classes.
const CLASS_KEYS: [&str; 5] = [".class", ".class.name", ".class.path", "reporters", "interceptors"];

/// Of a map or list, `self`: refused if there is an item `k` of which the condition is true; the message names the first
/// such item (to join all of them may cost more than the apiserver allows).
fn none(condition: &str, advice: &str) -> Rule {
    let named = format!("self.filter(k, {condition})[0] + ' {advice}'");
    Rule::new(format!("!self.exists(k, {condition})")).message(Message::Expression(named))
}

fn quoted(texts: impl IntoIterator<Item = &'static str>) -> String {
    let all: Vec<String> = texts.into_iter().map(|text| format!("'{text}'")).collect();
    format!("[{}]", all.join(", "))
}

/// `tuning.config`: keys that the operator sets.
pub fn owned_keys() -> Rule {
    let keys = quoted(OWNED_KEYS.map(|(key, _)| key));
    none(
        &format!("k in {keys}"),
        "can only be set by the operator: remove it and use the field that it follows from",
    )
}

/// `tuning.config`: families of such keys, `sasl.jaas.config`, `listener.security.protocol.map` and `config.providers` among them.
pub fn owned_families() -> Rule {
    let families = quoted(OWNED_PREFIXES);
    none(
        &format!("{families}.exists(family, k.startsWith(family))"),
        "belongs to the operator: it follows from listeners, nodePools and security",
    )
}

/// `tuning.config`: keys that name classes.
pub fn class_keys() -> Rule {
    let ends = quoted(CLASS_KEYS);
    none(
        &format!("k.startsWith('plugin.') || {ends}.exists(end, k.endsWith(end))"),
        "loads code into the broker, which is not allowed: remove it",
    )
}

/// `tuning.config`: values that a configuration provider would replace.
pub fn references() -> Rule {
    none(
        "self[k].contains('${')",
        "has a reference to something outside the configuration: write the value itself",
    )
}

/// `tuning.jvm.options`.
pub fn jvm_options() -> Rule {
    let refused = quoted(JVM_OPTIONS);
    none(
        &format!("{refused}.exists(refused, k.startsWith(refused))"),
        "runs code, opens a port or undoes a safety setting, which is not allowed: remove it, and set the heap by tuning.jvm.heap",
    )
}

/// `security.authorization.superUsers`.
pub fn super_users() -> Rule {
    none(
        "!k.startsWith('User:') || k in ['User:*', 'User:ANONYMOUS']",
        "is no principal that can be a super user: write User:<name>",
    )
}
