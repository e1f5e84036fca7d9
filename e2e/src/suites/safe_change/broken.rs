//! Changes that can't work: one pod at most is hit, the roll halts and says why, reverting the spec brings it back.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{JVM, change, resource, say, settled, under_load, wait, watch};
use crate::diagnosis;
use crate::harness::{Context, Report};

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "an image that doesn't exist: one pod, halted, reverting recovers",
        || {
            let image = json!({"image": "registry.invalid/kafka:none"});
            broken(context, "image", &image, &json!({"image": null}))
        },
    );
    report.test(
        "options that the JVM refuses: one pod, halted, reverting recovers",
        || broken(context, "jvm", &jvm(&["-XX:+NoSuchOption"]), &jvm(&[])),
    );
    report.test(
        "memory that doesn't suffice: one pod, halted, reverting recovers",
        || {
            broken(
                context,
                "memory",
                &jvm(&["-Xshare:off", "-XX:MaxMetaspaceSize=16m"]),
                &jvm(&[]),
            )
        },
    );
    report.test(
        "a value that Kafka refuses while it runs: said in its words, nothing restarts",
        || refused(context),
    );
}

/// The cluster's options for the JVM, and more.
fn jvm(more: &[&str]) -> Value {
    let options: Vec<&str> = JVM.iter().chain(more).copied().collect();
    json!({"tuning": {"jvm": {"options": options}}})
}

fn refused(context: &Context) -> Result<()> {
    let before = watch::pods(context)?;
    under_load(context, "refused", |_| {
        change(context, &json!({"tuning": {"config": {"log.retention.ms": "soon"}}}))?;
        let says = wait(context, "Kafka refuses it", Duration::from_mins(1), |resource| {
            reason(resource).as_deref() == Some("ConfigRefused")
        })?;
        let message = diagnosis::condition(&says, "Stalled")
            .map(Value::to_string)
            .unwrap_or_default();
        say(&message);
        ensure!(message.contains("log.retention.ms"), "{message}");
        sleep(Duration::from_secs(10));
        let generation = change(context, &json!({"tuning": {"config": {"log.retention.ms": null}}}))?;
        settled(context, generation).map(drop)
    })?;
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(replaced.is_empty(), "replaced pods: {replaced:?}");
    ensure!(
        !diagnosis::holds(&resource(context)?, "Stalled"),
        "the cluster is stalled still"
    );
    Ok(())
}

/// Why the resource is stalled.
fn reason(resource: &Value) -> Option<String> {
    let stalled = diagnosis::condition(resource, "Stalled")?;
    stalled.get("reason")?.as_str().map(str::to_owned)
}

fn broken(context: &Context, name: &str, bad: &Value, good: &Value) -> Result<()> {
    let before = watch::pods(context)?;
    let since = Timestamp::now();
    under_load(context, &format!("bad-{name}"), |_| {
        change(context, bad)?;
        let halted = wait(context, "the roll is halted", Duration::from_mins(3), |resource| {
            reason(resource).as_deref() == Some("RolloutHalted")
        })?;
        say(&diagnosis::summary(&halted));
        sleep(Duration::from_secs(15));
        let replaced = watch::replaced(&before, &watch::pods(context)?);
        ensure!(replaced.len() == 1, "pods that are hit: {replaced:?}");
        let generation = change(context, good)?;
        settled(context, generation).map(drop)
    })?;
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(replaced.len() == 1, "replaced pods: {replaced:?}");
    let taken = watch::taken(context, since)?;
    ensure!(taken.values().sum::<usize>() == 2, "pods taken away: {taken:?}");
    ensure!(
        !diagnosis::holds(&resource(context)?, "Stalled"),
        "the cluster is stalled still"
    );
    Ok(())
}
