//! The chart that sets kernel parameters, on every node: a limit is raised, one that is higher already stays, and the pod says what it
//! did. The parameters are the whole machine's, so the change is the smallest there is, and is taken back.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::say;
use crate::diagnosis;
use crate::harness::{Context, Report};

const CHART: &str = "productionkafka-node-tuning";
const RAISED: &str = "vm.max_map_count";
const KEPT: &str = "vm.swappiness";
const SOON: Duration = Duration::from_mins(1);

pub fn run(context: &Context, report: &mut Report) {
    report.test("node-tuning raises a limit on every node and says so", || {
        let before = (number(context, RAISED)?, number(context, KEPT)?);
        let outcome = tuned(context, before);
        let restored = context.sh(&format!("sysctl -q -w {RAISED}={}", before.0));
        context.delete_namespace(CHART)?;
        outcome.and(restored.map(drop))
    });
}

fn tuned(context: &Context, (limit, swappiness): (u64, u64)) -> Result<()> {
    // Privileged, so not in a namespace that is restricted.
    context.kubectl(&["create", "namespace", CHART])?;
    let sysctls = json!({
        RAISED: limit + 1, KEPT: swappiness, "fs.nr_open": 1024, "vm.dirty_ratio": number(context, "vm.dirty_ratio")?,
        "vm.dirty_background_ratio": number(context, "vm.dirty_background_ratio")?,
    });
    let files = number(context, "fs.nr_open")?;
    context.install_chart(CHART, CHART, &json!({"sysctls": sysctls}).to_string())?;
    context.wait_until("the limit is raised", SOON, || {
        let now = number(context, RAISED)?;
        ensure!(now == limit + 1, "{RAISED} is {now}, was {limit}");
        Ok(Some(()))
    })?;
    ensure!(number(context, "fs.nr_open")? == files, "a limit was lowered");
    let nodes = diagnosis::items(&context.kubectl_json(&["get", "nodes"])?).len();
    let pods = diagnosis::items(&context.kubectl_json(&["-n", CHART, "get", "pods"])?).len();
    ensure!(pods == nodes, "{pods} pods on {nodes} nodes");
    let log = context.kubectl(&[
        "-n",
        CHART,
        "logs",
        "daemonset/productionkafka-node-tuning",
        "--all-pods",
    ])?;
    let told = log
        .lines()
        .find(|line| line.contains(&format!("{RAISED}: {limit} -> {}", limit + 1)));
    say(told.context("no pod says that it raised the limit")?);
    ensure!(
        !log.contains("fs.nr_open") && !log.contains(KEPT),
        "something else was set: {log}"
    );
    Ok(())
}

fn number(context: &Context, key: &str) -> Result<u64> {
    let text = context.sh(&format!("sysctl -n {key}"))?;
    text.trim().parse().with_context(|| format!("{key} is {text:?}"))
}
