//! Controllers that have left, and that Kafka goes on to hold for members: they hold no upgrade back, and Kafka 4.4 forgets
//! them. `kafka-cluster.sh` is the judge.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{CLUSTER, NAMESPACE, active, resource, say, scaled, under_load, voters};
use crate::admin::Admin;
use crate::harness::{Context, Report};
use crate::suites::safe_change::rolls;

const FORGOTTEN: Duration = Duration::from_mins(1);

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "controllers that have left hold no upgrade back, and 4.4 forgets them",
        || upgraded(context),
    );
}

fn upgraded(context: &Context) -> Result<()> {
    scaled(context, 5)?;
    scaled(context, 3)?;
    let known = registered(context)?;
    say(&format!("registered: {known:?}"));
    ensure!(known.len() >= 5, "Kafka 4.2 has forgotten a controller: {known:?}");
    rolls::upgrade(context, "4.3.1", 30)?;
    rolls::upgrade(context, "4.4.0", 33)?;
    under_load(context, "forgotten", |_| {
        context.wait_until("Kafka has forgotten those that have left", FORGOTTEN, || {
            let map = context.kubectl_json(&["-n", NAMESPACE, "get", "cm", &format!("{CLUSTER}-identity")])?;
            let text = map.pointer("/data/identity.json").and_then(Value::as_str);
            let identity: Value = serde_json::from_str(text.context("the identity")?)?;
            let Some(left) = identity.get("departed") else {
                return Ok(Some(()));
            };
            bail!("left: {left}")
        })
    })?;
    let voters: BTreeSet<i64> = voters(context)?.into_keys().collect();
    let known: BTreeSet<i64> = registered(context)?.into_iter().map(i64::from).collect();
    ensure!(known == voters, "registered: {known:?}, voters: {voters:?}");
    Ok(())
}

fn registered(context: &Context) -> Result<BTreeSet<i32>> {
    let resource = resource(context)?;
    let leader = active(&resource)?;
    let nodes = resource.pointer("/status/nodes").and_then(Value::as_array);
    let name = nodes
        .into_iter()
        .flatten()
        .find(|node| node.get("id").and_then(Value::as_i64) == Some(leader))
        .and_then(|node| node.get("pod")?.as_str());
    let pod = name.map_or_else(|| format!("{CLUSTER}-controllers-{leader}-0"), str::to_owned);
    let admin = Admin::start(context, NAMESPACE, CLUSTER, &format!("{CLUSTER}-brokers-100-0"))?;
    admin.controllers(&format!("{pod}.{CLUSTER}-nodes.{NAMESPACE}.svc:9090"))
}
