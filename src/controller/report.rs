//! Writes a status, only when it differs from the last one; says transitions as events and as metrics.

use super::apply::bounded;
use super::context::{Context, STATUS_MANAGER};
use super::error::PassError;
use super::memory::Memory;
use super::status;
use crate::api::{ConditionStatus, ProductionKafka, ProductionKafkaStatus};
use crate::runtime::metrics::{ClusterLabels, ClusterReport, Verb};
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
    metrics(context, resource, &wanted);
    if old.as_ref() == Some(&wanted) {
        memory.status = Some(wanted);
        return Ok(());
    }
    if !context.leads() {
        return Err(PassError::NotLeading);
    }
    let (namespace, name) = (resource.namespace().unwrap_or_default(), resource.name_any());
    let api: Api<ProductionKafka> = Api::namespaced(context.client.clone(), &namespace);
    let body = json!({
        "apiVersion": ProductionKafka::api_version(&()),
        "kind": ProductionKafka::kind(&()),
        "metadata": {"name": name, "uid": resource.uid()},
        "status": wanted,
    });
    let parameters = PatchParams::apply(STATUS_MANAGER).force();
    let patch = Patch::Apply(&body);
    let call = api.patch_status(&name, &parameters, &patch);
    bounded("write status of", "ProductionKafka", (&namespace, &name), call).await?;
    context.metrics.kube_write("ProductionKafka", Verb::Status);
    events(context, resource, old.as_ref(), &wanted).await;
    memory.status = Some(wanted);
    Ok(())
}

fn metrics(context: &Context, resource: &ProductionKafka, wanted: &ProductionKafkaStatus) {
    let labels = ClusterLabels {
        namespace: resource.namespace().unwrap_or_default(),
        name: resource.name_any(),
    };
    let count = |of: fn(&crate::api::ReplicationStatus) -> i32| {
        wanted
            .replication
            .as_ref()
            .and_then(|replication| u64::try_from(of(replication)).ok())
    };
    let nodes = |role: &str, running: bool| {
        let matching = wanted
            .nodes
            .iter()
            .filter(|node| node.roles.contains(role) && (!running || node.phase == "Running"));
        u64::try_from(matching.count()).ok()
    };
    let report = ClusterReport {
        ready: status::is_true(&wanted.conditions, "Ready"),
        under_replicated_partitions: count(|replication| replication.under_replicated),
        offline_partitions: count(|replication| replication.offline),
        under_min_isr_partitions: count(|replication| replication.under_min_isr),
        brokers_ready: nodes("Broker", true),
        brokers_desired: nodes("Broker", false),
        controllers_ready: nodes("Controller", true),
        controllers_desired: nodes("Controller", false),
        quorum_leader: wanted
            .quorum
            .as_ref()
            .and_then(|quorum| u64::try_from(quorum.leader_id).ok()),
        certificate_expiry: None,
    };
    context.metrics.set_cluster(&labels, &report);
}

/// One event per condition that changed its status or reason, but for those that only repeat `Ready`.
async fn events(
    context: &Context,
    resource: &ProductionKafka,
    old: Option<&ProductionKafkaStatus>,
    new: &ProductionKafkaStatus,
) {
    for condition in new
        .conditions
        .iter()
        .filter(|condition| condition.kind != "Reconciling")
    {
        let before = old.and_then(|old| old.conditions.iter().find(|before| before.kind == condition.kind));
        if before.is_some_and(|before| before.status == condition.status && before.reason == condition.reason) {
            continue;
        }
        let good = (condition.kind == "Stalled") == (condition.status == ConditionStatus::False);
        let worse = before.is_some() && !good && condition.status != ConditionStatus::Unknown;
        let stalled = condition.kind == "Stalled" && !good;
        if before.is_none() && !stalled && condition.kind != "Ready" {
            continue;
        }
        let event = Event {
            type_: if worse || stalled {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: condition.reason.clone(),
            note: Some(
                format!("{}: {}", condition.kind, condition.message)
                    .chars()
                    .take(900)
                    .collect(),
            ),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = context.recorder.publish(&event, &resource.object_ref(&())).await {
            tracing::debug!(%error, "can't publish an event");
        }
    }
}
