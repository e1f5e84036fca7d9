//! How soon a lost broker is told, what a scrape costs, and how large a status gets.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::prometheus::{INTERVAL, Prometheus};
use super::{CLUSTER, NAMESPACE, detection, resource, say, start};
use crate::harness::{Context, Figures, Measurement, Processes};
use crate::resources;

const TIMES: usize = 3;
const PARTITIONS: i64 = 10_000;

pub fn run(context: &Context) -> Result<Vec<Measurement>> {
    resources::clean(context, NAMESPACE)?;
    start(context)?;
    let prometheus = Prometheus::start(context)?;
    let mut figures = Figures::default();
    let (mut status, mut metric, mut alert) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=TIMES {
        let seen = detection::detect(context, &prometheus)?;
        say(&format!(
            "{number}: status {:.1} s, metric {:.1} s, alert {:.1} s",
            seen.status, seen.metric, seen.alert
        ));
        status.push(seen.status);
        metric.push(seen.metric);
        alert.push(seen.alert);
    }
    figures.add_spread("broker_killed_to_status", status, "s");
    figures.add_spread("broker_killed_to_metric", metric, "s");
    figures.add_spread("broker_killed_to_alert_pending", alert, "s");
    let mut delays = Vec::new();
    for number in 1..=TIMES {
        let (kafka, status) = detection::fenced(context)?;
        say(&format!(
            "{number}: fenced after {kafka:.1} s, told {:.1} s later",
            status - kafka
        ));
        delays.push(status - kafka);
    }
    figures.add_spread("broker_fenced_to_status", delays, "s");
    figures.add("scrape_interval", f64::from(u32::try_from(INTERVAL)?), "s");
    for (name, job) in [("scrape_operator", "operator"), ("scrape_kafka_node", "kafka")] {
        let seconds = prometheus.value(&format!("max(scrape_duration_seconds{{job=\"{job}\"}})"))?;
        figures.add(&format!("{name}_max"), seconds * 1_000.0, "ms");
        let samples = prometheus.value(&format!("max(scrape_samples_scraped{{job=\"{job}\"}})"))?;
        figures.add(&format!("{name}_samples"), samples, "samples");
    }
    size(context, &mut figures, "status_size")?;
    if context.full {
        many(context, &mut figures)?;
    }
    resources::clean(context, NAMESPACE)?;
    Ok(figures.0)
}

fn size(context: &Context, figures: &mut Figures, name: &str) -> Result<()> {
    let resource = resource(context)?;
    let size = resource.get("status").context("a status")?.to_string().len();
    figures.add(name, f64::from(u32::try_from(size)?), "B");
    Ok(())
}

/// The status of a cluster with many partitions, all of them, and with a third of them away.
fn many(context: &Context, figures: &mut Figures) -> Result<()> {
    let begun = Instant::now();
    // A controller takes less than 10 000 records at once.
    for name in ["many-1", "many-2"] {
        let topic = json!({
            "apiVersion": "productionkafka.dev/v1alpha1", "kind": "KafkaTopic",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"cluster": CLUSTER, "partitions": PARTITIONS / 2, "replicationFactor": 1},
        });
        context.apply(&topic.to_string())?;
        resources::wait_ready(context, NAMESPACE, &format!("pkt/{name}"), Duration::from_mins(10))?;
    }
    figures.add("many_partitions_ready_in", begun.elapsed().as_secs_f64(), "s");
    counted(context, "/status/replication/partitions", PARTITIONS)?;
    size(context, figures, "status_size_at_10000_partitions")?;
    let mut broker = Processes::of(context, NAMESPACE, &[&format!("{CLUSTER}-brokers-100-0")])?;
    broker.stop()?;
    counted(context, "/status/replication/offline", PARTITIONS / 4)?;
    size(context, figures, "status_size_at_a_third_of_them_offline")?;
    broker.go_on()
}

/// Waits until a number of the status is at least this.
fn counted(context: &Context, pointer: &str, least: i64) -> Result<()> {
    context.wait_until(pointer, Duration::from_mins(5), || {
        let now = resource(context)?;
        let count = now.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
        ensure!(count >= least, "{count}");
        Ok(Some(()))
    })
}
