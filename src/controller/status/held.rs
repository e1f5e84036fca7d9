//! What a resource says that was deleted and is held: since when, why, and what lets it go.

use super::conditions::{bounded, condition, merge};
use crate::api::{ConditionStatus, ProductionKafkaStatus};
use jiff::Timestamp;

const KIND: &str = "DeletionHeld";

/// `status`, saying that the resource has been held since then; `None`: it isn't, and nothing is said.
pub fn held(
    mut status: ProductionKafkaStatus,
    since: Option<Timestamp>,
    old: Option<&ProductionKafkaStatus>,
    now: Timestamp,
) -> ProductionKafkaStatus {
    status.conditions.retain(|condition| condition.kind != KIND);
    let Some(since) = since else { return status };
    let message = format!(
        "deleted at {since} and held, because spec.maintenance.deletionProtection is on: Kafka runs on, and everything is done for \
         it as before. Kubernetes can't take a deletion back: with deletionProtection set to false the resource goes and Kafka \
         stops, volumes, authorities and identity stay; the resource applied again then takes them up"
    );
    let generation = status.observed_generation;
    let one = condition(KIND, ConditionStatus::True, "DeletionProtection", &message, generation);
    let before = old.map(|old| old.conditions.as_slice());
    status.conditions.extend(merge(before, vec![one], now));
    let first = "wait: the resource was deleted and is held (condition DeletionHeld)";
    let next = status.next_action.filter(|next| next != super::NOTHING_TO_DO);
    status.next_action = Some(next.map_or_else(|| first.to_owned(), |next| bounded(&format!("{first}; {next}"))));
    status
}
