//! Partition counts. Bounded whatever the number of partitions: counts, and the ten most endangered.

use crate::api::{PartitionProblem, ReplicationStatus};
use crate::kafka::views::{PartitionState, PartitionsView};

/// Most partitions that are named.
const NAMED: usize = 10;

/// Counts of all partitions. `min_isr` is the cluster's own; topics with another are counted by their own issue.
pub fn replication(view: &PartitionsView, min_isr: i32) -> ReplicationStatus {
    let mut status = ReplicationStatus::default();
    let mut problems: Vec<PartitionProblem> = Vec::new();
    for partition in &view.partitions {
        let (in_sync, replicas) = (count(&partition.isr), count(&partition.replicas));
        // A topic with fewer replicas than the minimum can't reach it; its own size is what counts.
        let minimum = min_isr.min(replicas);
        status.partitions += 1;
        status.under_replicated += i32::from(in_sync < replicas);
        status.under_min_isr += i32::from(in_sync < minimum);
        status.at_min_isr += i32::from(in_sync == minimum && in_sync < replicas);
        status.offline += i32::from(partition.leader.is_none());
        status.preferred_leader_imbalance += i32::from(is_misled(partition));
        if in_sync < replicas || partition.leader.is_none() {
            problems.push(PartitionProblem {
                partition: format!("{}-{}", partition.topic, partition.partition),
                in_sync,
                replicas,
                min_in_sync: minimum,
            });
        }
    }
    problems.sort_by(|one, other| {
        (one.in_sync - one.min_in_sync, &one.partition).cmp(&(other.in_sync - other.min_in_sync, &other.partition))
    });
    problems.truncate(NAMED);
    status.worst = problems;
    status
}

fn count(list: &[i32]) -> i32 {
    i32::try_from(list.len()).unwrap_or(i32::MAX)
}

fn is_misled(partition: &PartitionState) -> bool {
    partition.leader.is_some() && partition.leader != partition.replicas.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(topic: &str, leader: Option<i32>, replicas: &[i32], isr: &[i32]) -> PartitionState {
        PartitionState {
            topic: topic.into(),
            partition: 0,
            leader,
            replicas: replicas.to_vec(),
            isr: isr.to_vec(),
            elr: None,
            offline: Vec::new(),
            internal: false,
        }
    }

    #[test]
    fn counts_say_how_endangered_partitions_are() {
        let view = PartitionsView {
            partitions: vec![
                partition("full", Some(1), &[1, 2, 3], &[1, 2, 3]),
                partition("one-out", Some(2), &[1, 2, 3], &[2, 3]),
                partition("two-out", Some(1), &[1, 2, 3], &[1]),
                partition("dead", None, &[1, 2, 3], &[]),
                partition("single", Some(1), &[1], &[1]),
            ],
            ..PartitionsView::default()
        };
        let status = replication(&view, 2);
        assert_eq!(status.partitions, 5);
        assert_eq!(status.under_replicated, 3);
        assert_eq!(status.at_min_isr, 1);
        assert_eq!(status.under_min_isr, 2);
        assert_eq!(status.offline, 1);
        assert_eq!(status.preferred_leader_imbalance, 1);
        let names: Vec<&str> = status.worst.iter().map(|problem| problem.partition.as_str()).collect();
        assert_eq!(names, ["dead-0", "two-out-0", "one-out-0"]);
    }

    #[test]
    fn a_hundred_thousand_partitions_make_no_larger_status() {
        let partitions = (0..100_000)
            .map(|_| partition("t", Some(1), &[1, 2, 3], &[1]))
            .collect();
        let status = replication(
            &PartitionsView {
                partitions,
                ..PartitionsView::default()
            },
            2,
        );
        assert_eq!(status.under_replicated, 100_000);
        assert_eq!(status.worst.len(), NAMED);
    }
}
