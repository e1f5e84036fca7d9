//! Which versions are spoken.

use kafka_protocol::messages::{ApiVersionsRequest, DescribeClusterRequest};

use super::super::scripted::{Script, ScriptedBroker};
use super::*;

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
