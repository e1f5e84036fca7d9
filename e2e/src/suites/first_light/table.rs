//! Bad input, one line per case: what is changed in a valid resource, who refuses it, and what the refusal must say.

/// Who must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The API server, by schema or CEL: the resource is never stored.
    Api,
    /// The operator: `Stalled=True`, and nothing is created.
    Operator,
}

/// One case: JSON pointer, and JSON that is put there.
pub struct Case {
    pub name: &'static str,
    pub changes: &'static [(&'static str, &'static str)],
    pub by: By,
    /// Fragments of the refusal: field path and advice.
    pub says: &'static [&'static str],
}

pub const fn api(
    name: &'static str,
    changes: &'static [(&'static str, &'static str)],
    says: &'static [&'static str],
) -> Case {
    Case {
        name,
        changes,
        by: By::Api,
        says,
    }
}

const fn operator(
    name: &'static str,
    changes: &'static [(&'static str, &'static str)],
    says: &'static [&'static str],
) -> Case {
    Case {
        name,
        changes,
        by: By::Operator,
        says,
    }
}

/// Pool 0 are three controllers, pool 1 three brokers; one SCRAM listener on port 9094.
pub const CASES: &[Case] = &[
    api(
        "even-controllers",
        &[("/spec/nodePools/0/replicas", "2")],
        &["nodePools", "1, 3, 5 or 7"],
    ),
    api(
        "no-controllers",
        &[("/spec/nodePools/0/roles", r#"["Broker"]"#)],
        &["1, 3, 5 or 7", "Controller"],
    ),
    api(
        "two-controller-pools",
        &[("/spec/nodePools/1/roles", r#"["Controller","Broker"]"#)],
        &["1, 3, 5 or 7"],
    ),
    api(
        "no-brokers",
        &[("/spec/nodePools/1", "null")],
        &["at least one pool", "Broker"],
    ),
    api(
        "no-pools",
        &[("/spec/nodePools", "[]")],
        &["spec.nodePools", "at least 1"],
    ),
    api(
        "no-replicas",
        &[("/spec/nodePools/1/replicas", "-1")],
        &["replicas", "greater than or equal to 0"],
    ),
    api(
        "unknown-role",
        &[("/spec/nodePools/1/roles", r#"["Brocker"]"#)],
        &["roles", "Unsupported value"],
    ),
    api(
        "same-pool-names",
        &[("/spec/nodePools/1/name", r#""controllers""#)],
        &["spec.nodePools", "Duplicate value"],
    ),
    api(
        "pool-name-with-capitals",
        &[("/spec/nodePools/1/name", r#""Brokers""#)],
        &["nodePools[1].name", "should match"],
    ),
    api(
        "replication-above-brokers",
        &[("/spec/highAvailability", r#"{"replicationFactor": 5}"#)],
        &["replicationFactor", "lower it"],
    ),
    api(
        "minimum-above-replication",
        &[(
            "/spec/highAvailability",
            r#"{"replicationFactor": 2, "minInSyncReplicas": 3}"#,
        )],
        &["minInSyncReplicas", "above replicationFactor"],
    ),
    api(
        "replication-zero",
        &[("/spec/highAvailability", r#"{"replicationFactor": 0}"#)],
        &["replicationFactor", "greater than or equal to 1"],
    ),
    api(
        "no-listeners",
        &[("/spec/listeners", "[]")],
        &["spec.listeners", "at least 1"],
    ),
    api(
        "same-listener-ports",
        &[(
            "/spec/listeners/-",
            r#"{"name": "second", "port": 9094, "authentication": {"type": "Mtls"}}"#,
        )],
        &["same port"],
    ),
    api(
        "same-listener-names",
        &[(
            "/spec/listeners/-",
            r#"{"name": "scram", "port": 9095, "authentication": {"type": "Mtls"}}"#,
        )],
        &["spec.listeners", "Duplicate value"],
    ),
    api(
        "listener-port-of-the-operator",
        &[("/spec/listeners/0/port", "9091")],
        &["port", "greater than or equal to 9092"],
    ),
    api(
        "listener-port-of-metrics",
        &[("/spec/listeners/0/port", "9404")],
        &["port", "less than or equal to 9399"],
    ),
    api(
        "listener-name-with-dash",
        &[("/spec/listeners/0/name", r#""in-side""#)],
        &["listeners[0].name", "should match"],
    ),
    api(
        "no-authentication",
        &[("/spec/listeners/0/authentication", "null")],
        &["authentication", "Required"],
    ),
    api(
        "unknown-authentication",
        &[("/spec/listeners/0/authentication/type", r#""None""#)],
        &["authentication.type", "Unsupported value"],
    ),
    api(
        "version-without-patch",
        &[("/spec/version", r#""4.3""#)],
        &["spec.version"],
    ),
    api(
        "version-with-zookeeper",
        &[("/spec/version", r#""3.9.1""#)],
        &["spec.version", "should match"],
    ),
    api(
        "no-storage",
        &[("/spec/nodePools/1/storage", "null")],
        &["storage", "Required"],
    ),
    api(
        "no-volumes",
        &[("/spec/nodePools/1/storage/volumes", "[]")],
        &["volumes", "at least 1"],
    ),
    api(
        "unknown-field",
        &[("/spec/kafka", r#"{"replicas": 3}"#)],
        &["unknown field", "kafka"],
    ),
    api(
        "text-for-a-number",
        &[("/spec/nodePools/1/replicas", r#""three""#)],
        &["replicas", "must be of type integer"],
    ),
    api(
        "long-name",
        &[("/metadata/name", r#""a-name-that-is-longer-than-thirty""#)],
        &["metadata.name", "30 characters"],
    ),
    api(
        "name-with-dot",
        &[("/metadata/name", r#""a.b""#)],
        &["metadata.name", "a-z"],
    ),
    api(
        "heap-without-unit",
        &[("/spec/tuning", r#"{"jvm": {"heap": "1024"}}"#)],
        &["heap", "should match"],
    ),
    api(
        "login-module",
        &[("/spec/tuning", r#"{"config": {"sasl.jaas.config": "x required;"}}"#)],
        &["sasl.jaas.config belongs to the operator"],
    ),
    api(
        "plaintext-protocol",
        &[(
            "/spec/tuning",
            r#"{"config": {"listener.security.protocol.map": "SCRAM:SASL_PLAINTEXT"}}"#,
        )],
        &["listener.security.protocol.map belongs to the operator"],
    ),
    api(
        "config-provider",
        &[(
            "/spec/tuning",
            r#"{"config": {"config.providers": "file", "config.providers.file.class": "x"}}"#,
        )],
        &["config.providers", "belongs to the operator"],
    ),
    api(
        "policy-class",
        &[(
            "/spec/tuning",
            r#"{"config": {"create.topic.policy.class.name": "x.Y"}}"#,
        )],
        &["create.topic.policy.class.name loads code"],
    ),
    api(
        "unsafe-writes",
        &[("/spec/tuning", r#"{"config": {"min.insync.replicas": "1"}}"#)],
        &["min.insync.replicas can only be set by the operator"],
    ),
    api(
        "jvm-debugger",
        &[(
            "/spec/tuning",
            r#"{"jvm": {"options": ["-XX:+UseG1GC", "-agentlib:jdwp=transport=dt_socket"]}}"#,
        )],
        &["-agentlib:jdwp=transport=dt_socket runs code, opens a port"],
    ),
    api(
        "jvm-lookups-of-names",
        &[(
            "/spec/tuning",
            r#"{"jvm": {"options": ["-Dorg.apache.kafka.disallowed.login.modules="]}}"#,
        )],
        &["-Dorg.apache.kafka.disallowed.login.modules= runs code"],
    ),
    api(
        "everybody-super-user",
        &[(
            "/spec/security",
            r#"{"authorization": {"superUsers": ["User:ok", "User:*"]}}"#,
        )],
        &["User:* is no principal that can be a super user"],
    ),
    operator(
        "unknown-version",
        &[("/spec/version", r#""4.9.9""#)],
        &["spec.version", "choose one of", "4.3.1"],
    ),
    operator(
        "missing-storage-class",
        &[("/spec/nodePools/1/storage/volumes/0/storageClassName", r#""nowhere""#)],
        &[
            "spec.nodePools[brokers].storage.volumes[0].storageClassName",
            "no StorageClass nowhere",
        ],
    ),
    operator(
        "tiny-volume",
        &[("/spec/nodePools/1/storage/volumes/0/size", r#""1Mi""#)],
        &["spec.nodePools[brokers].storage.volumes[0].size", "at least 256Mi"],
    ),
    operator(
        "request-above-limit",
        &[(
            "/spec/nodePools/1/resources",
            r#"{"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}"#,
        )],
        &["spec.nodePools[brokers].resources.requests.memory", "above the limit"],
    ),
    operator(
        "little-memory",
        &[("/spec/nodePools/1/resources", r#"{"limits": {"memory": "64Mi"}}"#)],
        &["spec.nodePools[brokers].resources.limits.memory", "at least 512Mi"],
    ),
    operator(
        "heap-above-memory",
        &[("/spec/tuning", r#"{"jvm": {"heap": "64g"}}"#)],
        &["spec.tuning.jvm.heap", "three quarters"],
    ),
    operator(
        "minimum-equals-replication",
        &[(
            "/spec/highAvailability",
            r#"{"replicationFactor": 3, "minInSyncReplicas": 3}"#,
        )],
        &["spec.highAvailability.minInSyncReplicas", "lower it by one"],
    ),
    operator(
        "listener-named-controller",
        &[("/spec/listeners/0/name", r#""controller""#)],
        &["spec.listeners[controller].name", "choose another"],
    ),
    api(
        "owned-config-key",
        &[("/spec/tuning", r#"{"config": {"node.id": "7"}}"#)],
        &["spec.tuning.config", "node.id can only be set by the operator"],
    ),
    api(
        "owned-config-listeners",
        &[(
            "/spec/tuning",
            r#"{"config": {"listener.name.scram.ssl.client.auth": "none"}}"#,
        )],
        &[
            "spec.tuning.config",
            "listener.name.scram.ssl.client.auth belongs to the operator",
        ],
    ),
    api(
        "authorisation-off",
        &[(
            "/spec/tuning",
            r#"{"config": {"allow.everyone.if.no.acl.found": "true"}}"#,
        )],
        &["allow.everyone.if.no.acl.found can only be set by the operator"],
    ),
    api(
        "automatic-topics",
        &[("/spec/tuning", r#"{"config": {"auto.create.topics.enable": "true"}}"#)],
        &["auto.create.topics.enable can only be set by the operator"],
    ),
    api(
        "config-that-loads-code",
        &[("/spec/tuning", r#"{"config": {"metric.reporters": "evil.Reporter"}}"#)],
        &["spec.tuning.config", "metric.reporters loads code"],
    ),
    api(
        "config-with-reference",
        &[("/spec/tuning", r#"{"config": {"log.retention.ms": "${env:HOME}"}}"#)],
        &["spec.tuning.config", "log.retention.ms has a reference"],
    ),
    operator(
        "flush-without-acknowledgement",
        &[("/spec/tuning", r#"{"config": {"log.flush.interval.messages": "1"}}"#)],
        &["spec.tuning.config[log.flush.interval.messages]", "acknowledgeCost"],
    ),
    api(
        "jvm-agent",
        &[("/spec/tuning", r#"{"jvm": {"options": ["-javaagent:/x.jar"]}}"#)],
        &["spec.tuning.jvm.options", "-javaagent:/x.jar runs code"],
    ),
    api(
        "jvm-command-on-error",
        &[("/spec/tuning", r#"{"jvm": {"options": ["-XX:OnError=reboot"]}}"#)],
        &["spec.tuning.jvm.options", "-XX:OnError=reboot runs code"],
    ),
    api(
        "jvm-heap-option",
        &[("/spec/tuning", r#"{"jvm": {"options": ["-Xmx8g"]}}"#)],
        &["-Xmx8g", "set the heap by tuning.jvm.heap"],
    ),
    operator(
        "jvm-shell-characters",
        &[("/spec/tuning", r#"{"jvm": {"options": ["-Dx=$(id)"]}}"#)],
        &["spec.tuning.jvm.options", "shell character"],
    ),
    operator(
        "unknown-topology-key",
        &[(
            "/spec/highAvailability",
            r#"{"rack": {"topologyKey": "example.com/row"}}"#,
        )],
        &[
            "spec.highAvailability.rack.topologyKey",
            "no Kubernetes node has the label",
        ],
    ),
    api(
        "everyone-super-user",
        &[(
            "/spec/security",
            r#"{"authorization": {"superUsers": ["User:ANONYMOUS"]}}"#,
        )],
        &[
            "spec.security.authorization.superUsers",
            "User:ANONYMOUS is no principal",
            "User:<name>",
        ],
    ),
    operator(
        "short-certificates",
        &[(
            "/spec/security",
            r#"{"tls": {"leafLifetime": "1m", "renewBefore": "10s"}}"#,
        )],
        &["spec.security.tls.leafLifetime", "too short"],
    ),
    operator(
        "overlapping-node-ids",
        &[
            ("/spec/nodePools/0/firstNodeId", "0"),
            ("/spec/nodePools/1/firstNodeId", "2"),
        ],
        &["firstNodeId", "is less than 100 from", "move it"],
    ),
    operator(
        "own-label",
        &[(
            "/spec/nodePools/1/template",
            r#"{"labels": {"productionkafka.dev/cluster": "x"}}"#,
        )],
        &[
            "spec.nodePools[brokers].template.labels[productionkafka.dev/cluster]",
            "choose another key",
        ],
    ),
    operator(
        "no-certificate",
        &[("/spec/listeners/0/certificate", r#"{"secretName": "nowhere"}"#)],
        &[
            "spec.listeners[scram].certificate.secretName",
            "Secret nowhere doesn't exist",
        ],
    ),
    operator(
        "no-right-to-delete",
        &[("/spec/nodePools/1/storage/reclaim", r#""Delete""#)],
        &["spec.nodePools[brokers].storage.reclaim", "Retain"],
    ),
    operator(
        "not-yet-unclean",
        &[("/spec/highAvailability", r#"{"uncleanLeaderElection": true}"#)],
        &["spec.highAvailability.uncleanLeaderElection", "lost"],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_has_fifty_different_cases_that_say_something() {
        let names: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
        assert!(names.len() >= 50 && names.len() == CASES.len());
        assert!(
            CASES
                .iter()
                .all(|case| !case.says.is_empty() && !case.changes.is_empty())
        );
        let fits = |case: &Case| case.name.len() <= 30;
        assert!(CASES.iter().filter(|case| case.by == By::Operator).all(fits));
    }
}
