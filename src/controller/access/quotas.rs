//! Quotas of users and of those that have none: what differs, many in one request.

use super::look::{Look, failed};
use crate::controller::error::PassError;
use crate::kafka::admin::KafkaAdmin;
use crate::kafka::{QuotaChange, QuotaEntity, QuotaName};
use std::collections::BTreeMap;

/// Entities in one request.
pub const BATCH: usize = 500;

/// Carries changes out and notes them in `look`; returns what Kafka refused, by user.
pub async fn carry_out(
    admin: &dyn KafkaAdmin,
    changes: Vec<QuotaChange>,
    look: &mut Look,
) -> Result<BTreeMap<String, String>, PassError> {
    let mut refused = BTreeMap::new();
    for batch in changes.chunks(BATCH) {
        let outcomes = admin.alter_client_quotas(batch.to_vec(), false);
        let outcomes = outcomes.await.map_err(|source| failed("change quotas", source))?;
        for change in batch {
            match outcomes.get(&change.entity) {
                Some(Err(error)) => {
                    refused.insert(name(&change.entity), error.to_string());
                }
                _ => note(look, change),
            }
        }
    }
    Ok(refused)
}

/// Whom a refusal is of; empty: the default.
fn name(entity: &QuotaEntity) -> String {
    match &entity.user {
        Some(QuotaName::Named(name)) => name.clone(),
        _ => String::new(),
    }
}

fn note(look: &mut Look, change: &QuotaChange) {
    let values = look.quotas.entry(change.entity.clone()).or_default();
    for (key, value) in &change.ops {
        match value {
            Some(value) => values.insert(key.clone(), *value),
            None => values.remove(key),
        };
    }
    if values.is_empty() {
        look.quotas.remove(&change.entity);
    }
}
