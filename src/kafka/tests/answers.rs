//! Routing, and answers in our own types.

use kafka_protocol::messages::create_acls_response::AclCreationResult;
use kafka_protocol::messages::describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult};
use kafka_protocol::messages::describe_quorum_response::{PartitionData, ReplicaState as WireReplica, TopicData};
use kafka_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use kafka_protocol::messages::{
    AddRaftVoterRequest, AddRaftVoterResponse, BrokerId, CreateAclsRequest, CreateAclsResponse, DescribeClusterRequest,
    DescribeConfigsRequest, DescribeConfigsResponse, DescribeQuorumRequest, DescribeQuorumResponse, MetadataRequest,
    MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::super::scripted::{Script, ScriptedBroker, Step};
use super::*;

fn quorum(error: i16) -> DescribeQuorumResponse {
    let replica = |id: i32, directory: Uuid| {
        WireReplica::default()
            .with_replica_id(BrokerId(id))
            .with_replica_directory_id(directory)
            .with_log_end_offset(42)
            .with_last_caught_up_timestamp(1_000)
    };
    let partition = PartitionData::default()
        .with_error_code(error)
        .with_leader_id(BrokerId(1))
        .with_leader_epoch(5)
        .with_high_watermark(41)
        .with_current_voters(vec![replica(
            1,
            Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        )])
        .with_observers(vec![replica(100, Uuid::nil())]);
    let topic = TopicData::default()
        .with_topic_name(TopicName(StrBytes::from_static_str("__cluster_metadata")))
        .with_partitions(vec![partition]);
    DescribeQuorumResponse::default().with_topics(vec![topic])
}

#[tokio::test]
async fn the_quorum_is_asked_of_controllers_until_the_leader_answers() {
    let follower =
        Script::new().on::<DescribeQuorumRequest>(|_, _| Step::Reply(quorum(ErrorCode::NOT_LEADER_OR_FOLLOWER.0)));
    let follower = ScriptedBroker::plain(follower).await;
    let leader = ScriptedBroker::plain(Script::new().on::<DescribeQuorumRequest>(|_, _| Step::Reply(quorum(0)))).await;
    let client = plain(Endpoints {
        brokers: Vec::new(),
        controllers: vec![follower.endpoint(Some(0), HOST), leader.endpoint(Some(1), HOST)],
    });
    let view = client.describe_quorum(Target::Controllers).await.unwrap();
    assert_eq!(
        (view.leader_id, view.leader_epoch, view.high_watermark),
        (Some(1), 5, Some(41))
    );
    let voter = &view.voters[0];
    assert_eq!((voter.id, voter.directory_id.as_str()), (1, "ASNFZ4mrze8BI0VniavN7w"));
    assert_eq!((voter.last_fetch_ms, voter.last_caught_up_ms), (None, Some(1_000)));
    assert_eq!(view.observers[0].directory_id, "AAAAAAAAAAAAAAAAAAAAAA");
    client.describe_quorum(Target::Controllers).await.unwrap();
    assert_eq!(follower.asked::<DescribeQuorumRequest>().len(), 1);
    let error = client.describe_quorum(Target::Brokers).await.unwrap_err();
    assert!(
        matches!(
            error,
            KafkaError::NoEndpoint {
                target: Target::Brokers
            }
        ),
        "{error:?}"
    );
}

fn configs(own: &'static str) -> Script {
    Script::new().on::<DescribeConfigsRequest>(move |request: DescribeConfigsRequest, _| {
        let results = request.resources.iter().map(|resource| {
            let entry = DescribeConfigsResourceResult::default()
                .with_name(StrBytes::from_static_str("answered.by"))
                .with_value(Some(StrBytes::from_static_str(own)))
                .with_config_source(4);
            DescribeConfigsResult::default()
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name.clone())
                .with_configs(vec![entry])
        });
        Step::Reply(DescribeConfigsResponse::default().with_results(results.collect()))
    })
}

