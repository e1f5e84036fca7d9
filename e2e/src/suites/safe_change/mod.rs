//! Everything that changes a running cluster, while producers and a consumer work on it: nothing lost, doubled or out of
//! order, no partition below its minimum, and what must not happen doesn't.

mod bench;
mod broken;
pub(super) mod disks;
mod drains;
pub(super) mod faults;
mod machine;
pub(super) mod rolls;
mod scaling;
mod waits;
pub(super) mod watch;

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::Suite;
use crate::harness::{Context, Report};
use crate::ledger::{Ledger, Load};
use crate::{diagnosis, install, ledger, resources};

pub const SUITE: Suite = Suite {
    name: "safe-change",
    about: "restarts, upgrades and bad changes under load: nothing lost, no partition below its minimum",
    nodes: 3,
    kafka: &["4.2.1", "4.3.1", "4.4.0"],
    operator: true,
    namespaces: &[NAMESPACE],
    run,
    bench: Some(bench::run),
};

/// Without the second compiler a JVM starts in half the time on few cores.
const JVM: [&str; 2] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
pub(super) const NAMESPACE: &str = "safe-change";
pub(super) const CLUSTER: &str = "orders";
const READY: Duration = Duration::from_mins(5);
/// Six nodes, one after the other, on a loaded machine.
const ROLLED: Duration = Duration::from_mins(10);

fn run(context: &Context) -> Result<Report> {
    let mut report = Report::of(context);
    if context.audit.is_none() {
        report.skip(
            "changes under load",
            "needs the images and processes of the local cluster",
        );
        return Ok(report);
    }
    resources::clean(context, NAMESPACE)?;
    let up = report.setup("Kafka 4.2.1: three controllers and three brokers are Ready", || {
        start(context)
    });
    if up {
        rolls::run(context, &mut report);
        if context.full {
            faults::run(context, &mut report);
            waits::run(context, &mut report);
            drains::run(context, &mut report);
            machine::run(context, &mut report);
            broken::run(context, &mut report);
        } else {
            report.skip("faults, drains and changes that can't work", "takes an hour: --full");
        }
        rolls::upgrade_first(context, &mut report);
        disks::run(context, &mut report);
        if context.full {
            scaling::run(context, &mut report);
            rolls::upgrade_last(context, &mut report);
        }
    }
    resources::end(context, NAMESPACE, report)
}

pub(super) fn start(context: &Context) -> Result<()> {
    start_as(context, &resource_to_apply())
}

/// The cluster as this resource has it, Ready.
pub(super) fn start_as(context: &Context, resource: &Value) -> Result<()> {
    install::operator(context, "")?;
    context.restricted_namespace(NAMESPACE)?;
    context.apply(&resource.to_string())?;
    resources::wait_ready(context, NAMESPACE, &format!("pk/{CLUSTER}"), READY).map(drop)
}

