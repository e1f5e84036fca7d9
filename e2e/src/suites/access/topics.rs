//! A topic grows on real Kafka: more partitions, another replication factor, other configs, judged by Kafka's own tools; fewer
//! partitions are refused, and what was written stays.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{BROKER, CLUSTER, NAMESPACE, change, say, user};
use crate::admin::Admin;
use crate::client::{BIN, Client, numbered};
use crate::harness::{Context, Report};
use crate::resources;

const TOPIC: &str = "shape";
const SOON: Duration = Duration::from_mins(3);

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "a topic gets partitions, replicas and configs; what it holds stays",
        || grows(context),
    );
}

fn wanted(partitions: i32, replicas: i32, retention: &str) -> Value {
    json!({"partitions": partitions, "replicationFactor": replicas,
        "config": {"retention.ms": retention, "min.insync.replicas": "1"}})
}

fn ready(context: &Context) -> Result<()> {
    resources::wait_ready(context, NAMESPACE, &format!("pkt/{TOPIC}"), SOON).map(drop)
}

fn grows(context: &Context) -> Result<()> {
    let mut spec = wanted(3, 2, "3600000");
    if let Some(all) = spec.as_object_mut() {
        all.insert("cluster".into(), json!(CLUSTER));
    }
    let topic = json!({"apiVersion": "productionkafka.dev/v1alpha1", "kind": "KafkaTopic",
        "metadata": {"name": TOPIC, "namespace": NAMESPACE}, "spec": spec});
    context.apply(&topic.to_string())?;
    ready(context)?;
    let roles = json!([
        {"type": "Producer", "topic": {"name": TOPIC}},
        {"type": "Consumer", "topic": {"name": TOPIC}, "group": {"name": "shape"}},
    ]);
    user(context, "shaper", &json!({"roles": roles}))?;
    let secret = "shaper-kafka-credentials";
    let client = Client::start(context, NAMESPACE, "shape", &[secret])?;
    let settings = format!("/secrets/{secret}/client.properties");
    let server =
        format!("--bootstrap-server {CLUSTER}-scram-bootstrap.{NAMESPACE}.svc:9094 --command-config {settings}");
    let records = numbered("shape", 300);
    client.run(
        60,
        &format!("{records} | {BIN}/kafka-console-producer.sh {server} --topic {TOPIC}"),
    )?;

    change(context, &format!("pkt/{TOPIC}"), &wanted(6, 3, "7200000"))?;
    ready(context)?;
    let admin = Admin::start(context, NAMESPACE, CLUSTER, BROKER)?;
    let said = admin.tool("kafka-topics.sh", &format!("--describe --topic {TOPIC}"))?;
    for part in ["PartitionCount: 6", "ReplicationFactor: 3", "retention.ms=7200000"] {
        ensure!(said.contains(part), "{part} isn't in {said}");
    }
    let partitions: Vec<&str> = said.lines().filter(|line| line.contains("Partition: ")).collect();
    let full = |line: &&&str| {
        line.split("Replicas: ")
            .nth(1)
            .is_some_and(|rest| rest.matches(',').count() >= 4)
    };
    ensure!(
        partitions.iter().filter(full).count() == 6,
        "three replicas, all in sync: {said}"
    );
    say("6 partitions of 3 replicas, all in sync");
    let read = format!(
        "{BIN}/kafka-console-consumer.sh {server} --topic {TOPIC} --group shape --from-beginning --max-messages 300 --timeout-ms 15000 2>/dev/null | sort -u | wc -l"
    );
    let count = client.run(60, &read)?;
    ensure!(count.trim() == "300", "{} of 300 records", count.trim());

    // Before anything is asked of Kafka: the API server says no.
    let refused = change(context, &format!("pkt/{TOPIC}"), &json!({"partitions": 5}));
    let why = refused.err().map(|error| format!("{error:#}")).unwrap_or_default();
    ensure!(why.contains("partitions can't be lowered"), "fewer partitions: {why:?}");
    client.delete()?;
    context.kubectl(&["-n", NAMESPACE, "delete", "pkt", TOPIC]).map(drop)
}
