//! A user's quotas in Kafka's terms, and what has to change for them. Other quotas of the same user (by client id) and keys that
//! no field stands for are left alone.

use crate::api::Quotas;
use crate::kafka::{QuotaChange, QuotaEntity, QuotaName, QuotaValues};

/// Quotas of one user, whatever its client ids.
pub fn entity(user: &str) -> QuotaEntity {
    QuotaEntity {
        user: Some(QuotaName::Named(user.to_owned())),
        client_id: None,
    }
}

/// Quotas of all users that have none of their own.
pub const fn default_entity() -> QuotaEntity {
    QuotaEntity {
        user: Some(QuotaName::Default),
        client_id: None,
    }
}

/// Each key of Kafka's with its value, if one is asked for.
fn table(quotas: &Quotas) -> [(&'static str, Option<f64>); 4] {
    // Kafka holds these as floating point numbers; up to 2^53 all are exact, and no network is that fast.
    #[expect(clippy::cast_precision_loss, reason = "a rate of 2^53 bytes per second")]
    let rate = |value: Option<i64>| value.map(|value| value as f64);
    [
        ("producer_byte_rate", rate(quotas.producer_byte_rate)),
        ("consumer_byte_rate", rate(quotas.consumer_byte_rate)),
        ("request_percentage", quotas.request_percentage.map(f64::from)),
        (
            "controller_mutation_rate",
            quotas.controller_mutation_rate.map(f64::from),
        ),
    ]
}

/// What to change so that `entity` has these quotas; `None`: nothing.
pub fn change(entity: QuotaEntity, wanted: Option<&Quotas>, actual: Option<&QuotaValues>) -> Option<QuotaChange> {
    let table = table(&wanted.cloned().unwrap_or_default()).into_iter();
    let differs = |(key, wanted): &(&str, Option<f64>)| {
        let is = actual.and_then(|actual| actual.get(*key)).copied();
        match (wanted, is) {
            (Some(wanted), Some(is)) => (wanted - is).abs() > f64::EPSILON * wanted.abs(),
            (None, None) => false,
            _ => true,
        }
    };
    let ops: std::collections::BTreeMap<String, Option<f64>> = table
        .filter(differs)
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    (!ops.is_empty()).then_some(QuotaChange { entity, ops })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(all: &[(&str, f64)]) -> QuotaValues {
        all.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect()
    }

    #[test]
    fn only_what_differs_is_changed_and_what_is_not_asked_for_goes() {
        let wanted = Quotas {
            producer_byte_rate: Some(1_048_576),
            request_percentage: Some(50),
            ..Quotas::default()
        };
        let ops = |wanted: Option<&Quotas>, actual: Option<&QuotaValues>| {
            let change = change(entity("app"), wanted, actual)?;
            assert_eq!(change.entity, entity("app"));
            Some(change.ops.into_iter().collect::<Vec<_>>())
        };
        let set = |key: &str, value| (key.to_owned(), value);
        assert_eq!(
            ops(Some(&wanted), None).unwrap(),
            [
                set("producer_byte_rate", Some(1_048_576.0)),
                set("request_percentage", Some(50.0))
            ]
        );
        let actual = values(&[
            ("producer_byte_rate", 1_048_576.0),
            ("consumer_byte_rate", 1.0),
            ("other", 7.0),
        ]);
        assert_eq!(
            ops(Some(&wanted), Some(&actual)).unwrap(),
            [set("consumer_byte_rate", None), set("request_percentage", Some(50.0))]
        );
        let actual = values(&[("producer_byte_rate", 1_048_576.0), ("request_percentage", 50.0)]);
        assert_eq!(ops(Some(&wanted), Some(&actual)), None);
        assert_eq!(ops(None, None), None);
        assert_eq!(ops(None, Some(&values(&[("other", 7.0)]))), None);
    }
}
