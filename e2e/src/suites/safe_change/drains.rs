//! `kubectl drain` of every Kubernetes node, one right after the other: drains get through, and never take a second
//! broker while the replicas of the first are still catching up.

use std::time::Instant;

use anyhow::{Result, bail, ensure};

use super::{READY, generation, is_settled, resource, say, under_load, watch};
use crate::harness::{Context, Report};

/// Kafka's pods alone: the load goes on.
const OF_KAFKA: &str = "--pod-selector=productionkafka.dev/node-id";

pub fn run(context: &Context, report: &mut Report) {
    report.test("every node is drained in turn: no partition below its minimum", || {
        drained(context)
    });
}

fn drained(context: &Context) -> Result<()> {
    let before = watch::pods(context)?;
    under_load(context, "drains", |_| {
        for number in 1..=3 {
            let (node, begun) = (format!("node-{number}"), Instant::now());
            let result = drain(context, &node);
            context.kubectl(&["uncordon", &node])?;
            result?;
            say(&format!("{node} was drained in {:.1} s", begun.elapsed().as_secs_f64()));
        }
        context.wait_until("all is back", READY, || {
            let resource = resource(context)?;
            if is_settled(&resource, generation(&resource)) {
                return Ok(Some(()));
            }
            bail!("{}", crate::diagnosis::summary(&resource))
        })
    })?;
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(replaced.len() == before.len(), "replaced pods: {replaced:?}");
    Ok(())
}

fn drain(context: &Context, node: &str) -> Result<()> {
    let words = [
        "drain",
        node,
        OF_KAFKA,
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--timeout=5m",
    ];
    context.kubectl(&words).map(drop)
}
