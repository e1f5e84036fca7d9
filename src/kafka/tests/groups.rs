//! Consumer groups: each broker tells of those that it coordinates, and one that fails leaves the others' answers.

use std::collections::BTreeMap;

use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    GroupId, ListGroupsRequest, ListGroupsResponse, ListOffsetsRequest, ListOffsetsResponse, OffsetFetchRequest,
    OffsetFetchResponse, TopicName,
};

use super::super::scripted::{Script, ScriptedBroker, Step};
use super::*;

fn listed(name: &'static str, kind: &'static str) -> ListedGroup {
    ListedGroup::default()
        .with_group_id(GroupId(StrBytes::from_static_str(name)))
        .with_group_type(StrBytes::from_static_str(kind))
}

fn offset(partition: i32, offset: i64) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions::default()
        .with_partition_index(partition)
        .with_committed_offset(offset)
}

fn topic() -> TopicName {
    TopicName(StrBytes::from_static_str("payments"))
}

#[tokio::test]
async fn offsets_come_from_the_coordinators_and_share_groups_have_none() {
    let coordinator = Script::new()
        .on::<ListGroupsRequest>(|_, _| {
            let groups = vec![
                listed("app", "classic"),
                listed("new", "consumer"),
                listed("shared", "share"),
            ];
            Step::Reply(ListGroupsResponse::default().with_groups(groups))
        })
        .on::<OffsetFetchRequest>(|request, _| {
            let asked: Vec<&str> = request.groups.iter().map(|group| group.group_id.as_str()).collect();
            assert_eq!(asked, ["app", "new"]);
            assert!(request.groups.iter().all(|group| group.topics.is_none()));
            let partitions = vec![offset(0, 7), offset(1, -1)];
            let topics = OffsetFetchResponseTopics::default()
                .with_name(topic())
                .with_partitions(partitions);
            let app = OffsetFetchResponseGroup::default()
                .with_group_id(GroupId(StrBytes::from_static_str("app")))
                .with_topics(vec![topics]);
            let moved = OffsetFetchResponseGroup::default()
                .with_group_id(GroupId(StrBytes::from_static_str("new")))
                .with_error_code(ErrorCode::NOT_COORDINATOR.0);
            Step::Reply(OffsetFetchResponse::default().with_groups(vec![app, moved]))
        });
    let refusing = Script::new().on::<ListGroupsRequest>(|_, _| {
        Step::Reply(ListGroupsResponse::default().with_error_code(ErrorCode::CLUSTER_AUTHORIZATION_FAILED.0))
    });
    let (coordinator, refusing) = (
        ScriptedBroker::plain(coordinator).await,
        ScriptedBroker::plain(refusing).await,
    );
    let client = plain(brokers(vec![
        coordinator.endpoint(Some(100), HOST),
        refusing.endpoint(Some(101), HOST),
    ]));
    let told = client.committed_offsets(vec![100, 101, 7]).await.unwrap();
    let app = BTreeMap::from([(TopicPartition::new("payments", 0), 7)]);
    assert_eq!(told, BTreeMap::from([("app".to_owned(), app)]));
}

#[tokio::test]
async fn ends_come_from_the_leaders_and_a_partition_that_moved_has_none() {
    let leader = Script::new().on::<ListOffsetsRequest>(|request, _| {
        let asked = &request.topics[0].partitions;
        assert!(asked.iter().all(|partition| partition.timestamp == -1));
        let one = |index: i32, code: i16, end: i64| {
            ListOffsetsPartitionResponse::default()
                .with_partition_index(index)
                .with_error_code(code)
                .with_offset(end)
        };
        let partitions = vec![one(0, 0, 12), one(1, ErrorCode::NOT_LEADER_OR_FOLLOWER.0, -1)];
        let topics = ListOffsetsTopicResponse::default()
            .with_name(topic())
            .with_partitions(partitions);
        Step::Reply(ListOffsetsResponse::default().with_topics(vec![topics]))
    });
    let leader = ScriptedBroker::plain(leader).await;
    let client = plain(brokers(vec![leader.endpoint(Some(100), HOST)]));
    let both = vec![TopicPartition::new("payments", 0), TopicPartition::new("payments", 1)];
    let elsewhere = vec![TopicPartition::new("other", 0)];
    let told = client.end_offsets([(100, both), (7, elsewhere)].into()).await.unwrap();
    assert_eq!(told, BTreeMap::from([(TopicPartition::new("payments", 0), 12)]));
}
