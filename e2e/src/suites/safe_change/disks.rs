//! Disks that grow, and one disk more for each broker, under load: no restart for more room, one each for another disk.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE, brokers, settled, under_load, watch};
use crate::admin::Admin;
use crate::diagnosis;
use crate::harness::{Context, Report};

pub fn run(context: &Context, report: &mut Report) {
    report.test("disks: they grow and nothing restarts", || grown(context));
    if context.full {
        report.test("disks: one more for each broker, each restarts once", || more(context));
    }
}

fn grown(context: &Context) -> Result<()> {
    let before = watch::pods(context)?;
    let generation = brokers(context, &json!({"storage": {"volumes": [{"size": "2Gi"}]}}))?;
    context.wait_until("the volumes have grown", Duration::from_mins(2), || {
        let sizes = capacities(context)?;
        if sizes.len() == 3 && sizes.iter().all(|size| size == "2Gi") {
            return Ok(Some(()));
        }
        bail!("capacities: {sizes:?}")
    })?;
    settled(context, generation)?;
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(replaced.is_empty(), "replaced pods: {replaced:?}");
    Ok(())
}

/// Capacity of each claim of the brokers.
fn capacities(context: &Context) -> Result<Vec<String>> {
    let selector = format!("productionkafka.dev/cluster={CLUSTER},productionkafka.dev/pool=brokers");
    let list = context.kubectl_json(&["-n", NAMESPACE, "get", "pvc", "-l", &selector])?;
    let capacity = |claim: &Value| {
        let size = claim.pointer("/status/capacity/storage").and_then(Value::as_str);
        size.unwrap_or_default().to_owned()
    };
    Ok(diagnosis::items(&list).iter().map(capacity).collect())
}

fn more(context: &Context) -> Result<()> {
    let before = watch::pods(context)?;
    let since = jiff::Timestamp::now();
    under_load(context, "disks", |_| {
        let storage = json!({"storage": {"volumes": [{"size": "2Gi"}, {"size": "1Gi"}]}});
        let generation = brokers(context, &storage)?;
        settled(context, generation).map(drop)
    })?;
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(
        replaced.len() == 3 && replaced.iter().all(|pod| pod.contains("-brokers-")),
        "replaced pods: {replaced:?}"
    );
    let taken = watch::taken(context, since)?;
    ensure!(taken.values().all(|times| *times == 1), "pods taken away: {taken:?}");
    let admin = Admin::start(context, NAMESPACE, CLUSTER, &format!("{CLUSTER}-brokers-100-0"))?;
    let said = admin.tool("kafka-log-dirs.sh", "--describe")?;
    let line = said.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    let said: Value = serde_json::from_str(line)?;
    for broker in said.pointer("/brokers").and_then(Value::as_array).into_iter().flatten() {
        let folders = broker.pointer("/logDirs").and_then(Value::as_array).map_or(0, Vec::len);
        ensure!(folders == 2, "log directories of {broker}");
    }
    Ok(())
}
