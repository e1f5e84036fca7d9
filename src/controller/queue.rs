//! The work queue: one pass at a time per resource, triggers folded together, failures backed off per resource, and always
//! a next time. Passes of different resources run side by side, up to a bound.

use super::cluster::{self, Ended};
use super::context::Context;
use super::error::PassError;
use super::stores::ClusterKey;
use super::{access, topics};
use crate::runtime::metrics::{ClusterLabels, Outcome};
use crate::runtime::server::Heartbeat;
use crate::runtime::shutdown::Shutdown;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Triggers within this time make one pass.
const DEBOUNCE: Duration = Duration::from_millis(40);
/// The same for passes over many resources, which may come by the thousand.
const GATHERED: Duration = Duration::from_millis(200);
/// Passes at the same time.
const CONCURRENCY: usize = 8;
/// Longest wait between failing passes.
const LONGEST_RETRY: Duration = Duration::from_mins(1);
/// Longest a pass may take; every call in it has a shorter bound of its own.
const PASS: Duration = Duration::from_mins(2);

/// A resource to look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Cluster(ClusterKey),
    /// All users of a cluster.
    Users(ClusterKey),
    /// All topics of a cluster.
    Topics(ClusterKey),
}

impl Key {
    fn kind(&self) -> &'static str {
        match self {
            Self::Cluster(_) => "ProductionKafka",
            Self::Users(_) => "KafkaUser",
            Self::Topics(_) => "KafkaTopic",
        }
    }

    /// Triggers within this time make one pass.
    fn debounce(&self) -> Duration {
        match self {
            Self::Cluster(_) => DEBOUNCE,
            Self::Users(_) | Self::Topics(_) => GATHERED,
        }
    }

    fn place(&self) -> &ClusterKey {
        match self {
            Self::Cluster(place) | Self::Users(place) | Self::Topics(place) => place,
        }
    }
}

/// Asks for passes.
#[derive(Clone)]
pub struct Triggers(UnboundedSender<Key>);

impl Triggers {
    /// The sending and the receiving end.
    pub fn channel() -> (Self, UnboundedReceiver<Key>) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), receiver)
    }

    /// Asks for a pass. Nobody listens only while the process ends.
    pub fn send(&self, key: Key) {
        let _ = self.0.send(key);
    }
}

#[derive(Default)]
struct Slot {
    due: Option<Instant>,
    running: bool,
    /// Triggered while running.
    again: bool,
    failures: u32,
}

/// Runs passes until the process is asked to stop; then waits for those that run.
pub async fn run(
    context: Arc<Context>,
    mut triggers: UnboundedReceiver<Key>,
    shutdown: Shutdown,
    heartbeat: Heartbeat,
) {
    let mut slots: HashMap<Key, Slot> = HashMap::new();
    let mut running: JoinSet<(Key, Option<Next>)> = JoinSet::new();
    while !shutdown.is_requested() && context.leads() {
        heartbeat.beat();
        start_due(&context, &mut slots, &mut running);
        let wake = next_due(&slots, running.len()).unwrap_or_else(|| Instant::now() + Duration::from_secs(5));
        let wake = wake.min(Instant::now() + Duration::from_secs(5));
        tokio::select! {
            () = shutdown.requested() => break,
            key = triggers.recv() => match key {
                Some(key) => note(&mut slots, key),
                None => break,
            },
            Some(Ok((key, next))) = running.join_next(), if !running.is_empty() => finish(&mut slots, key, next),
            () = tokio::time::sleep_until(wake) => {}
        }
    }
    while running.join_next().await.is_some() {}
}

/// When a resource is looked at again.
struct Next {
    after: Duration,
    failed: bool,
}

fn note(slots: &mut HashMap<Key, Slot>, key: Key) {
    let debounce = key.debounce();
    let slot = slots.entry(key).or_default();
    if slot.running {
        slot.again = true;
    } else {
        let soon = Instant::now() + backoff_of(slot).unwrap_or(debounce);
        slot.due = Some(slot.due.map_or(soon, |due| due.min(soon)));
    }
}

