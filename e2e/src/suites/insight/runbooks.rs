//! Runbooks that no other suite goes through: a group of consumers far behind, and an operator that isn't there. What the runbook
//! says to look at shows what it says, and what it says to do ends the alert.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::clients::{behind, group, metric};
use super::prometheus::Prometheus;
use super::{CLUSTER, NAMESPACE, TOPIC, USER, client, say};
use crate::client::{BIN, numbered};
use crate::harness::{Context, Report};
use crate::install;

/// More than `monitoring.thresholds.consumerLagCritical` of the suite's cluster.
const UNREAD: usize = 1500;
/// The operator looks twice a minute.
const TOLD: Duration = Duration::from_mins(2);

pub fn run(context: &Context, prometheus: &Prometheus<'_>, report: &mut Report) {
    report.test(
        "consumers are far behind: the alert is pending until they have read",
        || lag(context, prometheus),
    );
    // Last: the operator's new pod has another address than Prometheus knows.
    report.long(
        "no operator: the alert is pending, Kafka runs on, and a new one takes over",
        "a minute",
        || operator(context, prometheus),
    );
}

fn lag(context: &Context, prometheus: &Prometheus<'_>) -> Result<()> {
    let (client, secret) = (client(context)?, format!("/secrets/{USER}-kafka-credentials"));
    let connect =
        format!("--bootstrap-server \"$(cat {secret}/bootstrap.servers)\" --command-config {secret}/client.properties");
    let records = numbered("late", UNREAD);
    client.run(
        90,
        &format!("{records} | {BIN}/kafka-console-producer.sh {connect} --topic {TOPIC}"),
    )?;
    let alert = r#"ALERTS{alertname="KafkaConsumerLagCritical", group="readers"}"#;
    context.wait_until("the alert is pending", TOLD, || {
        ensure!(!prometheus.query(alert)?.is_empty(), "no alert");
        Ok(Some(()))
    })?;
    let told = group(context, "--state")?;
    ensure!(told.contains("Empty"), "the runbook's first look: {told}");
    let unread = behind(context)?;
    ensure!(unread >= UNREAD as u64, "{unread} records are unread");
    let consume = format!(
        "{BIN}/kafka-console-consumer.sh {connect} --topic {TOPIC} --group readers --max-messages {unread} >/dev/null"
    );
    client.run(120, &consume)?;
    context.wait_until("nothing is unread", TOLD, || {
        let seen = metric(context, r#"group="readers"}"#)?;
        ensure!(seen == Some(0), "the operator says {seen:?}");
        ensure!(prometheus.query(alert)?.is_empty(), "the alert is still there");
        Ok(Some(()))
    })?;
    say(&format!("{unread} records behind, then none"));
    Ok(())
}

fn operator(context: &Context, prometheus: &Prometheus<'_>) -> Result<()> {
    install::scale(context, 0)?;
    let alert = r#"ALERTS{alertname="KafkaOperatorDown", alertstate="pending"}"#;
    let pending = context.wait_until("the alert is pending", TOLD, || {
        ensure!(!prometheus.query(alert)?.is_empty(), "no alert");
        Ok(Some(()))
    });
    let works = pending.and_then(|()| group(context, "--state"));
    install::scale(context, 1)?;
    ensure!(works?.contains("readers"), "Kafka answers without an operator");
    context.wait_until("a new one tells of the cluster", TOLD, || {
        let seen = metric(
            context,
            &format!("productionkafka_cluster_brokers_ready{{namespace=\"{NAMESPACE}\",name=\"{CLUSTER}\"}}"),
        )?;
        ensure!(seen == Some(3), "it says {seen:?}");
        Ok(Some(()))
    })
}
