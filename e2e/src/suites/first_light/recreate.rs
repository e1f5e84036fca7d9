//! Deleting the resource takes pods and Services and keeps what cannot be made again; the same resource finds it.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::clients::Clients;
use super::{CLUSTER, NAMESPACE, children, evidence, setup};
use crate::diagnosis;
use crate::harness::{Context, Report};

const RECORDS: usize = 300;

/// What must be the same afterwards.
#[derive(Debug, PartialEq, Eq)]
struct Lasting {
    cluster_id: String,
    cluster_ca: String,
    clients_ca: String,
    volumes: Vec<String>,
}

/// Starts clients anew: the user's Secret may have been made again since the others were started.
pub fn run(context: &Context, report: &mut Report) {
    match Clients::start(context) {
        Ok(clients) => delete_and_return(context, &clients, report),
        Err(error) => drop(report.test("clients for deletion and return start", || Err(error))),
    }
}

fn delete_and_return(context: &Context, clients: &Clients<'_>, report: &mut Report) {
    let mut before = None;
    let deleted = report.test(
        "deleting the resource takes pods and Services, keeps volumes, CAs and identity",
        || {
            clients.write("before", RECORDS)?;
            before = Some(lasting(context)?);
            context.kubectl(&["-n", NAMESPACE, "delete", "pk", CLUSTER, "--wait", "--timeout=120s"])?;
            gone(context)?;
            let map = context.kubectl(&["-n", NAMESPACE, "get", "configmap", "orders-identity", "-o", "name"])?;
            evidence(format!("6 volumes, 2 CAs and {} are left", map.trim()));
            Ok(())
        },
    );
    if !deleted {
        return;
    }
    report.test("applied again: same cluster id, same CA, records are read", || {
        let seconds = setup::apply_and_wait(context)?;
        setup::wait_topics_and_users(context)?;
        let after = lasting(context)?;
        let before = before.take().context("what was before")?;
        ensure!(after == before, "before {before:?}, after {after:?}");
        let count = clients.read(("before", RECORDS), "payments-after")?;
        ensure!(count == RECORDS, "{count} of {RECORDS} records are left");
        evidence(format!(
            "Ready after {seconds:.1} s; cluster id {}; {count} records read",
            after.cluster_id
        ));
        Ok(())
    });
}

fn lasting(context: &Context) -> Result<Lasting> {
    let text = |value: &Value, pointer: &str| {
        let found = value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        found.with_context(|| format!("{pointer} is there"))
    };
    let certificate = |name: &str| {
        let secret = context.kubectl_json(&["-n", NAMESPACE, "get", "secret", name])?;
        text(&secret, "/data/ca.crt")
    };
    Ok(Lasting {
        cluster_id: text(&setup::resource(context)?, "/status/clusterId")?,
        cluster_ca: certificate("orders-cluster-ca")?,
        clients_ca: certificate("orders-clients-ca")?,
        volumes: volumes(context)?,
    })
}

/// Claims of the cluster with their uid: a claim of the same name with another uid is another disk.
fn volumes(context: &Context) -> Result<Vec<String>> {
    let list = context.kubectl_json(&["-n", NAMESPACE, "get", "persistentvolumeclaims"])?;
    let of_cluster = diagnosis::items(&list).iter().filter_map(|claim| {
        let name = claim.pointer("/metadata/name").and_then(Value::as_str)?;
        let uid = claim.pointer("/metadata/uid").and_then(Value::as_str)?;
        name.starts_with("data-0-orders-").then(|| format!("{name} {uid}"))
    });
    let volumes: Vec<String> = of_cluster.collect();
    ensure!(volumes.len() == 6, "{} claims: {volumes:?}", volumes.len());
    Ok(volumes)
}

fn gone(context: &Context) -> Result<()> {
    context.wait_until(
        "pods, StatefulSets and Services are gone",
        Duration::from_mins(2),
        || {
            let kinds = "pods,statefulsets,services";
            let left = context.kubectl(&["-n", NAMESPACE, "get", kinds, "-l", &children::label(), "-o", "name"])?;
            if left.is_empty() {
                return Ok(Some(()));
            }
            bail!("there are still {}", left.replace('\n', " "))
        },
    )?;
    volumes(context)?;
    for secret in ["orders-cluster-ca", "orders-clients-ca"] {
        context.kubectl(&["-n", NAMESPACE, "get", "secret", secret, "-o", "name"])?;
    }
    Ok(())
}
