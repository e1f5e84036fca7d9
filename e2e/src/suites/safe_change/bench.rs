//! Figures of a roll of three controllers and three brokers under load: the whole of it, each restart, and what the
//! operator adds to a node's own stop and start. All times are the API server's.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;

use super::{NAMESPACE, all_new, ask_for_restart, start, watch};
use crate::harness::audit::Entry;
use crate::harness::{Context, Figures, Measurement};
use crate::ledger::{Ledger, Load};
use crate::{install, resources};

/// Five steps between two restarts in each: enough for a 95th percentile.
const ROLLS: usize = 4;

pub fn run(context: &Context) -> Result<Vec<Measurement>> {
    let mut figures = Figures::default();
    resources::clean(context, NAMESPACE)?;
    start(context)?;
    let (mut whole, mut gaps, mut away) = (Vec::new(), Vec::new(), Vec::new());
    let (mut after_controller, mut after_broker) = (Vec::new(), Vec::new());
    for number in 0..ROLLS {
        let ledger = Ledger::start(context, NAMESPACE, super::CLUSTER, Load::new(&format!("roll-{number}")))?;
        let (since, before, begun) = (Timestamp::now(), watch::pods(context)?, Instant::now());
        let generation = ask_for_restart(context)?;
        context.wait_until("the roll is over", super::ROLLED, || {
            Ok(all_new(context, &before, generation)?.then_some(()))
        })?;
        whole.push(begun.elapsed().as_secs_f64());
        let report = ledger.finish()?;
        report.verdict()?;
        gaps.push(report.longest_ack_gap().as_secs_f64());
        let steps = steps(context, since)?;
        // Beside the figures, for whoever asks where a long one comes from.
        eprintln!("roll {number}: {}", report.where_longest());
        for step in &steps {
            eprintln!(
                "  {} left after {:.1} s and was ready {:.1} s later",
                step.pod, step.at, step.away
            );
        }
        ensure!(
            steps.len() == before.len(),
            "{} of {} restarts",
            steps.len(),
            before.len()
        );
        away.extend(steps.iter().map(|step| step.away));
        for step in steps {
            let added = if step.pod.contains("-controllers-") {
                &mut after_controller
            } else {
                &mut after_broker
            };
            added.extend(step.added);
        }
    }
    figures.add_spread("roll_of_6_nodes", whole, "s");
    figures.add_spread("roll_longest_ack_gap", gaps, "s");
    figures.add_spread("restart_from_eviction_to_ready", away, "s");
    let all = [after_controller.as_slice(), after_broker.as_slice()].concat();
    figures.add("restart_from_ready_to_next_eviction_p95", percentile_95(all)?, "s");
    // A controller that's ready is caught up; a broker's replicas are still to be, which is Kafka's part.
    figures.add_spread("controller_from_ready_to_next_eviction", after_controller, "s");
    figures.add_spread("broker_from_ready_to_next_eviction", after_broker, "s");
    resources::clean(context, NAMESPACE)?;
    Ok(figures.0)
}

/// One restart.
struct Step {
    pod: String,
    /// When it was evicted, in seconds after the roll was asked for.
    at: f64,
    /// From the eviction to the kubelet's last word on the new pod, which is that it's ready.
    away: f64,
    /// From then to the next eviction: replicas that catch up, and the operator's own part. The last restart has none.
    added: Option<f64>,
}

fn steps(context: &Context, since: Timestamp) -> Result<Vec<Step>> {
    let audit = context.audit.as_ref().context("the cluster has an audit log")?;
    let evictions: Vec<Entry> = audit
        .since(since, install::ACCOUNT)?
        .into_iter()
        .filter(|entry| entry.resource() == "pods/eviction" && code(entry) < 300)
        .collect();
    let mut said: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    for number in 1..=3 {
        for entry in audit.since(since, &format!("system:node:node-{number}"))? {
            if entry.resource() == "pods/status" {
                let pod = entry.object_ref.clone().unwrap_or_default().name;
                said.entry(pod).or_default().push(entry.request_received_timestamp);
            }
        }
    }
    let mut steps = Vec::new();
    for (index, eviction) in evictions.iter().enumerate() {
        let begun = eviction.request_received_timestamp;
        let next = evictions.get(index + 1).map(|next| next.request_received_timestamp);
        let pod = eviction.object_ref.clone().unwrap_or_default().name;
        let words = said.get(&pod).map(Vec::as_slice).unwrap_or_default();
        let during = words
            .iter()
            .filter(|at| **at > begun && next.is_none_or(|next| **at < next));
        let ready = during.max().with_context(|| format!("{pod} came back"))?;
        steps.push(Step {
            pod,
            at: seconds(since, begun),
            away: seconds(begun, *ready),
            added: next.map(|next| seconds(*ready, next)),
        });
    }
    Ok(steps)
}

/// Nearest rank.
fn percentile_95(mut values: Vec<f64>) -> Result<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * 95).div_ceil(100);
    let value = rank.checked_sub(1).and_then(|index| values.get(index));
    value.copied().context("there were restarts")
}

fn code(entry: &Entry) -> u16 {
    entry.response_status.as_ref().map_or(0, |status| status.code)
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    Duration::try_from(to.duration_since(from))
        .unwrap_or_default()
        .as_secs_f64()
}
