//! What `productionkafka plan` says of a change before it's made, by the operator's own binary in the cluster's network.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::harness::Context;
use crate::paths;

/// A plan as a program reads it.
pub struct Planned {
    /// 0: nothing would change, 2: something would, 3: it would wait.
    pub exit_code: i64,
    /// Pods that would restart, in that order.
    pub pods: Vec<String>,
    pub document: Value,
}

impl Planned {
    /// What it waits for, and everything else, as one line.
    pub fn text(&self) -> String {
        self.document.to_string()
    }
}

/// Plans a change of a cluster's spec, given as what is merged into it.
pub fn merged(context: &Context, (namespace, cluster): (&str, &str), spec: &Value) -> Result<Planned> {
    let patch = json!({"spec": spec}).to_string();
    let words = ["-n", namespace, "patch", "pk", cluster, "--type=merge", "-p", &patch];
    whole(
        context,
        context.kubectl_json(&[&words[..], &["--dry-run=server"]].concat())?,
    )
}

/// Plans a whole resource; what the API server and the operator add to it is left out.
pub fn whole(context: &Context, mut wanted: Value) -> Result<Planned> {
    if let Some(fields) = wanted.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = wanted.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| matches!(field.as_str(), "name" | "namespace" | "annotations"));
    }
    let binary = paths::repository().join("target/e2e/operator-image/productionkafka");
    let line = format!(
        "printf %s '{wanted}' | {} plan - --deletion-protection --output json; code=$?; [ $code -ne 1 ]",
        binary.display()
    );
    let document: Value = serde_json::from_str(&context.sh(&line)?).context("the plan is JSON")?;
    let steps = document.pointer("/restarts").and_then(Value::as_array);
    let pods = steps
        .into_iter()
        .flatten()
        .filter_map(|step| step.get("pods")?.as_array());
    let names = pods
        .flatten()
        .filter_map(|pod| pod.get("pod")?.as_str().map(str::to_owned));
    Ok(Planned {
        exit_code: document.pointer("/exitCode").and_then(Value::as_i64).unwrap_or(-1),
        pods: names.collect(),
        document,
    })
}
