//! Partitions with eligible leader replicas: all pages from one broker, or one image without them.

use kafka_protocol::messages::describe_topic_partitions_request::Cursor as From;
use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use kafka_protocol::messages::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, MetadataRequest, MetadataResponse, TopicName,
};

use super::super::scripted::{Script, ScriptedBroker, Step};
use super::*;

fn name(topic: &'static str) -> TopicName {
    TopicName(StrBytes::from_static_str(topic))
}

/// A page with one partition of `payments` on brokers 100 and 101, whose in-sync set shows who answered.
fn page(partition: i32, answered_by: i32, next: Option<i32>) -> DescribeTopicPartitionsResponse {
    let partition = DescribeTopicPartitionsResponsePartition::default()
        .with_partition_index(partition)
        .with_leader_id(BrokerId(-1))
        .with_replica_nodes(vec![BrokerId(100), BrokerId(101)])
        .with_isr_nodes(vec![BrokerId(answered_by)])
        .with_eligible_leader_replicas(Some(vec![BrokerId(101)]))
        .with_offline_replicas(vec![BrokerId(101)]);
    let topic = DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(name("payments")))
        .with_partitions(vec![partition]);
    let refused = DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(name("forbidden")))
        .with_error_code(29);
    let next = next.map(|next| {
        Cursor::default()
            .with_topic_name(name("payments"))
            .with_partition_index(next)
    });
    DescribeTopicPartitionsResponse::default()
        .with_topics(vec![refused, topic])
        .with_next_cursor(next)
}

fn begins(cursor: Option<&From>) -> i32 {
    cursor.map_or(0, |cursor| {
        assert_eq!(cursor.topic_name, name("payments"));
        cursor.partition_index
    })
}

/// Three pages.
fn pages(answered_by: i32) -> impl Fn(DescribeTopicPartitionsRequest, usize) -> Step<DescribeTopicPartitionsResponse> {
    move |request, _| {
        assert!(request.topics.is_empty());
        let first = begins(request.cursor.as_ref());
        Step::Reply(page(first, answered_by, Some(first + 1).filter(|next| *next < 3)))
    }
}

#[tokio::test]
async fn pages_follow_the_cursor_to_the_end() {
    let broker = ScriptedBroker::plain(Script::new().on(pages(100))).await;
    let view = client_of(&broker).partitions_with_elr().await.unwrap();
    let expected = |partition| PartitionState {
        topic: "payments".to_owned(),
        partition,
        leader: None,
        replicas: vec![100, 101],
        isr: vec![100],
        elr: Some(vec![101]),
        offline: vec![101],
        internal: false,
    };
    assert_eq!(view.partitions, [0, 1, 2].map(expected));
    assert_eq!(view.errors["forbidden"].code, ErrorCode(29));
    assert_eq!(broker.asked::<DescribeTopicPartitionsRequest>().len(), 3);
}

#[tokio::test]
async fn a_broker_lost_between_pages_leaves_nothing_of_its_view() {
    let dying = Script::new().on(|request: DescribeTopicPartitionsRequest, nth: usize| match nth {
        0 => pages(100)(request, nth),
        _ => Step::Hangup,
    });
    let dying = ScriptedBroker::plain(dying).await;
    let live = ScriptedBroker::plain(Script::new().on(pages(101))).await;
    let endpoints = vec![dying.endpoint(Some(100), HOST), live.endpoint(Some(101), HOST)];
    let view = plain(brokers(endpoints)).partitions_with_elr().await.unwrap();
    let told: Vec<_> = view.partitions.iter().map(|it| (it.partition, it.isr[0])).collect();
    assert_eq!(told, [(0, 101), (1, 101), (2, 101)]);
}

#[tokio::test]
async fn a_cursor_that_stands_still_is_a_fault_and_not_a_loop() {
    let stuck = Script::new().on(|request: DescribeTopicPartitionsRequest, _| {
        Step::Reply(page(begins(request.cursor.as_ref()), 100, Some(1)))
    });
    let broker = ScriptedBroker::plain(stuck).await;
    let error = client_of(&broker).partitions_with_elr().await.unwrap_err();
    let fault = ProtocolFault::Page("payments-1".to_owned());
    assert!(
        matches!(&error, KafkaError::Protocol { what, .. } if *what == fault),
        "{error:?}"
    );
    assert_eq!(broker.asked::<DescribeTopicPartitionsRequest>().len(), 2);
}

#[tokio::test]
async fn a_broker_that_does_not_tell_is_asked_for_its_metadata() {
    let script = Script::new().on::<MetadataRequest>(|_, _| {
        let partition = MetadataResponsePartition::default().with_isr_nodes(vec![BrokerId(100)]);
        let topic = MetadataResponseTopic::default()
            .with_name(Some(name("payments")))
            .with_partitions(vec![partition]);
        Step::Reply(MetadataResponse::default().with_topics(vec![topic]))
    });
    let broker = ScriptedBroker::plain(script).await;
    let view = client_of(&broker).partitions_with_elr().await.unwrap();
    assert_eq!((view.partitions.len(), view.partitions[0].elr.clone()), (1, None));
}
