//! Two of three brokers freeze: with two in-sync replicas required, writing stops and nothing is lost. Also the proof that
//! the ledger's figures move: silence, and time under the minimum. Producers are not refused here: what they had sent when
//! the followers froze waits at the leader, and no more may be under way.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{CLUSTER, NAMESPACE, SOON, brokers, evidence, roles, wait_state};
use crate::harness::{Context, Report};
use crate::ledger::{Ledger, Load, Topic};

pub fn run(context: &Context, report: &mut Report) {
    report.long(
        "two of three brokers freeze: writing stops, nothing is lost, and the figures say so",
        "a minute",
        || frozen(context),
    );
}

fn frozen(context: &Context) -> Result<()> {
    let load = Load {
        topics: vec![Topic::new("a", 1, 3, 2)],
        rate: 500,
        ..Load::new("blocked")
    };
    let ledger = Ledger::start(context, NAMESPACE, CLUSTER, load)?;
    let healthy = wait_state(context, &ledger, "all replicas are in sync", |state| {
        state.isr.len() == 3
    })?;
    let (leader, followers) = roles(&healthy)?;
    let mut stopped = brokers(context, &followers)?;
    stopped.stop()?;
    wait_state(context, &ledger, "the leader is alone in sync", |state| {
        state.isr == [leader]
    })?;
    std::thread::sleep(Duration::from_secs(3));
    stopped.go_on()?;
    wait_state(context, &ledger, "all replicas are in sync again", |state| {
        state.isr.len() == 3
    })?;
    ledger.wait_written(500, SOON).context("writing goes on")?;
    let report = ledger.finish()?;
    evidence(&report);
    report.verdict()?;
    let under = report.availability.under_min_isr_ms;
    ensure!(under >= 2000, "{under} ms under the minimum were seen");
    let gap = report.longest_ack_gap();
    ensure!(
        gap >= Duration::from_secs(3),
        "the longest ack gap that was seen is {gap:?}"
    );
    Ok(())
}
