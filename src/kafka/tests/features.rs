//! Changes of finalised features: dry runs stay dry, refusals name their feature, nothing is ordered twice.

use kafka_protocol::messages::update_features_response::UpdatableFeatureResult;
use kafka_protocol::messages::{UpdateFeaturesRequest, UpdateFeaturesResponse};

use super::super::scripted::{Script, ScriptedBroker, Step};
use super::*;

fn to(feature: &str, level: i16, upgrade: FeatureUpgrade) -> FeatureChange {
    FeatureChange {
        feature: feature.to_owned(),
        level,
        upgrade,
    }
}

fn metadata() -> Vec<FeatureChange> {
    vec![to("metadata.version", 30, FeatureUpgrade::Upgrade)]
}

#[tokio::test]
async fn level_direction_and_dry_run_are_on_the_wire() {
    let script = Script::new().on::<UpdateFeaturesRequest>(|request, _| {
        assert!(request.validate_only);
        let asked: Vec<_> = request
            .feature_updates
            .iter()
            .map(|it| (it.feature.to_string(), it.max_version_level, it.upgrade_type))
            .collect();
        let expected = [("a", 30, 1), ("b", 1, 2), ("c", 0, 3)];
        assert_eq!(
            asked,
            expected.map(|(name, level, kind)| (name.to_owned(), level, kind))
        );
        Step::Reply(UpdateFeaturesResponse::default())
    });
    let broker = ScriptedBroker::plain(script).await;
    let changes = vec![
        to("a", 30, FeatureUpgrade::Upgrade),
        to("b", 1, FeatureUpgrade::SafeDowngrade),
        to("c", 0, FeatureUpgrade::UnsafeDowngrade),
    ];
    let outcomes = client_of(&broker).update_features(changes, true).await.unwrap();
    assert_eq!((outcomes.len(), outcomes["a"].is_ok()), (3, true));
    assert_eq!(broker.asked::<UpdateFeaturesRequest>(), [2]);
}

#[tokio::test]
async fn a_refused_level_is_an_outcome_in_every_version() {
    for version in [1, 2] {
        let script = Script::new()
            .on::<UpdateFeaturesRequest>(move |_, _| {
                let code = ErrorCode::INVALID_UPDATE_VERSION.0;
                let why = Some(StrBytes::from_static_str("broker 100 only supports versions 7-29"));
                let result = UpdatableFeatureResult::default()
                    .with_feature(StrBytes::from_static_str("metadata.version"))
                    .with_error_code(code)
                    .with_error_message(why.clone());
                Step::Reply(match version {
                    1 => UpdateFeaturesResponse::default().with_results(vec![result]),
                    _ => UpdateFeaturesResponse::default()
                        .with_error_code(code)
                        .with_error_message(why),
                })
            })
            .offering::<UpdateFeaturesRequest>(0, version);
        let broker = ScriptedBroker::plain(script).await;
        let outcomes = client_of(&broker).update_features(metadata(), false).await.unwrap();
        let error = outcomes["metadata.version"].as_ref().unwrap_err();
        assert_eq!(error.code, ErrorCode::INVALID_UPDATE_VERSION);
        assert!(error.to_string().contains("broker 100"), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_of_the_whole_call_is_an_error() {
    let script = Script::new().on::<UpdateFeaturesRequest>(|_, _| {
        Step::Reply(UpdateFeaturesResponse::default().with_error_code(ErrorCode::CLUSTER_AUTHORIZATION_FAILED.0))
    });
    let broker = ScriptedBroker::plain(script).await;
    let error = client_of(&broker).update_features(metadata(), false).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::CLUSTER_AUTHORIZATION_FAILED));
}

#[tokio::test]
async fn an_old_broker_changes_but_never_instead_of_a_dry_run() {
    let script = Script::new()
        .on::<UpdateFeaturesRequest>(|request, _| {
            assert!(request.feature_updates[0].allow_downgrade);
            Step::Reply(UpdateFeaturesResponse::default())
        })
        .offering::<UpdateFeaturesRequest>(0, 0);
    let broker = ScriptedBroker::plain(script).await;
    let client = client_of(&broker);
    let lower = vec![to("metadata.version", 29, FeatureUpgrade::SafeDowngrade)];
    let error = client.update_features(lower.clone(), true).await.unwrap_err();
    let unencodable = ProtocolFault::Unencodable { version: 0 };
    assert!(
        matches!(&error, KafkaError::Protocol { what, .. } if *what == unencodable),
        "{error:?}"
    );
    assert!(broker.asked::<UpdateFeaturesRequest>().is_empty());
    assert!(client.update_features(lower, false).await.unwrap()["metadata.version"].is_ok());
}

#[tokio::test]
async fn a_feature_without_a_result_beside_others_is_no_success() {
    let script = Script::new()
        .on::<UpdateFeaturesRequest>(|_, _| {
            let result = UpdatableFeatureResult::default().with_feature(StrBytes::from_static_str("kraft.version"));
            Step::Reply(UpdateFeaturesResponse::default().with_results(vec![result]))
        })
        .offering::<UpdateFeaturesRequest>(0, 1);
    let broker = ScriptedBroker::plain(script).await;
    let error = client_of(&broker).update_features(metadata(), false).await.unwrap_err();
    assert!(matches!(error, KafkaError::Protocol { .. }), "{error:?}");
}

#[tokio::test]
async fn a_change_of_unknown_fate_is_not_ordered_again() {
    let times_out = |_: UpdateFeaturesRequest, _| {
        Step::Reply(UpdateFeaturesResponse::default().with_error_code(ErrorCode::REQUEST_TIMED_OUT.0))
    };
    let scripts = [
        Script::new().on::<UpdateFeaturesRequest>(|_, _| Step::Hangup),
        Script::new().on::<UpdateFeaturesRequest>(|_, _| Step::Silence),
        Script::new().on::<UpdateFeaturesRequest>(times_out),
    ];
    for script in scripts {
        let broker = ScriptedBroker::plain(script).await;
        let error = client_of(&broker).update_features(metadata(), false).await.unwrap_err();
        assert!(!error.is_certainly_not_done(), "{error:?}");
        assert_eq!(broker.asked::<UpdateFeaturesRequest>().len(), 1);
    }
}
