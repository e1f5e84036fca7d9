//! Who may do what: rights against Kafka's own, credentials that change under load, what somebody else changed, what's left of
//! a user that is gone, and that no secret is told anywhere.

mod authentication;
mod bench;
mod drift;
mod gateway;
mod import;
mod life;
mod matrix;
mod outside;
mod peers;
mod rotation;
mod silence;
mod topics;

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::Suite;
use crate::harness::{Context, Report};
use crate::{diagnosis, resources};

pub const SUITE: Suite = Suite {
    name: "access",
    about: "users, rights, credentials and topics against Kafka's own tools",
    nodes: 3,
    kafka: &["4.3.1"],
    operator: true,
    namespaces: &[NAMESPACE],
    run,
    bench: Some(bench::run),
};

pub(super) const NAMESPACE: &str = "access";
pub(super) const CLUSTER: &str = "orders";
/// A broker's pod that stays.
pub(super) const BROKER: &str = "orders-brokers-100-0";
pub(super) const READY: Duration = Duration::from_mins(5);
/// A user's rights come with a Job.
pub(super) const SOON: Duration = Duration::from_mins(2);

fn run(context: &Context) -> Result<Report> {
    let mut report = Report::of(context);
    resources::clean(context, NAMESPACE)?;
    let up = report.setup("Kafka 4.3.1: one controller and three brokers are Ready", || {
        start(context)
    });
    if up {
        report.test(
            "rights by the operator and by kafka-acls.sh let Kafka's tools do the same",
            || matrix::run(context),
        );
        drift::run(context, &mut report);
        import::run(context, &mut report);
        topics::run(context, &mut report);
        rotation::run(context, &mut report);
        life::run(context, &mut report);
        outside::run(context, &mut report);
        silence::run(context, &mut report);
    }
    resources::end(context, NAMESPACE, report)
}

fn start(context: &Context) -> Result<()> {
    resources::start(context, NAMESPACE, (CLUSTER, &resource().to_string()), READY)
}

/// The suite's cluster. Clients have to prove anew who they are every few seconds, so that an old password is tried, too.
pub(super) fn resource() -> Value {
    json!({
        "apiVersion": "productionkafka.dev/v1alpha1",
        "kind": "ProductionKafka",
        "metadata": {"name": CLUSTER, "namespace": NAMESPACE},
        "spec": {
            "version": "4.3.1",
            "nodePools": [resources::pool("controllers", "Controller", 1), resources::pool("brokers", "Broker", 3)],
            "listeners": [
                {"name": "scram", "port": 9094, "authentication": {"type": "ScramSha512"}},
                {"name": "mtls", "port": 9095, "authentication": {"type": "Mtls"}},
            ],
            "security": {"delegationTokens": {"expiry": "1h"}},
            "tuning": {
                "config": {"connections.max.reauth.ms": "10000"},
                "jvm": {"options": ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]},
            },
        },
    })
}

/// Merges into the spec of an object such as `pku/app`.
fn change(context: &Context, object: &str, spec: &Value) -> Result<()> {
    let patch = json!({"spec": spec}).to_string();
    let words = ["-n", NAMESPACE, "patch", object, "--type=merge", "-p", &patch];
    context.kubectl(&words).map(drop)
}

/// Gives the cluster the suite's own listeners and these.
fn listen(context: &Context, more: Vec<Value>) -> Result<()> {
    let own = resource();
    let own = own.pointer("/spec/listeners").and_then(Value::as_array).cloned();
    let all: Vec<Value> = own.into_iter().flatten().chain(more).collect();
    change(context, &format!("pk/{CLUSTER}"), &json!({"listeners": all}))
}

/// Makes a user, and waits until it's Ready.
fn user(context: &Context, name: &str, spec: &Value) -> Result<()> {
    let mut object = json!({
        "apiVersion": "productionkafka.dev/v1alpha1", "kind": "KafkaUser",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"cluster": CLUSTER, "authentication": {"type": "ScramSha512"}},
    });
    if let (Some(all), Some(more)) = (
        object.pointer_mut("/spec").and_then(Value::as_object_mut),
        spec.as_object(),
    ) {
        all.extend(more.clone());
    }
    context.apply(&object.to_string())?;
    resources::wait_ready(context, NAMESPACE, &format!("pku/{name}"), SOON).map(drop)
}

/// Waits until everything runs what the resource asks for.
fn settled(context: &Context) -> Result<()> {
    let generation = |object: &Value, field: &str| object.pointer(field).and_then(Value::as_i64);
    context.wait_until("the roll is over", Duration::from_mins(8), || {
        let resource = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])?;
        let seen = generation(&resource, "/status/observedGeneration") == generation(&resource, "/metadata/generation");
        let calm = resource.pointer("/status/rollout").is_none() && !diagnosis::holds(&resource, "Reconciling");
        if seen && calm && diagnosis::holds(&resource, "Ready") {
            return Ok(Some(()));
        }
        bail!("{}", diagnosis::summary(&resource))
    })?;
    resources::wait_ready(context, NAMESPACE, &format!("pk/{CLUSTER}"), READY).map(drop)
}

/// Evidence below the test that it belongs to.
pub(super) fn say(line: &str) {
    println!("          {line}");
}
