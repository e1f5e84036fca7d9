//! From `kubectl apply` to a hardened, Ready Kafka: installation, clients and what they may not do, quorum, steady
//! state, repair of children, bad input, deletion and return. Its tests run in this order on one cluster.

mod applications;
pub(super) mod bench;
mod children;
mod clients;
mod drift;
mod examples;
mod hardening;
mod inputs;
mod metrics;
mod quorum;
mod rbac;
mod recreate;
mod setup;
mod shapes;
pub(super) mod steady;
mod table;

use anyhow::Result;
use jiff::Timestamp;

use super::Suite;
use crate::harness::{Context, Report};
use crate::{diagnosis, install};

pub const SUITE: Suite = Suite {
    name: "first-light",
    about: "installation, Ready, clients, quorum, steady state, repair, bad input, deletion and return",
    nodes: 3,
    kafka: &["4.2.1", "4.3.1", "4.4.0"],
    operator: true,
    namespaces: NAMESPACES,
    run,
    bench: Some(bench::run),
};

/// Namespace and name of the cluster in `examples/production.yaml`.
const NAMESPACE: &str = "kafka";
/// All that its parts make.
const NAMESPACES: &[&str] = &[NAMESPACE, inputs::NAMESPACE, shapes::NAMESPACE, bench::NAMESPACE];
const CLUSTER: &str = "orders";

fn run(context: &Context) -> Result<Report> {
    let mut report = Report::of(context);
    let since = Timestamp::now();
    setup::clean(context)?;
    let up = report.setup("charts install, the example is Ready within 5 minutes", || {
        setup::ready(context)
    });
    if !up {
        diagnosis::print(context, NAMESPACE, install::NAMESPACE);
        return Ok(report);
    }
    hardening::run(context, &mut report);
    let clients = clients::Clients::start(context)?;
    quorum::run(context, &clients, &mut report);
    clients::run(context, &clients, &mut report);
    steady::run(context, &clients, &mut report);
    drift::run(context, &mut report);
    inputs::run(context, &mut report);
    examples::run(context, &mut report);
    recreate::run(context, &mut report);
    setup::clean(context)?;
    shapes::run(context, &mut report);
    rbac::run(context, since, &mut report);
    if report.failed.is_empty() {
        setup::clean(context)?;
    } else {
        diagnosis::print(context, NAMESPACE, install::NAMESPACE);
    }
    Ok(report)
}

/// A line of proof below the test that it belongs to.
fn evidence(line: impl AsRef<str>) {
    println!("          {}", line.as_ref());
}
