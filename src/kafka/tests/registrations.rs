//! Registrations of controllers.

use bytes::BytesMut;
use kafka_protocol::messages::{
    ControllerRegistrationRequest, ControllerRegistrationResponse, UnregisterBrokerResponse,
};
use kafka_protocol::protocol::Encodable;

use super::super::scripted::{Script, ScriptedBroker, Step};
use super::super::wire::registrations::UnregisterControllerRequest;
use super::*;

/// The bytes are those of the schema in Kafka 4.4: key 94, version 0, an id and no tagged fields.
#[tokio::test]
async fn a_controller_is_unregistered_by_its_id() {
    let script = Script::new().on::<UnregisterControllerRequest>(|request: UnregisterControllerRequest, _| {
        let mut bytes = BytesMut::new();
        request.encode(&mut bytes, 0).unwrap();
        let right = bytes[..] == [0, 0, 0, 4, 0];
        Step::Reply(UnregisterBrokerResponse::default().with_error_code(if right { 136 } else { 42 }))
    });
    let broker = ScriptedBroker::plain(script).await;
    let error = client_of(&broker).unregister_controller(4).await.unwrap_err();
    let KafkaError::Broker { error, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.code, ErrorCode::CONTROLLER_ID_NOT_REGISTERED);
}

#[tokio::test]
async fn a_controller_is_registered_with_its_listener_and_levels() {
    let script = Script::new().on::<ControllerRegistrationRequest>(|request: ControllerRegistrationRequest, _| {
        let listener = &request.listeners[0];
        let feature = &request.features[0];
        let said = format!(
            "{} {}://{}:{} {} {} {}-{}",
            request.controller_id,
            &*listener.name,
            &*listener.host,
            listener.port,
            listener.security_protocol,
            &*feature.name,
            feature.min_supported_version,
            feature.max_supported_version
        );
        let right = said == "4 CONTROLLER://c4:9090 1 metadata.version 7-30";
        Step::Reply(ControllerRegistrationResponse::default().with_error_code(if right { 0 } else { 42 }))
    });
    let controller = ScriptedBroker::plain(script).await;
    let client = plain(Endpoints {
        brokers: Vec::new(),
        controllers: vec![controller.endpoint(Some(0), HOST)],
    });
    let registration = ControllerRegistration {
        id: 4,
        listeners: vec![VoterEndpoint {
            name: "CONTROLLER".to_owned(),
            host: "c4".to_owned(),
            port: 9090,
        }],
        features: [("metadata.version".to_owned(), FeatureLevels { min: 7, max: 30 })].into(),
    };
    client.register_controller(registration).await.unwrap();
}
