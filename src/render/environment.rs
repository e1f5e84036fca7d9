//! Environment of the containers: the knobs of Kafka's start scripts. Nothing secret: keys and passwords are files.

use super::{Input, listener_properties, volumes};
use crate::model::identity::format_key;
use crate::model::{ClientAuth, ClientListener, Cluster, Node, ports};
use k8s_openapi::api::core::v1::{ConfigMapKeySelector, EnvVar, EnvVarSource, ObjectFieldSelector};
use std::collections::BTreeSet;

/// Initial voters of the quorum, for `format`. Only there while the cluster is formed; no part of the revision.
pub const INITIAL_VOTERS: &str = "PK_INITIAL_VOTERS";

/// What `format` must know before it makes a voter: only there together with the voters, and no part of the revision.
pub const FIRST_DAY: [&str; 3] = [INITIAL_VOTERS, FIRST_FORMAT, POD_UID];

/// Where the metadata log of a controller ends that shall be the only voter; no part of the revision.
pub const SOLE_VOTER: &str = "PK_SOLE_VOTER";

/// The operator's permission to this very pod, which it gives once it has seen the pod's volume.
const FIRST_FORMAT: &str = "PK_FIRST_FORMAT";
const POD_UID: &str = "PK_POD_UID";

/// From this heap on, in MiB, G1 regions of 16 MiB leave G1 enough of them.
const LARGE_HEAP_MIB: u64 = 4096;

/// How long addresses are kept, and no configuration that reads files or the environment (CVE-2024-31141).
const SYSTEM_PROPERTIES: [&str; 2] = [
    "-Djava.security.properties=/etc/kafka/operator/java.security",
    "-Dorg.apache.kafka.automatic.config.providers=none",
];

const SCRAM_MODULE: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";

/// Of the Kafka container.
pub fn kafka(input: &Input<'_>, node: &Node<'_>) -> Vec<EnvVar> {
    let (cluster, heap) = (input.cluster, node.pool.heap_mib);
    let mut all = vec![
        variable("EXTRA_ARGS", "-name kafkaServer"),
        variable("KAFKA_HEAP_OPTS", &format!("-Xms{heap}m -Xmx{heap}m")),
        // Not empty: empty would open JMX without authentication.
        variable("KAFKA_JMX_OPTS", " "),
        variable("KAFKA_JVM_PERFORMANCE_OPTS", &jvm(cluster, heap)),
        variable(
            "KAFKA_LOG4J_OPTS",
            "-Dlog4j2.configurationFile=/etc/kafka/operator/log4j2.yaml",
        ),
        variable("KAFKA_OPTS", &options(input, node)),
        variable("LOG_DIR", "/tmp/kafka-logs"),
        // For the probes: the name in the node's certificate.
        variable("PK_NODE_HOST", &node.names.host),
    ];
    if let Some((field, advertised)) = listener_properties::by_machine(input, node) {
        let field = ObjectFieldSelector {
            api_version: Some("v1".into()),
            field_path: field.into(),
        };
        let source = EnvVarSource {
            field_ref: Some(field),
            ..EnvVarSource::default()
        };
        all.push(from(listener_properties::MACHINE, source));
        all.push(variable("PK_ADVERTISED_LISTENERS", &advertised));
    }
    all
}

/// Of the init container `format`, which starts a JVM only if a disk is unformatted.
pub fn format(input: &Input<'_>, node: &Node<'_>) -> Vec<EnvVar> {
    let identity = input.identity;
    let mut all = vec![
        variable("KAFKA_HEAP_OPTS", "-Xmx128m"),
        // Not empty, for then the script turns on JMX, whose module takes part of the class data archive away.
        variable("KAFKA_JMX_OPTS", " "),
        variable(
            "KAFKA_JVM_PERFORMANCE_OPTS",
            "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:SharedArchiveFile=/opt/kafka/storage.jsa -Xshare:auto -Xlog:cds=off",
        ),
        variable("LOG_DIR", "/tmp/kafka-logs"),
        variable("PK_CLUSTER_ID", identity.cluster_id.as_str()),
    ];
    if let Some(count) = input.cluster.least_map_count {
        all.push(variable("PK_LEAST_MAP_COUNT", &count.to_string()));
    }
    // A disk that's lost later must never be formatted as a voter of the first day again: it would come up with the
    // voter set of that day.
    let first_day = node.roles.controller
        && !identity.bootstrapped
        && identity.directory_ids.contains_key(&node.id)
        && !input.withhold_voters.contains(&node.id);
    if first_day {
        all.push(permit(input, node));
        all.push(variable(INITIAL_VOTERS, &identity.initial_voters));
    }
    all.push(variable("PK_NODE_HOST", &node.names.host));
    all.push(variable("PK_NODE_ID", &node.id.to_string()));
    let recovery = identity
        .recovery
        .as_ref()
        .filter(|recovery| recovery.survivor == node.id);
    if let Some(recovery) = recovery {
        all.push(variable(SOLE_VOTER, &recovery.log_end.to_string()));
    }
    if first_day {
        all.push(pod_uid());
    }
    all
}

