//! Each managed object is deleted once and must be back at once, without a Kafka pod noticing.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use jiff::Timestamp;

use super::children::{self, Child};
use super::{NAMESPACE, evidence, setup};
use crate::harness::audit::Entry;
use crate::harness::{Context, Report};
use crate::install;

/// The promise is 2 s; a loaded machine gets more before the test fails.
const BOUND: Duration = Duration::from_secs(10);

pub fn run(context: &Context, report: &mut Report) {
    let mut before = Vec::new();
    report.test("each deleted child object is back", || {
        setup::wait_ready(context)?;
        before = children::pod_lives(context)?;
        each(context)
    });
    report.test("no Kafka pod restarted for it", || {
        ensure!(before.len() == 6, "{} Kafka pods before", before.len());
        setup::wait_ready(context)?;
        let after = children::pod_lives(context)?;
        ensure!(before == after, "before {before:?}, after {after:?}");
        Ok(())
    });
}

/// One after the other; what does not come back does not keep the others from being tried.
fn each(context: &Context) -> Result<()> {
    let all = children::children(context)?;
    ensure!(all.len() >= 20, "only {} children were found", all.len());
    let since = Timestamp::now();
    let (mut times, mut errors) = (Vec::new(), Vec::new());
    for child in &all {
        match delete(context, child) {
            Ok(seconds) => times.push((seconds, child)),
            Err(error) => errors.push(format!("{} {}: {error:#}", child.kind, child.name)),
        }
    }
    let entries = entries(context, since)?;
    for (seconds, child) in &mut times {
        *seconds = exact(&entries, child).unwrap_or(*seconds);
    }
    times.sort_by(|left, right| left.0.total_cmp(&right.0));
    show(&times);
    ensure!(
        errors.is_empty(),
        "{} of {}: {}",
        errors.len(),
        all.len(),
        errors.join("; ")
    );
    Ok(())
}

/// Deletes one object; seconds until another one stands in its place, as seen by asking in turns.
pub fn delete(context: &Context, child: &Child) -> Result<f64> {
    let object = format!("{}/{}", child.kind.to_lowercase(), child.name);
    let words = [
        "-n",
        NAMESPACE,
        "get",
        &object,
        "--ignore-not-found",
        "-o",
        "jsonpath={.metadata.uid}",
    ];
    // Not the listed one: a sentinel is made anew when its Secret is.
    let old = context.kubectl(&words)?;
    let started = Instant::now();
    // A StatefulSet goes alone, its pod stays and is adopted; the others own nothing that matters here.
    let orphan = child.kind == "StatefulSet";
    let cascade = if orphan {
        "--cascade=orphan"
    } else {
        "--cascade=background"
    };
    context.kubectl(&["-n", NAMESPACE, "delete", &object, "--wait=false", cascade])?;
    context.wait_until("it is back", BOUND, || {
        let uid = context.kubectl(&words)?;
        Ok((!uid.is_empty() && uid != old).then_some(()))
    })?;
    Ok(started.elapsed().as_secs_f64())
}

/// All requests since a time, where there is an audit log.
pub fn entries(context: &Context, since: Timestamp) -> Result<Vec<Entry>> {
    let audit = context.audit.as_ref();
    audit.map_or_else(|| Ok(Vec::new()), |audit| audit.since(since, ""))
}

/// Seconds from the person's request that deletes to the operator's request that creates: more exact than asking.
pub fn exact(entries: &[Entry], child: &Child) -> Option<f64> {
    let mut about = entries.iter().filter(|entry| is_about(entry, child));
    let by_hand = |entry: &&Entry| entry.verb == "delete" && !entry.user.username.starts_with("system:serviceaccount");
    let deleted = about.find(by_hand)?.request_received_timestamp;
    let created = about.find(|entry| {
        let created = entry.response_status.as_ref().is_some_and(|status| status.code == 201);
        created && entry.user.username == install::ACCOUNT
    })?;
    Some(created.request_received_timestamp.duration_since(deleted).as_secs_f64())
}

fn is_about(entry: &Entry, child: &Child) -> bool {
    entry.object_ref.as_ref().is_some_and(|object| {
        let kind = object
            .resource
            .starts_with(&child.kind.to_lowercase().trim_end_matches('y').to_owned());
        kind && object.name == child.name && object.namespace == NAMESPACE
    })
}

fn show(times: &[(f64, &Child)]) {
    let (Some(first), Some(middle), Some(last)) = (times.first(), times.get(times.len() / 2), times.last()) else {
        return;
    };
    let within = times.iter().filter(|(seconds, _)| *seconds <= 2.0).count();
    evidence(format!(
        "{} objects: back after min {:.3} s, median {:.3} s, max {:.3} s ({} {}); {within} within 2 s",
        times.len(),
        first.0,
        middle.0,
        last.0,
        last.1.kind,
        last.1.name
    ));
}
