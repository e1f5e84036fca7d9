//! `DescribeQuorum` (KIP-595; directory ids since version 2, KIP-853).

use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::describe_quorum_response::ReplicaState as WireReplica;
use kafka_protocol::messages::{DescribeQuorumRequest, DescribeQuorumResponse};

use super::{counted, kafka_id, known, topic_name, verdict};
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::ProtocolFault;
use crate::kafka::views::{QuorumView, ReplicaState};

const METADATA_TOPIC: &str = "__cluster_metadata";

pub(crate) struct DescribeQuorum;

impl Api for DescribeQuorum {
    const NAME: &'static str = "DescribeQuorum";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = DescribeQuorumRequest;
    type Output = QuorumView;

    fn request(&self, _version: i16) -> Result<DescribeQuorumRequest, ProtocolFault> {
        let topic = TopicData::default()
            .with_topic_name(topic_name(METADATA_TOPIC))
            .with_partitions(vec![PartitionData::default().with_partition_index(0)]);
        Ok(DescribeQuorumRequest::default().with_topics(vec![topic]))
    }

    fn read(&self, response: DescribeQuorumResponse) -> Result<QuorumView, Refusal> {
        verdict(response.error_code, response.error_message.as_ref())?;
        let partition = response
            .topics
            .iter()
            .filter(|topic| topic.topic_name.as_str() == METADATA_TOPIC)
            .find_map(|topic| topic.partitions.first())
            .ok_or_else(|| ProtocolFault::Missing(METADATA_TOPIC.to_owned()))?;
        verdict(partition.error_code, partition.error_message.as_ref())?;
        Ok(QuorumView {
            leader_id: known(partition.leader_id),
            leader_epoch: partition.leader_epoch,
            high_watermark: counted(partition.high_watermark),
            voters: partition.current_voters.iter().map(replica).collect(),
            observers: partition.observers.iter().map(replica).collect(),
        })
    }

    fn throttle_ms(_response: &DescribeQuorumResponse) -> i32 {
        0
    }
}

fn replica(replica: &WireReplica) -> ReplicaState {
    ReplicaState {
        id: replica.replica_id.0,
        directory_id: kafka_id(&replica.replica_directory_id),
        log_end_offset: replica.log_end_offset,
        last_fetch_ms: counted(replica.last_fetch_timestamp),
        last_caught_up_ms: counted(replica.last_caught_up_timestamp),
    }
}
