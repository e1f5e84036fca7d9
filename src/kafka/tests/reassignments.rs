//! Reassignments and elections: what is asked, what each partition's verdict is, what is never ordered twice.

use std::collections::BTreeMap;

use kafka_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::list_partition_reassignments_response::{
    OngoingPartitionReassignment, OngoingTopicReassignment,
};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ElectLeadersRequest, ElectLeadersResponse,
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, TopicName,
};

use super::super::scripted::{Script, ScriptedBroker, Step};
use super::*;

fn name(topic: &'static str) -> TopicName {
    TopicName(StrBytes::from_static_str(topic))
}

fn id(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

fn targets() -> BTreeMap<TopicPartition, Option<Vec<i32>>> {
    [
        (id("payments", 0), Some(vec![101, 102])),
        (id("payments", 3), None),
        (id("audit", 1), Some(vec![102, 100])),
    ]
    .into()
}

fn altered(request: &AlterPartitionReassignmentsRequest, code: i16) -> AlterPartitionReassignmentsResponse {
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let cancelled = partition.replicas.is_none();
            ReassignablePartitionResponse::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(if cancelled { code } else { 0 })
        });
        ReassignableTopicResponse::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    AlterPartitionReassignmentsResponse::default().with_responses(topics.collect())
}

#[tokio::test]
async fn targets_and_cancellations_travel_together_and_are_judged_apart() {
    let script = Script::new().on::<AlterPartitionReassignmentsRequest>(|request, _| {
        assert!(!request.allow_replication_factor_change);
        let asked: Vec<_> = request
            .topics
            .iter()
            .flat_map(|topic| topic.partitions.iter().map(|it| (topic.name.to_string(), it)))
            .map(|(topic, it)| {
                let replicas = it.replicas.as_ref();
                (
                    topic,
                    it.partition_index,
                    replicas.map(|ids| ids.iter().map(|id| id.0).collect::<Vec<_>>()),
                )
            })
            .collect();
        let expected = [
            ("audit".to_owned(), 1, Some(vec![102, 100])),
            ("payments".to_owned(), 0, Some(vec![101, 102])),
            ("payments".to_owned(), 3, None),
        ];
        assert_eq!(asked, expected);
        Step::Reply(altered(&request, ErrorCode::NO_REASSIGNMENT_IN_PROGRESS.0))
    });
    let broker = ScriptedBroker::plain(script).await;
    let outcomes = client_of(&broker)
        .alter_partition_reassignments(targets(), false)
        .await
        .unwrap();
    let refused = outcomes[&id("payments", 3)].as_ref().unwrap_err();
    assert_eq!(refused.code, ErrorCode::NO_REASSIGNMENT_IN_PROGRESS);
    assert_eq!(outcomes.values().filter(|outcome| outcome.is_ok()).count(), 2);
    assert_eq!(broker.asked::<AlterPartitionReassignmentsRequest>(), [1]);
}

#[tokio::test]
async fn an_old_broker_gets_the_order_without_the_check_of_the_factor() {
    let script = Script::new()
        .on::<AlterPartitionReassignmentsRequest>(|request, _| Step::Reply(altered(&request, 0)))
        .offering::<AlterPartitionReassignmentsRequest>(0, 0);
    let broker = ScriptedBroker::plain(script).await;
    let outcomes = client_of(&broker)
        .alter_partition_reassignments(targets(), false)
        .await
        .unwrap();
    assert_eq!(outcomes.len(), 3);
    assert_eq!(broker.asked::<AlterPartitionReassignmentsRequest>(), [0]);
}

#[tokio::test]
async fn a_reassignment_of_unknown_fate_is_not_ordered_again() {
    let refusal = |code: ErrorCode| {
        Script::new().on::<AlterPartitionReassignmentsRequest>(move |_, _| {
            Step::Reply(AlterPartitionReassignmentsResponse::default().with_error_code(code.0))
        })
    };
    let scripts = [
        Script::new().on::<AlterPartitionReassignmentsRequest>(|_, _| Step::Hangup),
        Script::new().on::<AlterPartitionReassignmentsRequest>(|_, _| Step::Silence),
        refusal(ErrorCode::REQUEST_TIMED_OUT),
        refusal(ErrorCode::CLUSTER_AUTHORIZATION_FAILED),
    ];
    for script in scripts {
        let broker = ScriptedBroker::plain(script).await;
        let other = ScriptedBroker::plain(Script::new()).await;
        let endpoints = vec![broker.endpoint(Some(100), HOST), other.endpoint(Some(101), HOST)];
        let error = plain(brokers(endpoints))
            .alter_partition_reassignments(targets(), true)
            .await
            .unwrap_err();
        assert!(!error.is_certainly_not_done(), "{error:?}");
        assert_eq!(broker.asked::<AlterPartitionReassignmentsRequest>().len(), 1);
        assert_eq!(other.connections(), 0, "{error:?}");
    }
}

