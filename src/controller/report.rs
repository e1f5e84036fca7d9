//! Writes a status, only when it differs from the last one; says transitions as events and as metrics. What announces an
//! act is written against the version of the resource that was read, so that two actors can't both go on.

use super::apply::bounded;
use super::context::{Context, STATUS_MANAGER};
use super::error::PassError;
use super::measured;
use super::memory::Memory;
use crate::api::{ConditionStatus, ProductionKafka, ProductionKafkaStatus, RolloutPhase};
use crate::runtime::metrics::Verb;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::events::{Event, EventType};
use kube::{Resource, ResourceExt};
use serde_json::json;

/// Brings `status` of the resource to `wanted`.
pub async fn write(
    context: &Context,
    resource: &ProductionKafka,
    memory: &mut Memory,
    wanted: ProductionKafkaStatus,
) -> Result<(), PassError> {
    let old = memory.status.clone().or_else(|| resource.status.clone());
    measured::tell(context, resource, &wanted, memory);
    if old.as_ref() == Some(&wanted) {
        memory.status = Some(wanted);
        return Ok(());
    }
    if !context.leads() {
        return Err(PassError::NotLeading);
    }
    put(context, resource, &wanted, None).await?;
    events(context, resource, old.as_ref(), &wanted).await;
    memory.status = Some(wanted);
    Ok(())
}

/// Writes what is about to be done, so that whoever goes on knows it. Reads the resource live before that, and writes
/// against the very version that was read; false: it isn't what was decided from any more, and nothing may be done.
pub async fn intend(
    context: &Context,
    resource: &ProductionKafka,
    memory: &mut Memory,
    wanted: ProductionKafkaStatus,
) -> Result<bool, PassError> {
    let (namespace, name) = (resource.namespace().unwrap_or_default(), resource.name_any());
    let api: Api<ProductionKafka> = Api::namespaced(context.client.clone(), &namespace);
    let live = bounded("get", "ProductionKafka", (&namespace, &name), api.get(&name)).await?;
    let old = memory.status.clone().or_else(|| resource.status.clone());
    let rollout = |status: Option<&ProductionKafkaStatus>| status.and_then(|status| status.rollout.clone());
    let same = live.uid() == resource.uid()
        && live.metadata.generation == resource.metadata.generation
        && live.metadata.deletion_timestamp == resource.metadata.deletion_timestamp
        && rollout(live.status.as_ref()) == rollout(old.as_ref());
    if !same {
        memory.status = live.status;
        return Ok(false);
    }
    if !context.leads() {
        return Err(PassError::NotLeading);
    }
    measured::tell(context, resource, &wanted, memory);
    if old.as_ref() != Some(&wanted) {
        match put(context, resource, &wanted, live.metadata.resource_version).await {
            Err(error) if error.category() == "conflict" => return Ok(false),
            result => result?,
        }
        events(context, resource, old.as_ref(), &wanted).await;
        memory.status = Some(wanted);
    }
    Ok(true)
}

/// Sends a status. `version`: only if the resource still has it.
async fn put(
    context: &Context,
    resource: &ProductionKafka,
    wanted: &ProductionKafkaStatus,
    version: Option<String>,
) -> Result<(), PassError> {
    let (namespace, name) = (resource.namespace().unwrap_or_default(), resource.name_any());
    let api: Api<ProductionKafka> = Api::namespaced(context.client.clone(), &namespace);
    let mut metadata = json!({"name": name, "uid": resource.uid()});
    if let (Some(version), Some(fields)) = (version, metadata.as_object_mut()) {
        fields.insert("resourceVersion".into(), json!(version));
    }
    let body = json!({
        "apiVersion": ProductionKafka::api_version(&()),
        "kind": ProductionKafka::kind(&()),
        "metadata": metadata,
        "status": wanted,
    });
    let parameters = PatchParams::apply(STATUS_MANAGER).force();
    let patch = Patch::Apply(&body);
    let call = api.patch_status(&name, &parameters, &patch);
    bounded("write status of", "ProductionKafka", (&namespace, &name), call).await?;
    context.metrics.kube_write("ProductionKafka", Verb::Status);
    Ok(())
}

/// Says one thing as an event of the resource; a lost one changes nothing.
pub async fn say(context: &Context, resource: &ProductionKafka, (type_, reason): (EventType, &str), note: &str) {
    let event = Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note.chars().take(900).collect()),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    if let Err(error) = context.recorder.publish(&event, &resource.object_ref(&())).await {
        tracing::debug!(%error, "can't publish an event");
    }
}

/// Conditions that are bad when they're true.
const WARNINGS: [&str; 2] = ["Stalled", "DeletionHeld"];

/// One event per condition that changed its status or reason, but for those that only repeat `Ready`.
async fn events(
    context: &Context,
    resource: &ProductionKafka,
    old: Option<&ProductionKafkaStatus>,
    new: &ProductionKafkaStatus,
) {
    let rolls = new
        .rollout
        .as_ref()
        .is_some_and(|rollout| rollout.phase == RolloutPhase::Rolling);
    for condition in new
        .conditions
        .iter()
        .filter(|condition| condition.kind != "Reconciling")
    {
        let before = old.and_then(|old| old.conditions.iter().find(|before| before.kind == condition.kind));
        if before.is_some_and(|before| before.status == condition.status && before.reason == condition.reason) {
            continue;
        }
        let warns = WARNINGS.contains(&condition.kind.as_str());
        let good = warns == (condition.status == ConditionStatus::False);
        // A restart that Kafka has approved takes replicas away for a while.
        let meant = rolls && condition.kind == "FullyReplicated";
        let worse = before.is_some() && !good && !meant && condition.status != ConditionStatus::Unknown;
        let warned = warns && !good;
        if before.is_none() && !warned && condition.kind != "Ready" {
            continue;
        }
        let type_ = if worse || warned {
            EventType::Warning
        } else {
            EventType::Normal
        };
        let note = format!("{}: {}", condition.kind, condition.message);
        say(context, resource, (type_, &condition.reason), &note).await;
    }
}
