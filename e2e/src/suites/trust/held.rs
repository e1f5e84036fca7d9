//! Deletions that admission lets through: of protected clusters, which are held and go on, and of their namespace, which is not.
//!
//! But for the suite's own cluster, no pod finds a machine: this is about resources and what belongs to them.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE, say};
use crate::harness::{Context, RELEASE, Report};
use crate::{diagnosis, exec, install};

pub(super) const NAME: &str = "trust-ends";
pub(super) const FINALIZER: &str = "productionkafka.dev/deletion-protection";
const BINDING: &str = "validatingadmissionpolicybinding/productionkafka-system-productionkafka-protected-clusters";
/// One is let go of by whoever asks for it, the other by the end of its namespace.
const CLUSTERS: [&str; 2] = ["orders", "readings"];
const SOON: Duration = Duration::from_mins(1);

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "a protected cluster that's deleted past admission is held, until it's let go or its namespace ends",
        || {
            start(context, &CLUSTERS)?;
            without_policy(context, || held(context))
        },
    );
    report.test("a namespace ends, whatever is protected in it", || ends(context));
    report.test(
        "helm uninstall takes nothing of a cluster, and a namespace ends without an operator once its finalizers are off",
        || {
            let outcome = uninstalled(context);
            install::operator(context, "")?;
            outcome?;
            super::settled(context)
        },
    );
}

fn protected(name: &str) -> Value {
    let mut resource = super::resource();
    let mut set = |pointer: &str, field: &str, value: Value| {
        if let Some(fields) = resource.pointer_mut(pointer).and_then(Value::as_object_mut) {
            fields.insert(field.to_owned(), value);
        }
    };
    set("/metadata", "namespace", json!(NAME));
    set("/metadata", "name", json!(name));
    set("/spec", "maintenance", json!({"deletionProtection": true}));
    // Authorities of its own, which stay, too.
    set("/spec", "security", json!({}));
    for pool in ["/spec/nodePools/0", "/spec/nodePools/1"] {
        set(pool, "template", json!({"nodeSelector": {"suite": "nowhere"}}));
    }
    resource
}

fn start(context: &Context, names: &[&str]) -> Result<()> {
    context.restricted_namespace(NAME)?;
    for name in names {
        context.apply(&protected(name).to_string())?;
    }
    for name in names {
        context.wait_until(&format!("{name} is protected and has what it needs"), SOON, || {
            let resource = resource(context, name)?.context("no resource")?;
            let owned = owned(context, name, "statefulsets")?.len() == 4 && owned(context, name, "pvc")?.len() == 4;
            Ok((owned && has(&resource, FINALIZER)).then_some(()))
        })?;
    }
    Ok(())
}

fn resource(context: &Context, name: &str) -> Result<Option<Value>> {
    let text = context.kubectl(&["-n", NAME, "get", "pk", name, "--ignore-not-found", "-o", "json"])?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&text)?))
}

fn has(resource: &Value, finalizer: &str) -> bool {
    let all = resource.pointer("/metadata/finalizers").and_then(Value::as_array);
    all.is_some_and(|all| all.iter().any(|one| one == finalizer))
}

/// Uids of a kind's objects, without those that are being deleted.
fn owned(context: &Context, name: &str, kind: &str) -> Result<Vec<String>> {
    let selector = format!("productionkafka.dev/cluster={name}");
    let list = context.kubectl_json(&["-n", NAME, "get", kind, "-l", &selector])?;
    let text = |object: &Value, field: &str| object.pointer(field).and_then(Value::as_str).map(str::to_owned);
    let all = diagnosis::items(&list).iter();
    let stays = all.filter(|object| text(object, "/metadata/deletionTimestamp").is_none());
    Ok(stays.filter_map(|object| text(object, "/metadata/uid")).collect())
}

/// Does something while the policy is away that refuses to delete protected clusters.
pub(super) fn without_policy(context: &Context, act: impl FnOnce() -> Result<()>) -> Result<()> {
    without(context, BINDING, act)
}

/// Does something while an object is away that the chart has made.
pub(super) fn without(context: &Context, what: &str, act: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut object = context.kubectl_json(&["get", what])?;
    keep(&mut object, &["name", "labels", "annotations"]);
    context.kubectl(&["delete", what])?;
    let outcome = act();
    context.apply(&object.to_string())?;
    outcome
}

