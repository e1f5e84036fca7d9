//! Kafka's answers as the rollout planner wants them, from one look that begins after the pods were listed.

use crate::controller::kafka::FETCH_TIMEOUT_MS;
use crate::kafka::KafkaAdmin;
use crate::kafka::admin::Target;
use crate::kafka::errors::KafkaError;
use crate::kafka::partition::{Reassignment, TopicPartition};
use crate::kafka::views::{ClusterView, PartitionState, PartitionsView, QuorumView};
use crate::rollout::{Broker, KafkaView, Partition, Quorum, Voter};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Asks for everything. `None`: Kafka can't be reached; an answer that lacks something is marked as incomplete.
pub async fn look(admin: &dyn KafkaAdmin, now: Timestamp) -> Option<KafkaView> {
    let asked = futures::future::join4(
        admin.describe_quorum(Target::Brokers),
        admin.describe_cluster(true),
        admin.partitions_with_elr(),
        admin.list_partition_reassignments(),
    );
    let (quorum, cluster, partitions, moving) = asked.await;
    let quorum = match quorum {
        Ok(quorum) => Ok(quorum),
        // Brokers are down: the controllers know.
        Err(_) => admin.describe_quorum(Target::Controllers).await,
    };
    if quorum.is_err() && cluster.is_err() && partitions.is_err() {
        return None;
    }
    let topics = partitions.as_ref().map(topics).unwrap_or_default();
    let minimums = if topics.is_empty() {
        Ok(BTreeMap::new())
    } else {
        admin.min_in_sync_replicas(topics).await
    };
    Some(whole(now, (quorum, cluster, partitions), &moving, &minimums))
}

fn topics(view: &PartitionsView) -> Vec<String> {
    let mut topics: Vec<String> = view
        .partitions
        .iter()
        .map(|partition| partition.topic.clone())
        .collect();
    topics.sort_unstable();
    topics.dedup();
    topics
}

type Answer<T> = Result<T, KafkaError>;
type Minimums = BTreeMap<String, Result<usize, crate::kafka::errors::BrokerError>>;

fn whole(
    taken_at: Timestamp,
    (quorum, cluster, partitions): (Answer<QuorumView>, Answer<ClusterView>, Answer<PartitionsView>),
    moving: &Answer<BTreeMap<TopicPartition, Reassignment>>,
    minimums: &Answer<Minimums>,
) -> KafkaView {
    let errors = partitions.as_ref().is_ok_and(|view| !view.errors.is_empty());
    let answered = quorum.is_ok() && cluster.is_ok() && partitions.is_ok() && moving.is_ok();
    let mut complete = answered && !errors && minimums.is_ok();
    let found = partitions.map(|view| view.partitions).unwrap_or_default();
    let mut all = Vec::with_capacity(found.len());
    for state in found {
        let minimum = minimums
            .as_ref()
            .ok()
            .and_then(|minimums| minimums.get(&state.topic)?.as_ref().ok());
        complete &= minimum.is_some();
        let at = TopicPartition::new(state.topic.as_str(), state.partition);
        let reassigning = moving.as_ref().is_ok_and(|moving| moving.contains_key(&at));
        all.push(partition(state, minimum.copied().unwrap_or(usize::MAX), reassigning));
    }
    KafkaView {
        taken_at,
        complete,
        quorum: quorum.map(|view| voters(&view)).unwrap_or_default(),
        brokers: cluster.map(|view| brokers(&view)).unwrap_or_default(),
        partitions: all,
    }
}

fn partition(state: PartitionState, min_isr: usize, reassigning: bool) -> Partition {
    Partition {
        topic: state.topic,
        partition: state.partition,
        replicas: state.replicas,
        isr: state.isr,
        elr: state.elr.unwrap_or_default(),
        min_isr,
        leader: state.leader,
        reassigning,
    }
}

fn voters(view: &QuorumView) -> Quorum {
    let caught_up = view.caught_up(FETCH_TIMEOUT_MS);
    let voter = |id: i32| Voter {
        id,
        caught_up: caught_up.contains(&id),
    };
    Quorum {
        leader: view.leader_id,
        voters: view.voters.iter().map(|replica| voter(replica.id)).collect(),
    }
}

fn brokers(view: &ClusterView) -> BTreeMap<i32, Broker> {
    let broker = |broker: &crate::kafka::views::BrokerState| (broker.id, Broker { fenced: broker.fenced });
    view.brokers.iter().map(broker).collect()
}
