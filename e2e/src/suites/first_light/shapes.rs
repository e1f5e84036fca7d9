//! Clusters of another shape than the example's: combined roles, two disks per node, the other Kafka releases, the least
//! resource there is. Each runs alone, in a namespace of its own, and ends before the next starts.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::evidence;
use crate::harness::{Context, Report};
use crate::{diagnosis, install, paths, resources};

pub const NAMESPACE: &str = "first-light-shapes";
/// Every pod that runs Kafka.
const NODES: &str = "productionkafka.dev/node-id";
const READY: Duration = Duration::from_mins(5);

struct Shape {
    about: &'static str,
    cluster: &'static str,
    version: &'static str,
    nodes: usize,
    disks: usize,
    resource: fn() -> Result<String>,
    /// Left to `--full`: another suite runs much the same.
    long: bool,
}

const SHAPES: [Shape; 3] = [
    Shape {
        about: "Kafka 4.4.0: three combined nodes with two disks each",
        cluster: "disks",
        version: "4.4.0",
        nodes: 3,
        disks: 2,
        resource: || Ok(two_disks()),
        long: false,
    },
    Shape {
        about: "Kafka 4.2.1: one node that is everything",
        cluster: "single",
        version: "4.2.1",
        nodes: 1,
        disks: 1,
        resource: || Ok(single()),
        long: false,
    },
    Shape {
        about: "examples/minimal.yaml",
        cluster: "small",
        version: crate::versions::DEFAULT_KAFKA,
        nodes: 3,
        disks: 1,
        resource: minimal,
        long: true,
    },
];

pub fn run(context: &Context, report: &mut Report) {
    if context.audit.is_none() {
        report.skip(
            "clusters of other shapes",
            "needs the Kafka images of the local cluster",
        );
        return;
    }
    for shape in &SHAPES {
        let check = || {
            let result = runs(context, shape);
            if result.is_err() {
                diagnosis::print(context, NAMESPACE, install::NAMESPACE);
            }
            end(context)?;
            result
        };
        if shape.long {
            report.long(shape.about, "a minute", check);
        } else {
            report.test(shape.about, check);
        }
    }
}

/// Combined nodes that are all deleted at once take up to five minutes: the last broker waits so long for a quorum that
/// is gone. Nothing is to be learnt from that here, and the data goes too.
fn end(context: &Context) -> Result<()> {
    context.kubectl(&[
        "-n",
        NAMESPACE,
        "delete",
        "pkt,pk",
        "--all",
        "--ignore-not-found",
        "--wait",
    ])?;
    let pods = [
        "-n",
        NAMESPACE,
        "delete",
        "pods",
        "--all",
        "--grace-period=1",
        "--wait=false",
    ];
    context.wait_until("the pods are gone", Duration::from_mins(2), || {
        context.kubectl(&pods)?;
        let left = context.kubectl(&["-n", NAMESPACE, "get", "pods", "-o", "name"])?;
        Ok(left.is_empty().then_some(()))
    })?;
    context.delete_namespace(NAMESPACE)
}

fn runs(context: &Context, shape: &Shape) -> Result<()> {
    context.restricted_namespace(NAMESPACE)?;
    context.apply(&(shape.resource)()?)?;
    let applied = Instant::now();
    let resource = resources::wait_ready(context, NAMESPACE, &format!("pk/{}", shape.cluster), READY)?;
    let seconds = applied.elapsed().as_secs_f64();
    ensure!(
        resource.pointer("/status/kafkaVersion").and_then(Value::as_str) == Some(shape.version),
        "status.kafkaVersion: {:?}",
        resource.pointer("/status/kafkaVersion")
    );
    context.apply(&topic(shape))?;
    resources::wait_ready(context, NAMESPACE, "pkt/used", READY)?;
    let replicas = replicas_per_disk(context, shape)?;
    evidence(format!(
        "Ready after {seconds:.1} s; replicas on each node's disks: {replicas:?}; brokers say {}",
        processes(context)?
    ));
    Ok(())
}

