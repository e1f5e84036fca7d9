//! Counters of Kafka nodes and of the operator, read through the API server's pod proxy, which works on any cluster.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{NAMESPACE, children};
use crate::harness::Context;

/// Requests of each of these kinds that all Kafka nodes together have received since they started.
pub fn kafka_requests<'a>(context: &Context, requests: &[&'a str]) -> Result<Vec<(&'a str, f64)>> {
    let texts = texts(context)?;
    let count = |request: &&'a str| {
        let label = format!("request=\"{request}\"");
        let of = |text: &String| total(text, "kafka_network_requestmetrics_requests_total", &label);
        (*request, texts.iter().map(of).sum())
    };
    Ok(requests.iter().map(count).collect())
}

/// What each Kafka node shows.
fn texts(context: &Context) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for pod in children::pods(context)? {
        let name = pod
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .context("a pod has a name")?;
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{name}:9404/proxy/metrics");
        texts.push(context.kubectl(&["get", "--raw", &path])?);
    }
    Ok(texts)
}

/// Sum of a metric's series that carry a label; no series is 0, since Kafka makes them with the first request.
fn total(text: &str, metric: &str, label: &str) -> f64 {
    let series = text
        .lines()
        .filter(|line| line.starts_with(metric) && line.contains(label));
    series
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_one_request_are_added() {
        let text = "# TYPE kafka_network_requestmetrics_requests_total counter\n\
            kafka_network_requestmetrics_requests_total{request=\"Fetch\",version=\"17\",} 4.0\n\
            kafka_network_requestmetrics_requests_total{request=\"Fetch\",version=\"18\",} 2.0\n\
            kafka_network_requestmetrics_requests_total{request=\"FetchSnapshot\",version=\"1\",} 9.0\n";
        let sum = total(text, "kafka_network_requestmetrics_requests_total", "request=\"Fetch\"");
        assert!((sum - 6.0).abs() < f64::EPSILON, "{sum}");
    }
}
