//! Two configurations that lose acknowledged records, and a sequence of failures for each in which they must. A ledger
//! that does not find the loss would be worth nothing. Only broker processes are stopped and continued, so nothing
//! depends on how fast a pod comes back.

use anyhow::{Context as _, Result, ensure};

use super::{CLUSTER, NAMESPACE, SOON, brokers, evidence, roles, wait_state};
use crate::harness::{Context, Report};
use crate::ledger::{self, Acks, Authentication, Ledger, Load, Topic};

/// Records that are acknowledged by the doomed leader alone.
const DOOMED: u64 = 5000;

pub fn run(context: &Context, report: &mut Report) {
    report.test("unclean leader election: the ledger reports the loss", || {
        unclean(context)
    });
    report.long("acks=1: the ledger reports the loss", "a minute", || {
        acks_of_the_leader(context)
    });
}

/// The follower freezes and leaves the in-sync replicas; the leader alone acknowledges, then freezes too; the follower
/// returns without those records and leads.
fn unclean(context: &Context) -> Result<()> {
    let topic = Topic::new("doomed", 1, 2, 1).with("unclean.leader.election.enable", "true");
    let load = Load {
        topics: vec![topic],
        rate: 1000,
        producers: 1,
        ..Load::new("unclean")
    };
    let ledger = Ledger::start(context, NAMESPACE, CLUSTER, load)?;
    let healthy = wait_state(context, &ledger, "both replicas are in sync", |state| {
        state.isr.len() == 2
    })?;
    let (leader, followers) = roles(&healthy)?;
    let (mut old, mut new) = (brokers(context, &[leader])?, brokers(context, &followers)?);
    new.stop()?;
    wait_state(context, &ledger, "the leader is alone in sync", |state| {
        state.isr == [leader]
    })?;
    ledger.wait_written(DOOMED, SOON)?;
    old.stop()?;
    wait_state(context, &ledger, "the partition has no leader", |state| {
        state.leader.is_none()
    })?;
    new.go_on()?;
    let taken = |state: &ledger::State| state.leader.is_some_and(|now| now != leader);
    wait_state(context, &ledger, "the follower leads", taken)?;
    ledger.wait_leader_serves(0, SOON)?;
    old.go_on()?;
    wait_state(context, &ledger, "both replicas are in sync again", |state| {
        state.isr.len() == 2
    })?;
    ledger.wait_written(500, SOON).context("writing goes on")?;
    reported(ledger, DOOMED)
}

/// Followers freeze for three seconds, too short to leave the in-sync replicas; the leader acknowledges alone and freezes
/// before they go on; one of them leads, by a clean election, without those records.
fn acks_of_the_leader(context: &Context) -> Result<()> {
    let load = Load {
        topics: vec![Topic::new("doomed", 1, 3, 2)],
        rate: 1000,
        producers: 1,
        acks: Acks::Leader,
        authentication: Authentication::Mtls,
        ..Load::new("acks-one")
    };
    let ledger = Ledger::start(context, NAMESPACE, CLUSTER, load)?;
    let healthy = wait_state(context, &ledger, "all replicas are in sync", |state| {
        state.isr.len() == 3
    })?;
    let (leader, followers) = roles(&healthy)?;
    let (mut old, mut new) = (brokers(context, &[leader])?, brokers(context, &followers)?);
    let (freeze, thaw) = (new.line("STOP"), new.line("CONT"));
    context.sh(&format!("{freeze}; sleep 3; {}; {thaw}", old.line("STOP")))?;
    new.go_on()?;
    let taken = |state: &ledger::State| state.leader.is_some_and(|now| now != leader);
    wait_state(context, &ledger, "a follower leads", taken)?;
    ledger.wait_leader_serves(0, SOON)?;
    old.go_on()?;
    wait_state(context, &ledger, "all replicas are in sync again", |state| {
        state.isr.len() == 3
    })?;
    ledger.wait_written(500, SOON).context("writing goes on")?;
    reported(ledger, 1)
}

fn reported(ledger: Ledger<'_>, at_least: u64) -> Result<()> {
    let report = ledger.finish()?;
    evidence(&report);
    let lost = report.findings.lost;
    ensure!(
        lost >= at_least,
        "{lost} lost records were reported, at least {at_least} are lost"
    );
    let Err(error) = report.verdict() else {
        anyhow::bail!("{lost} records are lost and the verdict is good");
    };
    println!("          {error:#}");
    Ok(())
}
