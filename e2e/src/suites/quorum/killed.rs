//! An operator that's killed after each of its writes while controllers come and go: the same end.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;

use super::{is_settled, kept, resource, say, set, settled, under_load, voters};
use crate::harness::{Context, Report};
use crate::install;
use crate::suites::first_light::steady::{is_real_write, line};
use crate::suites::safe_change::{change, faults, pools, watch};

/// More writes than this aren't a change of controllers.
const MOST: usize = 300;
/// How often the API server's log is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long nothing is written before it's asked whether all is done.
const QUIET: Duration = Duration::from_secs(5);
/// A change of controllers with an operator that's always new.
const LONGEST: Duration = Duration::from_mins(20);

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "the operator is killed after each of its writes while three become five and three again",
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
        let mut pools = pools(context)?;
        set(&mut pools, "replicas", &json!(count));
        let kills = killed(context, || change(context, &json!({"nodePools": pools})))?;
        settled(context, super::generation(&resource(context)?))?;
        Ok(kills)
    })?;
    say(&format!("{name}: the operator was killed after {kills} writes"));
    ensure!(kills > 10, "the operator was killed {kills} times only");
    let voters = voters(context)?;
    ensure!(voters.len() == count, "voters: {voters:?}");
    let after = kept(context, &before)?;
    ensure!(after.len() == count + 3, "pods: {after:?}");
    Ok(())
}

/// Begins a change, and kills the operator right after each of its writes until all is as asked; how often that was. Its
/// lease is deleted with it, so that its successor doesn't wait for the end of that.
fn killed(context: &Context, begin: impl FnOnce() -> Result<i64>) -> Result<usize> {
    let mut follower = context
        .audit
        .as_ref()
        .context("the cluster has an audit log")?
        .follow()?;
    let generation = begin()?;
    let started = Instant::now();
    let mut quiet = Instant::now();
    let mut kills: Vec<String> = Vec::new();
    while kills.len() < MOST && started.elapsed() < LONGEST {
        if let Some(write) = follower
            .news(install::ACCOUNT)?
            .iter()
            .find(|entry| is_real_write(entry))
        {
            faults::kill_at_once(context)?;
            kills.push(line(write));
            // What it wrote until then was written by one that's gone.
            follower.news(install::ACCOUNT)?;
            quiet = Instant::now();
        } else if quiet.elapsed() > QUIET {
            if is_settled(&resource(context)?, generation) {
                return Ok(kills.len());
            }
            quiet = Instant::now();
        }
        sleep(LOOK);
    }
    let last: Vec<&String> = kills.iter().rev().take(6).collect();
    bail!("not over after {} kills; the last writes: {last:?}", kills.len())
}
