//! Between two passes over a calm cluster: one small question to Kafka every few seconds, whom it fences. When that isn't what the
//! last pass saw, the cluster's pass comes at once instead of half a minute later.
//!
//! It decides nothing and tells nobody: an answer that doesn't come is no news, the next pass looks for itself.

use super::context::Context;
use super::kafka::KafkaFacts;
use super::queue::{Key, Triggers};
use crate::kafka::KafkaAdmin;
use crate::kafka::views::ClusterView;
use crate::runtime::shutdown::Shutdown;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A broker that's fenced is told within this and a pass.
const EVERY: Duration = Duration::from_millis(2_500);
/// A slow answer is none: the next question comes soon.
const PATIENCE: Duration = Duration::from_secs(2);
/// Questions at the same time, each to another cluster.
const ASKED: usize = 16;

/// Until the process is asked to stop.
pub async fn run(context: Arc<Context>, triggers: Triggers, shutdown: Shutdown) {
    while !shutdown.is_requested() && context.leads() {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(EVERY) => beat(&context, &triggers).await,
        }
    }
}

async fn beat(context: &Context, triggers: &Triggers) {
    let asked = context
        .memories
        .in_sight()
        .into_iter()
        .map(|(key, admin, facts)| async move {
            let changed = has_changed(admin.as_ref(), &facts).await;
            changed.then_some(key)
        });
    let asked: Vec<_> = asked.collect();
    let mut changed = futures::stream::iter(asked).buffer_unordered(ASKED);
    while let Some(key) = changed.next().await {
        if let Some(key) = key {
            triggers.send(Key::Cluster(key));
        }
    }
}

async fn has_changed(admin: &dyn KafkaAdmin, facts: &KafkaFacts) -> bool {
    let Some(seen) = &facts.brokers else {
        return false;
    };
    match tokio::time::timeout(PATIENCE, admin.describe_cluster(true)).await {
        Ok(Ok(now)) => standing(&now) != standing(seen),
        _ => false,
    }
}

/// Who is registered, and who of them is fenced.
fn standing(view: &ClusterView) -> BTreeMap<i32, bool> {
    view.brokers.iter().map(|broker| (broker.id, broker.fenced)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::views::BrokerState;

    fn view(brokers: &[(i32, bool)]) -> ClusterView {
        let broker = |(id, fenced): &(i32, bool)| BrokerState {
            id: *id,
            host: "h".into(),
            port: 1,
            rack: None,
            fenced: *fenced,
        };
        ClusterView {
            cluster_id: "c".into(),
            controller_id: Some(*brokers.iter().map(|(id, _)| id).min().unwrap()),
            brokers: brokers.iter().map(broker).collect(),
        }
    }

    #[test]
    fn a_fence_is_news_and_the_order_of_brokers_or_whom_kafka_names_is_not() {
        let calm = view(&[(100, false), (101, false)]);
        assert_eq!(standing(&calm), standing(&view(&[(101, false), (100, false)])));
        let other_controller = ClusterView {
            controller_id: Some(7),
            ..calm.clone()
        };
        assert_eq!(standing(&calm), standing(&other_controller));
        assert_ne!(standing(&calm), standing(&view(&[(100, false), (101, true)])));
        assert_ne!(standing(&calm), standing(&view(&[(100, false)])));
    }
}
