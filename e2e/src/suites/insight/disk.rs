//! The runbook of full disks, on volumes that can be full: the alert is pending and the condition says so, records fill what is left
//! until no broker runs, the resource asks for larger volumes, and every record that was acknowledged is there.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::prometheus::Prometheus;
use super::{NAMESPACE, say};
use crate::harness::{Context, Report};
use crate::ledger::{Ledger, Load};
use crate::{diagnosis, resources};

const CLUSTER: &str = "filled";
const STARTED: Duration = Duration::from_mins(5);
/// The operator looks at the disks twice a minute.
const TOLD: Duration = Duration::from_mins(2);
/// Until the containers' restarts, which the kubelet spaces out, meet room again.
const BACK: Duration = Duration::from_mins(12);
/// Of each volume's GiB: beyond the critical threshold of 85 %.
const BALLAST: &str = "920M";

pub fn run(context: &Context, prometheus: &Prometheus<'_>, report: &mut Report) {
    report.long(
        "disks fill up: told before, and the runbook brings every acknowledged record back",
        "ten minutes",
        || {
            let outcome = full(context, prometheus);
            context.kubectl(&["-n", NAMESPACE, "delete", "pk", CLUSTER, "--ignore-not-found"])?;
            outcome
        },
    );
}

fn full(context: &Context, prometheus: &Prometheus<'_>) -> Result<()> {
    context.apply(&manifest("1Gi"))?;
    resources::wait_ready(context, NAMESPACE, &format!("pk/{CLUSTER}"), STARTED)?;
    let load = Load {
        rate: 200,
        producers: 1,
        ..Load::new("filling")
    };
    let ledger = Ledger::start(context, NAMESPACE, CLUSTER, load)?;
    let volumes = volumes(context)?;
    each(context, &volumes, &format!("fallocate -l {BALLAST} ballast"))?;
    told(context, prometheus)?;
    let before = ledger.written()?;
    each(context, &volumes, "head -c 2G /dev/zero >rest 2>/dev/null || true")?;
    context.wait_until("no broker has room to run", TOLD, || down(context))?;
    say(&format!(
        "{} records later no broker runs: {}",
        ledger.written()? - before,
        summary(context)?
    ));
    context.apply(&manifest("2Gi"))?;
    context.wait_until("every volume has grown", TOLD, || grown(context))?;
    let ready = resources::wait_ready(context, NAMESPACE, &format!("pk/{CLUSTER}"), BACK);
    ready.context("brokers start once there is room")?;
    each(context, &volumes, "rm ballast rest")?;
    ledger.wait_written(200, TOLD).context("writing goes on")?;
    let report = ledger.finish()?;
    for figure in report.figures() {
        say(&format!("{} {} {}", figure.name, figure.value, figure.unit));
    }
    report.verdict()
}

/// One controller, whose disk is another, and three brokers with volumes of this size.
fn manifest(size: &str) -> String {
    let mut brokers = resources::pool("brokers", "Broker", 3);
    if let Some(volume) = brokers.pointer_mut("/storage/volumes/0") {
        *volume = json!({"size": size, "storageClassName": "bounded"});
    }
    json!({
        "apiVersion": "productionkafka.dev/v1alpha1",
        "kind": "ProductionKafka",
        "metadata": {"name": CLUSTER, "namespace": NAMESPACE},
        "spec": {
            "nodePools": [resources::pool("controllers", "Controller", 1), brokers],
            "listeners": [{"name": "scram", "port": 9094, "authentication": {"type": "ScramSha512"}}],
            "tuning": {"jvm": {"options": ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]}},
        },
    })
    .to_string()
}

/// Alert and condition, while Kafka still runs.
fn told(context: &Context, prometheus: &Prometheus<'_>) -> Result<()> {
    let pending = format!(r#"ALERTS{{alertname="KafkaDiskFull", name="{CLUSTER}"}}"#);
    context.wait_until("the alert is pending", TOLD, || {
        let series = prometheus.query(&pending)?;
        ensure!(!series.is_empty(), "no alert; {}", summary(context)?);
        Ok(Some(()))
    })?;
    let said = summary(context)?;
    ensure!(said.contains("CapacitySufficient=False VolumeFull"), "{said}");
    Ok(())
}

fn down(context: &Context) -> Result<Option<()>> {
    let resource = resource(context)?;
    if resource.pointer("/status/brokers").and_then(Value::as_str) == Some("0/3") {
        return Ok(Some(()));
    }
    bail!("{}", diagnosis::summary(&resource))
}

fn grown(context: &Context) -> Result<Option<()>> {
    for claim in claims(context)? {
        let size = claim.pointer("/status/capacity/storage").and_then(Value::as_str);
        ensure!(size == Some("2Gi"), "{size:?}; {}", summary(context)?);
    }
    Ok(Some(()))
}

fn resource(context: &Context) -> Result<Value> {
    context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])
}

fn summary(context: &Context) -> Result<String> {
    Ok(diagnosis::summary(&resource(context)?))
}

/// Claims of the brokers' volumes.
fn claims(context: &Context) -> Result<Vec<Value>> {
    let list = context.kubectl_json(&["-n", NAMESPACE, "get", "pvc"])?;
    let begins = format!("data-0-{CLUSTER}-brokers-");
    let ours = |claim: &&Value| {
        let name = claim.pointer("/metadata/name").and_then(Value::as_str);
        name.is_some_and(|name| name.starts_with(&begins))
    };
    let found: Vec<Value> = diagnosis::items(&list).iter().filter(ours).cloned().collect();
    ensure!(found.len() == 3, "{} claims", found.len());
    Ok(found)
}

/// Where the volumes are on the machine.
fn volumes(context: &Context) -> Result<Vec<String>> {
    let path = |claim: &Value| {
        let name = claim.pointer("/spec/volumeName").and_then(Value::as_str);
        let volume = context.kubectl_json(&["get", "pv", name.context("a bound claim")?])?;
        let path = volume.pointer("/spec/local/path").and_then(Value::as_str);
        path.map(str::to_owned).context("a directory")
    };
    claims(context)?.iter().map(path).collect()
}

fn each(context: &Context, volumes: &[String], line: &str) -> Result<()> {
    let in_each = volumes.iter().map(|path| format!("(cd {path} && {line})"));
    let all: Vec<String> = in_each.collect();
    context.sh(&all.join(" && ")).map(drop)
}
