//! `ListGroups`, `OffsetFetch` and `ListOffsets`: how far consumer groups have read, and how far there is to read.

use std::collections::BTreeMap;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    BrokerId, GroupId, ListGroupsRequest, ListGroupsResponse, ListOffsetsRequest, ListOffsetsResponse,
    OffsetFetchRequest, OffsetFetchResponse,
};

use super::{by_topic, counted, text, topic_name, verdict};
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::ProtocolFault;
use crate::kafka::partition::TopicPartition;

/// Groups of share consumers keep no offsets of this kind.
const SHARE: &str = "share";
/// `timestamp` that asks for the end of the log.
const LATEST: i64 = -1;
/// Groups in one `OffsetFetch` exist from here (KIP-709).
const FIRST_WITH_GROUPS: i16 = 8;

/// Names of the groups whose coordinator is asked.
pub(crate) struct ListGroups;

/// Committed offsets of these groups, which the asked broker coordinates.
pub(crate) struct FetchOffsets {
    pub groups: Vec<String>,
}

/// Ends of these partitions, which the asked broker leads.
pub(crate) struct EndOffsets {
    pub partitions: Vec<TopicPartition>,
    pub timeout_ms: i32,
}

/// By group. A group whose coordinator has just moved isn't in it.
pub(crate) type Committed = BTreeMap<String, BTreeMap<TopicPartition, i64>>;

impl Api for ListGroups {
    const NAME: &'static str = "ListGroups";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = ListGroupsRequest;
    type Output = Vec<String>;

    fn request(&self, _version: i16) -> Result<ListGroupsRequest, ProtocolFault> {
        Ok(ListGroupsRequest::default())
    }

    fn read(&self, response: ListGroupsResponse) -> Result<Vec<String>, Refusal> {
        verdict(response.error_code, None)?;
        let groups = response.groups.into_iter();
        let groups = groups.filter(|group| !group.group_type.eq_ignore_ascii_case(SHARE));
        Ok(groups.map(|group| group.group_id.to_string()).collect())
    }

    fn throttle_ms(response: &ListGroupsResponse) -> i32 {
        response.throttle_time_ms
    }
}

impl Api for FetchOffsets {
    const NAME: &'static str = "OffsetFetch";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = OffsetFetchRequest;
    type Output = Committed;

    fn request(&self, version: i16) -> Result<OffsetFetchRequest, ProtocolFault> {
        if version < FIRST_WITH_GROUPS {
            return Err(ProtocolFault::Missing("groups of OffsetFetch".to_owned()));
        }
        let group = |name: &String| {
            OffsetFetchRequestGroup::default()
                .with_group_id(GroupId(text(name)))
                .with_topics(None)
        };
        Ok(OffsetFetchRequest::default().with_groups(self.groups.iter().map(group).collect()))
    }

    fn read(&self, response: OffsetFetchResponse) -> Result<Committed, Refusal> {
        let groups = response.groups.into_iter().filter(|group| group.error_code == 0);
        let all = groups.map(|group| {
            let offsets = group.topics.iter().flat_map(|topic| {
                let known = topic.partitions.iter().filter(|partition| partition.error_code == 0);
                known.filter_map(|partition| {
                    let offset = counted(partition.committed_offset)?;
                    let name = topic.name.to_string();
                    Some((TopicPartition::new(name, partition.partition_index), offset))
                })
            });
            (group.group_id.to_string(), offsets.collect())
        });
        Ok(all.collect())
    }

    fn throttle_ms(response: &OffsetFetchResponse) -> i32 {
        response.throttle_time_ms
    }
}

impl Api for EndOffsets {
    const NAME: &'static str = "ListOffsets";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = ListOffsetsRequest;
    type Output = BTreeMap<TopicPartition, i64>;

    fn request(&self, _version: i16) -> Result<ListOffsetsRequest, ProtocolFault> {
        let topics = by_topic(&self.partitions).into_iter().map(|(topic, partitions)| {
            let asked = partitions.into_iter().map(|index| {
                ListOffsetsPartition::default()
                    .with_partition_index(index)
                    .with_timestamp(LATEST)
            });
            ListOffsetsTopic::default()
                .with_name(topic_name(topic))
                .with_partitions(asked.collect())
        });
        Ok(ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_timeout_ms(self.timeout_ms)
            .with_topics(topics.collect()))
    }

    fn read(&self, response: ListOffsetsResponse) -> Result<BTreeMap<TopicPartition, i64>, Refusal> {
        let ends = response.topics.iter().flat_map(|topic| {
            let known = topic.partitions.iter().filter(|partition| partition.error_code == 0);
            known.filter_map(|partition| {
                let name = topic.name.to_string();
                Some((
                    TopicPartition::new(name, partition.partition_index),
                    counted(partition.offset)?,
                ))
            })
        });
        Ok(ends.collect())
    }

    fn throttle_ms(response: &ListOffsetsResponse) -> i32 {
        response.throttle_time_ms
    }
}
