//! A cluster that nobody touches: no defect of any class, and figures of everything.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{CLUSTER, NAMESPACE, evidence};
use crate::harness::{Context, Report};
use crate::ledger::{Ledger, Load};

pub fn run(context: &Context, report: &mut Report) {
    report.long(
        "a healthy cluster: nothing lost, doubled or out of order",
        "minutes, and every suite with a load shows it",
        || untouched(context),
    );
}

fn untouched(context: &Context) -> Result<()> {
    let ledger = Ledger::start(context, NAMESPACE, CLUSTER, Load::new("healthy"))?;
    sleep(Duration::from_mins(2));
    let report = ledger.finish()?;
    evidence(&report);
    report.verdict()?;
    let availability = report.availability;
    ensure!(
        availability.samples > 0,
        "leaders and in-sync replicas were never sampled"
    );
    ensure!(
        availability.under_min_isr_ms == 0 && availability.offline_ms == 0,
        "partitions without enough replicas: {availability:?}"
    );
    Ok(())
}