#[tokio::test]
async fn a_reassignment_that_met_no_controller_is_ordered_again() {
    let script = Script::new().on::<AlterPartitionReassignmentsRequest>(|request, nth| {
        let response = altered(&request, 0);
        Step::Reply(match nth {
            0 => AlterPartitionReassignmentsResponse::default().with_error_code(ErrorCode::NOT_CONTROLLER.0),
            _ => response,
        })
    });
    let broker = ScriptedBroker::plain(script).await;
    let client = client_of(&broker);
    client.alter_partition_reassignments(targets(), true).await.unwrap();
    assert_eq!(broker.asked::<AlterPartitionReassignmentsRequest>().len(), 2);
}

#[tokio::test]
async fn silence_about_a_partition_is_no_success() {
    let script = Script::new()
        .on::<AlterPartitionReassignmentsRequest>(|_, _| Step::Reply(AlterPartitionReassignmentsResponse::default()));
    let broker = ScriptedBroker::plain(script).await;
    let error = client_of(&broker)
        .alter_partition_reassignments(targets(), true)
        .await
        .unwrap_err();
    let missing = ProtocolFault::Missing("audit-1".to_owned());
    assert!(
        matches!(&error, KafkaError::Protocol { what, .. } if *what == missing),
        "{error:?}"
    );
}

#[tokio::test]
async fn reassignments_under_way_are_listed_whoever_ordered_them() {
    let script = Script::new().on::<ListPartitionReassignmentsRequest>(|request, nth| {
        assert_eq!(request.topics, None);
        if nth == 0 {
            return Step::Hangup;
        }
        let ongoing = OngoingPartitionReassignment::default()
            .with_partition_index(2)
            .with_replicas(vec![BrokerId(102), BrokerId(101), BrokerId(100)])
            .with_adding_replicas(vec![BrokerId(102)])
            .with_removing_replicas(vec![BrokerId(100)]);
        let topic = OngoingTopicReassignment::default()
            .with_name(name("payments"))
            .with_partitions(vec![ongoing]);
        Step::Reply(ListPartitionReassignmentsResponse::default().with_topics(vec![topic]))
    });
    let broker = ScriptedBroker::plain(script).await;
    let ongoing = client_of(&broker).list_partition_reassignments().await.unwrap();
    let expected = Reassignment {
        replicas: vec![102, 101, 100],
        adding: vec![102],
        removing: vec![100],
    };
    assert_eq!(ongoing, [(id("payments", 2), expected)].into());
}

fn elected(codes: &[(i32, ErrorCode)]) -> ElectLeadersResponse {
    let results = codes.iter().map(|(partition, code)| {
        PartitionResult::default()
            .with_partition_id(*partition)
            .with_error_code(code.0)
    });
    let topic = ReplicaElectionResult::default()
        .with_topic(name("payments"))
        .with_partition_result(results.collect());
    ElectLeadersResponse::default().with_replica_election_results(vec![topic])
}

#[tokio::test]
async fn a_preferred_leader_that_leads_already_is_no_error() {
    for versions in [(0, 2), (0, 0)] {
        let script = Script::new()
            .on::<ElectLeadersRequest>(|request, _| {
                assert_eq!(request.election_type, 0);
                let topics = request.topic_partitions.unwrap();
                assert_eq!((topics.len(), topics[0].partitions.clone()), (1, vec![0, 1, 2]));
                Step::Reply(elected(&[
                    (0, ErrorCode(0)),
                    (1, ErrorCode::ELECTION_NOT_NEEDED),
                    (2, ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE),
                ]))
            })
            .offering::<ElectLeadersRequest>(versions.0, versions.1);
        let broker = ScriptedBroker::plain(script).await;
        let partitions = (0..3).map(|partition| id("payments", partition)).collect();
        let outcomes = client_of(&broker)
            .elect_preferred_leaders(Some(partitions))
            .await
            .unwrap();
        assert!(outcomes[&id("payments", 0)].is_ok() && outcomes[&id("payments", 1)].is_ok());
        let refused = outcomes[&id("payments", 2)].as_ref().unwrap_err();
        assert_eq!(refused.code, ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE);
        assert_eq!(broker.asked::<ElectLeadersRequest>(), [versions.1]);
    }
}

#[tokio::test]
async fn an_election_may_be_of_all_or_of_none() {
    let script = Script::new().on::<ElectLeadersRequest>(|request, nth| {
        assert_eq!(request.topic_partitions, None);
        if nth == 0 {
            return Step::Hangup;
        }
        Step::Reply(ElectLeadersResponse::default())
    });
    let broker = ScriptedBroker::plain(script).await;
    let client = client_of(&broker);
    assert!(
        client
            .elect_preferred_leaders(Some(Vec::new()))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(broker.connections(), 0);
    assert!(client.elect_preferred_leaders(None).await.unwrap().is_empty());
    assert_eq!(
        broker.asked::<ElectLeadersRequest>().len(),
        2,
        "an election may be asked for twice"
    );
}
