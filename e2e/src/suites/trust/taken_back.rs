//! A deletion of the cluster that serves is taken back as the documentation says, and nothing restarts: of the resource, while the
//! policy is away that refuses it, and of the definition, which asks no policy and takes every resource of its kind.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::admission::{holds, protect, protected};
use super::held::{delete, keep, release, without_policy};
use super::{CLUSTER, NAMESPACE, say};
use crate::harness::{Context, Report};
use crate::{diagnosis, install};

const CHART: &str = "productionkafka-crds";
const DEFINITION: &str = "crd/productionkafkas.productionkafka.dev";
const SOON: Duration = Duration::from_mins(1);

pub fn run(context: &Context, report: &mut Report) {
    report.test("a deletion is taken back, and nothing restarts", || {
        protect(context, true)?;
        holds(context, true)?;
        without_policy(context, || delete(context, (NAMESPACE, CLUSTER), "background"))?;
        is_held(context)?;
        taken_back(context, || Ok(()))
    });
    let name = "the definition is deleted and a protected cluster isn't, and that's taken back, too";
    match others(context) {
        Ok(0) if context.is_local() => drop(report.test(name, || definition(context))),
        _ => report.skip(name, "it would take others' clusters along"),
    }
}

/// Clusters that aren't this suite's.
fn others(context: &Context) -> Result<usize> {
    let all = context.kubectl_json(&["get", "pk", "-A"])?;
    let foreign = |one: &&Value| one.pointer("/metadata/namespace").is_none_or(|name| name != NAMESPACE);
    Ok(diagnosis::items(&all).iter().filter(foreign).count())
}

fn definition(context: &Context) -> Result<()> {
    protect(context, true)?;
    holds(context, true)?;
    let before = super::pods(context)?;
    context.kubectl(&["delete", DEFINITION, "--wait=false"])?;
    is_held(context)?;
    // Longer than the operator takes to look again.
    std::thread::sleep(Duration::from_secs(8));
    let cluster = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])?;
    ensure!(diagnosis::holds(&cluster, "Ready"), "{}", diagnosis::summary(&cluster));
    ensure!(super::pods(context)? == before, "pods restarted: {before:?} before");
    taken_back(context, || {
        context.kubectl(&["wait", DEFINITION, "--for=delete", "--timeout=60s"])?;
        context.install_chart(CHART, install::NAMESPACE, "")
    })?;
    // Policies that go by resources of the definition find those of the new one.
    context.wait_until("the protection is in force again", SOON, || {
        protect(context, false)?;
        protected(context).map(Some)
    })
}

fn is_held(context: &Context) -> Result<()> {
    context.wait_until("the cluster is held", SOON, || {
        let resource = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])?;
        Ok(diagnosis::holds(&resource, "DeletionHeld").then_some(()))
    })
}

/// As the documentation says, policies and all; `definitions` come back in between.
fn taken_back(context: &Context, definitions: impl FnOnce() -> Result<()>) -> Result<()> {
    let before = super::pods(context)?;
    let mut saved = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])?;
    let uid = saved.pointer("/metadata/uid").cloned();
    keep(&mut saved, &["name", "namespace"]);
    install::scale(context, 0)?;
    protect(context, false)?;
    delete(context, (NAMESPACE, CLUSTER), "orphan")?;
    context.wait_until("what the cluster owns is left behind", SOON, || {
        let list = context.kubectl_json(&["-n", NAMESPACE, "get", "statefulsets,services,configmaps,secrets"])?;
        let owned = |object: &Value| object.pointer("/metadata/ownerReferences/0/uid") == uid.as_ref();
        Ok((!diagnosis::items(&list).iter().any(owned)).then_some(()))
    })?;
    let cluster = format!("pk/{CLUSTER}");
    release(context, NAMESPACE, CLUSTER)?;
    context.kubectl(&["-n", NAMESPACE, "wait", &cluster, "--for=delete", "--timeout=30s"])?;
    definitions()?;
    context.apply(&saved.to_string())?;
    protect(context, false)?;
    install::scale(context, 1)?;
    super::settled(context)?;
    ensure!(super::pods(context)? == before, "pods restarted: {before:?} before");
    say(&format!(
        "{} pods run on under the resource that was applied again",
        before.len()
    ));
    Ok(())
}