fn permit(input: &Input<'_>, node: &Node<'_>) -> EnvVar {
    let key = ConfigMapKeySelector {
        name: input.cluster.names.identity(),
        key: format_key(node.id),
        // A disk that's formatted needs none.
        optional: Some(true),
    };
    from(
        FIRST_FORMAT,
        EnvVarSource {
            config_map_key_ref: Some(key),
            ..EnvVarSource::default()
        },
    )
}

fn pod_uid() -> EnvVar {
    let field = ObjectFieldSelector {
        api_version: Some("v1".into()),
        field_path: "metadata.uid".into(),
    };
    from(
        POD_UID,
        EnvVarSource {
            field_ref: Some(field),
            ..EnvVarSource::default()
        },
    )
}

fn from(name: &str, source: EnvVarSource) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(source),
    }
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        value_from: None,
    }
}

fn options(input: &Input<'_>, node: &Node<'_>) -> String {
    let listeners = listener_properties::reachable(input, node);
    let mut all: Vec<String> = SYSTEM_PROPERTIES.map(str::to_owned).to_vec();
    all.push(format!(
        "-Dorg.apache.kafka.allowed.login.modules={}",
        modules(&listeners)
    ));
    all.extend(of_authentication(&listeners));
    if input.cluster.jmx_exporter {
        all.push(format!(
            "-javaagent:/opt/productionkafka/jmx_prometheus_javaagent.jar={}:/etc/kafka/operator/jmx-exporter.yaml",
            ports::METRICS
        ));
    }
    all.join(" ")
}

/// The login modules that there are listeners for, and no other: some fetch code or directories from elsewhere
/// (CVE-2023-25194, CVE-2025-27818; a Kafka without the list refuses those two by default).
fn modules(listeners: &[&ClientListener]) -> String {
    let named = listeners.iter().filter_map(|listener| match listener.authentication {
        ClientAuth::Plain(_) => Some("org.apache.kafka.common.security.plain.PlainLoginModule"),
        ClientAuth::OAuth(_) => Some("org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"),
        ClientAuth::Kerberos(_) => Some("com.sun.security.auth.module.Krb5LoginModule"),
        ClientAuth::ScramSha512 | ClientAuth::Mtls => None,
    });
    let all: BTreeSet<&str> = named.chain([SCRAM_MODULE]).collect();
    all.into_iter().collect::<Vec<_>>().join(",")
}

/// Where mechanisms' own files are, and whom they may ask (CVE-2025-27817). Each option once: a JVM takes the last.
fn of_authentication(listeners: &[&ClientListener]) -> Vec<String> {
    let (mut plain, mut kerberos, mut asked) = (false, false, Vec::new());
    for listener in listeners {
        match &listener.authentication {
            ClientAuth::Plain(_) => plain = true,
            ClientAuth::OAuth(oauth) => asked.push(oauth.jwks_endpoint.as_str()),
            ClientAuth::Kerberos(_) => kerberos = true,
            ClientAuth::ScramSha512 | ClientAuth::Mtls => {}
        }
    }
    let files = volumes::LISTENER_FILES;
    let plain = plain.then(|| format!("-Djava.security.auth.login.config={files}/{}", volumes::JAAS));
    let kerberos = kerberos.then(|| format!("-Djava.security.krb5.conf={}/krb5.conf", volumes::KERBEROS));
    let urls = "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls";
    let oauth = (!asked.is_empty()).then(|| format!("{urls}={}", asked.join(",")));
    [plain, kerberos, oauth].into_iter().flatten().collect()
}

/// Kafka's own reference flags; a collector that the user chose replaces G1 and its flags.
fn jvm(cluster: &Cluster, heap_mib: u64) -> String {
    let mut all = vec![
        "-server",
        "-Djava.awt.headless=true",
        "-XX:MetaspaceSize=96m",
        "-XX:MinMetaspaceFreeRatio=50",
        "-XX:MaxMetaspaceFreeRatio=80",
        // A broker that can't allocate is neither alive nor dead: let another one lead.
        "-XX:+ExitOnOutOfMemoryError",
        // The image's class data archive: seconds off each start.
        "-XX:SharedArchiveFile=/opt/kafka/kafka.jsa",
        "-Xshare:auto",
        // An archive that doesn't fit is left aside; its complaint would look like an error of Kafka's.
        "-Xlog:cds=off",
    ];
    let collector = |option: &String| option.starts_with("-XX:+Use") && option.ends_with("GC");
    if !cluster.jvm_options.iter().any(collector) {
        all.extend([
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:InitiatingHeapOccupancyPercent=35",
            "-XX:+ExplicitGCInvokesConcurrent",
        ]);
        if heap_mib >= LARGE_HEAP_MIB {
            all.push("-XX:G1HeapRegionSize=16M");
        }
    }
    all.extend(cluster.jvm_options.iter().map(String::as_str));
    all.join(" ")
}
