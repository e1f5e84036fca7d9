//! `cargo e2e check`: every check that needs no cluster, one line per step and a closing line.
//!
//! Steps go on after a failure, so that one run shows everything. Helm, kubeconform and promtool are built when they are missing. Half
//! of the steps take seconds and come before the suites; the other half takes minutes of a processor and runs beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::build::{crates, go};
use crate::cli::{CheckArgs, Part};
use crate::conform::Kubeconform;
use crate::{alerts, digest, exec, paths, versions};

/// Values that render the second shape of the operator's chart: listed namespaces, a second replica, all switches.
const VARIANTS: [(&str, &str); 2] = [
    ("default values", ""),
    (
        "listed namespaces, two replicas, monitoring",
        "watchNamespaces: [team-a, team-b]\nreplicas: 2\npodMonitor: {enabled: true}\nprometheusRule: {enabled: true, runbooks: https://runbooks.example/kafka}\ndashboards: {enabled: true}\nrbac: {readNodes: false, userRoles: false}\nadmissionPolicies: {images: [registry.example/]}\n",
    ),
];

/// Manifests that must be refused, and what the refusal names.
const BROKEN: [(&str, &str); 5] = [
    (
        "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {potrs: []}\n",
        "potrs",
    ),
    ("apiVersion: v1\nkind: Servcie\nmetadata: {name: x}\n", "Servcie"),
    (
        "apiVersion: productionkafka.dev/v1alpha1\nkind: KafkaTopic\nmetadata: {name: x}\n\
         spec: {cluster: x, partitions: 1, replciationFactor: 3}\n",
        "replciationFactor",
    ),
    (
        "apiVersion: productionkafka.dev/v1alpha1\nkind: KafkaTopic\nmetadata: {name: x}\n\
         spec: {cluster: x, partitions: many}\n",
        "partitions",
    ),
    (
        "apiVersion: productionkafka.dev/v1\nkind: KafkaTopic\nmetadata: {name: x}\n",
        "KafkaTopic",
    ),
];

/// What cargo-deny judges by the source alone, today as in a year.
pub const OF_THE_SOURCE: &[&str] = &["bans", "licenses", "sources"];

/// Runs every step; fails when one failed.
pub fn check(arguments: CheckArgs) -> Result<ExitCode> {
    let mut steps = Steps::default();
    if arguments.part != Some(Part::Slow) {
        quick(&mut steps, arguments.manifests)?;
    }
    if arguments.part != Some(Part::Quick) {
        slow(&mut steps, arguments.manifests);
    }
    println!("check: {} passed, {} failed", steps.passed, steps.failed);
    Ok(if steps.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Format, lints, charts, examples.
fn quick(steps: &mut Steps, only_manifests: bool) -> Result<()> {
    let (helm, kubeconform) = (tool("helm")?, Kubeconform::new()?);
    if !only_manifests {
        steps.cargo("format", "fmt --all --check");
        let lints = "clippy --workspace --all-targets --quiet -- --deny warnings";
        steps.cargo("clippy", lints);
    }
    for chart in ["productionkafka-crds", "productionkafka", "productionkafka-node-tuning"] {
        charts(steps, (&helm, &kubeconform), chart);
    }
    steps.step("chart productionkafka refuses an unknown value", || refuses(&helm));
    for (file, text) in examples()? {
        steps.step(&format!("{file}: kubeconform"), || kubeconform.accepts(&text).map(drop));
    }
    steps.step("alert rules: each is tested and has a runbook", alerts::complete);
    steps.step("kubeconform refuses what is broken", || broken(&kubeconform));
    Ok(())
}

/// Unit tests, and what is judged by programs that take minutes to compile.
fn slow(steps: &mut Steps, only_manifests: bool) {
    if !only_manifests {
        steps.cargo("unit, golden, layering and CRD tests", "test --workspace --quiet");
        steps.step("dependencies: licences, sources, one TLS provider", || {
            dependencies(OF_THE_SOURCE)
        });
    }
    steps.step("alert rules: promtool", || alerts::judged(&tool("promtool")?));
}

/// What `deny.toml` says of every crate that is compiled in. Published vulnerabilities are another question, with another
/// answer each day: `cargo e2e release` asks it.
pub fn dependencies(judges: &[&str]) -> Result<()> {
    let mut deny = Command::new(crates::program("cargo-deny", versions::CARGO_DENY)?);
    deny.args([
        "--workspace",
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "--allow",
        "duplicate",
    ]);
    exec::quietly(deny.args(judges).current_dir(paths::repository()))
}

fn charts(steps: &mut Steps, (helm, kubeconform): (&Path, &Kubeconform), chart: &str) {
    for (what, values) in VARIANTS {
        if chart != "productionkafka" && !values.is_empty() {
            continue;
        }
        steps.step(&format!("chart {chart}, {what}: lint"), || lint(helm, chart, values));
        steps.step(&format!("chart {chart}, {what}: kubeconform"), || {
            let checked = kubeconform.accepts(&template(helm, chart, values)?)?;
            ensure!(checked.valid > 0, "only foreign kinds: {checked:?}");
            Ok(())
        });
    }
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
    fn cargo(&mut self, name: &str, arguments: &str) {
        self.step(name, || {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            exec::run(cargo.args(arguments.split(' ')).current_dir(paths::repository()))
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

/// Every YAML file of `examples/`, by its path in the checkout.
fn examples() -> Result<Vec<(String, String)>> {
    let root = paths::repository();
    let files = digest::files(&root.join("examples"))?;
    let yaml = files
        .into_iter()
        .filter(|path| path.extension() == Some("yaml".as_ref()));
    yaml.map(|path| {
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        Ok((name, text))
    })
    .collect()
}

/// The check itself can fail: an unknown field, an unknown kind, a wrong type, each in a kind of Kubernetes or of ours.
fn broken(kubeconform: &Kubeconform) -> Result<()> {
    for (manifest, fault) in BROKEN {
        kubeconform.refuses(manifest, fault)?;
    }
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
