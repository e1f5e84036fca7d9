//! Running suites: on the running cluster, on a fresh one that is ended afterwards, or on the caller's own.

pub mod audit;
mod beside;
mod context;
mod figures;
pub mod guest;
mod processes;
mod report;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

pub use audit::Audit;
use beside::Beside;
pub use context::{Context, RELEASE};
pub use figures::Figures;
pub use processes::Processes;
pub use report::{Measurement, Report};

use crate::build::operator;
use crate::cli::{self, CheckArgs, Part, Target, TestArgs, UpArgs};
use crate::cluster::{Spec, down, enter, up};
use crate::suites::{self, Suite};
use crate::{check, commands, install};

/// Name of the cluster that is started when none is up and none is named.
const FRESH: &str = "test";

/// Runs suites and prints the closing line of each; fails when a test failed.
pub fn test(target: &Target, arguments: &TestArgs) -> Result<ExitCode> {
    let suites = chosen(&arguments.suites)?;
    if arguments.check {
        let quick = check::check(CheckArgs::only(Part::Quick))?;
        if quick != ExitCode::SUCCESS {
            return Ok(quick);
        }
    }
    let begun = Instant::now();
    let passed = on_cluster(target, arguments, &suites, |context| {
        let slow = arguments.check.then(Beside::start).transpose()?;
        let mut closing = vec![format!("cluster and images: {:.0} s", begun.elapsed().as_secs_f64())];
        let mut passed = true;
        for suite in &suites {
            println!("suite {}: {}", suite.name, suite.about);
            let started = Instant::now();
            let report = run_suite(suite, context);
            let line = closing_line(suite, &report, started);
            println!("{line}");
            closing.push(line);
            passed &= report.failed.is_empty();
        }
        if let Some(slow) = slow {
            passed &= slow.finish()?;
        }
        if closing.len() > 2 {
            println!(
                "all in all, {:.0} s:\n  {}",
                begun.elapsed().as_secs_f64(),
                closing.join("\n  ")
            );
        }
        Ok(passed)
    })?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What became of a suite; failed tests by name, since their own lines may be far above.
fn closing_line(suite: &Suite, report: &Report, started: Instant) -> String {
    let (name, passed, failed) = (suite.name, report.passed, report.failed.len());
    let seconds = started.elapsed().as_secs_f64();
    let names = if failed == 0 {
        String::new()
    } else {
        format!(": {}", report.failed.join("; "))
    };
    format!("{name}: {passed} passed, {failed} failed ({seconds:.0} s){names}")
}

/// Runs the measurements of suites and prints `name value unit` lines.
pub fn bench(target: &Target, arguments: &TestArgs) -> Result<ExitCode> {
    let suites = chosen(&arguments.suites)?;
    on_cluster(target, arguments, &suites, |context| {
        for suite in &suites {
            let Some(bench) = suite.bench else { continue };
            for figure in bench(context).with_context(|| format!("measure {}", suite.name))? {
                println!("{} {} {}", figure.name, figure.value, figure.unit);
            }
        }
        Ok(true)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A suite that could not even prepare itself counts as one failed test.
fn run_suite(suite: &Suite, context: &Context) -> Report {
    match (suite.run)(context) {
        Ok(report) => report,
        Err(error) => {
            let mut report = Report::default();
            report.setup("suite runs to its end", || Err(error));
            report
        }
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Suite>> {
    if names.is_empty() {
        return Ok(suites::ALL.iter().collect());
    }
    let find = |name: &String| {
        let known = || {
            suites::ALL
                .iter()
                .map(|suite| suite.name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        suites::ALL
            .iter()
            .find(|suite| suite.name == name)
            .with_context(|| format!("no suite {name}; there are: {}", known()))
    };
    names.iter().map(find).collect()
}

fn on_cluster(
    target: &Target,
    arguments: &TestArgs,
    suites: &[&Suite],
    work: impl FnOnce(&Context) -> Result<bool>,
) -> Result<bool> {
    let nodes = suites.iter().map(|suite| suite.nodes).max().unwrap_or(1);
    if target.use_current_context {
        return as_guest(target, arguments, suites, work);
    }
    if enter::is_up(&target.name)? {
        let spec = Spec::read(&target.name)?;
        if spec.nodes < nodes {
            bail!(
                "these suites need {nodes} nodes, cluster {} has {}",
                spec.name,
                spec.nodes
            );
        }
        let missing = suites
            .iter()
            .flat_map(|suite| suite.kafka)
            .find(|version| !spec.kafka.iter().any(|have| have == **version));
        if let Some(version) = missing {
            bail!(
                "these suites need Kafka {version}, which cluster {} was started without (--kafka)",
                spec.name
            );
        }
        load_operator(&target.name, suites)?;
        return work(&Context::new(target.clone(), arguments.full, arguments.only.clone())?);
    }
    let asked_for = target.name != cli::DEFAULT_CLUSTER;
    let fresh = Target {
        name: if asked_for {
            target.name.clone()
        } else {
            FRESH.to_owned()
        },
        ..target.clone()
    };
    let name = &fresh.name;
    if enter::is_up(name)? {
        bail!("cluster {name} is up already: another run uses it, or end it with `cargo e2e --name {name} down`");
    }
    let kafka: BTreeSet<&str> = suites.iter().flat_map(|suite| suite.kafka).copied().collect();
    let kafka = kafka.into_iter().map(str::to_owned).collect();
    up::up(&fresh.name, &UpArgs { nodes, kafka })?;
    let result = load_operator(&fresh.name, suites)
        .and_then(|()| work(&Context::new(fresh.clone(), arguments.full, arguments.only.clone())?));
    if arguments.keep {
        println!("cluster {name} is kept: end it with `cargo e2e --name {name} down`");
    } else {
        down::down(&fresh.name)?;
    }
    result
}

/// On the caller's own cluster: whatever is made there is removed, unless it is needed to find out why a test failed.
fn as_guest(
    target: &Target,
    arguments: &TestArgs,
    suites: &[&Suite],
    work: impl FnOnce(&Context) -> Result<bool>,
) -> Result<bool> {
    let context = Context::new(target.clone(), arguments.full, arguments.only.clone())?;
    let mut namespaces: Vec<&str> = suites.iter().flat_map(|suite| suite.namespaces).copied().collect();
    if suites.iter().any(|suite| suite.operator) {
        namespaces.push(install::NAMESPACE);
    }
    guest::arrive(&context, &namespaces)?;
    let result = work(&context);
    if !arguments.keep && matches!(result, Ok(true)) {
        guest::leave(&context, &namespaces)?;
    } else {
        println!(
            "what was made is kept; to remove it:\n  {}",
            guest::how_to_leave(&namespaces)
        );
    }
    result
}

fn load_operator(name: &str, suites: &[&Suite]) -> Result<()> {
    if !suites.iter().any(|suite| suite.operator) {
        return Ok(());
    }
    commands::load(name, &operator::image()?)
}