/// Deletes a cluster, once the API server knows that the policy is away.
pub(super) fn delete(context: &Context, (namespace, name): (&str, &str), cascade: &str) -> Result<()> {
    let cascade = format!("--cascade={cascade}");
    context.wait_until("the deletion is let through", SOON, || {
        let words = ["-n", namespace, "delete", "pk", name, &cascade, "--wait=false"];
        context.kubectl(&words).map(|_| Some(()))
    })
}

/// Takes every finalizer of a cluster off.
pub(super) fn release(context: &Context, namespace: &str, name: &str) -> Result<()> {
    let none = json!({"metadata": {"finalizers": null}}).to_string();
    let words = ["-n", namespace, "patch", "pk", name, "--type=merge", "-p", &none];
    context.kubectl(&words).map(drop)
}

fn held(context: &Context) -> Result<()> {
    for (name, cascade) in CLUSTERS.into_iter().zip(["background", "foreground"]) {
        delete(context, (NAME, name), cascade)?;
    }
    for name in CLUSTERS {
        context.wait_until(&format!("{name} is held, with all that it has"), SOON, || {
            let resource = resource(context, name)?.context("it's gone")?;
            let said = diagnosis::holds(&resource, "DeletionHeld") && !has(&resource, "foregroundDeletion");
            let whole = owned(context, name, "statefulsets")?.len() == 4;
            Ok((said && whole).then_some(()))
        })?;
    }
    let sets = owned(context, "orders", "statefulsets")?;
    // Longer than the garbage collector takes, and than the operator looks again.
    std::thread::sleep(Duration::from_secs(12));
    ensure!(
        owned(context, "orders", "statefulsets")? == sets,
        "a StatefulSet was made again"
    );
    for name in CLUSTERS {
        ensure!(
            owned(context, name, "statefulsets")?.len() == 4,
            "{name} lost StatefulSets"
        );
    }
    let free = json!({"spec": {"maintenance": {"deletionProtection": false}}}).to_string();
    context.kubectl(&["-n", NAME, "patch", "pk", "orders", "--type=merge", "-p", &free])?;
    context.wait_until("it's let go, and its volumes stay", SOON, || {
        let gone = resource(context, "orders")?.is_none() && owned(context, "orders", "statefulsets")?.is_empty();
        Ok((gone && owned(context, "orders", "pvc")?.len() == 4).then_some(()))
    })?;
    ensure!(resource(context, "readings")?.is_some(), "the other one went along");
    let since = std::time::Instant::now();
    context.delete_namespace(NAME)?;
    say(&format!(
        "the namespace of the held one ended after {:.1} s",
        since.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Takes what the API server has added off an object's metadata.
pub(super) fn keep(object: &mut Value, fields: &[&str]) {
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| fields.contains(&field.as_str()));
    }
}

fn ends(context: &Context) -> Result<()> {
    start(context, &["orders"])?;
    context.delete_namespace(NAME)
}

/// Both charts go; then it's as the documentation of that says.
fn uninstalled(context: &Context) -> Result<()> {
    start(context, &["orders"])?;
    let kept = || -> Result<_> {
        let selector = format!("productionkafka.dev/cluster={CLUSTER}");
        let kinds = "pods,pvc,statefulsets,secrets,configmaps,services";
        let list = context.kubectl_json(&["-n", NAMESPACE, "get", kinds, "-l", &selector])?;
        let uid = |object: &Value| object.pointer("/metadata/uid").map(Value::to_string);
        let uids: BTreeSet<String> = diagnosis::items(&list).iter().filter_map(uid).collect();
        Ok((super::pods(context)?, uids))
    };
    let before = kept()?;
    for chart in [RELEASE, "productionkafka-crds"] {
        let words = [
            "helm",
            "uninstall",
            "--namespace",
            install::NAMESPACE,
            chart,
            "--wait",
            "--timeout",
            "120s",
        ];
        exec::output(&mut context.command(&words)?)?;
    }
    context.wait_ready_pods(install::NAMESPACE, install::SELECTOR, 0, SOON)?;
    ensure!(kept()? == before, "something went along");
    context.kubectl(&["-n", NAMESPACE, "get", "pk", CLUSTER])?;
    by_hand(context)
}

fn by_hand(context: &Context) -> Result<()> {
    context.kubectl(&["delete", "namespace", NAME, "--wait=false"])?;
    context.wait_until("the namespace says what it waits for", SOON, || {
        let namespace = context.kubectl_json(&["get", "namespace", NAME])?;
        let told = namespace.pointer("/status/conditions").map(Value::to_string);
        Ok(told.is_some_and(|told| told.contains(FINALIZER)).then_some(()))
    })?;
    release(context, NAME, "orders")?;
    context.delete_namespace(NAME)
}
