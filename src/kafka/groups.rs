//! How far consumer groups have read: which group each broker coordinates, what it has committed, and where the logs end.
//!
//! All brokers are asked at the same time; what one doesn't tell is left out, so that a group is never said to be further behind
//! than it is.

use std::collections::BTreeMap;

use super::admin::Target;
use super::client::KafkaClient;
use super::partition::TopicPartition;
use super::wire::groups::{EndOffsets, FetchOffsets, ListGroups};

/// Groups in one `OffsetFetch`.
const GROUPS: usize = 100;
/// Partitions in one `ListOffsets`.
const PARTITIONS: usize = 2_000;

/// Offsets that each group has committed, by group.
pub type CommittedOffsets = BTreeMap<String, BTreeMap<TopicPartition, i64>>;

impl KafkaClient {
    pub(crate) async fn committed(&self, brokers: Vec<i32>) -> CommittedOffsets {
        let asked = brokers.into_iter().map(|id| self.committed_at(Target::Node(id)));
        futures::future::join_all(asked).await.into_iter().flatten().collect()
    }

    async fn committed_at(&self, coordinator: Target) -> CommittedOffsets {
        let mut all = CommittedOffsets::new();
        let Ok(groups) = self.caller.call(coordinator, ListGroups).await else {
            return all;
        };
        for batch in groups.chunks(GROUPS) {
            let groups = batch.to_vec();
            if let Ok(told) = self.caller.call(coordinator, FetchOffsets { groups }).await {
                all.extend(told);
            }
        }
        all
    }

    pub(crate) async fn ends(&self, leaders: BTreeMap<i32, Vec<TopicPartition>>) -> BTreeMap<TopicPartition, i64> {
        let asked = leaders.into_iter().map(|(leader, partitions)| async move {
            let mut all = BTreeMap::new();
            for batch in partitions.chunks(PARTITIONS) {
                let api = EndOffsets {
                    partitions: batch.to_vec(),
                    timeout_ms: self.broker_timeout_ms(),
                };
                if let Ok(told) = self.caller.call(Target::Node(leader), api).await {
                    all.extend(told);
                }
            }
            all
        });
        let asked: Vec<_> = asked.collect();
        futures::future::join_all(asked).await.into_iter().flatten().collect()
    }
}
