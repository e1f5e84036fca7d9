//! `DescribeClientQuotas` and `AlterClientQuotas` (KIP-546).

use std::collections::BTreeMap;

use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, DescribeClientQuotasRequest, DescribeClientQuotasResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{settled, text, verdict};
use crate::kafka::admin::Outcomes;
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::ProtocolFault;
use crate::kafka::quotas::{QuotaChange, QuotaEntity, QuotaFilter, QuotaMatch, QuotaName, QuotaValues};

/// Entity types (`ClientQuotaEntity`).
const USER: &str = "user";
const CLIENT_ID: &str = "client-id";
/// Match types of `DescribeClientQuotas`.
const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const ANY: i8 = 2;

pub(crate) struct DescribeQuotas {
    pub filter: QuotaFilter,
}

pub(crate) struct AlterQuotas {
    pub changes: Vec<QuotaChange>,
    pub validate_only: bool,
}

impl Api for DescribeQuotas {
    const NAME: &'static str = "DescribeClientQuotas";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = DescribeClientQuotasRequest;
    type Output = BTreeMap<QuotaEntity, QuotaValues>;

    fn request(&self, _version: i16) -> Result<DescribeClientQuotasRequest, ProtocolFault> {
        let dimensions = [(USER, &self.filter.user), (CLIENT_ID, &self.filter.client_id)];
        let components = dimensions
            .into_iter()
            .filter_map(|(kind, wanted)| wanted.as_ref().map(|wanted| component(kind, wanted)));
        Ok(DescribeClientQuotasRequest::default()
            .with_components(components.collect())
            .with_strict(self.filter.strict))
    }

    /// Quotas of other kinds of clients (by IP address) are left out: they have no [`QuotaEntity`].
    fn read(&self, response: DescribeClientQuotasResponse) -> Result<Self::Output, Refusal> {
        verdict(response.error_code, response.error_message.as_ref())?;
        let quotas = response.entries.iter().flatten().filter_map(|entry| {
            let dimensions = entry.entity.iter().map(|it| (&it.entity_type, it.entity_name.as_ref()));
            let values = entry.values.iter().map(|value| (value.key.to_string(), value.value));
            Some((entity(dimensions)?, values.collect()))
        });
        Ok(quotas.collect())
    }

    fn throttle_ms(response: &DescribeClientQuotasResponse) -> i32 {
        response.throttle_time_ms
    }
}

fn component(kind: &str, wanted: &QuotaMatch) -> ComponentData {
    let component = ComponentData::default().with_entity_type(text(kind));
    match wanted {
        QuotaMatch::Is(QuotaName::Named(name)) => component.with_match_type(EXACT).with_match(Some(text(name))),
        QuotaMatch::Is(QuotaName::Default) => component.with_match_type(DEFAULT).with_match(None),
        QuotaMatch::Any => component.with_match_type(ANY).with_match(None),
    }
}

fn entity<'a>(dimensions: impl Iterator<Item = (&'a StrBytes, Option<&'a StrBytes>)>) -> Option<QuotaEntity> {
    let mut entity = QuotaEntity::default();
    for (kind, name) in dimensions {
        let name = name.map_or(QuotaName::Default, |name| QuotaName::Named(name.to_string()));
        match kind.as_str() {
            USER => entity.user = Some(name),
            CLIENT_ID => entity.client_id = Some(name),
            _ => return None,
        }
    }
    Some(entity)
}

impl Api for AlterQuotas {
    const NAME: &'static str = "AlterClientQuotas";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = AlterClientQuotasRequest;
    type Output = Outcomes<QuotaEntity>;

    fn request(&self, _version: i16) -> Result<AlterClientQuotasRequest, ProtocolFault> {
        let entries = self.changes.iter().map(|change| {
            EntryData::default()
                .with_entity(dimensions(&change.entity))
                .with_ops(change.ops.iter().map(|(key, value)| op(key, *value)).collect())
        });
        Ok(AlterClientQuotasRequest::default()
            .with_entries(entries.collect())
            .with_validate_only(self.validate_only))
    }

    fn read(&self, response: AlterClientQuotasResponse) -> Result<Outcomes<QuotaEntity>, Refusal> {
        let outcomes = response.entries.iter().map(|entry| {
            let dimensions = entry.entity.iter().map(|it| (&it.entity_type, it.entity_name.as_ref()));
            let entity = entity(dimensions).ok_or_else(|| ProtocolFault::Identifier("quota entity".to_owned()))?;
            Ok((entity, verdict(entry.error_code, entry.error_message.as_ref())))
        });
        let outcomes: Outcomes<QuotaEntity> = outcomes.collect::<Result<_, ProtocolFault>>()?;
        match self
            .changes
            .iter()
            .find(|change| !outcomes.contains_key(&change.entity))
        {
            Some(change) => Err(ProtocolFault::Missing(format!("{:?}", change.entity)).into()),
            None => settled(outcomes),
        }
    }

    fn throttle_ms(response: &AlterClientQuotasResponse) -> i32 {
        response.throttle_time_ms
    }
}

fn dimensions(entity: &QuotaEntity) -> Vec<EntityData> {
    let named = [(USER, &entity.user), (CLIENT_ID, &entity.client_id)];
    let data = named.into_iter().filter_map(|(kind, name)| {
        let name = match name.as_ref()? {
            QuotaName::Default => None,
            QuotaName::Named(name) => Some(text(name)),
        };
        Some(
            EntityData::default()
                .with_entity_type(text(kind))
                .with_entity_name(name),
        )
    });
    data.collect()
}

fn op(key: &str, value: Option<f64>) -> OpData {
    let op = OpData::default().with_key(text(key)).with_remove(value.is_none());
    op.with_value(value.unwrap_or_default())
}
