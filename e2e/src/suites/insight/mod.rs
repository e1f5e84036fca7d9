//! What people see: metrics, alerts and dashboards against a real Prometheus, lag against Kafka's own tool, how soon a broker that
//! is gone is told, and that all of it costs no write.

mod bench;
mod clients;
mod dashboards;
mod detection;
mod disk;
mod edits;
mod machines;
mod prometheus;
mod runbooks;

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use self::prometheus::Prometheus;
use super::Suite;
use crate::client::Client;
use crate::harness::{Context, Report};
use crate::resources;

pub const SUITE: Suite = Suite {
    name: "insight",
    about: "metrics, alerts, dashboards, lag and capacity against their judges",
    nodes: 3,
    kafka: &["4.3.1"],
    operator: true,
    namespaces: &[NAMESPACE],
    run,
    bench: Some(bench::run),
};

const NAMESPACE: &str = "insight";
const CLUSTER: &str = "orders";
const USER: &str = "app";
const TOPIC: &str = "readings";
const READY: Duration = Duration::from_mins(5);

fn run(context: &Context) -> Result<Report> {
    let mut report = Report::of(context);
    resources::clean(context, NAMESPACE)?;
    let up = report.setup("Kafka 4.3.1: one controller and three brokers are Ready", || {
        start(context)
    });
    if up {
        body(context, &mut report);
    }
    resources::end(context, NAMESPACE, report)
}

fn body(context: &Context, report: &mut Report) {
    clients::run(context, report);
    if !context.is_local() {
        report.skip(
            "dashboards, alerts, kernel parameters",
            "Prometheus reaches pods in the suite's own cluster only, and its machine is the suite's to change",
        );
        return;
    }
    machines::run(context, report);
    let mut prometheus = None;
    let scrapes = report.setup("Prometheus scrapes the operator and every Kafka node", || {
        prometheus = Some(Prometheus::start(context)?);
        Ok(())
    });
    if let Some(prometheus) = prometheus.filter(|_| scrapes) {
        dashboards::run(context, &prometheus, report);
        detection::run(context, &prometheus, report);
        disk::run(context, &prometheus, report);
        runbooks::run(context, &prometheus, report);
    }
    edits::run(context, report);
}

fn start(context: &Context) -> Result<()> {
    resources::start(context, NAMESPACE, (CLUSTER, &manifest()), READY)?;
    for object in [format!("pku/{USER}"), format!("pkt/{TOPIC}")] {
        resources::wait_ready(context, NAMESPACE, &object, READY)?;
    }
    Ok(())
}

fn manifest() -> String {
    let meta = |name: &str| json!({"name": name, "namespace": NAMESPACE});
    let of = |kind: &str, name: &str, spec: Value| json!({"apiVersion": "productionkafka.dev/v1alpha1", "kind": kind, "metadata": meta(name), "spec": spec});
    let cluster = of("ProductionKafka", CLUSTER, spec());
    let topic = of(
        "KafkaTopic",
        TOPIC,
        json!({"cluster": CLUSTER, "partitions": 6, "replicationFactor": 3}),
    );
    let roles = json!([
        {"type": "Producer", "topic": {"name": TOPIC}},
        {"type": "Consumer", "topic": {"name": TOPIC}, "group": {"name": "readers", "patternType": "Prefixed"}},
    ]);
    let authentication = json!({"type": "ScramSha512"});
    let user = of(
        "KafkaUser",
        USER,
        json!({"cluster": CLUSTER, "authentication": authentication, "roles": roles}),
    );
    [cluster, topic, user].map(|object| object.to_string()).join("\n---\n")
}

/// With a workload that three brokers of a GiB suffice for, and low thresholds for lag.
fn spec() -> Value {
    json!({
        "version": "4.3.1",
        "nodePools": [resources::pool("controllers", "Controller", 1), resources::pool("brokers", "Broker", 3)],
        "listeners": [{"name": "scram", "port": 9094, "authentication": {"type": "ScramSha512"}}],
        "capacity": {"workload": {
            "messagesPerSecond": 10, "messageBytes": "100", "retention": "1h", "partitions": 6,
        }},
        "monitoring": {"thresholds": {"consumerLagWarning": 100, "consumerLagCritical": 1000}},
        "tuning": {
            "profile": "Throughput",
            "jvm": {"options": ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]},
        },
    })
}

/// A pod with Kafka's tools and the application's Secret.
fn client(context: &Context) -> Result<Client<'_>> {
    Client::start(context, NAMESPACE, "app", &["app-kafka-credentials"])
}

/// The cluster's resource.
fn resource(context: &Context) -> Result<Value> {
    context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])
}

/// Standard output of the operator's own binary in its own pod.
fn command(context: &Context, words: &[&str], input: Option<&str>) -> Result<std::process::Output> {
    let exec = [
        "kubectl",
        "-n",
        crate::install::NAMESPACE,
        "exec",
        "-i",
        "deploy/productionkafka",
        "--",
        "/productionkafka",
    ];
    let mut command = context.command(&[&exec[..], words].concat())?;
    crate::exec::fed(&mut command, input.unwrap_or_default()).context("run a command in the operator's pod")
}

fn say(text: &str) {
    println!("          {text}");
}
