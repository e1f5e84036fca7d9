//! What a user may get wrong, and what the operator answers: for each mistake its findings and no others, each with the
//! path of the field and a message that says what to do.

use crate::api::ProductionKafka;
use crate::model::identity::Plan;
use crate::model::validate::tests::{VALID, facts, valid_cluster};
use crate::model::validate::{ExistingNode, Facts};
use crate::model::{Identity, validate};

/// Replaces a text of the valid resource.
type Edit = (&'static str, &'static str);
/// Part of a finding's path and part of its message.
type Expected = (&'static str, &'static str);

struct Case {
    name: &'static str,
    edits: &'static [Edit],
    facts: fn() -> Facts,
    findings: &'static [Expected],
}

const fn case(name: &'static str, edits: &'static [Edit], findings: &'static [Expected]) -> Case {
    Case {
        name,
        edits,
        facts,
        findings,
    }
}

const fn change(name: &'static str, edits: &'static [Edit], findings: &'static [Expected]) -> Case {
    Case {
        name,
        edits,
        facts: existing,
        findings,
    }
}

/// The valid cluster as it stands after it was created.
fn existing() -> Facts {
    let cluster = valid_cluster();
    let identity = identity();
    let node = |node: crate::model::Node<'_>| ExistingNode {
        id: node.id,
        pool: node.pool.name.clone(),
        volumes: vec![(node.pool.volumes[0].size.clone(), None)],
    };
    Facts {
        existing: cluster.nodes(&identity).into_iter().map(node).collect(),
        identity: Some(identity),
        ..facts()
    }
}

fn identity() -> Identity {
    let cluster = valid_cluster();
    let plan = Plan {
        names: &cluster.names,
        pools: &cluster.pools,
        zones: &["a".into()],
    };
    plan.complete(None, &mut || [1; 16])
}

fn no_default_class() -> Facts {
    let mut facts = facts();
    facts
        .storage_classes
        .iter_mut()
        .flatten()
        .for_each(|class| class.default = false);
    facts
}

fn no_zones() -> Facts {
    Facts {
        zones: Some(Vec::new()),
        ..facts()
    }
}

const CONTROLLERS: &str = "roles: [Controller]\n    replicas: 3";
const BROKERS: &str = "roles: [Broker]\n    replicas: 3";
const BROKER_DISKS: &str = "storage: {volumes: [{size: 2Gi}]}";
const HA: &str = "highAvailability: {rack";
const LISTENERS: &str = "  listeners:\n";
const SCRAM: &str = "{name: scram, port: 9094, authentication: {type: ScramSha512}}";
const RACK: &str = "{topologyKey: topology.kubernetes.io/zone}";
const BROKER_MEMORY: &str =
    "storage: {volumes: [{size: 2Gi}]}\n    resources: {requests: {cpu: 50m, memory: 512Mi}, limits: {memory: 768Mi}}";

