//! How long starts take: the operator's until it leads, a cluster's until its objects and until Kafka serve.

use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::Value;

use super::super::{CLUSTER, children, setup};
use super::{process, written};
use crate::harness::{Context, Figures, RELEASE};
use crate::install;

const REPEATS: usize = 3;

/// From the process's first tick to its log line `leading`, when passes begin. Nobody holds the Lease before.
pub fn process(context: &Context, figures: &mut Figures) -> Result<()> {
    if context.audit.is_none() {
        return Ok(());
    }
    let mut seconds = Vec::new();
    for _ in 0..REPEATS {
        install::scale(context, 0)?;
        install::scale(context, 1)?;
        let leading = leading(context)?;
        seconds.push(leading - process::operator(context)?.started);
    }
    figures.add_spread("operator_process_start_to_reconciling", seconds, "s");
    Ok(())
}

/// Time of the log line, in seconds of the epoch.
fn leading(context: &Context) -> Result<f64> {
    let deployment = format!("deployment/{RELEASE}");
    context.wait_until("the operator leads", Duration::from_mins(1), || {
        let log = context.kubectl(&["-n", install::NAMESPACE, "logs", &deployment])?;
        let line = log.lines().find(|line| line.contains("\"leading\""));
        line.map(time_of).transpose()
    })
}

fn time_of(line: &str) -> Result<f64> {
    let entry: Value = serde_json::from_str(line).context("parse a log line")?;
    let text = entry
        .get("timestamp")
        .and_then(Value::as_str)
        .context("a log line has a timestamp")?;
    let time: Timestamp = text.parse().with_context(|| format!("read the time {text}"))?;
    Ok(time.as_duration().as_secs_f64())
}

/// From the API server's receipt of the resource to its objects, its pods, and Ready.
pub fn cluster(context: &Context, figures: &mut Figures) -> Result<()> {
    let since = Timestamp::now();
    let ready = setup::apply_and_wait(context)?;
    figures.add("resource_created_to_ready", ready, "s");
    if let Some(audit) = &context.audit {
        let seconds = written::seconds(&audit.since(since, "")?, CLUSTER)?;
        figures.add("resource_created_to_all_children_written", seconds, "s");
    }
    parts(context, figures, ready)?;
    setup::wait_topics_and_users(context)
}

/// Where the time went, by the pods' own times, which are exact to a second: Kubernetes and formatting, Kafka's own start,
/// and what is left, which is the operator's.
fn parts(context: &Context, figures: &mut Figures, ready: f64) -> Result<()> {
    let resource = context.kubectl_json(&["-n", super::super::NAMESPACE, "get", "pk", CLUSTER])?;
    let asked = time(&resource, "/metadata/creationTimestamp")?;
    let (mut created, mut started, mut served) = (Vec::new(), Vec::new(), Vec::new());
    for pod in children::pods(context)? {
        created.push(time(&pod, "/metadata/creationTimestamp")?);
        started.push(time(&pod, "/status/containerStatuses/0/state/running/startedAt")?);
        served.push(ready_since(&pod)?);
    }
    let first_created = created.into_iter().min().context("a pod")?;
    let last_started = started.into_iter().max().context("a container")?;
    let last_served = served.into_iter().max().context("a pod that is ready")?;
    let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64();
    figures.add("resource_created_to_all_pods_ready", seconds(asked, last_served), "s");
    figures.add(
        "pods_created_to_kafka_started",
        seconds(first_created, last_started),
        "s",
    );
    figures.add(
        "kafka_started_to_all_pods_ready",
        seconds(last_started, last_served),
        "s",
    );
    figures.add(
        "created_to_ready_outside_the_pods",
        ready - seconds(first_created, last_served),
        "s",
    );
    Ok(())
}

fn ready_since(pod: &Value) -> Result<Timestamp> {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition.get("type") == Some(&"Ready".into()));
    time(ready.context("a pod has the condition Ready")?, "/lastTransitionTime")
}

fn time(value: &Value, pointer: &str) -> Result<Timestamp> {
    let text = value
        .pointer(pointer)
        .and_then(Value::as_str)
        .with_context(|| format!("{pointer} is there"))?;
    text.parse().with_context(|| format!("read the time {text}"))
}
