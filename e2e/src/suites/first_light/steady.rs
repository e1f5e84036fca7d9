//! An unchanged cluster costs no writes: neither to Kubernetes, counted in the audit log, nor to Kafka, counted by the
//! brokers and controllers themselves.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::Value;

use super::clients::Clients;
use super::{evidence, metrics, setup};
use crate::harness::audit::Entry;
use crate::harness::{Context, Report};
use crate::install;

/// The request that changes a configuration.
const ALTER: &str = "IncrementalAlterConfigs";
/// All requests with which the operator changes something in Kafka.
const WRITES: [&str; 8] = [
    ALTER,
    "AlterUserScramCredentials",
    "AlterClientQuotas",
    "CreateAcls",
    "DeleteAcls",
    "CreateTopics",
    "CreatePartitions",
    "AlterPartitionReassignments",
];
/// Since the last change, so that its repercussions are over: a topic made by hand is counted in the status at the
/// operator's next look at Kafka, which is 30 s later at most while everything is well.
const SETTLE: Duration = Duration::from_secs(40);

pub fn run(context: &Context, clients: &Clients<'_>, report: &mut Report) {
    let window = Duration::from_secs(if context.full { 600 } else { 45 });
    report.test("the count of configuration changes sees a change", || {
        control(context, clients)
    });
    report.test(
        &format!("{} s unchanged: no write to Kubernetes or Kafka", window.as_secs()),
        || unchanged(context, window),
    );
}

/// The oracle must be able to fail: one change by hand raises it by at least one.
fn control(context: &Context, clients: &Clients<'_>) -> Result<()> {
    clients.admin.tool(
        "kafka-topics.sh",
        "--create --if-not-exists --topic by-hand --partitions 1 --replication-factor 3",
    )?;
    let altered = || -> Result<f64> {
        let counts = metrics::kafka_requests(context, &[ALTER])?;
        Ok(counts.iter().map(|(_, count)| count).sum())
    };
    let before = altered()?;
    let change = "--alter --entity-type topics --entity-name by-hand --add-config retention.ms=3600000";
    clients.admin.tool("kafka-configs.sh", change)?;
    let after = altered()?;
    ensure!(
        after > before,
        "{ALTER} counted {before} before and {after} after a change by hand"
    );
    evidence(format!(
        "{ALTER} counted {before} before and {after} after a change by hand"
    ));
    Ok(())
}

fn unchanged(context: &Context, window: Duration) -> Result<()> {
    setup::wait_ready(context)?;
    sleep(SETTLE);
    let status = setup::resource(context)?;
    let (since, before) = (Timestamp::now(), metrics::kafka_requests(context, &WRITES)?);
    sleep(window);
    let counts = metrics::kafka_requests(context, &WRITES)?;
    for (request, before, after) in std::iter::zip(before, counts).map(|(a, b)| (a.0, a.1, b.1)) {
        ensure!(
            (after - before).abs() < 0.5,
            "{} {request} reached Kafka",
            after - before
        );
    }
    let Some(audit) = &context.audit else {
        evidence("no audit log on this cluster: writes to Kubernetes are not counted");
        return Ok(());
    };
    let entries = audit.since(since, install::ACCOUNT)?;
    let leases = entries.iter().filter(|entry| entry.resource() == "leases").count();
    ensure!(
        leases > 0,
        "the audit log shows no renewal of the Lease: it does not see the operator"
    );
    let writes: Vec<String> = entries.iter().filter(|entry| is_real_write(entry)).map(line).collect();
    ensure!(
        writes.is_empty(),
        "{} writes: {}; changed in the status: {}",
        writes.len(),
        writes.join(", "),
        changed(&status, &setup::resource(context)?)
    );
    evidence(format!(
        "{} requests by the operator, of which {leases} for its Lease; 0 other writes; none to Kafka",
        entries.len()
    ));
    Ok(())
}

/// Fields of the status that differ, with both values.
fn changed(before: &Value, after: &Value) -> String {
    let fields = |resource: &Value| resource.pointer("/status").and_then(Value::as_object).cloned();
    let [before, after] = [before, after].map(|resource| fields(resource).unwrap_or_default());
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let told: Vec<String> = differ
        .map(|name| format!("{name}: {:?} -> {:?}", before.get(name), after.get(name)))
        .collect();
    told.join("; ")
}

/// A write that is not the leader's sign of life.
pub fn is_real_write(entry: &Entry) -> bool {
    entry.is_write() && entry.resource() != "leases"
}

pub fn line(entry: &Entry) -> String {
    format!("{} {}", entry.verb, entry.request_uri)
}
