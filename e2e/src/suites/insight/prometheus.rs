//! A real Prometheus beside the cluster: it scrapes the operator and every Kafka pod as the chart's PodMonitors would, with the
//! chart's alert rules, and ends with its owner.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{CLUSTER, NAMESPACE};
use crate::build::go;
use crate::harness::Context;
use crate::{alerts, diagnosis, exec, install};

/// On loopback of the cluster's own network.
const ADDRESS: &str = "127.0.0.1:19090";
/// Seconds between two scrapes of the operator, and between two looks at the rules.
pub const INTERVAL: u64 = 2;
/// Seconds between two scrapes of a Kafka node.
const KAFKA_INTERVAL: u64 = 20;

pub struct Prometheus<'a> {
    context: &'a Context,
    promtool: PathBuf,
    process: Child,
    _folder: TempDir,
}

impl<'a> Prometheus<'a> {
    /// Starts it and waits until every target is up.
    pub fn start(context: &'a Context) -> Result<Self> {
        let (server, promtool) = (go::one("prometheus")?, go::one("promtool")?);
        let folder = tempfile::tempdir().context("make a folder for Prometheus")?;
        let targets = targets(context)?;
        let config = folder.path().join("prometheus.json");
        // JSON is YAML too.
        fs::write(&config, config_of(&targets).to_string()).context("write Prometheus's configuration")?;
        let log = fs::File::create(folder.path().join("log")).context("create Prometheus's log")?;
        let words = [
            server.display().to_string(),
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", folder.path().join("data").display()),
            format!("--web.listen-address={ADDRESS}"),
            "--log.level=warn".to_owned(),
        ];
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = context.command(&words)?;
        let errors = log.try_clone().context("share Prometheus's log")?;
        let process = command.stdout(Stdio::from(log)).stderr(Stdio::from(errors)).spawn();
        let prometheus = Self {
            context,
            promtool,
            process: process.context("start Prometheus")?,
            _folder: folder,
        };
        context.wait_until("every target is scraped", Duration::from_mins(3), || {
            let up = prometheus.query("up == 1")?;
            ensure!(
                up.len() == targets.len(),
                "{} of {} targets are up",
                up.len(),
                targets.len()
            );
            Ok(Some(()))
        })?;
        Ok(prometheus)
    }

    /// The series that an expression gives now, each with `metric` and `value`.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let tool = self.promtool.display().to_string();
        let url = format!("http://{ADDRESS}");
        let words = [
            tool.as_str(),
            "query",
            "instant",
            "-o",
            "json",
            url.as_str(),
            expression,
        ];
        let text = exec::output(&mut self.context.command(&words)?)?;
        serde_json::from_str(&text).with_context(|| format!("parse the answer to {expression}: {text}"))
    }

    /// The one number that an expression gives now.
    pub fn value(&self, expression: &str) -> Result<f64> {
        let series = self.query(expression)?;
        let value = series
            .first()
            .and_then(|one| one.pointer("/value/1"))
            .and_then(Value::as_str);
        let value = value.with_context(|| format!("{expression} gives nothing"))?;
        value.parse().with_context(|| format!("{expression} gives {value}"))
    }
}

impl Drop for Prometheus<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One address with its labels.
type Target = (String, Value);

fn targets(context: &Context) -> Result<Vec<Target>> {
    let address = |pod: &Value, port: u16| {
        let ip = pod.pointer("/status/podIP").and_then(Value::as_str);
        ip.map(|ip| format!("{ip}:{port}")).context("a pod without an address")
    };
    let mut all = Vec::new();
    for pod in install::pods(context)? {
        all.push((address(&pod, 8080)?, json!({"job": "operator"})));
    }
    let nodes = context.kubectl_json(&["-n", NAMESPACE, "get", "pods", "-l", "productionkafka.dev/node-id"])?;
    for pod in diagnosis::items(&nodes) {
        let node = pod.pointer("/metadata/labels/productionkafka.dev~1node-id");
        let labels = json!({"job": "kafka", "namespace": NAMESPACE, "name": CLUSTER, "node": node});
        all.push((address(pod, 9404)?, labels));
    }
    Ok(all)
}

/// The operator's own numbers cost nothing; those of a JVM that has just started cost it seconds.
fn config_of(targets: &[Target]) -> Value {
    let of = |job: &str| -> Vec<Value> {
        let own = targets
            .iter()
            .filter(|(_, labels)| labels.get("job") == Some(&Value::from(job)));
        own.map(|(address, labels)| json!({"targets": [address], "labels": labels}))
            .collect()
    };
    let scrape = |job: &str, seconds: u64| {
        let interval = format!("{seconds}s");
        json!({
            "job_name": job, "honor_labels": true, "static_configs": of(job),
            "scrape_interval": interval, "scrape_timeout": interval,
        })
    };
    json!({
        "global": {"evaluation_interval": format!("{INTERVAL}s")},
        "rule_files": [alerts::rules()],
        "scrape_configs": [scrape("operator", INTERVAL), scrape("kafka", KAFKA_INTERVAL)],
    })
}
