//! What a settled cluster costs per hour, scaled from a window, and how fast a deleted Service is back.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use super::super::{NAMESPACE, children, drift, setup, steady};
use super::process;
use crate::harness::Context;
use crate::harness::Figures;
use crate::install;

const REPEATS: usize = 12;
const SERVICE: &str = "orders-scram-bootstrap";

/// Requests of the operator besides those for its Lease, and its processor time.
pub fn window(context: &Context, figures: &mut Figures) -> Result<()> {
    let Some(audit) = &context.audit else { return Ok(()) };
    setup::wait_ready(context)?;
    sleep(super::SETTLE);
    let window = Duration::from_secs(if context.full { 600 } else { 60 });
    let (since, before) = (Timestamp::now(), process::operator(context)?);
    sleep(window);
    let after = process::operator(context)?;
    let entries = audit.since(since, install::ACCOUNT)?;
    let requests = entries.iter().filter(|entry| entry.resource() != "leases").count();
    let writes = entries.iter().filter(|entry| steady::is_real_write(entry)).count();
    let seconds = window.as_secs_f64();
    let hourly = |count: usize| Ok::<_, anyhow::Error>(f64::from(u32::try_from(count)?) * 3600.0 / seconds);
    figures.add("requests_per_cluster_hour_without_lease", hourly(requests)?, "1/h");
    figures.add("writes_per_cluster_hour_without_lease", hourly(writes)?, "1/h");
    figures.add(
        "cpu_at_steady_state",
        (after.busy - before.busy) * 1000.0 / seconds,
        "ms/s",
    );
    Ok(())
}

pub fn service(context: &Context, figures: &mut Figures) -> Result<()> {
    let mut seconds = Vec::new();
    for _ in 0..REPEATS {
        let all = children::children(context)?;
        let child = all
            .iter()
            .find(|child| child.name == SERVICE && child.kind == "Service");
        let child = child.with_context(|| format!("Service {SERVICE} in {NAMESPACE}"))?;
        let since = Timestamp::now();
        let polled = drift::delete(context, child)?;
        let exact = drift::exact(&drift::entries(context, since)?, child);
        seconds.push(exact.unwrap_or(polled));
    }
    figures.add_spread("service_deleted_to_back", seconds, "s");
    Ok(())
}
