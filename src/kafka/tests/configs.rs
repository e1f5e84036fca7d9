//! What a configuration query asks for, and where each value comes from; controllers' own endpoints.

use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{
    DescribeClusterRequest, DescribeConfigsRequest, DescribeConfigsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};

use super::super::scripted::{Script, ScriptedBroker, Step};
use super::*;

fn words(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

#[tokio::test]
async fn static_and_dynamic_values_can_be_told_apart() {
    let script = Script::new().on::<DescribeConfigsRequest>(|request, _| {
        assert!(request.include_synonyms);
        let resource = &request.resources[0];
        assert_eq!(
            resource.configuration_keys,
            Some(vec![words("num.io.threads"), words("node.id")])
        );
        let synonym = |source, value| {
            DescribeConfigsSynonym::default()
                .with_name(words("num.io.threads"))
                .with_value(Some(words(value)))
                .with_source(source)
        };
        let threads = DescribeConfigsResourceResult::default()
            .with_name(words("num.io.threads"))
            .with_value(Some(words("16")))
            .with_config_source(2)
            .with_synonyms(vec![synonym(2, "16"), synonym(4, "8"), synonym(5, "8")]);
        let node = DescribeConfigsResourceResult::default()
            .with_name(words("node.id"))
            .with_value(Some(words("101")))
            .with_config_source(4)
            .with_read_only(true);
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone())
            .with_configs(vec![threads, node]);
        Step::Reply(DescribeConfigsResponse::default().with_results(vec![result]))
    });
    let broker = ScriptedBroker::plain(script).await;
    let other = ScriptedBroker::plain(Script::new()).await;
    let client = plain(brokers(vec![
        other.endpoint(Some(100), HOST),
        broker.endpoint(Some(101), HOST),
    ]));
    let query = ConfigQuery {
        keys: Some(vec!["num.io.threads".to_owned(), "node.id".to_owned()]),
        synonyms: true,
    };
    let resource = ConfigResource::Broker(101);
    let told = client.query_configs(vec![resource.clone()], query).await.unwrap();
    let entries = told[&resource].as_ref().unwrap();
    let sources: Vec<_> = entries[0]
        .synonyms
        .iter()
        .map(|it| (it.source, it.value.as_deref()))
        .collect();
    let expected = [
        (ConfigSource::DynamicBroker, Some("16")),
        (ConfigSource::StaticBroker, Some("8")),
        (ConfigSource::Default, Some("8")),
    ];
    assert_eq!(sources, expected);
    assert_eq!((entries[0].read_only, entries[1].read_only), (false, true));
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn min_isr_of_many_topics_is_one_question_about_one_key() {
    let script = Script::new().on::<DescribeConfigsRequest>(|request, _| {
        let results = request.resources.iter().map(|resource| {
            assert_eq!(resource.configuration_keys, Some(vec![words("min.insync.replicas")]));
            let value = match resource.resource_name.as_str() {
                "t7" => None,
                "t8" => Some(words("many")),
                _ => Some(words("2")),
            };
            let entry = DescribeConfigsResourceResult::default()
                .with_name(words("min.insync.replicas"))
                .with_value(value);
            let gone = resource.resource_name.as_str() == "t9";
            DescribeConfigsResult::default()
                .with_resource_type(2)
                .with_resource_name(resource.resource_name.clone())
                .with_error_code(if gone {
                    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0
                } else {
                    0
                })
                .with_configs(vec![entry])
        });
        Step::Reply(DescribeConfigsResponse::default().with_results(results.collect()))
    });
    let broker = ScriptedBroker::plain(script).await;
    let topics = (0..1000).map(|number| format!("t{number}")).collect();
    let told = client_of(&broker).min_in_sync_replicas(topics).await.unwrap();
    assert_eq!(broker.asked::<DescribeConfigsRequest>().len(), 1);
    let code = |topic: &str| told[topic].as_ref().map_err(|error| error.code).copied();
    assert_eq!((told.len(), code("t0")), (1000, Ok(2)));
    assert_eq!(code("t7"), Err(ErrorCode::INVALID_CONFIG));
    assert_eq!(code("t8"), Err(ErrorCode::INVALID_CONFIG));
    assert_eq!(code("t9"), Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
}

#[tokio::test]
async fn controllers_are_asked_on_their_own_listeners() {
    let script = Script::new().on::<DescribeClusterRequest>(|request, _| {
        assert_eq!((request.endpoint_type, request.include_fenced_brokers), (2, false));
        Step::Reply(cluster())
    });
    let controller = ScriptedBroker::plain(script).await;
    let broker = ScriptedBroker::plain(Script::new()).await;
    let client = plain(Endpoints {
        brokers: vec![broker.endpoint(Some(100), HOST)],
        controllers: vec![controller.endpoint(Some(0), HOST)],
    });
    let view = client.describe_controllers(Target::Controllers).await.unwrap();
    assert_eq!(view.brokers.len(), 2);
    assert_eq!(broker.connections(), 0);
}

#[tokio::test]
async fn a_controller_that_knows_no_endpoint_types_is_not_asked_for_brokers_instead() {
    let script = answers_cluster().offering::<DescribeClusterRequest>(0, 0);
    let controller = ScriptedBroker::plain(script).await;
    let client = plain(Endpoints {
        brokers: Vec::new(),
        controllers: vec![controller.endpoint(Some(0), HOST)],
    });
    let error = client.describe_controllers(Target::Controllers).await.unwrap_err();
    let unencodable = ProtocolFault::Unencodable { version: 0 };
    assert!(
        matches!(&error, KafkaError::Protocol { what, .. } if *what == unencodable),
        "{error:?}"
    );
}

/// Only controllers take a change for a broker that is stopped.
#[tokio::test]
async fn a_stopped_brokers_configuration_is_changed_by_controllers() {
    let script = Script::new().on::<IncrementalAlterConfigsRequest>(|request, _| {
        let resource = &request.resources[0];
        let result = AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        Step::Reply(IncrementalAlterConfigsResponse::default().with_responses(vec![result]))
    });
    let broker = ScriptedBroker::plain(Script::new()).await;
    let controller = ScriptedBroker::plain(script).await;
    let client = plain(Endpoints {
        brokers: vec![broker.endpoint(Some(100), HOST)],
        controllers: vec![controller.endpoint(Some(0), HOST)],
    });
    let change = ConfigChange {
        resource: ConfigResource::Broker(101),
        ops: vec![ConfigOp::Delete {
            name: "cordoned.log.dirs".to_owned(),
        }],
    };
    let outcomes = client.incremental_alter_configs(vec![change], false).await.unwrap();
    assert_eq!(outcomes, Outcomes::from([(ConfigResource::Broker(101), Ok(()))]));
    assert_eq!(controller.asked::<IncrementalAlterConfigsRequest>().len(), 1);
    assert_eq!(broker.connections(), 0);
}
