//! How soon a lost broker is told, what a scrape costs, and how large a status gets.

use anyhow::{Context as _, Result};

use super::prometheus::{INTERVAL, Prometheus};
use super::{NAMESPACE, detection, resource, say, start};
use crate::harness::{Context, Figures, Measurement};
use crate::resources;

const TIMES: usize = 3;

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
    let resource = resource(context)?;
    let size = resource.get("status").context("a status")?.to_string().len();
    figures.add("status_size", f64::from(u32::try_from(size)?), "B");
    resources::clean(context, NAMESPACE)?;
    Ok(figures.0)
}
