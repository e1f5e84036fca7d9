//! kubeconform with all schemas that there are: Kubernetes' own, and those of our resources from `crds/`. Needs no cluster.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::build::go;
use crate::{definitions, exec, schemas};

/// Kinds of others, whose schemas are not here. Any other unknown kind is an error: it may be a misspelt one.
const FOREIGN: [&str; 7] = [
    "argoproj.io/v1alpha1/Application",
    "helm.toolkit.fluxcd.io/v2/HelmRelease",
    "kustomize.config.k8s.io/v1beta1/Kustomization",
    "kustomize.toolkit.fluxcd.io/v1/Kustomization",
    "monitoring.coreos.com/v1/PodMonitor",
    "monitoring.coreos.com/v1/PrometheusRule",
    "source.toolkit.fluxcd.io/v1/GitRepository",
];

pub struct Kubeconform {
    program: PathBuf,
    kubernetes: PathBuf,
    own: TempDir,
}

/// How many objects were held against a schema, and how many are of foreign kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    pub valid: u64,
    pub foreign: u64,
}

impl Kubeconform {
    /// Builds program and schemas if they are missing.
    pub fn new() -> Result<Self> {
        Ok(Self {
            program: go::one("kubeconform").context("build kubeconform")?,
            kubernetes: schemas::folder()?,
            own: definitions::folder()?,
        })
    }

    /// Fails unless every object in the YAML text has a schema, or is of a foreign kind, and nothing but what that allows.
    pub fn accepts(&self, yaml: &str) -> Result<Checked> {
        let mut command = Command::new(&self.program);
        command.args(["-strict", "-summary", "-output", "json", "-skip", &FOREIGN.join(",")]);
        for folder in [self.own.path(), &self.kubernetes] {
            command.args(["-schema-location", &schemas::location(folder)]);
        }
        let output = exec::fed(&mut command, yaml)?;
        let answer: Value = serde_json::from_slice(&output.stdout).with_context(|| {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            format!("parse the answer of kubeconform: {said}")
        })?;
        let faults = faults(&answer);
        ensure!(faults.is_empty() && output.status.success(), "{}", faults.join("; "));
        let count = |what: &str| {
            let count = answer.pointer(&format!("/summary/{what}")).and_then(Value::as_u64);
            count.with_context(|| format!("kubeconform counts what is {what}: {answer}"))
        };
        let checked = Checked {
            valid: count("valid")?,
            foreign: count("skipped")?,
        };
        ensure!(checked.valid + checked.foreign > 0, "there is nothing to check");
        Ok(checked)
    }

    /// Fails unless the YAML text is refused for a reason that names `fault`.
    pub fn refuses(&self, yaml: &str, fault: &str) -> Result<()> {
        let Err(error) = self.accepts(yaml) else {
            bail!("`{fault}` is accepted in {yaml}");
        };
        ensure!(
            format!("{error:#}").contains(fault),
            "refused for another reason: {error:#}"
        );
        Ok(())
    }
}

/// One line per object that is not as its schema says, or has none.
fn faults(answer: &Value) -> Vec<String> {
    let objects = answer.get("resources").and_then(Value::as_array);
    let line = |object: &Value| {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        // What stands before it names files of schemas.
        let message = text("msg").rsplit("json#' - ").next().unwrap_or_default();
        format!("{} {}: {message}", text("kind"), text("name"))
    };
    objects.into_iter().flatten().map(line).collect()
}
