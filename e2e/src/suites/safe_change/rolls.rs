//! Rolls that succeed: a version upgrade with its end, a static setting, a restart by request. Each pod once.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE, change, say, settled, under_load, wait, watch};
use crate::harness::{Context, Report};
use crate::{planned, resources};
use std::time::{Duration, Instant};

pub fn run(context: &Context, report: &mut Report) {
    report.long(
        "a static setting of brokers restarts brokers alone",
        "a roll, and an upgrade rolls too",
        || setting(context),
    );
    report.test("a setting that Kafka takes over while it runs restarts nothing", || {
        dynamic(context)
    });
}

/// After the tests that need 4.2.1: no way leads back from raised levels.
pub fn upgrade_first(context: &Context, report: &mut Report) {
    report.test("4.2.1 to 4.3.1: every pod once, then the feature levels", || {
        upgrade(context, "4.3.1", 30)
    });
}

pub fn upgrade_last(context: &Context, report: &mut Report) {
    report.test("4.3.1 to 4.4.0: every pod once, then the feature levels", || {
        upgrade(context, "4.4.0", 33)
    });
}

/// Levels are those of `metadata.version`.
pub(in crate::suites) fn upgrade(context: &Context, version: &str, level: i64) -> Result<()> {
    let before = watch::pods(context)?;
    let since = Timestamp::now();
    let planned = planned::merged(context, (NAMESPACE, CLUSTER), &json!({"version": version}))?;
    under_load(context, &format!("upgrade-{}", version.replace('.', "")), |_| {
        let begun = Instant::now();
        let generation = change(context, &json!({"version": version}))?;
        settled(context, generation)?;
        say(&format!("rolled in {:.1} s", begun.elapsed().as_secs_f64()));
        wait(
            context,
            "the feature levels are raised",
            Duration::from_mins(2),
            |resource| resource.pointer("/status/metadataVersion") == Some(&json!(level)),
        )
        .map(drop)
    })?;
    let after = watch::pods(context)?;
    let replaced = watch::replaced(&before, &after);
    let taken = watch::taken(context, since)?;
    ensure!(replaced.len() == 6, "replaced pods: {replaced:?}");
    ensure!(
        taken.len() == 6 && taken.values().all(|times| *times == 1),
        "pods taken away: {taken:?}"
    );
    // Who leads may change on the way, and with it the order among controllers.
    let pods: BTreeSet<&String> = planned.pods.iter().collect();
    ensure!(taken.keys().collect::<BTreeSet<_>>() == pods, "planned: {pods:?}");
    Ok(())
}

fn setting(context: &Context) -> Result<()> {
    removed_user(context)?;
    let before = watch::pods(context)?;
    let since = Timestamp::now();
    let unchanged = planned::merged(context, (NAMESPACE, CLUSTER), &json!({}))?;
    ensure!(unchanged.exit_code == 0, "planned of no change: {}", unchanged.text());
    let config = json!({"group.initial.rebalance.delay.ms": "1500"});
    let planned = planned::merged(context, (NAMESPACE, CLUSTER), &json!({"tuning": {"config": config}}))?;
    ensure!(planned.exit_code == 2, "planned: {}", planned.text());
    let windows = json!({"windows": [tomorrow()]});
    let later = json!({"tuning": {"config": config}, "maintenance": windows});
    let held = planned::merged(context, (NAMESPACE, CLUSTER), &later)?;
    ensure!(
        held.exit_code == 3 && held.text().contains("maintenance window"),
        "planned for later: {}",
        held.text()
    );
    under_load(context, "setting", |_| {
        change(context, &later)?;
        wait(context, "it waits for its window", Duration::from_mins(1), |resource| {
            let blocked = resource.pointer("/status/rollout/blockedBy/0");
            blocked.is_some_and(|why| why.to_string().contains("maintenance window"))
        })?;
        let early = watch::replaced(&before, &watch::pods(context)?);
        ensure!(early.is_empty(), "replaced before the window opened: {early:?}");
        let generation = change(context, &json!({"maintenance": {"windows": null}}))?;
        settled(context, generation).map(drop)
    })?;
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    let brokers = replaced.iter().filter(|pod| pod.contains("-brokers-")).count();
    ensure!((brokers, replaced.len()) == (3, 3), "replaced pods: {replaced:?}");
    let taken: Vec<String> = watch::evictions(context, since)?
        .into_iter()
        .map(|(pod, _)| pod)
        .collect();
    ensure!(
        taken == planned.pods,
        "taken away: {taken:?}, planned: {:?}",
        planned.pods
    );
    Ok(())
}

/// An hour that begins twelve hours from now, every day.
fn tomorrow() -> Value {
    let hour = (jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).hour() + 12) % 24;
    json!({"cron": format!("0 {hour} * * *"), "duration": "1h", "timeZone": "UTC"})
}

/// A user that came and went. Brokers that start read it together with all other users; in a Java `HashMap` the name
/// (hash 3104, bucket 0) stands before theirs, which is where Kafka would lose them (`ScramDelta.apply`).
fn removed_user(context: &Context) -> Result<()> {
    context.apply(&format!(
        r"
apiVersion: productionkafka.dev/v1alpha1
kind: KafkaUser
metadata: {{name: aa, namespace: {NAMESPACE}}}
spec: {{cluster: {CLUSTER}, authentication: {{type: ScramSha512}}}}
"
    ))?;
    resources::wait_ready(context, NAMESPACE, "kafkauser/aa", Duration::from_mins(1))?;
    context
        .kubectl(&["-n", NAMESPACE, "delete", "kafkauser", "aa", "--timeout=60s"])
        .map(drop)
}

fn dynamic(context: &Context) -> Result<()> {
    let before = watch::pods(context)?;
    let config = json!({"message.max.bytes": "2000000"});
    let planned = planned::merged(context, (NAMESPACE, CLUSTER), &json!({"tuning": {"config": config}}))?;
    ensure!(
        planned.exit_code == 2 && planned.pods.is_empty() && planned.text().contains("message.max.bytes"),
        "planned: {}",
        planned.text()
    );
    let generation = change(context, &json!({"tuning": {"config": config}}))?;
    settled(context, generation)?;
    let replaced = watch::replaced(&before, &watch::pods(context)?);
    ensure!(replaced.is_empty(), "replaced pods: {replaced:?}");
    Ok(())
}
