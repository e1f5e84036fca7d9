//! What each controller that runs has of the metadata log, asked of its own metrics while nobody leads: no request of
//! Kafka's tells it then. It's what a person needs who must choose with whom to go on.
//!
//! A look costs a busy JVM seconds, so what was found holds for a while. It must not judge.

use super::context::Context;
use super::pods::PodFact;
use crate::model::{Cluster, Identity, ports};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// What was found holds this long.
const HOLDS: SignedDuration = SignedDuration::from_secs(20);
/// A controller whose JVM lacks processors takes seconds to answer, and while nobody leads there's nothing else to do.
const PATIENCE: Duration = Duration::from_secs(10);
/// Gauges of Kafka's raft client (KIP-595, `kafka.server:type=raft-metrics`), as the exporter names them.
const PREFIX: &str = "kafka_server_raft_metrics_";
const GAUGES: [&str; 3] = ["current_epoch", "log_end_offset", "high_watermark"];

/// One controller's own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivor {
    pub id: i32,
    pub epoch: i64,
    pub log_end: i64,
    /// Offset up to which it knows the log to be committed.
    pub committed: i64,
}

/// What a look has found, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survivors {
    at: Option<Timestamp>,
    pub found: Vec<Survivor>,
}

/// Asks all controllers that run. `last`: what the look before has found.
pub async fn look(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    (pods, last): (&[PodFact], Survivors),
) -> Survivors {
    let now = context.now();
    if last.at.is_some_and(|at| now.duration_since(at) < HOLDS) {
        return last;
    }
    if !cluster.jmx_exporter {
        return Survivors::default();
    }
    let nodes = cluster.nodes(identity).into_iter().filter(|node| node.roles.controller);
    let asked = nodes.filter_map(|node| {
        let pod = pods
            .iter()
            .find(|pod| pod.name == node.names.pod && pod.running && !pod.terminating)?;
        let address = format!("{}:{}", pod.host()?, ports::METRICS);
        let path = GAUGES.map(|gauge| format!("{PREFIX}{gauge}")).join("&name[]=");
        let told = context
            .connector
            .metrics(address, format!("/metrics?name[]={path}"), PATIENCE);
        Some(async move { read(node.id, &told.await?) })
    });
    let found = futures::future::join_all(asked).await;
    Survivors {
        at: Some(now),
        found: found.into_iter().flatten().collect(),
    }
}

fn read(id: i32, text: &str) -> Option<Survivor> {
    let [epoch, log_end, committed] = GAUGES.map(|name| gauge(text, name));
    Some(Survivor {
        id,
        epoch: epoch?,
        log_end: log_end?,
        committed: committed?,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "offsets and epochs are whole numbers")]
fn gauge(text: &str, name: &str) -> Option<i64> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(PREFIX)?.strip_prefix(name)?.strip_prefix(' '))?;
    value.trim().parse::<f64>().ok().map(|value| value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controllers_own_word_is_read_whole_or_not_at_all() {
        let text = "# HELP kafka_server_raft_metrics_current_epoch x\n\
            kafka_server_raft_metrics_current_epoch 7.0\n\
            kafka_server_raft_metrics_log_end_offset 4711.0\n\
            kafka_server_raft_metrics_high_watermark 4.7E3\n";
        let expected = Survivor {
            id: 2,
            epoch: 7,
            log_end: 4711,
            committed: 4700,
        };
        assert_eq!(read(2, text), Some(expected));
        assert_eq!(read(2, "kafka_server_raft_metrics_current_epoch 7.0\n"), None);
        assert_eq!(read(2, "kafka_server_raft_metrics_current_epoch_x 7.0\n"), None);
    }
}
