//! What documentation shows is accepted by a real API server: every example and both charts, by a dry run there.

use anyhow::{Context as _, Result, ensure};

use super::evidence;
use crate::harness::{Context, Report};
use crate::{exec, paths};

/// Values of the operator's chart whose rendering differs most from the default; the namespaces exist everywhere.
const LISTED: &str = "watchNamespaces: [kafka, default]\nreplicas: 2\n";

pub fn run(context: &Context, report: &mut Report) {
    report.test("examples pass a dry run of the API server", || examples(context));
    report.test("the Kustomization of the examples passes", || {
        let folder = paths::repository().join("examples");
        let words = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "-k",
            &folder.to_string_lossy(),
        ];
        context.kubectl(&words).map(drop)
    });
    for (what, values) in [("default values", ""), ("listed namespaces", LISTED)] {
        report.test(&format!("charts with {what} pass a dry run of the API server"), || {
            for chart in ["productionkafka-crds", "productionkafka"] {
                let values = if chart == "productionkafka" { values } else { "" };
                rendered(context, chart, values).with_context(|| format!("chart {chart}"))?;
            }
            Ok(())
        });
    }
}

/// Files of the folder itself; those for Argo CD and Flux need kinds that are not here.
fn examples(context: &Context) -> Result<()> {
    let folder = paths::repository().join("examples");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "kustomization.yaml" || path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let words = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "-f",
            &path.to_string_lossy(),
        ];
        context.kubectl(&words).with_context(|| format!("examples/{name}"))?;
        count += 1;
    }
    ensure!(count >= 3, "only {count} examples were found");
    evidence(format!("{count} files of examples/"));
    Ok(())
}

fn rendered(context: &Context, chart: &str, values: &str) -> Result<()> {
    let folder = paths::repository().join("charts").join(chart);
    let folder = folder.to_string_lossy();
    let words = [
        "helm",
        "template",
        "dry-run",
        &folder,
        "--namespace",
        "default",
        "--values",
        "-",
    ];
    let text = exec::output_with_input(&mut context.command(&words)?, values)?;
    let words = [
        "kubectl",
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "-f",
        "-",
    ];
    let said = exec::output_with_input(&mut context.command(&words)?, &text)?;
    ensure!(!said.trim().is_empty(), "the chart renders nothing");
    evidence(format!("{chart}: {} objects", said.lines().count()));
    Ok(())
}
