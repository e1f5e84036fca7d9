//! The Kubernetes objects of a run: its topics, its user with the least rights, and a pod that the restricted profile
//! admits.

use super::load::{Authentication, Load, Topic};
use crate::build::kafka;
use crate::versions::DEFAULT_KAFKA;

/// Where the credentials are mounted.
pub const SECRET: &str = "/secret";
/// Where the load client leaves its files.
pub const DATA: &str = "/data";

/// The client's compiler without its second stage and the serial collector: the load shares the machine with what it
/// measures. Addresses are looked up as docs/connect-an-application.md advises.
pub const JAVA: &str = "java -Xmx192m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
    -Dsun.net.inetaddr.ttl=5 -Dsun.net.inetaddr.negative.ttl=1 -Dlog4j2.configurationFile=/ledger/log4j2.properties \
    -cp '/ledger/ledger.jar:/opt/kafka/libs/*'";

/// Topics and user.
pub fn resources(namespace: &str, cluster: &str, load: &Load) -> String {
    let topics = load.topics.iter().map(|wanted| topic(namespace, cluster, wanted));
    user(namespace, cluster, load) + &topics.collect::<String>()
}

/// Records stay until the fresh reader has come.
fn topic(namespace: &str, cluster: &str, wanted: &Topic) -> String {
    let config: String = wanted
        .config
        .iter()
        .map(|(key, value)| format!("    {key}: \"{value}\"\n"))
        .collect();
    let (name, min_insync) = (&wanted.name, wanted.min_insync);
    let (partitions, replicas) = (wanted.partitions, wanted.replicas);
    format!(
        "---
apiVersion: productionkafka.dev/v1alpha1
kind: KafkaTopic
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  cluster: {cluster}
  partitions: {partitions}
  replicationFactor: {replicas}
  config:
    retention.ms: \"-1\"
    min.insync.replicas: \"{min_insync}\"
{config}"
    )
}

fn user(namespace: &str, cluster: &str, load: &Load) -> String {
    let authentication = match load.authentication {
        Authentication::ScramSha512 => "ScramSha512",
        Authentication::Mtls => "Mtls",
    };
    let topics: String = load
        .topics
        .iter()
        .map(|topic| {
            let resource = format!("{{type: Topic, name: {}, patternType: Literal}}", topic.name);
            format!("  - {{resource: {resource}, operations: [Read, Write, Describe]}}\n")
        })
        .collect();
    let name = &load.name;
    format!(
        "apiVersion: productionkafka.dev/v1alpha1
kind: KafkaUser
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  cluster: {cluster}
  authentication: {{type: {authentication}}}
  acls:
  - {{resource: {{type: Group, name: {name}, patternType: Literal}}, operations: [Read]}}
{topics}"
    )
}

/// The pod goes on after the load client has ended, so that its files can be fetched.
pub fn pod(namespace: &str, load: &Load) -> String {
    let (name, image) = (&load.name, kafka::image_name(DEFAULT_KAFKA));
    let node = load.node.as_ref().map_or_else(String::new, |node| {
        format!("  nodeSelector: {{kubernetes.io/hostname: {node}}}\n")
    });
    let log = format!("-Dledger.log={DATA}/client.log");
    format!(
        r"
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: kafka-ledger, ledger: {name}}}}}
spec:
{node}  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 1
  securityContext: {{runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
  - name: ledger
    image: {image}
    imagePullPolicy: IfNotPresent
    command:
    - sh
    - -c
    - >-
      {JAVA} {log} ledger.Main run /ledger/load.properties {DATA} >{DATA}/out.txt 2>&1;
      echo $? >{DATA}/exit; exec sleep infinity
    readinessProbe: {{exec: {{command: [test, -e, {DATA}/flowing]}}, periodSeconds: 1}}
    resources: {{requests: {{cpu: 50m, memory: 256Mi}}, limits: {{memory: 640Mi}}}}
    securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
    volumeMounts:
    - {{name: data, mountPath: {DATA}}}
    - {{name: tmp, mountPath: /tmp}}
    - {{name: ledger, mountPath: /ledger, readOnly: true}}
    - {{name: user, mountPath: {SECRET}, readOnly: true}}
  volumes:
  - {{name: data, emptyDir: {{}}}}
  - {{name: tmp, emptyDir: {{}}}}
  - {{name: ledger, configMap: {{name: {name}-ledger}}}}
  - {{name: user, secret: {{secretName: {name}-kafka-credentials, defaultMode: 0440}}}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_may_use_its_topics_and_its_group_and_nothing_else() {
        let text = resources("n", "orders", &Load::new("run").marked("7"));
        let rights: Vec<&str> = text.lines().filter(|line| line.contains("operations")).collect();
        assert_eq!(
            rights,
            [
                "  - {resource: {type: Group, name: run, patternType: Literal}, operations: [Read]}",
                "  - {resource: {type: Topic, name: run-a-7, patternType: Literal}, operations: [Read, Write, Describe]}",
                "  - {resource: {type: Topic, name: run-b-7, patternType: Literal}, operations: [Read, Write, Describe]}",
            ]
        );
    }

    #[test]
    fn a_node_is_asked_for_only_when_one_is_named() {
        assert!(!pod("n", &Load::new("run")).contains("nodeSelector"));
        let load = Load {
            node: Some("node-2".to_owned()),
            ..Load::new("run")
        };
        assert!(pod("n", &load).contains("\n  nodeSelector: {kubernetes.io/hostname: node-2}\n  restartPolicy"));
    }
}