/// The suites' cluster, as it's applied at first.
pub(super) fn resource_to_apply() -> Value {
    let pool = |name: &str, role: &str| {
        serde_json::json!({
            "name": name,
            "roles": [role],
            "replicas": 3,
            "storage": {"volumes": [{"size": "1Gi"}]},
            "resources": {"requests": {"cpu": "50m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
        })
    };
    serde_json::json!({
        "apiVersion": "productionkafka.dev/v1alpha1",
        "kind": "ProductionKafka",
        "metadata": {"name": CLUSTER, "namespace": NAMESPACE},
        "spec": {
            "version": "4.2.1",
            "upgrade": {"soak": "5s"},
            "nodePools": [pool("controllers", "Controller"), pool("brokers", "Broker")],
            "highAvailability": {"rack": {"topologyKey": "topology.kubernetes.io/zone"}},
            "listeners": [{"name": "scram", "port": 9094, "authentication": {"type": "ScramSha512"}}],
            "tuning": {"jvm": {"options": JVM}},
        },
    })
}

/// Asks for a restart of all that runs, and returns the generation, which that doesn't change.
fn ask_for_restart(context: &Context) -> Result<i64> {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let annotation = format!("productionkafka.dev/restart={now}");
    context.kubectl(&["-n", NAMESPACE, "annotate", "pk", CLUSTER, "--overwrite", &annotation])?;
    Ok(generation(&resource(context)?))
}

pub(super) fn generation(resource: &Value) -> i64 {
    let generation = resource.pointer("/metadata/generation");
    generation.and_then(Value::as_i64).unwrap_or_default()
}

/// Every pod is another than it was, and nothing is on its way.
fn all_new(context: &Context, before: &watch::Pods, generation: i64) -> Result<bool> {
    let replaced = watch::replaced(before, &watch::pods(context)?);
    Ok(replaced.len() == before.len() && is_settled(&resource(context)?, generation))
}

/// Waits until the resource is as wanted; says what it says if it never is.
fn wait(context: &Context, what: &str, timeout: Duration, is: impl Fn(&Value) -> bool) -> Result<Value> {
    context.wait_until(what, timeout, || {
        let resource = resource(context)?;
        if is(&resource) {
            return Ok(Some(resource));
        }
        bail!(
            "{}; rollout: {}",
            diagnosis::summary(&resource),
            resource.pointer("/status/rollout").unwrap_or(&Value::Null)
        )
    })
}

/// Merges into the pool of brokers; returns the new generation.
fn brokers(context: &Context, fields: &Value) -> Result<i64> {
    let mut pools = pools(context)?;
    let pool = pools.get_mut(1).and_then(Value::as_object_mut);
    let fields = fields.as_object().cloned().unwrap_or_default();
    pool.context("the second pool is that of the brokers")?.extend(fields);
    change(context, &serde_json::json!({"nodePools": pools}))
}

/// The pools that are asked for.
pub(super) fn pools(context: &Context) -> Result<Vec<Value>> {
    let resource = resource(context)?;
    let pools = resource.pointer("/spec/nodePools").and_then(Value::as_array);
    pools.cloned().context("the pools")
}

pub(super) fn resource(context: &Context) -> Result<Value> {
    context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])
}

/// Merges into the spec; returns the new generation.
pub(super) fn change(context: &Context, spec: &Value) -> Result<i64> {
    let patch = serde_json::json!({"spec": spec}).to_string();
    context.kubectl(&["-n", NAMESPACE, "patch", "pk", CLUSTER, "--type=merge", "-p", &patch])?;
    Ok(generation(&resource(context)?))
}

/// The resource was looked at as it is now, everything runs what it asks for, and nothing is on its way.
pub(super) fn is_settled(resource: &Value, generation: i64) -> bool {
    let observed = resource.pointer("/status/observedGeneration").and_then(Value::as_i64);
    observed == Some(generation)
        && resource.pointer("/status/rollout").is_none()
        && diagnosis::holds(resource, "Ready")
        && diagnosis::holds(resource, "FullyReplicated")
        && !diagnosis::holds(resource, "Reconciling")
}

pub(super) fn settled(context: &Context, generation: i64) -> Result<Value> {
    wait(context, "the roll is over", ROLLED, |resource| {
        is_settled(resource, generation)
    })
}

/// Runs a change under load, and judges what became of the load.
pub(super) fn under_load<T>(context: &Context, name: &str, act: impl FnOnce(&Ledger<'_>) -> Result<T>) -> Result<T> {
    let load = Load {
        rate: if context.full { 1000 } else { 600 },
        ..Load::new(name)
    };
    let ledger = Ledger::start(context, NAMESPACE, CLUSTER, load)?;
    let done = act(&ledger);
    let report = ledger.finish()?;
    evidence(&report);
    let done = done?;
    report.verdict()?;
    let availability = report.availability;
    ensure!(
        availability.under_min_isr_ms == 0 && availability.offline_ms == 0,
        "partitions below their minimum: {availability:?}"
    );
    Ok(done)
}

/// The figures below the test that they belong to.
fn evidence(report: &ledger::Report) {
    for figure in report.figures() {
        println!("          {} {} {}", figure.name, figure.value, figure.unit);
    }
    say(&report.where_longest());
}

pub(super) fn say(line: &str) {
    println!("          {line}");
}
