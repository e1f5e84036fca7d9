//! Metadata of all topics: one consistent image of one broker.

use kafka_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};

use super::{ids, known, verdict};
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::ProtocolFault;
use crate::kafka::views::{PartitionState, PartitionsView};

pub(crate) struct AllPartitions;

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
