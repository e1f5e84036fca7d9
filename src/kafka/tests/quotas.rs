//! Quotas: entities with their defaults, values set and removed.

use kafka_protocol::messages::alter_client_quotas_response::{EntityData as AnsweredEntity, EntryData as Answered};
use kafka_protocol::messages::describe_client_quotas_response::{EntityData, EntryData, ValueData};
use kafka_protocol::messages::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, DescribeClientQuotasRequest, DescribeClientQuotasResponse,
};

use super::super::scripted::{Script, ScriptedBroker, Step};
use super::*;

fn user(name: QuotaName) -> QuotaEntity {
    QuotaEntity {
        user: Some(name),
        client_id: None,
    }
}

fn billing() -> QuotaName {
    QuotaName::Named("billing".to_owned())
}

#[tokio::test]
async fn quotas_are_asked_by_entity_and_read_by_entity() {
    let script = Script::new().on::<DescribeClientQuotasRequest>(|request, _| {
        assert!(request.strict);
        let asked: Vec<_> = request
            .components
            .iter()
            .map(|it| {
                let wanted = it._match.as_ref().map(ToString::to_string);
                (it.entity_type.to_string(), it.match_type, wanted)
            })
            .collect();
        let expected = [
            ("user".to_owned(), 0, Some("billing".to_owned())),
            ("client-id".to_owned(), 1, None),
        ];
        assert_eq!(asked, expected);
        let dimension = |kind: &'static str, name: Option<&'static str>| {
            EntityData::default()
                .with_entity_type(StrBytes::from_static_str(kind))
                .with_entity_name(name.map(StrBytes::from_static_str))
        };
        let value = ValueData::default()
            .with_key(StrBytes::from_static_str("producer_byte_rate"))
            .with_value(1024.5);
        let entry = |entity| {
            EntryData::default()
                .with_entity(entity)
                .with_values(vec![value.clone()])
        };
        Step::Reply(DescribeClientQuotasResponse::default().with_entries(Some(vec![
            entry(vec![dimension("user", Some("billing")), dimension("client-id", None)]),
            entry(vec![dimension("ip", Some("10.0.0.1"))]),
        ])))
    });
    let broker = ScriptedBroker::plain(script).await;
    let filter = QuotaFilter {
        user: Some(QuotaMatch::Is(billing())),
        client_id: Some(QuotaMatch::Is(QuotaName::Default)),
        strict: true,
    };
    let quotas = client_of(&broker).describe_client_quotas(filter).await.unwrap();
    let entity = QuotaEntity {
        user: Some(billing()),
        client_id: Some(QuotaName::Default),
    };
    assert_eq!(
        quotas,
        [(entity, [("producer_byte_rate".to_owned(), 1024.5)].into())].into()
    );
}

fn answered(request: &AlterClientQuotasRequest) -> AlterClientQuotasResponse {
    let entries = request.entries.iter().map(|entry| {
        let entity = entry.entity.iter().map(|it| {
            AnsweredEntity::default()
                .with_entity_type(it.entity_type.clone())
                .with_entity_name(it.entity_name.clone())
        });
        let refused = entry.entity[0].entity_name.is_none();
        Answered::default()
            .with_entity(entity.collect())
            .with_error_code(if refused { ErrorCode::INVALID_REQUEST.0 } else { 0 })
    });
    AlterClientQuotasResponse::default().with_entries(entries.collect())
}

#[tokio::test]
async fn quotas_are_set_and_removed_and_each_entity_has_its_verdict() {
    let script = Script::new().on::<AlterClientQuotasRequest>(|request, nth| {
        assert!(request.validate_only);
        let ops: Vec<_> = request.entries[0]
            .ops
            .iter()
            .map(|op| (op.key.to_string(), op.value, op.remove))
            .collect();
        let expected = [
            ("consumer_byte_rate".to_owned(), 0.0, true),
            ("producer_byte_rate".to_owned(), 5.0, false),
        ];
        assert_eq!(ops, expected);
        if nth == 0 {
            return Step::Hangup;
        }
        Step::Reply(answered(&request))
    });
    let broker = ScriptedBroker::plain(script).await;
    let change = |entity| QuotaChange {
        entity,
        ops: [
            ("producer_byte_rate".to_owned(), Some(5.0)),
            ("consumer_byte_rate".to_owned(), None),
        ]
        .into(),
    };
    let changes = vec![change(user(billing())), change(user(QuotaName::Default))];
    let outcomes = client_of(&broker).alter_client_quotas(changes, true).await.unwrap();
    assert!(outcomes[&user(billing())].is_ok());
    let refused = outcomes[&user(QuotaName::Default)].as_ref().unwrap_err();
    assert_eq!(refused.code, ErrorCode::INVALID_REQUEST);
    assert_eq!(
        broker.asked::<AlterClientQuotasRequest>().len(),
        2,
        "absolute values may be set twice"
    );
}

#[tokio::test]
async fn an_entity_without_a_verdict_is_no_success() {
    let script = Script::new().on::<AlterClientQuotasRequest>(|_, _| Step::Reply(AlterClientQuotasResponse::default()));
    let broker = ScriptedBroker::plain(script).await;
    let change = QuotaChange {
        entity: user(billing()),
        ops: [("producer_byte_rate".to_owned(), Some(5.0))].into(),
    };
    let error = client_of(&broker)
        .alter_client_quotas(vec![change], false)
        .await
        .unwrap_err();
    assert!(matches!(error, KafkaError::Protocol { .. }), "{error:?}");
}