/// A failing resource isn't hurried by triggers beyond a tenth of its wait.
fn backoff_of(slot: &Slot) -> Option<Duration> {
    (slot.failures > 3).then(|| Duration::from_millis(500))
}

fn start_due(context: &Arc<Context>, slots: &mut HashMap<Key, Slot>, running: &mut JoinSet<(Key, Option<Next>)>) {
    let now = Instant::now();
    for (key, slot) in slots.iter_mut() {
        if running.len() >= CONCURRENCY {
            return;
        }
        if !slot.running && slot.due.is_some_and(|due| due <= now) {
            slot.running = true;
            slot.due = None;
            let (context, key, failures) = (Arc::clone(context), key.clone(), slot.failures);
            running.spawn(async move {
                let next = one(&context, &key, failures).await;
                (key, next)
            });
        }
    }
}

fn next_due(slots: &HashMap<Key, Slot>, running: usize) -> Option<Instant> {
    if running >= CONCURRENCY {
        return None;
    }
    slots
        .values()
        .filter(|slot| !slot.running)
        .filter_map(|slot| slot.due)
        .min()
}

fn finish(slots: &mut HashMap<Key, Slot>, key: Key, next: Option<Next>) {
    let Some(next) = next else {
        slots.remove(&key);
        return;
    };
    let debounce = key.debounce();
    let slot = slots.entry(key).or_default();
    slot.running = false;
    slot.failures = if next.failed {
        slot.failures.saturating_add(1)
    } else {
        0
    };
    let after = if std::mem::take(&mut slot.again) && !next.failed {
        debounce.min(next.after)
    } else {
        next.after
    };
    slot.due = Some(Instant::now() + after);
}

/// One pass, timed and counted; `None` when the resource is gone.
async fn one(context: &Arc<Context>, key: &Key, failures: u32) -> Option<Next> {
    let started = Instant::now();
    let place = key.place();
    let result = tokio::time::timeout(PASS, pass(context, key)).await;
    let (outcome, next) = match result {
        Ok(None) => {
            if let Key::Cluster(place) = key {
                context.memories.forget(place);
                let labels = ClusterLabels {
                    namespace: place.namespace.clone(),
                    name: place.name.clone(),
                };
                context.metrics.forget(&labels);
            }
            return None;
        }
        Ok(Some(Ok(ended))) => (
            ended.outcome,
            Next {
                after: jittered(ended.again, place),
                failed: false,
            },
        ),
        Ok(Some(Err(error))) => {
            let after = retry(error.first_retry(), failures);
            let (kind, category) = (key.kind(), error.category());
            tracing::warn!(kind, namespace = %place.namespace, name = %place.name, category, error = %error.chain(), "a pass failed");
            (Outcome::Failed, Next { after, failed: true })
        }
        Err(_) => {
            tracing::error!(kind = key.kind(), namespace = %place.namespace, name = %place.name, "a pass took too long");
            (
                Outcome::Abandoned,
                Next {
                    after: LONGEST_RETRY,
                    failed: true,
                },
            )
        }
    };
    context.metrics.reconciled(key.kind(), outcome, started.elapsed());
    Some(next)
}

pub(crate) async fn pass(context: &Context, key: &Key) -> Option<Result<Ended, PassError>> {
    let place = key.place();
    Some(match key {
        Key::Users(place) => return access::pass(context, place).await,
        Key::Topics(place) => return topics::pass(context, place).await,
        Key::Cluster(_) => {
            let resource = context.stores.clusters.get(&place.namespace, &place.name)?;
            cluster::pass(context, &resource).await
        }
    })
}

fn retry(first: Duration, failures: u32) -> Duration {
    first.saturating_mul(1 << failures.min(8)).min(LONGEST_RETRY)
}

/// Up to a tenth longer, by name: resources made together don't stay in step.
fn jittered(after: Duration, place: &ClusterKey) -> Duration {
    let spread = place
        .name
        .bytes()
        .fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)))
        % 100;
    after + after.mul_f64(f64::from(spread) / 1_000.0)
}
