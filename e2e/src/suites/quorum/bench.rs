//! Figures of a quorum that changes under load: how long a lost disk leaves it with a vote less, how long it takes to grow and
//! to shrink, and how long producers wait meanwhile at most.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{CLUSTER, NAMESPACE, replaced, repooled, set, start, voters};
use crate::harness::{Context, Figures, Measurement};
use crate::ledger::{Ledger, Load};
use crate::resources;

const ROUNDS: usize = 3;

pub fn run(context: &Context) -> Result<Vec<Measurement>> {
    let mut figures = Figures::default();
    resources::clean(context, NAMESPACE)?;
    start(context)?;
    let (mut lost, mut grown, mut shrunk, mut gaps) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        let before = voters(context)?;
        let load = Load::new(&format!("quorum-{number}"));
        let ledger = Ledger::start(context, NAMESPACE, CLUSTER, load)?;
        lost.push(replaced(context, &before)?.1);
        grown.push(repooled(context, |pools| set(pools, "replicas", &json!(5)))?);
        shrunk.push(repooled(context, |pools| set(pools, "replicas", &json!(3)))?);
        let report = ledger.finish()?;
        report.verdict()?;
        eprintln!("round {number}: {}", report.where_longest());
        gaps.push(report.longest_ack_gap().as_secs_f64());
        let voters = voters(context)?;
        ensure!(voters.len() == 3, "voters: {voters:?}");
    }
    figures.add_spread("quorum_lost_disk_votes_again", lost, "s");
    figures.add_spread("quorum_from_3_to_5", grown, "s");
    figures.add_spread("quorum_from_5_to_3", shrunk, "s");
    figures.add_spread("quorum_longest_ack_gap", gaps, "s");
    resources::clean(context, NAMESPACE)?;
    Ok(figures.0)
}
