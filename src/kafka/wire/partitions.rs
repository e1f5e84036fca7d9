//! All partitions as one broker sees them: `Metadata` is one consistent image; `DescribeTopicPartitions` (KIP-966) also
//! shows eligible leader replicas, but comes in pages, all from the same broker.

use kafka_protocol::messages::describe_topic_partitions_request::Cursor;
use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor as NextCursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use kafka_protocol::messages::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, MetadataRequest, MetadataResponse,
};

use super::{ids, known, topic_name, verdict};
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::ProtocolFault;
use crate::kafka::partition::TopicPartition;
use crate::kafka::views::{PartitionState, PartitionsView};

pub(crate) struct AllPartitions;

/// Pages of partitions in Kafka's order, by topic name and number.
#[derive(Default)]
pub(crate) struct PartitionPages {
    /// Where this page begins; `None` for the first.
    pub from: Option<TopicPartition>,
}

/// What has been read, and where the next page begins.
pub(crate) struct PartitionPage {
    pub view: PartitionsView,
    next: Option<TopicPartition>,
}

impl Api for AllPartitions {
    const NAME: &'static str = "Metadata";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = MetadataRequest;
    type Output = PartitionsView;

    fn request(&self, _version: i16) -> Result<MetadataRequest, ProtocolFault> {
        Ok(MetadataRequest::default()
            .with_topics(None)
            .with_allow_auto_topic_creation(false))
    }

    fn read(&self, response: MetadataResponse) -> Result<PartitionsView, Refusal> {
        verdict(response.error_code, None)?;
        let mut view = PartitionsView::default();
        for topic in &response.topics {
            let name = topic.name.as_ref().map(|name| name.to_string()).unwrap_or_default();
            match verdict(topic.error_code, None) {
                Ok(()) => view
                    .partitions
                    .extend(topic.partitions.iter().map(|it| partition(&name, topic, it))),
                Err(error) => drop(view.errors.insert(name, error)),
            }
        }
        Ok(view)
    }

    fn throttle_ms(response: &MetadataResponse) -> i32 {
        response.throttle_time_ms
    }
}

/// A partition's own error code is left out: it only repeats that there is no leader (`LEADER_NOT_AVAILABLE`).
fn partition(name: &str, topic: &MetadataResponseTopic, partition: &MetadataResponsePartition) -> PartitionState {
    PartitionState {
        topic: name.to_owned(),
        partition: partition.partition_index,
        leader: known(partition.leader_id),
        replicas: ids(&partition.replica_nodes),
        isr: ids(&partition.isr_nodes),
        elr: None,
        offline: ids(&partition.offline_replicas),
        internal: topic.is_internal,
    }
}

impl Api for PartitionPages {
    const NAME: &'static str = "DescribeTopicPartitions";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = DescribeTopicPartitionsRequest;
    type Output = PartitionPage;

    /// No topics means all; the broker limits a page by `max.request.partition.size.limit`.
    fn request(&self, _version: i16) -> Result<DescribeTopicPartitionsRequest, ProtocolFault> {
        let cursor = self.from.as_ref().map(|from| {
            Cursor::default()
                .with_topic_name(topic_name(&from.topic))
                .with_partition_index(from.partition)
        });
        Ok(DescribeTopicPartitionsRequest::default().with_cursor(cursor))
    }

    fn read(&self, response: DescribeTopicPartitionsResponse) -> Result<PartitionPage, Refusal> {
        let mut view = PartitionsView::default();
        for topic in &response.topics {
            let name = topic.name.as_ref().map(|name| name.to_string()).unwrap_or_default();
            match verdict(topic.error_code, None) {
                Ok(()) => view
                    .partitions
                    .extend(topic.partitions.iter().map(|it| eligible(&name, topic, it))),
                Err(error) => drop(view.errors.insert(name, error)),
            }
        }
        let next = response.next_cursor.as_ref().map(place);
        match &next {
            Some(next) if self.from.as_ref().is_some_and(|from| next <= from) => {
                Err(ProtocolFault::Page(next.to_string()).into())
            }
            _ => Ok(PartitionPage { view, next }),
        }
    }

    fn throttle_ms(response: &DescribeTopicPartitionsResponse) -> i32 {
        response.throttle_time_ms
    }

    fn following(&self, page: &PartitionPage) -> Option<Self> {
        page.next.clone().map(|from| Self { from: Some(from) })
    }

    fn append(pages: &mut PartitionPage, page: PartitionPage) {
        pages.view.partitions.extend(page.view.partitions);
        pages.view.errors.extend(page.view.errors);
        pages.next = page.next;
    }
}

fn place(cursor: &NextCursor) -> TopicPartition {
    TopicPartition::new(cursor.topic_name.to_string(), cursor.partition_index)
}

fn eligible(
    name: &str,
    topic: &DescribeTopicPartitionsResponseTopic,
    partition: &DescribeTopicPartitionsResponsePartition,
) -> PartitionState {
    PartitionState {
        topic: name.to_owned(),
        partition: partition.partition_index,
        leader: known(partition.leader_id),
        replicas: ids(&partition.replica_nodes),
        isr: ids(&partition.isr_nodes),
        elr: Some(
            partition
                .eligible_leader_replicas
                .as_deref()
                .map(ids)
                .unwrap_or_default(),
        ),
        offline: ids(&partition.offline_replicas),
        internal: topic.is_internal,
    }
}
