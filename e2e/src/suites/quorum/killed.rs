//! An operator that dies again and again while controllers come and go: the same end.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{is_settled, resource, say, set, settled, under_load, voters};
use crate::harness::{Context, Report};
use crate::suites::safe_change::{change, faults, watch};

/// Most kills in one change. Its successor waits for the lease to end.
const KILLS: u32 = 8;

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "the operator is killed again and again while three become five and three again",
        || {
            through(context, 5)?;
            through(context, 3)
        },
    );
}

fn through(context: &Context, count: usize) -> Result<()> {
    let before = watch::pods(context)?;
    let name = format!("killed-{count}");
    let kills = under_load(context, &name, |_| {
        let mut pools = resource(context)?
            .pointer("/spec/nodePools")
            .and_then(Value::as_array)
            .cloned()
            .context("the pools")?;
        set(&mut pools, "replicas", &json!(count));
        let generation = change(context, &json!({"nodePools": pools}))?;
        let kills = faults::killed_through(context, KILLS, || Ok(is_settled(&resource(context)?, generation)))?;
        settled(context, generation)?;
        Ok(kills)
    })?;
    say(&format!("{name}: the operator was killed {kills} times"));
    ensure!(kills > 1, "the operator was killed {kills} times only");
    let voters = voters(context)?;
    ensure!(voters.len() == count, "voters: {voters:?}");
    let after = watch::pods(context)?;
    let replaced: Vec<String> = watch::replaced(&before, &after)
        .into_iter()
        .filter(|pod| after.contains_key(pod))
        .collect();
    ensure!(replaced.is_empty(), "replaced pods: {replaced:?}");
    ensure!(after.len() == count + 3, "pods: {after:?}");
    Ok(())
}
