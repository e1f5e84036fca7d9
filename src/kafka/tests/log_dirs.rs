//! Log dirs: each broker tells of its own, one that is gone fails alone.

use kafka_protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::{
    AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, DescribeLogDirsRequest, DescribeLogDirsResponse, TopicName,
};

use super::super::scripted::{Script, ScriptedBroker, Step};
use super::*;

const FIRST: &str = "/var/lib/kafka/data-0/kafka-log";
const SECOND: &str = "/var/lib/kafka/data-1/kafka-log";

fn dirs() -> DescribeLogDirsResponse {
    let partition = DescribeLogDirsPartition::default()
        .with_partition_index(4)
        .with_partition_size(1 << 40)
        .with_offset_lag(7)
        .with_is_future_key(true);
    let topic = DescribeLogDirsTopic::default()
        .with_name(TopicName(StrBytes::from_static_str("payments")))
        .with_partitions(vec![partition]);
    let whole = DescribeLogDirsResult::default()
        .with_log_dir(StrBytes::from_static_str(FIRST))
        .with_topics(vec![topic]);
    let failed = DescribeLogDirsResult::default()
        .with_log_dir(StrBytes::from_static_str(SECOND))
        .with_error_code(ErrorCode::KAFKA_STORAGE_ERROR.0);
    DescribeLogDirsResponse::default().with_results(vec![whole, failed])
}

#[tokio::test]
async fn each_broker_tells_of_its_dirs_and_one_that_is_gone_fails_alone() {
    let newest = Script::new().on::<DescribeLogDirsRequest>(|request, _| {
        assert_eq!(request.topics, None);
        let mut response = dirs();
        response.results[0] = response.results[0]
            .clone()
            .with_total_bytes(2 << 40)
            .with_usable_bytes(1 << 39);
        Step::Reply(response)
    });
    let older = Script::new()
        .on::<DescribeLogDirsRequest>(|_, _| Step::Reply(dirs()))
        .offering::<DescribeLogDirsRequest>(1, 3);
    let (newest, older) = (ScriptedBroker::plain(newest).await, ScriptedBroker::plain(older).await);
    let client = plain(brokers(vec![
        newest.endpoint(Some(100), HOST),
        older.endpoint(Some(101), HOST),
    ]));
    let mut told = client.describe_log_dirs(vec![100, 101, 7, 100]).await.unwrap();
    assert!(matches!(
        told.remove(&7),
        Some(Err(KafkaError::NoEndpoint {
            target: Target::Node(7)
        }))
    ));
    let of = |id: i32| told[&id].as_ref().unwrap();
    let replica = LogDirReplica {
        partition: TopicPartition::new("payments", 4),
        size_bytes: 1 << 40,
        offset_lag: 7,
        future: true,
    };
    let whole = LogDir {
        path: FIRST.to_owned(),
        error: None,
        total_bytes: Some(2 << 40),
        usable_bytes: Some(1 << 39),
        replicas: vec![replica],
    };
    assert_eq!(of(100)[0], whole);
    assert_eq!((of(101)[0].total_bytes, of(101)[0].usable_bytes), (None, None));
    assert_eq!(of(101)[1].error.as_ref().unwrap().code, ErrorCode::KAFKA_STORAGE_ERROR);
    assert_eq!(
        (
            newest.asked::<DescribeLogDirsRequest>(),
            older.asked::<DescribeLogDirsRequest>()
        ),
        (vec![4], vec![3])
    );
}

#[tokio::test]
async fn a_replica_moves_to_a_dir_of_that_broker() {
    let script = Script::new().on::<AlterReplicaLogDirsRequest>(|request, nth| {
        let asked: Vec<_> = request
            .dirs
            .iter()
            .map(|dir| (dir.path.to_string(), dir.topics[0].partitions.clone()))
            .collect();
        assert_eq!(asked, [(FIRST.to_owned(), vec![2]), (SECOND.to_owned(), vec![0, 1])]);
        if nth == 0 {
            return Step::Hangup;
        }
        let results = [0, 1, 2].map(|partition| {
            let refused = if partition == 1 {
                ErrorCode::LOG_DIR_NOT_FOUND.0
            } else {
                0
            };
            AlterReplicaLogDirPartitionResult::default()
                .with_partition_index(partition)
                .with_error_code(refused)
        });
        let topic = AlterReplicaLogDirTopicResult::default()
            .with_topic_name(TopicName(StrBytes::from_static_str("payments")))
            .with_partitions(results.to_vec());
        Step::Reply(AlterReplicaLogDirsResponse::default().with_results(vec![topic]))
    });
    let broker = ScriptedBroker::plain(script).await;
    let other = ScriptedBroker::plain(Script::new()).await;
    let client = plain(brokers(vec![
        other.endpoint(Some(101), HOST),
        broker.endpoint(Some(100), HOST),
    ]));
    let id = |partition| TopicPartition::new("payments", partition);
    let moves = [
        (id(0), SECOND.to_owned()),
        (id(1), SECOND.to_owned()),
        (id(2), FIRST.to_owned()),
    ];
    let outcomes = client.alter_replica_log_dirs(100, moves.into()).await.unwrap();
    assert_eq!(
        outcomes[&id(1)].as_ref().unwrap_err().code,
        ErrorCode::LOG_DIR_NOT_FOUND
    );
    assert_eq!(outcomes.values().filter(|outcome| outcome.is_ok()).count(), 2);
    assert_eq!(other.connections(), 0);
}
