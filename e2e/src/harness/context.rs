//! What a suite works with: the cluster's API through kubectl and Helm, waiting, the audit log, and the operator's
//! installation. The same calls work on a local cluster and on the caller's own.

use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{Audit, guest};
use crate::cli::Target;
use crate::cluster::Spec;
use crate::{commands, exec, paths};

/// Name of the Helm release and of the operator's Deployment.
pub const RELEASE: &str = "productionkafka";

/// What takes longer than this is asked for less often: each question is a process of its own, and takes from few cores what
/// the cluster needs.
const SHORT: Duration = Duration::from_secs(5);
const PATIENT: Duration = Duration::from_secs(1);

pub struct Context {
    target: Target,
    /// Whether what takes longer than CI allows is asked for.
    pub full: bool,
    /// Part of the names of the tests that are asked for.
    pub only: Vec<String>,
    /// `None` on a cluster that is not ours.
    pub audit: Option<Audit>,
    /// Time between two attempts while waiting.
    poll: Duration,
}

impl Context {
    pub fn new(target: Target, full: bool, only: Vec<String>) -> Result<Self> {
        let audit = if target.use_current_context {
            None
        } else {
            Some(Audit::at(&Spec::read(&target.name)?.audit_log()))
        };
        Ok(Self {
            target,
            full,
            only,
            audit,
            poll: Duration::from_millis(200),
        })
    }

    /// Whether the cluster's processes, logs and images are in reach; else it is the caller's own.
    pub fn is_local(&self) -> bool {
        !self.target.use_current_context
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// A command that sees the cluster; for output that is streamed, or a process that runs beside the test.
    pub fn command(&self, words: &[&str]) -> Result<Command> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        commands::inside(&self.target, &words)
    }

    /// Standard output of `kubectl`.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        exec::output(&mut self.command(&[&["kubectl"], arguments].concat())?)
    }

    /// `kubectl … -o json`, parsed.
    pub fn kubectl_json(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.kubectl(&[arguments, &["-o", "json"]].concat())?;
        serde_json::from_str(&text).with_context(|| format!("parse the answer of kubectl {}", arguments.join(" ")))
    }

    /// `kubectl apply` of YAML text, server side. An error holds what the API server said. On the caller's own cluster the
    /// Kafka image is the one that the caller named.
    pub fn apply(&self, yaml: &str) -> Result<String> {
        let words = ["kubectl", "apply", "--server-side", "--force-conflicts", "-f", "-"];
        let yaml = guest::with_kafka_image(&self.target, yaml);
        exec::output_with_input(&mut self.command(&words)?, &yaml)
    }

    /// Standard output of a shell line that runs inside the cluster's network.
    pub fn sh(&self, line: &str) -> Result<String> {
        exec::output(&mut self.command(&["sh", "-c", line])?)
    }

    /// Asks `check` again and again until it gives a value; the error tells what the last attempt said.
    pub fn wait_until<T>(
        &self,
        what: &str,
        timeout: Duration,
        mut check: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let begun = Instant::now();
        let deadline = begun + timeout;
        loop {
            let attempt = check();
            if let Ok(Some(value)) = attempt {
                return Ok(value);
            }
            if Instant::now() > deadline {
                let last = attempt
                    .err()
                    .map_or_else(|| "not yet".to_owned(), |error| format!("{error:#}"));
                bail!("waited {} s until {what}: {last}", timeout.as_secs());
            }
            sleep(if begun.elapsed() < SHORT { self.poll } else { PATIENT });
        }
    }

    /// Waits until every pod that `selector` finds in the namespace is Ready, and that there are `count` of them.
    pub fn wait_ready_pods(&self, namespace: &str, selector: &str, count: usize, timeout: Duration) -> Result<()> {
        self.wait_until(
            &format!("{count} pods {selector} in {namespace} are Ready"),
            timeout,
            || {
                let pods = self.kubectl_json(&["-n", namespace, "get", "pods", "-l", selector])?;
                let pods = pods
                    .pointer("/items")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                let ready = pods.iter().filter(|pod| is_ready(pod)).count();
                if ready == count && pods.len() == count {
                    Ok(Some(()))
                } else {
                    bail!("{ready} of {} are Ready", pods.len())
                }
            },
        )
    }

    /// Installs or upgrades CRDs and operator from this checkout's charts; `values` is YAML. Waits until it is Ready.
    pub fn install_operator(&self, namespace: &str, values: &str) -> Result<()> {
        self.install_chart("productionkafka-crds", namespace, "")?;
        self.install_chart(RELEASE, namespace, values)
    }

    /// Installs or upgrades a chart of this checkout as a release of the same name; `values` is YAML. Waits until it is
    /// Ready.
    pub fn install_chart(&self, release: &str, namespace: &str, values: &str) -> Result<()> {
        let chart = paths::repository().join("charts").join(release);
        let chart: PathBuf = chart
            .canonicalize()
            .with_context(|| format!("find the chart {}", chart.display()))?;
        let chart = chart.to_string_lossy();
        let words = [
            "helm",
            "upgrade",
            "--install",
            release,
            &chart,
            "--namespace",
            namespace,
            "--create-namespace",
        ];
        let rest = ["--values", "-", "--wait", "--timeout", "180s"];
        exec::output_with_input(&mut self.command(&[&words[..], &rest].concat())?, values).map(drop)
    }

    /// Removes a namespace and everything in it, and waits until it is gone.
    pub fn delete_namespace(&self, namespace: &str) -> Result<()> {
        self.kubectl(&[
            "delete",
            "namespace",
            namespace,
            "--ignore-not-found",
            "--wait",
            "--timeout=180s",
        ])
        .map(drop)
    }

    /// Creates a namespace that only admits pods of the restricted Pod Security profile, and marks it as ours. The mark has
    /// a field manager of its own: applying a manifest of the namespace leaves it.
    pub fn restricted_namespace(&self, namespace: &str) -> Result<()> {
        let labels = format!(
            "pod-security.kubernetes.io/enforce: restricted, {}: \"true\"",
            guest::MARK
        );
        let yaml = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}, labels: {{{labels}}}}}\n");
        self.apply_as("e2e", &yaml)
    }

    /// Server-side apply under the name of another field manager than kubectl's.
    pub fn apply_as(&self, manager: &str, yaml: &str) -> Result<()> {
        let manager = format!("--field-manager={manager}");
        let words = [
            "kubectl",
            "apply",
            "--server-side",
            "--force-conflicts",
            &manager,
            "-f",
            "-",
        ];
        exec::output_with_input(&mut self.command(&words)?, yaml).map(drop)
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let ready = |condition: &Value| {
        condition.get("type") == Some(&"Ready".into()) && condition.get("status") == Some(&"True".into())
    };
    pod.pointer("/metadata/deletionTimestamp").is_none()
        && conditions.is_some_and(|conditions| conditions.iter().any(ready))
}
