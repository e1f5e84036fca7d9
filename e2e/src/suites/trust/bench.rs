//! How long until every listener shows a certificate that was asked for, and what that costs Kafka's metadata log.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;

use super::{all_shown, ask, say, settled, start};
use crate::harness::{Context, Measurement};
use crate::resources;

const TIMES: usize = 7;

pub fn run(context: &Context) -> Result<Vec<Measurement>> {
    resources::clean(context, super::NAMESPACE)?;
    start(context)?;
    let mut serials = all_shown(context, &BTreeMap::new())?;
    let mut took = Vec::new();
    for number in 1..=TIMES {
        let start = Instant::now();
        ask(context, "renew-certificates")?;
        serials = all_shown(context, &serials)?;
        let seconds = start.elapsed().as_secs_f64();
        say(&format!("renewal {number}: {seconds:.1} s"));
        took.push(seconds);
        settled(context)?;
    }
    took.sort_by(f64::total_cmp);
    let at = |part: usize| took.get((took.len() - 1) * part / 2).copied().unwrap_or_default();
    resources::clean(context, super::NAMESPACE)?;
    let figure = |name: &str, value: f64| Measurement::new(name, value, "s");
    Ok(vec![
        figure("renewal_shown_min", at(0)),
        figure("renewal_shown_median", at(1)),
        figure("renewal_shown_max", at(2)),
    ])
}
