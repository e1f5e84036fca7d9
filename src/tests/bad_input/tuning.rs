//! Broker keys and JVM options.

use super::*;

pub const WRONG: &[Case] = &[
    case(
        "a buffer that no heap has room for",
        &[(
            LISTENERS,
            "  tuning: {config: {log.cleaner.dedupe.buffer.size: '134217729'}}\n  listeners:\n",
        )],
        &[(
            "config[log.cleaner.dedupe.buffer.size]",
            "the smallest is 256 MiB: at most 134217728",
        )],
    ),
    case(
        "buffers that fit only one by one",
        &[(
            LISTENERS,
            "  tuning: {config: {log.cleaner.dedupe.buffer.size: '100000000', log.cleaner.io.buffer.size: '40000000'}}\n  listeners:\n",
        )],
        &[(
            "config[log.cleaner.dedupe.buffer.size]",
            "takes 140000000 bytes for log.cleaner.dedupe.buffer.size and log.cleaner.io.buffer.size",
        )],
    ),
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
];