/// Every disk of every node must hold some of the topic's replicas: Kafka puts a new one where the fewest are.
fn replicas_per_disk(context: &Context, shape: &Shape) -> Result<Vec<Vec<usize>>> {
    let list = context.kubectl_json(&["-n", NAMESPACE, "get", "pods", "-l", NODES])?;
    let mut all = Vec::new();
    for pod in diagnosis::items(&list) {
        let name = pod
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .context("a name")?;
        let mut of_node = Vec::new();
        for disk in 0..shape.disks {
            let line = format!("ls -d /var/lib/kafka/data-{disk}/kafka-log/used-* | wc -l");
            let count = context.kubectl(&["-n", NAMESPACE, "exec", name, "-c", "kafka", "--", "sh", "-c", &line])?;
            of_node.push(count.trim().parse().with_context(|| format!("read {count:?}"))?);
        }
        all.push(of_node);
    }
    let used = all.iter().flatten().all(|count| *count > 0);
    ensure!(
        all.len() == shape.nodes && used,
        "replicas on each node's disks: {all:?}"
    );
    Ok(all)
}

/// The release that the processes themselves log.
fn processes(context: &Context) -> Result<String> {
    let list = context.kubectl_json(&["-n", NAMESPACE, "get", "pods", "-l", NODES])?;
    let images: std::collections::BTreeSet<&str> = diagnosis::items(&list)
        .iter()
        .filter_map(|pod| pod.pointer("/spec/containers/0/image").and_then(Value::as_str))
        .collect();
    Ok(images.into_iter().collect::<Vec<_>>().join(", "))
}

fn topic(shape: &Shape) -> String {
    let (cluster, replication) = (shape.cluster, shape.nodes);
    format!(
        "apiVersion: productionkafka.dev/v1alpha1\nkind: KafkaTopic\nmetadata: {{name: used, namespace: {NAMESPACE}}}\n\
         spec: {{cluster: {cluster}, partitions: 4, replicationFactor: {replication}}}\n"
    )
}

fn two_disks() -> String {
    format!(
        r#"
apiVersion: productionkafka.dev/v1alpha1
kind: ProductionKafka
metadata: {{name: disks, namespace: {NAMESPACE}}}
spec:
  version: 4.4.0
  nodePools:
  - name: nodes
    roles: [Controller, Broker]
    replicas: 3
    storage: {{volumes: [{{size: 1Gi}}, {{size: 1Gi}}]}}
    resources: {{requests: {{cpu: 50m, memory: 512Mi}}, limits: {{memory: 1Gi}}}}
  highAvailability: {{rack: {{topologyKey: topology.kubernetes.io/zone}}}}
  listeners: [{{name: mtls, port: 9095, authentication: {{type: Mtls}}}}]
  tuning: {{jvm: {{options: ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]}}}}
"#
    )
}

fn single() -> String {
    format!(
        r#"
apiVersion: productionkafka.dev/v1alpha1
kind: ProductionKafka
metadata: {{name: single, namespace: {NAMESPACE}}}
spec:
  version: 4.2.1
  nodePools:
  - name: all
    roles: [Controller, Broker]
    replicas: 1
    storage: {{volumes: [{{size: 1Gi}}]}}
    resources: {{requests: {{cpu: 50m, memory: 512Mi}}, limits: {{memory: 1Gi}}}}
  highAvailability: {{replicationFactor: 1, minInSyncReplicas: 1}}
  listeners: [{{name: scram, port: 9094, authentication: {{type: ScramSha512}}}}]
  tuning: {{jvm: {{options: ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]}}}}
"#
    )
}

/// The example as it is, but for its namespace.
fn minimal() -> Result<String> {
    let path = paths::repository().join("examples/minimal.yaml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    Ok(text
        .replace("namespace: kafka", &format!("namespace: {NAMESPACE}"))
        .replace("name: kafka\n", &format!("name: {NAMESPACE}\n")))
}