const WRONG: &[Case] = &[
    // Roles, numbers, names, ids.
    case(
        "two controllers",
        &[(CONTROLLERS, "roles: [Controller]\n    replicas: 2")],
        &[(
            "spec.nodePools[controllers].replicas",
            "an even number tolerates no more failures",
        )],
    ),
    case(
        "nine controllers",
        &[(CONTROLLERS, "roles: [Controller]\n    replicas: 9")],
        &[("spec.nodePools[controllers].replicas", "use 1, 3, 5 or 7")],
    ),
    case(
        "no controllers",
        &[(CONTROLLERS, "roles: [Broker]\n    replicas: 3")],
        &[(
            "spec.nodePools",
            "exactly one pool must have the role Controller, there are 0",
        )],
    ),
    case(
        "two pools of controllers",
        &[(BROKERS, "roles: [Broker, Controller]\n    replicas: 3")],
        &[("spec.nodePools", "there are 2")],
    ),
    case(
        "no brokers",
        &[(BROKERS, "roles: [Controller]\n    replicas: 3")],
        &[
            ("spec.nodePools", "there are 2"),
            ("spec.nodePools", "no pool has the role Broker"),
            ("replicationFactor", "is 3 but there are 0 brokers"),
        ],
    ),
    case(
        "a pool without roles",
        &[
            (
                LISTENERS,
                "  - {name: idle, roles: [], replicas: 1, storage: {volumes: [{size: 1Gi}]}}\n  listeners:\n",
            ),
            (
                "  highAvailability: {rack: {topologyKey: topology.kubernetes.io/zone}}\n",
                "",
            ),
        ],
        &[("spec.nodePools[idle].roles", "is empty")],
    ),
    case(
        "no replicas",
        &[(BROKERS, "roles: [Broker]\n    replicas: 0")],
        &[
            ("spec.nodePools[brokers].replicas", "isn't between 1 and 100"),
            ("replicationFactor", "is 3 but there are 0 brokers"),
        ],
    ),
    case(
        "more nodes than a block has ids",
        &[(BROKERS, "roles: [Broker]\n    replicas: 101")],
        &[("spec.nodePools[brokers].replicas", "isn't between 1 and 100")],
    ),
    case(
        "two pools of one name",
        &[("name: brokers", "name: controllers")],
        &[("spec.nodePools[controllers]", "two pools have this name")],
    ),
    case(
        "pool name",
        &[("name: brokers", "name: Brokers_1")],
        &[("spec.nodePools[Brokers_1].name", "isn't a letter followed by")],
    ),
    case(
        "cluster name",
        &[("name: orders,", "name: 1orders,")],
        &[("metadata.name", "isn't a letter followed by")],
    ),
    case(
        "names that are too long together",
        &[
            ("name: orders,", "name: a23456789-123456789-1234567890,"),
            ("name: brokers", "name: b23456789-1234567"),
        ],
        &[("spec.nodePools[b23456789-1234567].name", "use at most 16 characters")],
    ),
    case(
        "ids that meet given ids",
        &[
            (CONTROLLERS, "roles: [Controller]\n    replicas: 3\n    firstNodeId: 20"),
            (BROKERS, "roles: [Broker]\n    replicas: 3\n    firstNodeId: 119"),
        ],
        &[
            (
                "spec.nodePools[controllers].firstNodeId",
                "20 is less than 100 from 119",
            ),
            ("spec.nodePools[brokers].firstNodeId", "119 is less than 100 from 20"),
        ],
    ),
    case(
        "ids that meet allocated ids",
        &[(BROKERS, "roles: [Broker]\n    replicas: 3\n    firstNodeId: 50")],
        &[(
            "spec.nodePools[brokers].firstNodeId",
            "50 is less than 100 from 0, where the ids of pool controllers start",
        )],
    ),
    // Disks, memory, heap.
    case(
        "no disk",
        &[(BROKER_DISKS, "storage: {volumes: []}")],
        &[("spec.nodePools[brokers].storage.volumes", "is empty")],
    ),
    case(
        "a size that's no size",
        &[(BROKER_DISKS, "storage: {volumes: [{size: 2GiB}]}")],
        &[(
            "spec.nodePools[brokers].storage.volumes[0].size",
            "\"2GiB\" isn't a size",
        )],
    ),
    case(
        "a disk that's too small",
        &[(BROKER_DISKS, "storage: {volumes: [{size: 2Gi}, {size: 100Mi}]}")],
        &[(
            "spec.nodePools[brokers].storage.volumes[1].size",
            "too small: at least 256Mi",
        )],
    ),
    case(
        "an unknown StorageClass",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi, storageClassName: fast}]}",
        )],
        &[(
            "spec.nodePools[brokers].storage.volumes[0].storageClassName",
            "there's no StorageClass fast: create it or choose one of: standard",
        )],
    ),
    Case {
        name: "no default StorageClass",
        edits: &[("{size: 1Gi}", "{size: 1Gi, storageClassName: standard}")],
        facts: no_default_class,
        findings: &[(
            "spec.nodePools[brokers].storage.volumes[0].storageClassName",
            "there's no default StorageClass: name one of: standard",
        )],
    },
    case(
        "memory that's no quantity",
        &[(
            BROKER_MEMORY,
            "storage: {volumes: [{size: 2Gi}]}\n    resources: {requests: {memory: lots}, limits: {memory: 768Mi}}",
        )],
        &[(
            "spec.nodePools[brokers].resources.requests.memory",
            "\"lots\" isn't a quantity",
        )],
    ),
    case(
        "a limit that's no quantity",
        &[(
            BROKER_MEMORY,
            "storage: {volumes: [{size: 2Gi}]}\n    resources: {requests: {cpu: 50m}, limits: {cpu: many, memory: 768Mi}}",
        )],
        &[(
            "spec.nodePools[brokers].resources.limits.cpu",
            "\"many\" isn't a quantity",
        )],
    ),
    case(
        "a request above its limit",
        &[(
            BROKER_MEMORY,
            "storage: {volumes: [{size: 2Gi}]}\n    resources: {requests: {memory: 1Gi}, limits: {memory: 768Mi}}",
        )],
        &[(
            "spec.nodePools[brokers].resources.requests.memory",
            "is above the limit",
        )],
    ),
    case(
        "too little memory",
        &[(
            BROKER_MEMORY,
            "storage: {volumes: [{size: 2Gi}]}\n    resources: {limits: {memory: 256Mi}}",
        )],
        &[("spec.nodePools[brokers].resources.limits.memory", "at least 512Mi")],
    ),
    case(
        "a heap above the memory",
        &[(LISTENERS, "  tuning: {jvm: {heap: 4g}}\n  listeners:\n")],
        &[
            ("spec.tuning.jvm.heap (spec.nodePools[controllers])", "4g doesn't fit"),
            (
                "spec.tuning.jvm.heap (spec.nodePools[brokers])",
                "three quarters of the 768 MiB",
            ),
        ],
    ),
    case(
        "a heap that's too small",
        &[(LISTENERS, "  tuning: {jvm: {heap: 64m}}\n  listeners:\n")],
        &[
            ("(spec.nodePools[controllers])", "between 128m and"),
            ("(spec.nodePools[brokers])", "between 128m and"),
        ],
    ),
    // Pod templates.
    case(
        "a label of the operator",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi}]}\n    template: {labels: {app.kubernetes.io/name: mine, productionkafka.dev/cluster: other}}",
        )],
        &[
            (
                "spec.nodePools[brokers].template.labels[app.kubernetes.io/name]",
                "is set by the operator",
            ),
            ("template.labels[productionkafka.dev/cluster]", "is set by the operator"),
        ],
    ),
    case(
        "an annotation that loosens the pod",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi}]}\n    template: {annotations: {container.apparmor.security.beta.kubernetes.io/kafka: unconfined}}",
        )],
        &[(
            "template.annotations[container.apparmor.security.beta.kubernetes.io/kafka]",
            "is set by the operator",
        )],
    ),
    case(
        "a label value",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi}]}\n    template: {labels: {team: a b}}",
        )],
        &[("spec.nodePools[brokers].template.labels[team]", "isn't a label value")],
    ),
    case(
        "a label value that ends in a dash",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi}]}\n    template: {nodeSelector: {disk: fast-}}",
        )],
        &[(
            "spec.nodePools[brokers].template.nodeSelector[disk]",
            "alphanumeric at both ends",
        )],
    ),
    case(
        "an annotation key",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi}]}\n    template: {annotations: {'a b': c}}",
        )],
        &[(
            "spec.nodePools[brokers].template.annotations[a b]",
            "isn't a Kubernetes key",
        )],
    ),
    // Version and image.
    case(
        "an unknown version",
        &[("version: 4.3.1", "version: 4.1.0")],
        &[("spec.version", "choose one of 4.2.1, 4.3.1, 4.4.0")],
    ),
    case(
        "an image that's none",
        &[("version: 4.3.1", "version: 4.3.1\n  image: kafka")],
        &[("spec.image", "isn't an image reference")],
    ),
    // Availability and racks.
    case(
        "replication above brokers",
        &[(HA, "highAvailability: {replicationFactor: 5, rack")],
        &[(
            "spec.highAvailability.replicationFactor",
            "is 5 but there are 3 brokers",
        )],
    ),
    case(
        "more in-sync replicas than replicas",
        &[(HA, "highAvailability: {minInSyncReplicas: 4, rack")],
        &[("spec.highAvailability.minInSyncReplicas", "is above replicationFactor")],
    ),
    case(
        "all replicas in sync",
        &[(HA, "highAvailability: {minInSyncReplicas: 3, rack")],
        &[(
            "spec.highAvailability.minInSyncReplicas",
            "the loss of any one broker would stop all writes",
        )],
    ),
    case(
        "a topology key that's no label",
        &[(RACK, "{topologyKey: 'zone of node'}")],
        &[("spec.highAvailability.rack.topologyKey", "isn't a node label")],
    ),
    case(
        "a zone twice",
        &[(RACK, "{topologyKey: zone, zones: [a, b, a]}")],
        &[("spec.highAvailability.rack.zones", "names a zone twice")],
    ),
    case(
        "an unknown zone",
        &[(RACK, "{topologyKey: zone, zones: [a, z]}")],
        &[(
            "spec.highAvailability.rack.zones",
            "no Kubernetes node is in z; there are: a, b, c",
        )],
    ),
    Case {
        name: "no zones at all",
        edits: &[],
        facts: no_zones,
        findings: &[(
            "spec.highAvailability.rack.topologyKey",
            "no Kubernetes node has the label topology.kubernetes.io/zone",
        )],
    },
    // Certificates and super users.
    case(
        "a lifetime that's no duration",
        &[(LISTENERS, "  security: {tls: {leafLifetime: 3 months}}\n  listeners:\n")],
        &[("spec.security.tls.leafLifetime", "\"3 months\" isn't a duration")],
    ),
    case(
        "a leaf that's too short",
        &[(
            LISTENERS,
            "  security: {tls: {leafLifetime: 30m, renewBefore: 5m}}\n  listeners:\n",
        )],
        &[("spec.security.tls.leafLifetime", "is under an hour")],
    ),
    case(
        "renewed all the time",
        &[(
            LISTENERS,
            "  security: {tls: {leafLifetime: 30d, renewBefore: 25d}}\n  listeners:\n",
        )],
        &[("spec.security.tls.renewBefore", "more than two thirds of leafLifetime")],
    ),
    case(
        "a CA that's too short",
        &[(LISTENERS, "  security: {tls: {caLifetime: 100d}}\n  listeners:\n")],
        &[("spec.security.tls.caLifetime", "less than twice leafLifetime")],
    ),
    case(
        "super users",
        &[(
            LISTENERS,
            "  security: {authorization: {superUsers: ['User:*', alice, 'User:a;User:b', 'User:ANONYMOUS', 'User:fine']}}\n  listeners:\n",
        )],
        &[
            ("superUsers", "\"User:*\""),
            ("superUsers", "\"alice\""),
            ("superUsers", "\"User:a;User:b\""),
            ("superUsers", "\"User:ANONYMOUS\""),
        ],
    ),
    // Listeners.
    case(
        "a name that's taken",
        &[("name: scram,", "name: replication,")],
        &[(
            "spec.listeners[replication].name",
            "one of the operator's own listeners",
        )],
    ),
    case(
        "a port name that's taken",
        &[("name: scram,", "name: metrics,")],
        &[(
            "spec.listeners[metrics].name",
            "one of the operator's own listeners or ports",
        )],
    ),
    case(
        "a listener name",
        &[("name: scram,", "name: s-cram,")],
        &[("spec.listeners[s-cram].name", "isn't a letter followed by")],
    ),
    case(
        "two listeners of one name",
        &[("name: scram,", "name: mtls,")],
        &[("spec.listeners[mtls].name", "two listeners have this name")],
    ),
    case(
        "two listeners on one port",
        &[("port: 9094", "port: 9095")],
        &[("spec.listeners[mtls].port", "two listeners have port 9095")],
    ),
    case(
        "a port of the operator",
        &[("port: 9094", "port: 9091")],
        &[("spec.listeners[scram].port", "9091 isn't between 9092 and 9399")],
    ),
    case(
        "a peer that selects nothing",
        &[(
            SCRAM,
            "{name: scram, port: 9094, authentication: {type: ScramSha512}, allowedPeers: [{podSelector: {}}, {}]}",
        )],
        &[("spec.listeners[scram].allowedPeers[1]", "selects nothing")],
    ),
    // Broker keys and JVM options.
    case(
        "keys of the operator",
        &[(
            LISTENERS,
            "  tuning: {config: {node.id: '1', log.dirs: /tmp, min.insync.replicas: '1', default.replication.factor: '1', auto.create.topics.enable: 'true'}}\n  listeners:\n",
        )],
        &[
            (
                "spec.tuning.config[auto.create.topics.enable]",
                "use KafkaTopic resources",
            ),
            (
                "config[default.replication.factor]",
                "use highAvailability.replicationFactor",
            ),
            ("config[log.dirs]", "use nodePools[].storage"),
            ("config[min.insync.replicas]", "use highAvailability.minInSyncReplicas"),
            ("config[node.id]", "use nodePools"),
        ],
    ),
    case(
        "families of the operator",
        &[(
            LISTENERS,
            "  tuning: {config: {listener.name.scram.ssl.client.auth: none, sasl.jaas.config: x, ssl.enabled.protocols: TLSv1, authorizer.class.name: x, super.users: 'User:*', controller.quorum.voters: x}}\n  listeners:\n",
        )],
        &[
            ("config[authorizer.class.name]", "belongs to the operator"),
            ("config[controller.quorum.voters]", "belongs to the operator"),
            ("config[listener.name.scram.ssl.client.auth]", "belongs to the operator"),
            ("config[sasl.jaas.config]", "belongs to the operator"),
            ("config[ssl.enabled.protocols]", "belongs to the operator"),
            ("config[super.users]", "use security.authorization.superUsers"),
        ],
    ),
    case(
        "keys that load code",
        &[(
            LISTENERS,
            "  tuning: {config: {metric.reporters: evil.Reporter, create.topic.policy.class.name: evil.Policy, client.quota.callback.class: evil.Quota}}\n  listeners:\n",
        )],
        &[
            ("config[client.quota.callback.class]", "loads code"),
            ("config[create.topic.policy.class.name]", "loads code"),
            ("config[metric.reporters]", "loads code"),
        ],
    ),
    case(
        "keys that are secrets",
        &[(
            LISTENERS,
            "  tuning: {config: {delegation.token.secret.key: x}}\n  listeners:\n",
        )],
        &[("config[delegation.token.secret.key]", "is a secret")],
    ),
    case(
        "keys of no release",
        &[(
            LISTENERS,
            "  tuning: {config: {unstable.feature.versions.enable: 'true'}}\n  listeners:\n",
        )],
        &[("config[unstable.feature.versions.enable]", "no released Kafka can read")],
    ),
    case(
        "flushes nobody acknowledged",
        &[(
            LISTENERS,
            "  tuning: {config: {log.flush.interval.messages: '10000', log.flush.scheduler.interval.ms: '1000'}}\n  listeners:\n",
        )],
        &[
            ("config[log.flush.interval.messages]", "tuning.flush.acknowledgeCost"),
            ("config[log.flush.scheduler.interval.ms]", "each flush blocks appends"),
        ],
    ),
    case(
        "no key, no value",
        &[(
            LISTENERS,
            "  tuning: {config: {'Log Dirs': x, num.io.threads: '${env:HOME}', num.network.threads: \"1\\nnode.id=7\"}}\n  listeners:\n",
        )],
        &[
            ("config[Log Dirs]", "isn't a Kafka key"),
            ("config[num.io.threads]", "a ${…} reference"),
            ("config[num.network.threads]", "a line break"),
        ],
    ),
    case(
        "JVM options that run code",
        &[(
            LISTENERS,
            "  tuning: {jvm: {options: ['-javaagent:/x.jar', '-XX:OnOutOfMemoryError=id', '-Xrunhprof', '-XX:Flags=/tmp/x']}}\n  listeners:\n",
        )],
        &[
            (
                "options[-javaagent:/x.jar]",
                "isn't an option that starts with -X or -D",
            ),
            ("options[-XX:OnOutOfMemoryError=id]", "runs code"),
            ("options[-Xrunhprof]", "runs code"),
            ("options[-XX:Flags=/tmp/x]", "runs code"),
        ],
    ),
    case(
        "JVM options that undo safety",
        &[(
            LISTENERS,
            "  tuning: {jvm: {options: [-Dorg.apache.kafka.automatic.config.providers=all, -Dcom.sun.management.jmxremote.port=1, -Dlog4j2.configurationFile=http://x]}}\n  listeners:\n",
        )],
        &[
            ("options[-Dorg.apache.kafka", "undoes a safety setting"),
            ("options[-Dcom.sun.management", "opens a port"),
            ("options[-Dlog4j2", "undoes a safety setting"),
        ],
    ),
    case(
        "JVM options with another field",
        &[(
            LISTENERS,
            "  tuning: {jvm: {options: [-Xmx4g, '-XX:MaxHeapSize=4g', '-Da=b c', '-Da=$(id)']}}\n  listeners:\n",
        )],
        &[
            ("options[-Xmx4g]", "is set by tuning.jvm.heap"),
            ("options[-XX:MaxHeapSize=4g]", "undoes a safety setting"),
            ("options[-Da=b c]", "has a space"),
            ("options[-Da=$(id)]", "shell character"),
        ],
    ),
    // Not available yet: refused, never ignored.
    case(
        "reclaim",
        &[(BROKER_DISKS, "storage: {volumes: [{size: 2Gi}], reclaim: Delete}")],
        &[("spec.nodePools[brokers].storage.reclaim", "isn't available")],
    ),
    case(
        "maxUnavailable",
        &[(HA, "highAvailability: {maxUnavailable: 2, rack")],
        &[("spec.highAvailability.maxUnavailable", "isn't available")],
    ),
    case(
        "unclean election",
        &[(HA, "highAvailability: {uncleanLeaderElection: true, rack")],
        &[("spec.highAvailability.uncleanLeaderElection", "isn't available")],
    ),
    case(
        "another CA",
        &[(
            LISTENERS,
            "  security: {tls: {certificateAuthority: CertManager}}\n  listeners:\n",
        )],
        &[("spec.security.tls.certificateAuthority", "isn't available")],
    ),
    case(
        "encryption at rest",
        &[(
            LISTENERS,
            "  security: {encryptionAtRest: {requirement: Require}}\n  listeners:\n",
        )],
        &[("spec.security.encryptionAtRest.requirement", "isn't available")],
    ),
    case(
        "exposure",
        &[(
            SCRAM,
            "{name: scram, port: 9094, exposure: {type: LoadBalancer}, authentication: {type: ScramSha512}}",
        )],
        &[("spec.listeners[scram].exposure.type", "isn't available")],
    ),
    case(
        "authentication",
        &[("{type: ScramSha512}", "{type: OAuth}")],
        &[("spec.listeners[scram].authentication.type", "isn't available")],
    ),
    case(
        "profile",
        &[(LISTENERS, "  tuning: {profile: Reference}\n  listeners:\n")],
        &[("spec.tuning.profile", "isn't available")],
    ),
    case(
        "operating system",
        &[(
            LISTENERS,
            "  tuning: {os: {sysctls: {net.ipv4.tcp_rmem: '1 2 3'}, nodeTuning: DaemonSet, requireMaxMapCount: 262144}}\n  listeners:\n",
        )],
        &[
            ("spec.tuning.os.sysctls", "isn't available"),
            ("spec.tuning.os.nodeTuning", "isn't available"),
            ("spec.tuning.os.requireMaxMapCount", "isn't available"),
        ],
    ),
    case(
        "workload",
        &[(
            LISTENERS,
            "  capacity: {workload: {messagesPerSecond: 1, messageBytes: 1k, retention: 1d}}\n  listeners:\n",
        )],
        &[("spec.capacity.workload", "isn't available")],
    ),
    case(
        "maintenance",
        &[(
            LISTENERS,
            "  maintenance: {paused: true, deletionProtection: true, windows: [{cron: '0 0 * * *', duration: 1h, timeZone: UTC}]}\n  listeners:\n",
        )],
        &[
            ("spec.maintenance.paused", "isn't available"),
            ("spec.maintenance.windows", "isn't available"),
            ("spec.maintenance.deletionProtection", "isn't available"),
        ],
    ),
    case(
        "upgrade",
        &[(LISTENERS, "  upgrade: {finalize: Automatic, soak: 24h}\n  listeners:\n")],
        &[
            ("spec.upgrade.finalize", "isn't available"),
            ("spec.upgrade.soak", "isn't available"),
        ],
    ),
    case(
        "monitoring",
        &[(
            LISTENERS,
            "  monitoring: {podMonitor: true, prometheusRule: true}\n  listeners:\n",
        )],
        &[
            ("spec.monitoring.podMonitor", "isn't available"),
            ("spec.monitoring.prometheusRule", "isn't available"),
        ],
    ),
    // Changes to a cluster that exists.
    change(
        "fewer brokers",
        &[
            (BROKERS, "roles: [Broker]\n    replicas: 2"),
            (
                HA,
                "highAvailability: {replicationFactor: 2, minInSyncReplicas: 1, rack",
            ),
        ],
        &[(
            "spec.nodePools[brokers].replicas",
            "node 102 exists and may hold replicas",
        )],
    ),
    change(
        "another number of controllers",
        &[(CONTROLLERS, "roles: [Controller]\n    replicas: 5")],
        &[(
            "spec.nodePools[controllers].replicas",
            "the quorum was formed with 3 controllers",
        )],
    ),
    change(
        "a pool removed",
        &[("name: brokers", "name: others")],
        &[("spec.nodePools[brokers]", "the pool still has node 100")],
    ),
    change(
        "controllers in another pool",
        &[("name: controllers", "name: quorum")],
        &[
            (
                "spec.nodePools[quorum]",
                "the cluster's controllers are in another pool",
            ),
            ("spec.nodePools[controllers]", "the pool still has node 0"),
        ],
    ),
    change(
        "other ids",
        &[(BROKERS, "roles: [Broker]\n    replicas: 3\n    firstNodeId: 300")],
        &[(
            "spec.nodePools[brokers].firstNodeId",
            "the pool's node ids start at 100",
        )],
    ),
    change(
        "a smaller disk",
        &[(BROKER_DISKS, "storage: {volumes: [{size: 1Gi}]}")],
        &[("spec.nodePools[brokers].storage", "node 100 has other volumes")],
    ),
    change(
        "a larger disk",
        &[(BROKER_DISKS, "storage: {volumes: [{size: 4Gi}]}")],
        &[("spec.nodePools[brokers].storage", "node 100 has other volumes")],
    ),
    change(
        "another class",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi, storageClassName: standard}]}",
        )],
        &[("spec.nodePools[brokers].storage", "node 100 has other volumes")],
    ),
    change(
        "another disk",
        &[(BROKER_DISKS, "storage: {volumes: [{size: 2Gi}, {size: 2Gi}]}")],
        &[("spec.nodePools[brokers].storage", "node 100 has other volumes")],
    ),
];

