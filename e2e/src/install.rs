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
        .context("install the charts")
}

/// The operator's pods.
pub fn pods(context: &Context) -> Result<Vec<Value>> {
    let words = ["-n", NAMESPACE, "get", "pods", "-l", SELECTOR];
    Ok(diagnosis::items(&context.kubectl_json(&words)?).to_vec())
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
