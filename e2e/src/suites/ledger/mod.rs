//! The workload ledger proves itself: a healthy cluster gives no defect, broken replication that keeps its promises gives
//! none either but shows in the figures, and two configurations that lose records are found out, every time.

mod blocked;
mod healthy;
mod lossy;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::Suite;
use crate::harness::{Context, Processes, Report};
use crate::versions::DEFAULT_KAFKA;
use crate::{diagnosis, ledger, resources};

pub const SUITE: Suite = Suite {
    name: "ledger",
    about: "the workload ledger: no defect on a healthy cluster, and loss where a configuration loses records",
    nodes: 1,
    kafka: &[DEFAULT_KAFKA],
    operator: true,
    namespaces: &[NAMESPACE],
    run,
    bench: None,
};

const NAMESPACE: &str = "ledger";
const CLUSTER: &str = "kept";
const READY: Duration = Duration::from_mins(5);
/// A broker is out of the in-sync replicas 9 s after it was last heard; this is for a loaded machine.
const SOON: Duration = Duration::from_mins(1);

fn run(context: &Context) -> Result<Report> {
    let mut report = Report::of(context);
    resources::clean(context, NAMESPACE)?;
    let up = report.setup("a cluster of three brokers is Ready", || start(context));
    if up {
        healthy::run(context, &mut report);
        if context.audit.is_some() {
            blocked::run(context, &mut report);
            lossy::run(context, &mut report);
        } else {
            report.skip("loss is found", "the brokers' processes are out of reach");
        }
    }
    resources::end(context, NAMESPACE, report)
}

fn start(context: &Context) -> Result<()> {
    resources::start(context, NAMESPACE, (CLUSTER, &cluster()), READY)
}

/// One controller: what is tested here are brokers, which have to be frozen without it.
fn cluster() -> String {
    let pool = "replicas: 1, storage: {volumes: [{size: 1Gi}]}, \
        resources: {requests: {cpu: 50m, memory: 512Mi}, limits: {memory: 1Gi}}";
    let brokers = pool.replace("replicas: 1", "replicas: 3");
    format!(
        r#"
apiVersion: productionkafka.dev/v1alpha1
kind: ProductionKafka
metadata: {{name: {CLUSTER}, namespace: {NAMESPACE}}}
spec:
  nodePools:
  - {{name: controllers, roles: [Controller], {pool}}}
  - {{name: brokers, roles: [Broker], {brokers}}}
  highAvailability: {{replicationFactor: 3, minInSyncReplicas: 2}}
  listeners:
  - {{name: scram, port: 9094, authentication: {{type: ScramSha512}}}}
  - {{name: mtls, port: 9095, authentication: {{type: Mtls}}}}
  tuning: {{jvm: {{options: ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]}}}}
"#
    )
}

/// The processes of the brokers with these node ids.
fn brokers<'a>(context: &'a Context, nodes: &[i32]) -> Result<Processes<'a>> {
    let mut names = Vec::new();
    for node in nodes {
        let selector = format!("productionkafka.dev/node-id={node}");
        let list = context.kubectl_json(&["-n", NAMESPACE, "get", "pods", "-l", &selector])?;
        let name = diagnosis::items(&list)
            .first()
            .and_then(|pod| pod.pointer("/metadata/name"))
            .and_then(Value::as_str);
        names.push(name.with_context(|| format!("broker {node} has a pod"))?.to_owned());
    }
    Processes::of(
        context,
        NAMESPACE,
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}

/// Waits until the first partition of the load's first topic is in a state that `holds` accepts.
fn wait_state(
    context: &Context,
    ledger: &ledger::Ledger<'_>,
    what: &str,
    holds: impl Fn(&ledger::State) -> bool,
) -> Result<ledger::State> {
    context.wait_until(what, SOON, || {
        let state = ledger.state(ledger.topic(0)?, 0)?;
        if holds(&state) {
            return Ok(Some(state));
        }
        bail!("leader and in-sync replicas are {state:?}")
    })
}

/// Leader and followers.
fn roles(state: &ledger::State) -> Result<(i32, Vec<i32>)> {
    let leader = state.leader.context("the partition has a leader")?;
    let followers = state.isr.iter().copied().filter(|node| *node != leader).collect();
    Ok((leader, followers))
}

/// The figures below the test that they belong to.
fn evidence(report: &ledger::Report) {
    for figure in report.figures() {
        println!("          {} {} {}", figure.name, figure.value, figure.unit);
    }
}
