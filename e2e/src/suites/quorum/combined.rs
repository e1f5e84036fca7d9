//! Nodes of both roles hand their votes over to controllers of their own and go on as brokers, while producers and a consumer
//! work. A cluster of its own, in the place of the one that the suite had.

use std::time::Instant;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{NAMESPACE, change, say, settled, under_load, voters_by};
use crate::harness::{Context, Report};
use crate::resources;
use crate::suites::safe_change::{pools, resource_to_apply, start_as, watch};

pub fn run(context: &Context, report: &mut Report) {
    if report.test("three nodes of both roles are Ready", || start(context)) {
        report.test(
            "they become brokers, with controllers of their own: each restarts once",
            || separated(context),
        );
    }
}

fn start(context: &Context) -> Result<()> {
    resources::clean(context, NAMESPACE)?;
    let mut cluster = resource_to_apply();
    if let Some(pools) = cluster.pointer_mut("/spec/nodePools").and_then(Value::as_array_mut) {
        pools.remove(0);
        super::set(pools, "roles", &json!(["Controller", "Broker"]));
    }
    start_as(context, &cluster)
}

fn separated(context: &Context) -> Result<()> {
    let (before, since) = (watch::pods(context)?, Timestamp::now());
    let first = before.keys().next().cloned().unwrap_or_default();
    let voted = voters_by(context, &first)?;
    under_load(context, "separated", |_| {
        let begun = Instant::now();
        let mut pools = pools(context)?;
        let mut controllers = pools.clone();
        super::set(&mut controllers, "name", &json!("controllers"));
        super::set(&mut controllers, "roles", &json!(["Controller"]));
        super::set(&mut pools, "roles", &json!(["Broker"]));
        pools.extend(controllers);
        let generation = change(context, &json!({"nodePools": pools}))?;
        settled(context, generation)?;
        say(&format!("separated after {:.1} s", begun.elapsed().as_secs_f64()));
        Ok(())
    })?;
    let vote = voters_by(context, &first)?;
    ensure!(
        vote.len() == 3 && !vote.keys().any(|id| voted.contains_key(id)),
        "voters: {vote:?}, before {voted:?}"
    );
    let taken = watch::taken(context, since)?;
    ensure!(
        taken.len() == 3 && taken.keys().all(|pod| before.contains_key(pod)) && taken.values().all(|times| *times == 1),
        "pods taken away: {taken:?}"
    );
    ensure!(watch::pods(context)?.len() == 6, "pods: {:?}", watch::pods(context)?);
    Ok(())
}
