//! What client listeners show is renewed while brokers run.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::{all_shown, ask, blameless, load, pods, say, settled};
use crate::harness::{Context, Report};
use crate::ledger::Authentication;

/// With `--full`.
const MANY: usize = 60;

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "every listener shows a new certificate under load; no process restarts, nobody is refused",
        || renewed(context, 1),
    );
    report.long("sixty renewals in a row", "an hour", || renewed(context, MANY));
}

fn renewed(context: &Context, times: usize) -> Result<()> {
    let scram = load(context, "renew-scram", Authentication::ScramSha512)?;
    let mtls = load(context, "renew-mtls", Authentication::Mtls)?;
    let before = pods(context)?;
    let mut serials = all_shown(context, &BTreeMap::new())?;
    let mut took = Vec::new();
    for _ in 0..times {
        let start = Instant::now();
        ask(context, "renew-certificates")?;
        serials = all_shown(context, &serials)?;
        took.push(start.elapsed().as_secs_f64());
    }
    settled(context)?;
    took.sort_by(f64::total_cmp);
    let at = |part: usize| took.get((took.len() - 1) * part / 2).copied().unwrap_or_default();
    say(&format!(
        "{times} times shown by all six listeners after {:.1} / {:.1} / {:.1} s (min / median / max)",
        at(0),
        at(1),
        at(2)
    ));
    let after = pods(context)?;
    ensure!(before == after, "processes are others: {before:?}, then {after:?}");
    blameless(scram)?;
    blameless(mtls)
}
