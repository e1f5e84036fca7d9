//! Slow, silent, rude and wrong nodes: what is tried again, what is not, and how it is told.

use std::time::Duration;

use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::{
    AddRaftVoterRequest, CreatePartitionsRequest, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest,
    DescribeClusterRequest, MetadataRequest, MetadataResponse, RemoveRaftVoterRequest, TopicName,
    UnregisterBrokerRequest,
};
use kafka_protocol::protocol::StrBytes;

use super::super::scripted::{Script, ScriptedBroker, Step};
use super::super::wire::registrations::UnregisterControllerRequest;
use super::*;

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
    assert_eq!(
        error.explain(),
        "DescribeCluster got no answer within 600ms: DescribeCluster got no answer within 400ms"
    );
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

#[tokio::test]
async fn callers_of_a_dead_node_share_one_dial() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let accepted = std::sync::Mutex::new(Vec::new());
    let accepting = async {
        while let Ok((socket, _)) = listener.accept().await {
            accepted.lock().unwrap().push(socket);
        }
    };
    let options = ClientOptions {
        dial_timeout: Duration::from_millis(300),
        retries: 0,
        ..quick()
    };
    let endpoint = Endpoint {
        node_id: None,
        address,
        server_name: HOST.to_owned(),
    };
    let client = KafkaClient::new(Transport::Plain, brokers(vec![endpoint]), options);
    let calls = futures::future::join_all((0..4).map(|_| client.describe_cluster(false)));
    let results = tokio::select! {
        results = calls => results,
        () = accepting => panic!("the listener ended"),
    };
    let timeouts = results
        .iter()
        .filter(|it| matches!(it, Err(KafkaError::Timeout { api: "ApiVersions", .. })));
    assert_eq!((timeouts.count(), accepted.lock().unwrap().len()), (4, 1));
}

#[test]
fn a_certificate_fault_is_not_waited_out() {
    let source = std::sync::Arc::new(std::io::Error::new(std::io::ErrorKind::InvalidData, "UnknownIssuer"));
    let (address, server_name) = ("10.0.0.1:9091".to_owned(), HOST.to_owned());
    assert!(
        !KafkaError::Tls {
            address,
            server_name,
            source
        }
        .is_retriable()
    );
}

/// What must not be carried out twice by itself: the caller looks first at what became of it.
#[tokio::test]
async fn no_order_of_unknown_fate_is_given_again() {
    async fn asked_once<R: kafka_protocol::protocol::Request + Send + 'static, T>(
        order: impl AsyncFnOnce(KafkaClient) -> Result<T, KafkaError>,
    ) {
        let broker = ScriptedBroker::plain(Script::new().on::<R>(|_, _| Step::Hangup)).await;
        let error = order(client_of(&broker)).await.err().unwrap();
        assert!(!error.is_certainly_not_done(), "{error:?}");
        assert_eq!(broker.asked::<R>().len(), 1, "{error:?}");
    }
    let voter = || VoterKey {
        id: 3,
        directory_id: "TEgxAmaTT0OrL3bKwUBMwg".to_owned(),
    };
    let cluster = || "TEgxAmaTT0OrL3bKwUBMwg".to_owned();
    asked_once::<CreatePartitionsRequest, _>(async |client| {
        let more = NewPartitions {
            topic: "payments".to_owned(),
            count: 9,
        };
        client.create_partitions(vec![more], false).await
    })
    .await;
    asked_once::<DeleteTopicsRequest, _>(async |client| client.delete_topics(vec!["payments".to_owned()]).await).await;
    asked_once::<AddRaftVoterRequest, _>(async |client| {
        client
            .add_raft_voter(Target::Brokers, cluster(), voter(), Vec::new())
            .await
    })
    .await;
    asked_once::<RemoveRaftVoterRequest, _>(async |client| {
        client.remove_raft_voter(Target::Brokers, cluster(), voter()).await
    })
    .await;
    asked_once::<UnregisterControllerRequest, _>(async |client| client.unregister_controller(4).await).await;
    asked_once::<UnregisterBrokerRequest, _>(async |client| client.unregister_broker(101).await).await;
}
