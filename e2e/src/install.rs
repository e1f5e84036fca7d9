//! The operator's installation for demo and suites: its own restricted namespace, both charts, the image of this
//! checkout.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::harness::{Context, RELEASE, guest};
use crate::{diagnosis, paths};

/// Namespace of the operator.
pub const NAMESPACE: &str = "productionkafka-system";
/// Its pods' label.
pub const SELECTOR: &str = "app.kubernetes.io/name=productionkafka";
/// What the operator is to the API server.
pub const ACCOUNT: &str = "system:serviceaccount:productionkafka-system:productionkafka";

/// Installs or upgrades the charts; `values` is YAML that is added to the chart's defaults.
pub fn operator(context: &Context, values: &str) -> Result<()> {
    context.restricted_namespace(NAMESPACE)?;
    context
        .install_operator(NAMESPACE, &format!("{}{values}", image(context)))
        .context("install the charts")?;
    // Helm waits for the new ones to be Ready, not for the former ones to be told to go.
    let deployment = format!("deployment/{RELEASE}");
    let words = ["-n", NAMESPACE, "rollout", "status", &deployment, "--timeout=120s"];
    context.kubectl(&words).map(drop)
}

/// The operator's pods, without those that are about to end: they may lead for seconds, and be gone in the next.
pub fn pods(context: &Context) -> Result<Vec<Value>> {
    let words = ["-n", NAMESPACE, "get", "pods", "-l", SELECTOR];
    let all = context.kubectl_json(&words)?;
    let stays = |pod: &&Value| pod.pointer("/metadata/deletionTimestamp").is_none();
    Ok(diagnosis::items(&all).iter().filter(stays).cloned().collect())
}

/// The operator's pod that holds the Lease, unless that one is about to end.
pub fn leader(context: &Context) -> Result<Option<String>> {
    let lease = context.kubectl_json(&["-n", NAMESPACE, "get", "lease", RELEASE])?;
    let holder = lease.pointer("/spec/holderIdentity").and_then(Value::as_str);
    let pods = pods(context)?;
    let mut names = pods.iter().filter_map(|pod| pod.pointer("/metadata/name")?.as_str());
    Ok(names.find(|name| holder == Some(name)).map(str::to_owned))
}

/// As many operators as said; waits until they're ready, or gone.
pub fn scale(context: &Context, count: usize) -> Result<()> {
    let (deployment, replicas) = (format!("deployment/{RELEASE}"), format!("--replicas={count}"));
    context.kubectl(&["-n", NAMESPACE, "scale", &deployment, &replicas])?;
    context.wait_ready_pods(NAMESPACE, SELECTOR, count, Duration::from_mins(2))
}

/// The image built here, or the one that the caller's own cluster pulls.
fn image(context: &Context) -> String {
    if context.is_local() {
        image_mark()
    } else {
        guest::operator_image(context.target())
    }
}

/// An annotation that changes with the image: the tag does not, and pods would go on with the old one.
fn image_mark() -> String {
    let built = std::fs::metadata(paths::repository().join("target/e2e/operator.tar")).and_then(|file| file.modified());
    let age = built.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    age.map_or_else(String::new, |time| {
        format!("podAnnotations: {{e2e/image-built: \"{}\"}}\n", time.as_secs())
    })
}