#[tokio::test]
async fn a_brokers_configuration_is_asked_of_that_broker() {
    let first = ScriptedBroker::plain(configs("100")).await;
    let second = ScriptedBroker::plain(configs("101")).await;
    let client = plain(brokers(vec![
        first.endpoint(Some(100), HOST),
        second.endpoint(Some(101), HOST),
    ]));
    let asked = vec![
        ConfigResource::Broker(101),
        ConfigResource::Topic("payments".to_owned()),
        ConfigResource::Broker(100),
        ConfigResource::ClusterDefault,
    ];
    let described = client.describe_configs(asked).await.unwrap();
    let by = |resource: ConfigResource| described[&resource].as_ref().unwrap()[0].value.clone().unwrap();
    assert_eq!(by(ConfigResource::Broker(100)), "100");
    assert_eq!(by(ConfigResource::Broker(101)), "101");
    assert_eq!(
        by(ConfigResource::ClusterDefault),
        by(ConfigResource::Topic("payments".to_owned()))
    );
    let sources: Vec<_> = described
        .values()
        .map(|entries| entries.as_ref().unwrap()[0].source)
        .collect();
    assert_eq!(sources, [ConfigSource::StaticBroker; 4]);
    let error = client
        .describe_configs(vec![ConfigResource::Broker(7)])
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            KafkaError::NoEndpoint {
                target: Target::Node(7)
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn partitions_keep_what_has_no_leader_and_what_failed() {
    let script = Script::new().on::<MetadataRequest>(|request: MetadataRequest, _| {
        assert_eq!((request.topics, request.allow_auto_topic_creation), (None, false));
        let partition = MetadataResponsePartition::default()
            .with_error_code(5)
            .with_partition_index(3)
            .with_leader_id(BrokerId(-1))
            .with_replica_nodes(vec![BrokerId(100), BrokerId(101)])
            .with_isr_nodes(vec![BrokerId(101)])
            .with_offline_replicas(vec![BrokerId(101)]);
        let topic = |name: &'static str| {
            MetadataResponseTopic::default().with_name(Some(TopicName(StrBytes::from_static_str(name))))
        };
        Step::Reply(MetadataResponse::default().with_topics(vec![
            topic("payments").with_partitions(vec![partition]),
            topic("forbidden").with_error_code(29),
        ]))
    });
    let broker = ScriptedBroker::plain(script).await;
    let view = client_of(&broker).partitions().await.unwrap();
    let expected = PartitionState {
        topic: "payments".to_owned(),
        partition: 3,
        leader: None,
        replicas: vec![100, 101],
        isr: vec![101],
        elr: None,
        offline: vec![101],
        internal: false,
    };
    assert_eq!(view.partitions, [expected]);
    assert_eq!(view.errors["forbidden"].code, ErrorCode(29));
}

fn binding(name: &str) -> AclBinding {
    AclBinding {
        principal: "User:billing".to_owned(),
        resource_type: AclResourceType::Topic,
        resource_name: name.to_owned(),
        pattern_type: AclPatternType::Literal,
        operation: AclOperation::Read,
        permission: AclPermission::Allow,
        host: "*".to_owned(),
    }
}

#[tokio::test]
async fn acl_outcomes_are_paired_with_their_bindings() {
    let script = Script::new().on::<CreateAclsRequest>(|request: CreateAclsRequest, _| {
        let results = request.creations.iter().map(|creation| {
            let refused = &*creation.resource_name == "b";
            AclCreationResult::default().with_error_code(if refused { 31 } else { 0 })
        });
        Step::Reply(CreateAclsResponse::default().with_results(results.collect()))
    });
    let broker = ScriptedBroker::plain(script).await;
    let bindings = vec![binding("c"), binding("b"), binding("a")];
    let outcomes = client_of(&broker).create_acls(bindings).await.unwrap();
    let refused: Vec<_> = outcomes
        .iter()
        .filter(|(_, it)| it.is_err())
        .map(|(it, _)| it.resource_name.as_str())
        .collect();
    assert_eq!((outcomes.len(), refused), (3, vec!["b"]));
}

#[tokio::test]
async fn a_voter_change_carries_the_directory_id_and_refuses_a_bad_one() {
    let script = Script::new().on::<AddRaftVoterRequest>(|request: AddRaftVoterRequest, _| {
        let right = request.voter_directory_id == Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        Step::Reply(AddRaftVoterResponse::default().with_error_code(if right { 0 } else { 42 }))
    });
    let broker = ScriptedBroker::plain(script).await;
    let client = client_of(&broker);
    let add = |directory: &str| {
        let voter = VoterKey {
            id: 3,
            directory_id: directory.to_owned(),
        };
        client.add_raft_voter(Target::Brokers, "TEgxAmaTT0OrL3bKwUBMwg".to_owned(), voter, Vec::new())
    };
    add("ASNFZ4mrze8BI0VniavN7w").await.unwrap();
    let error = add("too-short").await.unwrap_err();
    assert!(
        matches!(
            error,
            KafkaError::Protocol {
                what: ProtocolFault::Identifier(_),
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn endpoints_can_be_replaced() {
    let old = ScriptedBroker::plain(answers_cluster()).await;
    let new = ScriptedBroker::plain(answers_cluster()).await;
    let client = client_of(&old);
    client.describe_cluster(false).await.unwrap();
    client.set_endpoints(brokers(vec![new.endpoint(Some(100), HOST)]));
    client.describe_cluster(false).await.unwrap();
    assert_eq!(
        (
            old.asked::<DescribeClusterRequest>().len(),
            new.asked::<DescribeClusterRequest>().len()
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn fewer_acl_answers_than_bindings_is_no_success() {
    let script = Script::new().on::<CreateAclsRequest>(|_, _| Step::Reply(CreateAclsResponse::default()));
    let broker = ScriptedBroker::plain(script).await;
    let error = client_of(&broker).create_acls(vec![binding("a")]).await.unwrap_err();
    assert!(
        matches!(
            error,
            KafkaError::Protocol {
                what: ProtocolFault::Missing(_),
                ..
            }
        ),
        "{error:?}"
    );
}
