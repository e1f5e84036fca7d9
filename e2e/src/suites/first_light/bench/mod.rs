//! Figures of the first light, in the units of the targets. One cluster runs for real; the other nineteen of the last
//! figure ask for Kubernetes nodes that do not exist, so that only the operator works for them.

mod growth;
pub(in crate::suites) mod process;
mod start;
mod steady;
mod written;

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::setup;
use crate::harness::{Context, Figures, Measurement};
use crate::{diagnosis, install, paths};

pub const NAMESPACE: &str = "first-light-bench";

/// What idles for a moment has told its last log line and freed what it freed.
const SETTLE: Duration = Duration::from_secs(10);

pub fn run(context: &Context) -> Result<Vec<Measurement>> {
    let mut figures = Figures::default();
    let result = measure(context, &mut figures);
    if let Err(error) = result {
        diagnosis::print(context, super::NAMESPACE, install::NAMESPACE);
        return Err(error);
    }
    Ok(figures.0)
}

fn measure(context: &Context, figures: &mut Figures) -> Result<()> {
    setup::clean(context)?;
    if context.is_local() {
        image_size(figures)?;
    } else {
        println!("not measured: size, start, memory, requests and processor time, which only a local cluster shows");
    }
    install::operator(context, "")?;
    start::process(context, figures).context("start of the operator")?;
    std::thread::sleep(SETTLE);
    resident(context, figures, "operator_rss_idle")?;
    written::alone(context, figures).context("objects without pods")?;
    start::cluster(context, figures).context("start of a cluster")?;
    steady::window(context, figures).context("steady state")?;
    resident(context, figures, "operator_rss_1_cluster")?;
    steady::service(context, figures).context("Service deleted")?;
    growth::to_twenty(context).context("twenty clusters")?;
    std::thread::sleep(SETTLE);
    resident(context, figures, "operator_rss_20_clusters_19_unschedulable")?;
    setup::clean(context)
}

/// The archive as it is loaded; registries hold it compressed.
fn image_size(figures: &mut Figures) -> Result<()> {
    let archive = paths::repository().join("target/e2e/operator.tar");
    let bytes = std::fs::metadata(&archive)
        .with_context(|| format!("read {}", archive.display()))?
        .len();
    let megabytes = f64::from(u32::try_from(bytes / 1000)?) / 1000.0;
    figures.add("operator_image_uncompressed", megabytes, "MB");
    Ok(())
}

/// Not on a cluster of others: their processes are out of sight.
fn resident(context: &Context, figures: &mut Figures, name: &str) -> Result<()> {
    if context.audit.is_some() {
        figures.add(name, process::operator(context)?.resident_mib, "MiB");
    }
    Ok(())
}
