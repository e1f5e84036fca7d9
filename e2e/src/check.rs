//! `cargo e2e check`: every check that needs no cluster, one line per step and a closing line.
//!
//! Steps go on after a failure, so that one run shows everything. Helm and kubeconform are built when they are missing.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::build::go;
use crate::{exec, paths, schemas};

/// Values that render the second shape of the operator's chart: listed namespaces, a second replica, all switches.
const VARIANTS: [(&str, &str); 2] = [
    ("default values", ""),
    (
        "listed namespaces, two replicas, PodMonitor",
        "watchNamespaces: [team-a, team-b]\nreplicas: 2\npodMonitor: {enabled: true}\nrbac: {readNodes: false, userRoles: false}\n",
    ),
];

/// Runs every step; fails when one failed.
pub fn check() -> Result<ExitCode> {
    let (helm, kubeconform) = (tool("helm")?, tool("kubeconform")?);
    let schemas = schemas::location(&schemas::folder()?);
    let mut steps = Steps::default();
    steps.cargo("format", &["fmt", "--all", "--check"]);
    steps.cargo(
        "clippy",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "--deny",
            "warnings",
        ],
    );
    steps.cargo(
        "unit, golden, layering and CRD tests",
        &["test", "--workspace", "--quiet"],
    );
    for chart in ["productionkafka-crds", "productionkafka"] {
        for (what, values) in VARIANTS {
            if chart == "productionkafka-crds" && !values.is_empty() {
                continue;
            }
            steps.step(&format!("chart {chart}, {what}: lint"), || lint(&helm, chart, values));
            steps.step(&format!("chart {chart}, {what}: kubeconform"), || {
                let text = template(&helm, chart, values)?;
                conforms(&kubeconform, &schemas, &text)
            });
        }
    }
    steps.step("chart productionkafka refuses an unknown value", || refuses(&helm));
    steps.step("kubeconform refuses an unknown field", || {
        let text = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {potrs: []}\n";
        match conforms(&kubeconform, &schemas, text) {
            Ok(()) => bail!("a Service with the field `potrs` is accepted"),
            Err(error) => {
                ensure!(
                    format!("{error:#}").contains("potrs"),
                    "refused for another reason: {error:#}"
                );
                Ok(())
            }
        }
    });
    println!("check: {} passed, {} failed", steps.passed, steps.failed);
    Ok(if steps.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[derive(Default)]
struct Steps {
    passed: usize,
    failed: usize,
}

impl Steps {
    fn step(&mut self, name: &str, work: impl FnOnce() -> Result<()>) {
        let started = Instant::now();
        let result = work();
        let seconds = started.elapsed().as_secs_f64();
        match result {
            Ok(()) => {
                println!("  ok      {name} ({seconds:.1} s)");
                self.passed += 1;
            }
            Err(error) => {
                println!("  FAILED  {name} ({seconds:.1} s): {error:#}");
                self.failed += 1;
            }
        }
    }

    /// Cargo's own output goes to the terminal: it is what a person needs to correct a failure.
    fn cargo(&mut self, name: &str, arguments: &[&str]) {
        self.step(name, || {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            exec::run(cargo.args(arguments).current_dir(paths::repository()))
        });
    }
}

fn tool(name: &str) -> Result<PathBuf> {
    go::one(name).with_context(|| format!("build {name}"))
}

fn chart_folder(chart: &str) -> PathBuf {
    paths::repository().join("charts").join(chart)
}

fn lint(helm: &Path, chart: &str, values: &str) -> Result<()> {
    let mut command = Command::new(helm);
    command
        .args(["lint", "--strict", "--values", "-"])
        .arg(chart_folder(chart));
    exec::output_with_input(&mut command, values).map(drop)
}

fn template(helm: &Path, chart: &str, values: &str) -> Result<String> {
    let mut command = Command::new(helm);
    command.args([
        "template",
        "productionkafka",
        "--namespace",
        "productionkafka-system",
        "--values",
        "-",
    ]);
    command.arg(chart_folder(chart));
    exec::output_with_input(&mut command, values)
}

/// Kinds of the Prometheus operator have no schema here.
fn conforms(kubeconform: &Path, schemas: &str, text: &str) -> Result<()> {
    let mut command = Command::new(kubeconform);
    command.args([
        "-strict",
        "-summary",
        "-output",
        "json",
        "-skip",
        "PodMonitor",
        "-schema-location",
        schemas,
    ]);
    let answer = exec::output_with_input(&mut command, text)?;
    let answer: serde_json::Value = serde_json::from_str(&answer).context("parse the answer of kubeconform")?;
    let valid = answer
        .pointer("/summary/valid")
        .and_then(serde_json::Value::as_u64)
        .unwrap_or_default();
    ensure!(valid > 0, "kubeconform found nothing to check: {answer}");
    Ok(())
}

fn refuses(helm: &Path) -> Result<()> {
    let Err(error) = template(helm, "productionkafka", "replica: 2\n") else {
        bail!("the misspelt value `replica` is accepted");
    };
    let text = format!("{error:#}");
    ensure!(text.contains("replica"), "the refusal does not name the value: {text}");
    Ok(())
}
