//! How far each consumer group is behind: the records between what it has committed and the ends of the logs, summed over its
//! partitions. Looked at twice a minute while anybody could read the metrics; nothing is decided from it.

use super::context::Context;
use super::kafka::KafkaFacts;
use crate::kafka::groups::CommittedOffsets;
use crate::kafka::views::PartitionsView;
use crate::kafka::{KafkaAdmin, TopicPartition};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

const EVERY: SignedDuration = SignedDuration::from_secs(25);
/// Groups that are named, those furthest behind: labels of metrics must stay few.
const NAMED: usize = 100;

/// What was seen last.
#[derive(Clone, Debug, Default)]
pub struct Lags {
    at: Option<Timestamp>,
    /// Records that each group is behind, the furthest first.
    pub groups: Vec<(String, u64)>,
}

impl Lags {
    /// Asks brokers that serve, if it's time to. True: it did.
    pub async fn look(
        &mut self,
        context: &Context,
        admin: Option<&dyn KafkaAdmin>,
        facts: Option<&KafkaFacts>,
    ) -> bool {
        let now = context.now();
        if self.at.is_some_and(|at| now.duration_since(at) < EVERY) {
            return false;
        }
        let view = facts.and_then(|facts| facts.partitions.as_ref());
        let serving: Vec<i32> = facts.iter().flat_map(|facts| facts.all_serving()).collect();
        let (Some(admin), Some(view), false) = (admin, view, serving.is_empty()) else {
            self.groups.clear();
            return true;
        };
        self.at = Some(now);
        let committed = admin.committed_offsets(serving).await.unwrap_or_default();
        let ends = admin.end_offsets(leaders(&committed, view)).await.unwrap_or_default();
        self.groups = lags(&committed, &ends);
        true
    }
}

/// Whom to ask for the ends of partitions that any group reads.
fn leaders(committed: &CommittedOffsets, view: &PartitionsView) -> BTreeMap<i32, Vec<TopicPartition>> {
    let read: BTreeSet<&TopicPartition> = committed.values().flat_map(BTreeMap::keys).collect();
    let mut leaders: BTreeMap<i32, Vec<TopicPartition>> = BTreeMap::new();
    for one in &view.partitions {
        let partition = TopicPartition::new(one.topic.clone(), one.partition);
        if let Some(leader) = one.leader.filter(|_| read.contains(&partition)) {
            leaders.entry(leader).or_default().push(partition);
        }
    }
    leaders
}

/// A group of whose partitions any end isn't known isn't named: less than all would say that it catches up.
fn lags(committed: &CommittedOffsets, ends: &BTreeMap<TopicPartition, i64>) -> Vec<(String, u64)> {
    let lag = |offsets: &BTreeMap<TopicPartition, i64>| {
        let behind = offsets.iter().map(|(partition, offset)| {
            let end = ends.get(partition)?;
            u64::try_from(end.saturating_sub(*offset).max(0)).ok()
        });
        behind.sum::<Option<u64>>()
    };
    let with_offsets = committed.iter().filter(|(_, offsets)| !offsets.is_empty());
    let mut all: Vec<(String, u64)> = with_offsets
        .filter_map(|(group, offsets)| Some((group.clone(), lag(offsets)?)))
        .collect();
    all.sort_by(|(one, few), (other, many)| many.cmp(few).then(one.cmp(other)));
    all.truncate(NAMED);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(topic: &str, partition: i32, offset: i64) -> (TopicPartition, i64) {
        (TopicPartition::new(topic, partition), offset)
    }

    #[test]
    fn a_lag_is_the_sum_of_its_partitions_and_never_less() {
        let committed = CommittedOffsets::from([
            ("slow".to_owned(), [at("a", 0, 10), at("a", 1, 5)].into()),
            ("fast".to_owned(), [at("a", 0, 100)].into()),
            ("unknown".to_owned(), [at("a", 0, 10), at("gone", 0, 1)].into()),
            ("ahead".to_owned(), [at("a", 1, 25)].into()),
            ("new".to_owned(), BTreeMap::new()),
        ]);
        let ends = BTreeMap::from([at("a", 0, 100), at("a", 1, 20)]);
        let named = |name: &str, lag| (name.to_owned(), lag);
        assert_eq!(
            lags(&committed, &ends),
            [named("slow", 105), named("ahead", 0), named("fast", 0)]
        );
    }

    #[test]
    fn only_the_furthest_behind_are_named() {
        let one = |index: i64| (format!("g{index}"), [at("a", 0, index)].into());
        let committed: CommittedOffsets = (0..300).map(one).collect();
        let all = lags(&committed, &BTreeMap::from([at("a", 0, 1_000)]));
        assert_eq!(all.len(), NAMED);
        assert_eq!(all[0], ("g0".to_owned(), 1_000));
    }
}
