//! `AlterPartitionReassignments`, `ListPartitionReassignments` (KIP-455) and `ElectLeaders` (KIP-183, KIP-460).
//!
//! A reassignment of unknown fate is not ordered again: a second cancellation would report its own first success as a
//! refusal, and meanwhile another actor may have ordered something else. The caller lists what is under way first.

use std::collections::BTreeMap;

use kafka_protocol::messages::alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::list_partition_reassignments_response::OngoingPartitionReassignment;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, BrokerId, ElectLeadersRequest,
    ElectLeadersResponse, ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use super::{by_topic, ids, settled, topic_name, verdict};
use crate::kafka::admin::Outcomes;
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::{BrokerError, ErrorCode, ProtocolFault};
use crate::kafka::partition::{Reassignment, TopicPartition};

/// The node checks that the number of replicas stays from here (KIP-860); older ones take any.
const FIRST_WITH_FACTOR_CHECK: i16 = 1;

pub(crate) struct AlterReassignments {
    pub targets: Vec<(TopicPartition, Option<Vec<i32>>)>,
    pub allow_factor_change: bool,
    pub timeout_ms: i32,
}

pub(crate) struct ListReassignments {
    pub timeout_ms: i32,
}

pub(crate) struct ElectPreferred {
    /// `None`: all.
    pub partitions: Option<Vec<TopicPartition>>,
    pub timeout_ms: i32,
}

impl Api for AlterReassignments {
    const NAME: &'static str = "AlterPartitionReassignments";
    const REPEAT: Repeat = Repeat::IfNotDone;
    type Request = AlterPartitionReassignmentsRequest;
    type Output = Outcomes<TopicPartition>;

    fn request(&self, version: i16) -> Result<AlterPartitionReassignmentsRequest, ProtocolFault> {
        let mut topics: BTreeMap<&str, Vec<ReassignablePartition>> = BTreeMap::new();
        for (partition, target) in &self.targets {
            let replicas = target.as_ref().map(|ids| ids.iter().copied().map(BrokerId).collect());
            let entry = ReassignablePartition::default()
                .with_partition_index(partition.partition)
                .with_replicas(replicas);
            topics.entry(&partition.topic).or_default().push(entry);
        }
        let topics = topics.into_iter().map(|(topic, partitions)| {
            ReassignableTopic::default()
                .with_name(topic_name(topic))
                .with_partitions(partitions)
        });
        let request = AlterPartitionReassignmentsRequest::default()
            .with_timeout_ms(self.timeout_ms)
            .with_topics(topics.collect());
        Ok(if version < FIRST_WITH_FACTOR_CHECK {
            request
        } else {
            request.with_allow_replication_factor_change(self.allow_factor_change)
        })
    }

    fn read(&self, response: AlterPartitionReassignmentsResponse) -> Result<Outcomes<TopicPartition>, Refusal> {
        verdict(response.error_code, response.error_message.as_ref())?;
        let outcomes = response.responses.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| {
                (
                    TopicPartition::new(topic.name.to_string(), partition.partition_index),
                    verdict(partition.error_code, partition.error_message.as_ref()),
                )
            })
        });
        answered(outcomes.collect(), self.targets.iter().map(|(partition, _)| partition))
    }

    fn throttle_ms(response: &AlterPartitionReassignmentsResponse) -> i32 {
        response.throttle_time_ms
    }
}

impl Api for ListReassignments {
    const NAME: &'static str = "ListPartitionReassignments";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = ListPartitionReassignmentsRequest;
    type Output = BTreeMap<TopicPartition, Reassignment>;

    fn request(&self, _version: i16) -> Result<ListPartitionReassignmentsRequest, ProtocolFault> {
        Ok(ListPartitionReassignmentsRequest::default()
            .with_timeout_ms(self.timeout_ms)
            .with_topics(None))
    }

    fn read(&self, response: ListPartitionReassignmentsResponse) -> Result<Self::Output, Refusal> {
        verdict(response.error_code, response.error_message.as_ref())?;
        let ongoing = response.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| {
                (
                    TopicPartition::new(topic.name.to_string(), partition.partition_index),
                    reassignment(partition),
                )
            })
        });
        Ok(ongoing.collect())
    }

    fn throttle_ms(response: &ListPartitionReassignmentsResponse) -> i32 {
        response.throttle_time_ms
    }
}

fn reassignment(partition: &OngoingPartitionReassignment) -> Reassignment {
    Reassignment {
        replicas: ids(&partition.replicas),
        adding: ids(&partition.adding_replicas),
        removing: ids(&partition.removing_replicas),
    }
}

impl Api for ElectPreferred {
    const NAME: &'static str = "ElectLeaders";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = ElectLeadersRequest;
    type Output = Outcomes<TopicPartition>;

    /// The election type's default is "preferred", the only one that version 0 knows.
    fn request(&self, _version: i16) -> Result<ElectLeadersRequest, ProtocolFault> {
        let topics = self.partitions.as_ref().map(|partitions| {
            let entry = |(topic, partitions): (&str, Vec<i32>)| {
                TopicPartitions::default()
                    .with_topic(topic_name(topic))
                    .with_partitions(partitions)
            };
            by_topic(partitions).into_iter().map(entry).collect()
        });
        Ok(ElectLeadersRequest::default()
            .with_topic_partitions(topics)
            .with_timeout_ms(self.timeout_ms))
    }

    fn read(&self, response: ElectLeadersResponse) -> Result<Outcomes<TopicPartition>, Refusal> {
        verdict(response.error_code, None)?;
        let outcomes = response.replica_election_results.iter().flat_map(|topic| {
            topic.partition_result.iter().map(|result| {
                let outcome = verdict(result.error_code, result.error_message.as_ref());
                (
                    TopicPartition::new(topic.topic.to_string(), result.partition_id),
                    outcome.or_else(unless_needless),
                )
            })
        });
        answered(outcomes.collect(), self.partitions.iter().flatten())
    }

    fn throttle_ms(response: &ElectLeadersResponse) -> i32 {
        response.throttle_time_ms
    }
}

/// The preferred replica leads already.
fn unless_needless(error: BrokerError) -> Result<(), BrokerError> {
    match error.code {
        ErrorCode::ELECTION_NOT_NEEDED => Ok(()),
        _ => Err(error),
    }
}

/// Silence about a partition that was asked for is no success.
fn answered<'a>(
    outcomes: Outcomes<TopicPartition>,
    asked: impl IntoIterator<Item = &'a TopicPartition>,
) -> Result<Outcomes<TopicPartition>, Refusal> {
    match asked.into_iter().find(|partition| !outcomes.contains_key(partition)) {
        Some(missing) => Err(ProtocolFault::Missing(missing.to_string()).into()),
        None => settled(outcomes),
    }
}