fn edited(edits: &[Edit]) -> ProductionKafka {
    let mut text = VALID.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "the valid resource has no {from:?}");
        text = text.replacen(from, to, 1);
    }
    crate::cli::yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn each_mistake_gets_its_findings_and_no_others() {
    let mut wrong = Vec::new();
    for case in WRONG {
        let found = match validate(&edited(case.edits), &(case.facts)()) {
            Ok(_) => Vec::new(),
            Err(findings) => findings.0,
        };
        let fits = found.len() == case.findings.len()
            && found
                .iter()
                .zip(case.findings)
                .all(|(found, (path, message))| found.path.contains(path) && found.message.contains(message));
        if !fits {
            wrong.push(format!("{}: {found:#?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whole sentences from people who'll be woken by them.
#[test]
fn every_message_says_what_to_do() {
    for case in WRONG {
        let findings = validate(&edited(case.edits), &(case.facts)()).unwrap_err();
        for finding in findings.0 {
            assert!(finding.message.len() > 15 && finding.message.len() < 260, "{finding}");
            assert!(
                finding.path.starts_with("spec.") || finding.path == "metadata.name",
                "{finding}"
            );
        }
    }
}

#[test]
fn what_is_right_is_accepted() {
    let fine: &[(&str, &[Edit], fn() -> Facts)] = &[
        ("unchanged", &[], existing),
        (
            "more brokers",
            &[(BROKERS, "roles: [Broker]\n    replicas: 5")],
            existing,
        ),
        (
            "the same size in other words",
            &[(BROKER_DISKS, "storage: {volumes: [{size: 2048Mi}]}")],
            existing,
        ),
        (
            "the pool's own first id",
            &[(BROKERS, "roles: [Broker]\n    replicas: 3\n    firstNodeId: 100")],
            existing,
        ),
        ("nothing known of the world", &[], Facts::default),
        (
            "keys, flushes and options",
            &[(
                LISTENERS,
                "  tuning: {flush: {acknowledgeCost: true}, config: {log.flush.interval.ms: '1000', num.partitions: '6', log.retention.ms: '1', log.flush.offset.checkpoint.interval.ms: '1'}, jvm: {heap: 256m, options: ['-XX:+UseZGC', -Dx=y]}}\n  listeners:\n",
            )],
            facts,
        ),
        (
            "a pool with labels",
            &[(
                BROKER_DISKS,
                "storage: {volumes: [{size: 2Gi}]}\n    template: {labels: {example.com/Team: A_b.c-1, empty: ''}, annotations: {Example.com/note: any text}}",
            )],
            facts,
        ),
        (
            "the longest names",
            &[
                ("name: orders,", "name: a23456789-123456789-1234567890,"),
                ("name: brokers", "name: b23456789-123456"),
            ],
            facts,
        ),
    ];
    for (name, edits, facts) in fine {
        if let Err(findings) = validate(&edited(edits), &facts()) {
            panic!("{name}: {}", findings.summary(2_000));
        }
    }
}
