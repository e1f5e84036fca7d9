//! The client against scripted brokers: negotiation, routing, faults, TLS.

use std::time::Duration;

use kafka_protocol::messages::create_acls_response::AclCreationResult;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult};
use kafka_protocol::messages::describe_quorum_response::{PartitionData, ReplicaState as WireReplica, TopicData};
use kafka_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use kafka_protocol::messages::{
    AddRaftVoterRequest, AddRaftVoterResponse, ApiVersionsRequest, BrokerId, CreateAclsRequest, CreateAclsResponse,
    CreateTopicsRequest, CreateTopicsResponse, DescribeClusterRequest, DescribeClusterResponse, DescribeConfigsRequest,
    DescribeConfigsResponse, DescribeQuorumRequest, DescribeQuorumResponse, MetadataRequest, MetadataResponse,
    TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::scripted::pki::TestCa;
use super::scripted::{Script, ScriptedBroker, Step};
use super::*;

const HOST: &str = "orders-brokers-100-0.orders-nodes.kafka.svc";

fn quick() -> ClientOptions {
    ClientOptions {
        call_timeout: Duration::from_secs(5),
        attempt_timeout: Duration::from_millis(400),
        dial_timeout: Duration::from_secs(2),
        ..ClientOptions::default()
    }
}

fn brokers(endpoints: Vec<Endpoint>) -> Endpoints {
    Endpoints {
        brokers: endpoints,
        controllers: Vec::new(),
    }
}

fn plain(endpoints: Endpoints) -> KafkaClient {
    KafkaClient::new(Transport::Plain, endpoints, quick())
}

fn client_of(broker: &ScriptedBroker) -> KafkaClient {
    plain(brokers(vec![broker.endpoint(Some(100), HOST)]))
}

fn cluster() -> DescribeClusterResponse {
    DescribeClusterResponse::default()
        .with_cluster_id(StrBytes::from_static_str("TEgxAmaTT0OrL3bKwUBMwg"))
        .with_controller_id(BrokerId(100))
        .with_brokers(vec![
            DescribeClusterBroker::default()
                .with_broker_id(BrokerId(100))
                .with_host(StrBytes::from_static_str(HOST))
                .with_port(9091)
                .with_rack(Some(StrBytes::from_static_str("a"))),
            DescribeClusterBroker::default()
                .with_broker_id(BrokerId(101))
                .with_is_fenced(true),
        ])
}

fn answers_cluster() -> Script {
    Script::new().on::<DescribeClusterRequest>(|_, _| Step::Reply(cluster()))
}

#[tokio::test]
async fn highest_common_version_is_used() {
    let broker = ScriptedBroker::plain(answers_cluster()).await;
    let view = client_of(&broker).describe_cluster(true).await.unwrap();
    assert_eq!(broker.asked::<ApiVersionsRequest>(), [4]);
    assert_eq!(broker.asked::<DescribeClusterRequest>(), [2]);
    assert_eq!(view.cluster_id, "TEgxAmaTT0OrL3bKwUBMwg");
    assert_eq!(view.controller_id, Some(100));
    let fenced: Vec<_> = view
        .brokers
        .iter()
        .map(|it| (it.id, it.fenced, it.rack.as_deref()))
        .collect();
    assert_eq!(fenced, [(100, false, Some("a")), (101, true, None)]);
}

#[tokio::test]
async fn greeting_falls_back_to_what_the_node_offers() {
    for (known, asked) in [(0, vec![4, 0]), (3, vec![4, 3])] {
        let script = answers_cluster().greeting_in_version(known);
        let broker = ScriptedBroker::plain(script).await;
        client_of(&broker).describe_cluster(false).await.unwrap();
        assert_eq!(
            broker.asked::<ApiVersionsRequest>(),
            asked,
            "a node that knows ApiVersions up to {known}"
        );
    }
}

#[tokio::test]
async fn an_api_without_a_common_version_is_a_typed_error() {
    let script = answers_cluster().offering::<DescribeClusterRequest>(9, 12);
    let broker = ScriptedBroker::plain(script).await;
    let error = client_of(&broker).describe_cluster(false).await.unwrap_err();
    assert!(
        matches!(
            error,
            KafkaError::UnsupportedApi {
                api: "DescribeCluster",
                ..
            }
        ),
        "{error:?}"
    );
    let error = client_of(&broker).partitions().await.unwrap_err();
    assert!(
        matches!(error, KafkaError::UnsupportedApi { api: "Metadata", .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn fenced_brokers_are_not_asked_of_a_node_that_cannot_tell_them() {
    let script = answers_cluster().offering::<DescribeClusterRequest>(0, 1);
    let broker = ScriptedBroker::plain(script).await;
    let error = client_of(&broker).describe_cluster(true).await.unwrap_err();
    let unencodable = ProtocolFault::Unencodable { version: 1 };
    assert!(
        matches!(&error, KafkaError::Protocol { what, .. } if *what == unencodable),
        "{error:?}"
    );
}

#[tokio::test]
async fn silence_is_a_timeout_that_names_the_call() {
    let script = Script::new().on::<DescribeClusterRequest>(|_, _| Step::Silence);
    let broker = ScriptedBroker::plain(script).await;
    let options = ClientOptions {
        call_timeout: Duration::from_millis(600),
        ..quick()
    };
    let client = KafkaClient::new(Transport::Plain, brokers(vec![broker.endpoint(None, HOST)]), options);
    let error = client.describe_cluster(false).await.unwrap_err();
    let KafkaError::Timeout { api, after, last } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((*api, *after), ("DescribeCluster", Duration::from_millis(600)));
    assert!(matches!(last.as_deref(), Some(KafkaError::Timeout { .. })), "{last:?}");
}

#[tokio::test]
async fn a_silent_node_is_left_for_another() {
    let silent = ScriptedBroker::plain(Script::new().on::<DescribeClusterRequest>(|_, _| Step::Silence)).await;
    let live = ScriptedBroker::plain(answers_cluster()).await;
    let client = plain(brokers(vec![
        silent.endpoint(Some(100), HOST),
        live.endpoint(Some(101), HOST),
    ]));
    client.describe_cluster(false).await.unwrap();
    client.describe_cluster(false).await.unwrap();
    assert_eq!(
        silent.asked::<DescribeClusterRequest>().len(),
        1,
        "the second call starts where the first succeeded"
    );
}

#[tokio::test]
async fn a_dropped_connection_is_made_again() {
    let script = Script::new().on::<DescribeClusterRequest>(|_, nth| match nth {
        1 => Step::Hangup,
        _ => Step::Reply(cluster()),
    });
    let broker = ScriptedBroker::plain(script).await;
    let client = client_of(&broker);
    client.describe_cluster(false).await.unwrap();
    assert_eq!(broker.connections(), 1);
    client.describe_cluster(false).await.unwrap();
    assert_eq!(broker.connections(), 2);
    client.describe_cluster(false).await.unwrap();
    assert_eq!(broker.connections(), 2, "a live connection is used again");
}

fn topic_result(code: i16) -> Step<CreateTopicsResponse> {
    let result = CreatableTopicResult::default()
        .with_name(TopicName(StrBytes::from_static_str("payments")))
        .with_error_code(code);
    Step::Reply(CreateTopicsResponse::default().with_topics(vec![result]))
}

fn payments() -> Vec<NewTopic> {
    vec![NewTopic {
        name: "payments".to_owned(),
        partitions: Some(6),
        replication_factor: Some(3),
        config: [("min.insync.replicas".to_owned(), "2".to_owned())].into(),
    }]
}

#[tokio::test]
async fn not_controller_is_tried_again() {
    let script = Script::new()
        .on::<CreateTopicsRequest>(|_, nth| topic_result(if nth == 0 { ErrorCode::NOT_CONTROLLER.0 } else { 0 }));
    let broker = ScriptedBroker::plain(script).await;
    let outcomes = client_of(&broker).create_topics(payments(), false).await.unwrap();
    assert_eq!(outcomes, Outcomes::from([("payments".to_owned(), Ok(()))]));
    assert_eq!(broker.asked::<CreateTopicsRequest>().len(), 2);
}

#[tokio::test]
async fn a_creation_of_unknown_fate_is_not_repeated() {
    let hangs_up = Script::new().on::<CreateTopicsRequest>(|_, _| Step::Hangup);
    let times_out = Script::new().on::<CreateTopicsRequest>(|_, _| topic_result(ErrorCode::REQUEST_TIMED_OUT.0));
    for script in [hangs_up, times_out] {
        let broker = ScriptedBroker::plain(script).await;
        let error = client_of(&broker).create_topics(payments(), false).await.unwrap_err();
        assert!(!error.is_certainly_not_done(), "{error:?}");
        assert_eq!(broker.asked::<CreateTopicsRequest>().len(), 1);
    }
}

#[tokio::test]
async fn a_refused_item_is_an_outcome_with_its_reason() {
    let script = Script::new().on::<CreateTopicsRequest>(|request: CreateTopicsRequest, _| {
        assert!(request.validate_only);
        let topic = &request.topics[0];
        assert_eq!(
            (topic.num_partitions, topic.replication_factor, topic.configs.len()),
            (6, 3, 1)
        );
        let result = CreatableTopicResult::default()
            .with_name(topic.name.clone())
            .with_error_code(ErrorCode::INVALID_REPLICATION_FACTOR.0)
            .with_error_message(Some(StrBytes::from_static_str("only 1 broker")));
        Step::Reply(CreateTopicsResponse::default().with_topics(vec![result]))
    });
    let broker = ScriptedBroker::plain(script).await;
    let outcomes = client_of(&broker).create_topics(payments(), true).await.unwrap();
    let error = outcomes["payments"].as_ref().unwrap_err();
    assert_eq!(error.code, ErrorCode::INVALID_REPLICATION_FACTOR);
    assert_eq!(error.to_string(), "InvalidReplicationFactor (38): only 1 broker");
}

#[tokio::test]
async fn a_frame_beyond_the_limit_is_refused_before_it_is_read() {
    for length in [64 * 1024 * 1024 + 1, i32::MAX, 3, -1] {
        let script = Script::new().on::<DescribeClusterRequest>(move |_, _| Step::FrameLength(length));
        let broker = ScriptedBroker::plain(script).await;
        let error = client_of(&broker).describe_cluster(false).await.unwrap_err();
        let expected = ProtocolFault::FrameLength {
            length: length.into(),
            limit: 64 * 1024 * 1024,
        };
        assert!(
            matches!(&error, KafkaError::Protocol { what, .. } if *what == expected),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_frame_at_the_limit_is_read_whole() {
    let script = Script::new().on::<DescribeClusterRequest>(|_, _| {
        Step::Reply(cluster().with_error_message(Some(StrBytes::from_string("x".repeat(300_000)))))
    });
    let broker = ScriptedBroker::plain(script).await;
    let view = client_of(&broker).describe_cluster(false).await.unwrap();
    assert_eq!(view.brokers.len(), 2);
}

#[tokio::test]
async fn garbage_is_a_protocol_error_and_not_a_crash() {
    let script = Script::new().on::<DescribeClusterRequest>(|_, _| Step::Garbage(vec![0, 1, 2]));
    let broker = ScriptedBroker::plain(script).await;
    let error = client_of(&broker).describe_cluster(false).await.unwrap_err();
    assert!(
        matches!(
            error,
            KafkaError::Protocol {
                what: ProtocolFault::Undecodable,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn answers_may_overtake_each_other_on_one_connection() {
    let slow = Duration::from_millis(250);
    let script = Script::new()
        .on::<DescribeClusterRequest>(move |_, _| Step::ReplyAfter(slow, cluster()))
        .on::<MetadataRequest>(|_, _| Step::Reply(MetadataResponse::default()));
    let broker = ScriptedBroker::plain(script).await;
    let client = client_of(&broker);
    let order = std::sync::Mutex::new(Vec::new());
    let first = async {
        client.describe_cluster(false).await.unwrap();
        order.lock().unwrap().push("cluster");
    };
    let second = async {
        client.partitions().await.unwrap();
        order.lock().unwrap().push("partitions");
    };
    tokio::join!(first, second);
    assert_eq!(*order.lock().unwrap(), ["partitions", "cluster"]);
    assert_eq!(broker.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_connection_rests() {
    let pause = 30_000;
    let script =
        Script::new().on::<DescribeClusterRequest>(move |_, _| Step::Reply(cluster().with_throttle_time_ms(pause)));
    let broker = ScriptedBroker::plain(script).await;
    let options = ClientOptions {
        call_timeout: Duration::from_secs(90),
        ..quick()
    };
    let client = KafkaClient::new(Transport::Plain, brokers(vec![broker.endpoint(None, HOST)]), options);
    client.describe_cluster(false).await.unwrap();
    let answered = tokio::time::Instant::now();
    client.describe_cluster(false).await.unwrap();
    assert!(
        answered.elapsed() >= Duration::from_secs(30),
        "rested {:?}",
        answered.elapsed()
    );
}

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

#[tokio::test]
async fn finalised_features_are_read_anew_each_time() {
    let broker = ScriptedBroker::plain(
        Script::new()
            .feature("metadata.version", 30)
            .feature("kraft.version", 1),
    )
    .await;
    let client = client_of(&broker);
    let features = client.describe_features(Target::Brokers).await.unwrap();
    assert_eq!(features.finalized["metadata.version"], 30);
    assert_eq!(
        (features.finalized["kraft.version"], features.finalized_epoch),
        (1, Some(7))
    );
    client.describe_features(Target::Brokers).await.unwrap();
    assert_eq!(broker.asked::<ApiVersionsRequest>(), [4, 4, 4]);
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

fn over_tls(identity: &ClientIdentity, endpoint: Endpoint) -> KafkaClient {
    let transport = Transport::Tls(identity.client_config().unwrap());
    KafkaClient::new(transport, brokers(vec![endpoint]), quick())
}

#[tokio::test]
async fn mutual_tls_reaches_a_node_by_address_under_its_host_name() {
    let ca = TestCa::new();
    let broker = ScriptedBroker::tls(answers_cluster(), ca.server(&[HOST])).await;
    over_tls(&ca.client(), broker.endpoint(Some(100), HOST))
        .describe_cluster(false)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused() {
    let (ours, theirs) = (TestCa::new(), TestCa::new());
    let broker = ScriptedBroker::tls(answers_cluster(), theirs.server(&[HOST])).await;
    let client = over_tls(&theirs.client_trusting(&ours), broker.endpoint(Some(100), HOST));
    let error = client.describe_cluster(false).await.unwrap_err();
    let KafkaError::Tls { source, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(
        source.to_string().contains("UnknownIssuer") || source.to_string().contains("BadSignature"),
        "{source}"
    );
    assert!(broker.asked::<DescribeClusterRequest>().is_empty());
}

#[tokio::test]
async fn a_server_with_another_name_is_refused() {
    let ca = TestCa::new();
    let broker = ScriptedBroker::tls(
        answers_cluster(),
        ca.server(&["orders-brokers-101-0.orders-nodes.kafka.svc"]),
    )
    .await;
    let error = over_tls(&ca.client(), broker.endpoint(Some(100), HOST))
        .describe_cluster(false)
        .await
        .unwrap_err();
    let KafkaError::Tls {
        source, server_name, ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(server_name, HOST);
    assert!(source.to_string().contains("not valid for name"), "{source}");
}

#[tokio::test]
async fn a_client_of_another_authority_is_refused_by_the_server() {
    let (ours, theirs) = (TestCa::new(), TestCa::new());
    let broker = ScriptedBroker::tls(answers_cluster(), ours.server(&[HOST])).await;
    let client = over_tls(&theirs.client_trusting(&ours), broker.endpoint(Some(100), HOST));
    client.describe_cluster(false).await.unwrap_err();
    assert!(broker.asked::<DescribeClusterRequest>().is_empty());
}

#[test]
fn debug_of_an_identity_hides_the_key() {
    let identity = TestCa::new().client();
    let shown = format!("{identity:?}");
    assert!(shown.contains("Secret(…)"), "{shown}");
    assert!(!shown.contains(std::str::from_utf8(identity.key.expose()).unwrap()));
}

#[test]
fn an_identity_without_a_certificate_is_refused() {
    let identity = ClientIdentity {
        chain: Vec::new(),
        ..TestCa::new().client()
    };
    let error = identity.client_config().unwrap_err();
    assert!(
        matches!(
            error,
            TlsError::Empty {
                what: "client certificate"
            }
        ),
        "{error:?}"
    );
    let identity = ClientIdentity {
        ca: b"nonsense".to_vec(),
        ..TestCa::new().client()
    };
    let error = identity.client_config().unwrap_err();
    assert!(
        matches!(
            error,
            TlsError::Empty {
                what: "certificate authority"
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
