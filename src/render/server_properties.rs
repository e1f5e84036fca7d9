//! `server.properties` of one node: what follows from its place in the cluster, the production posture, and last what
//! the user set. Never what is cluster-wide dynamic configuration, `min.insync.replicas` first of all.

use super::{Input, listener_properties, properties};
use crate::api::TlsVersion;
use crate::model::{Cluster, Identity, Node, Pool, names, ports};
use std::collections::BTreeMap;

/// Where volume claims are mounted, followed by the volume's name.
pub const DATA: &str = "/var/lib/kafka";
/// Controllers that a node asks when it starts.
pub const BOOTSTRAP_SERVERS: &str = "controller.quorum.bootstrap.servers";
/// Principals of the nodes and of the operator: their certificates' subjects as Java prints them. Nodes must be super
/// users because a controller authorises what a broker forwards (KIP-590).
const SUPER_USERS: [&str; 2] = [
    "User:CN=kafka-node,O=productionkafka",
    "User:CN=kafka-operator,O=productionkafka",
];

/// Same on every node.
const EVERY_NODE: [(&str, &str); 9] = [
    // Controllers decide on what brokers forward, so they need the authorizer as much.
    (
        "authorizer.class.name",
        "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    ),
    ("allow.everyone.if.no.acl.found", "false"),
    // An out-of-sync leader loses acknowledged writes.
    ("unclean.leader.election.enable", "false"),
    ("ssl.endpoint.identification.algorithm", "https"),
    // Without these a renewed certificate with other names can't be loaded into a running broker (KIP-978).
    ("ssl.allow.dn.changes", "true"),
    ("ssl.allow.san.changes", "true"),
    ("inter.broker.listener.name", listener_properties::REPLICATION),
    // An address that a restarted pod had before may swallow packets. With Kafka's own 10 s a broker that dials it in search
    // of the controller is fenced before it tries again (`broker.session.timeout.ms` is 9 s).
    ("socket.connection.setup.timeout.ms", "2000"),
    ("socket.connection.setup.timeout.max.ms", "4000"),
];

/// Same on every node with the role controller.
const CONTROLLERS: [(&str, &str); 1] = [
    // It races with the removal of a voter, and a removed controller that still runs would join again (KAFKA-19850).
    ("controller.quorum.auto.join.enable", "false"),
];

/// Same on every node with the role broker.
const BROKERS: [(&str, &str); 6] = [
    // A typing error in a client isn't a topic.
    ("auto.create.topics.enable", "false"),
    // Bounds on what one client, or many, can take from a broker; the replication listener is exempt from the sums.
    ("max.connections", "10000"),
    ("max.connections.per.ip", "1000"),
    ("max.connection.creation.rate", "200"),
    ("socket.request.max.bytes", "104857600"),
    // A revoked SASL user is out after an hour at the latest.
    ("connections.max.reauth.ms", "3600000"),
];

/// Settings of `tuning.config` that a controller acts on: limits of its own log, defaults of the topics that it creates
/// and against which it checks topic configs. Thread counts and quotas meant for brokers stay off it.
const CONTROLLER_KEYS: [&str; 14] = [
    "broker.heartbeat.interval.ms",
    "broker.session.timeout.ms",
    "auto.leader.rebalance.enable",
    "compression.",
    "delete.topic.enable",
    "initial.broker.registration.timeout.ms",
    "leader.imbalance.",
    "log.",
    "message.max.bytes",
    "metadata.",
    "num.partitions",
    "request.timeout.ms",
    "socket.connection.setup.",
    "socket.request.max.bytes",
];

/// From this heap on, in MiB, Kafka's own buffer for compaction (`log.cleaner.dedupe.buffer.size`, 128 MiB) leaves enough.
const ROOM_FOR_CLEANER_MIB: u64 = 1024;

/// The log cleaner takes its buffer from the heap when the broker starts; in a small heap that's an OutOfMemoryError, at
/// every start. An eighth holds the keys of several hundred thousand records (24 bytes each).
fn cleaner(all: &mut BTreeMap<String, String>, pool: &Pool) {
    if pool.roles.broker && pool.heap_mib < ROOM_FOR_CLEANER_MIB {
        let bytes = (pool.heap_mib << 20) / 8;
        all.insert("log.cleaner.dedupe.buffer.size".into(), bytes.to_string());
    }
}

/// The file's text.
pub fn server_properties(input: &Input<'_>, node: &Node<'_>) -> String {
    let (cluster, identity) = (input.cluster, input.identity);
    let roles = node.roles;
    let mut all = BTreeMap::new();
    extend(&mut all, &EVERY_NODE);
    identity_of(&mut all, cluster, identity, node);
    listener_properties::add(&mut all, input, node);
    security(&mut all, cluster);
    replication(&mut all, cluster);
    cleaner(&mut all, node.pool);
    if roles.controller {
        extend(&mut all, &CONTROLLERS);
    }
    if roles.broker {
        extend(&mut all, &BROKERS);
        racks(&mut all, cluster, node);
    }
    // What brokers take over while they run is cluster-wide dynamic configuration: in the file it would ask for a restart.
    let wanted = |key: &str| {
        !cluster.is_dynamic(key) && (roles.broker || CONTROLLER_KEYS.iter().any(|known| key.starts_with(known)))
    };
    all.extend(cluster.config.clone().into_iter().filter(|(key, _)| wanted(key)));
    properties::text(&all)
}

fn extend(all: &mut BTreeMap<String, String>, table: &[(&str, &str)]) {
    all.extend(table.iter().map(|(key, value)| ((*key).into(), (*value).into())));
}

fn identity_of(all: &mut BTreeMap<String, String>, cluster: &Cluster, identity: &Identity, node: &Node<'_>) {
    let mut controllers: Vec<String> = cluster
        .nodes(identity)
        .iter()
        .filter(|node| node.roles.controller)
        .map(|node| format!("{}:{}", node.names.host, ports::CONTROLLER))
        .collect();
    // Those of today for a quorum that's being formed, none of whose members is ready; then whoever is one.
    controllers.push(format!("{}:{}", cluster.names.controllers_host(), ports::CONTROLLER));
    let log_dirs: Vec<String> = (0..node.disks.len()).map(log_dir).collect();
    all.insert("node.id".into(), node.id.to_string());
    all.insert("process.roles".into(), node.roles.process_roles().into());
    all.insert(BOOTSTRAP_SERVERS.into(), controllers.join(","));
    if !identity.static_voters.is_empty() {
        all.insert("controller.quorum.voters".into(), static_voters(cluster, identity));
    }
    all.insert("log.dirs".into(), log_dirs.join(","));
    all.insert(
        "num.recovery.threads.per.data.dir".into(),
        recovery_threads(node.pool).to_string(),
    );
}

/// `id@host:port` of the voters that a static quorum was formed with.
fn static_voters(cluster: &Cluster, identity: &Identity) -> String {
    let nodes = cluster.nodes(identity).into_iter();
    let voters = nodes.filter(|node| identity.static_voters.contains(&node.id));
    let voters = voters.map(|node| format!("{}@{}:{}", node.id, node.names.host, ports::CONTROLLER));
    voters.collect::<Vec<_>>().join(",")
}

/// Log directory on volume `index`: below the mount point, where a file system keeps its `lost+found`.
pub fn log_dir(index: usize) -> String {
    format!("{DATA}/{}/kafka-log", names::volume(index))
}

/// About one per core, at least Kafka's own 2: recovery after an unclean stop is what a restart waits for.
fn recovery_threads(pool: &Pool) -> u64 {
    pool.cores().clamp(2, 16)
}

fn security(all: &mut BTreeMap<String, String>, cluster: &Cluster) {
    let settings = &cluster.security;
    let protocols = match settings.minimum_tls {
        TlsVersion::V13 => "TLSv1.3",
        TlsVersion::V12 => "TLSv1.2,TLSv1.3",
    };
    let mut users: Vec<&str> = SUPER_USERS.to_vec();
    users.extend(settings.super_users.iter().map(String::as_str));
    all.insert("ssl.enabled.protocols".into(), protocols.into());
    if let Some(tokens) = settings.delegation_tokens {
        let keys = [
            ("delegation.token.expiry.time.ms", tokens.expiry),
            ("delegation.token.max.lifetime.ms", tokens.max_lifetime),
        ];
        all.extend(keys.map(|(key, lifetime)| (key.to_owned(), lifetime.as_millis().to_string())));
    }
    // A comma is part of a distinguished name, so this list is separated by semicolons.
    all.insert("super.users".into(), users.join(";"));
}

/// On controllers too: they create topics, so their `default.replication.factor` is the one that counts.
fn replication(all: &mut BTreeMap<String, String>, cluster: &Cluster) {
    let factor = cluster.replication_factor.min(cluster.brokers()).max(1);
    let in_sync = cluster.min_in_sync_replicas.min(factor).max(1);
    for key in [
        "default.replication.factor",
        "offsets.topic.replication.factor",
        "transaction.state.log.replication.factor",
        "share.coordinator.state.topic.replication.factor",
    ] {
        all.insert(key.into(), factor.to_string());
    }
    for key in ["transaction.state.log.min.isr", "share.coordinator.state.topic.min.isr"] {
        all.insert(key.into(), in_sync.to_string());
    }
}

fn racks(all: &mut BTreeMap<String, String>, cluster: &Cluster, node: &Node<'_>) {
    if let Some(rack) = node.rack {
        all.insert("broker.rack".into(), rack.into());
    }
    if cluster.topology_key.is_some() {
        // Consumers with `client.rack` read from the replica next to them (KIP-392).
        all.insert(
            "replica.selector.class".into(),
            "org.apache.kafka.common.replica.RackAwareReplicaSelector".into(),
        );
    }
}
