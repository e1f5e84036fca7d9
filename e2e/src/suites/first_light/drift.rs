//! Each managed object is deleted once and must be back at once, without a Kafka pod noticing.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;

use super::children::{self, Child};
use super::{NAMESPACE, evidence, setup};
use crate::harness::audit::Entry;
use crate::harness::{Context, Report};
use crate::install;

/// The promise is 2 s; a loaded machine gets more before the test fails.
const BOUND: Duration = Duration::from_secs(10);

pub fn run(context: &Context, report: &mut Report) {
    report.test("each deleted child object is back, no Kafka pod restarts", || {
        setup::wait_ready(context)?;
        let before = children::pod_lives(context)?;
        let all = children::children(context)?;
        ensure!(all.len() >= 20, "only {} children were found", all.len());
        let since = Timestamp::now();
        let mut times = Vec::new();
        for child in &all {
            let seconds = delete(context, child).with_context(|| format!("{} {}", child.kind, child.name))?;
            times.push((seconds, child));
        }
        for ((seconds, _), exact) in times.iter_mut().zip(exact(context, since, &all)?) {
            *seconds = exact.unwrap_or(*seconds);
        }
        times.sort_by(|left, right| left.0.total_cmp(&right.0));
        show(&times);
        setup::wait_ready(context)?;
        let after = children::pod_lives(context)?;
        ensure!(
            before == after,
            "Kafka pods changed: before {before:?}, after {after:?}"
        );
        Ok(())
    });
}

/// Deletes one object; seconds until another one stands in its place, as seen by asking in turns.
pub fn delete(context: &Context, child: &Child) -> Result<f64> {
    let object = format!("{}/{}", child.kind.to_lowercase(), child.name);
    let started = Instant::now();
    // A StatefulSet goes alone, its pod stays and is adopted; the others own nothing that matters here.
    let cascade = if child.kind == "StatefulSet" {
        "--cascade=orphan"
    } else {
        "--cascade=background"
    };
    context.kubectl(&["-n", NAMESPACE, "delete", &object, "--wait=false", cascade])?;
    context.wait_until("it is back", BOUND, || {
        let words = [
            "-n",
            NAMESPACE,
            "get",
            &object,
            "--ignore-not-found",
            "-o",
            "jsonpath={.metadata.uid}",
        ];
        let uid = context.kubectl(&words)?;
        Ok((!uid.is_empty() && uid != child.uid).then_some(()))
    })?;
    Ok(started.elapsed().as_secs_f64())
}

/// From the request that deletes to the operator's request that creates, by the audit log: seconds per child, which is
/// more exact than asking in turns. Nothing on a cluster without one.
pub fn exact(context: &Context, since: Timestamp, children: &[Child]) -> Result<Vec<Option<f64>>> {
    let Some(audit) = &context.audit else {
        return Ok(vec![None; children.len()]);
    };
    let entries = audit.since(since, "")?;
    Ok(children.iter().map(|child| one(&entries, child)).collect())
}

fn one(entries: &[Entry], child: &Child) -> Option<f64> {
    let mut about = entries.iter().filter(|entry| is_about(entry, child));
    let deleted = about.find(|entry| entry.verb == "delete")?.request_received_timestamp;
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
