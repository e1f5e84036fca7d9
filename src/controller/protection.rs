//! The finalizer of a protected cluster. Admission policies refuse its deletion; what gets past them (they were uninstalled, or the
//! definition itself is deleted, which asks no admission) is held here, and Kafka goes on as before.
//!
//! It must not hold a namespace that ends, and it lets go of a cluster only after a live read.

use super::apply::bounded;
use super::context::Context;
use super::error::PassError;
use super::finalizers;
use crate::api::{DELETION_PROTECTION as FINALIZER, ProductionKafka};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::Api;

/// Kubernetes' own, set by `kubectl delete --cascade=foreground`: the garbage collector deletes what the resource owns at once,
/// whoever else still holds it.
const FOREGROUND: &str = "foregroundDeletion";

/// What's to be done about the finalizers of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Hold,
    TakeOff(&'static str),
    Nothing,
}

/// Somebody has deleted it, and it's held.
pub fn is_held(resource: &ProductionKafka) -> bool {
    is_deleted(resource) && has(resource) && asks(resource)
}

/// It's looked after: nobody has deleted it, or it's held.
pub fn is_served(resource: &ProductionKafka) -> bool {
    !is_deleted(resource) || is_held(resource)
}

fn is_deleted(resource: &ProductionKafka) -> bool {
    resource.metadata.deletion_timestamp.is_some()
}

fn has(resource: &ProductionKafka) -> bool {
    finalizers::has(resource, FINALIZER)
}

/// Whatever else is wrong with the resource.
fn asks(resource: &ProductionKafka) -> bool {
    resource.spec.maintenance.deletion_protection
}

/// Pure. `ends`: its namespace is being deleted.
pub fn step(resource: &ProductionKafka, ends: bool) -> Step {
    match (is_deleted(resource), has(resource), asks(resource) && !ends) {
        // Once it's deleted, Kubernetes takes no further finalizers.
        (false, false, true) => Step::Hold,
        (_, true, false) => Step::TakeOff(FINALIZER),
        (true, true, true) if finalizers::has(resource, FOREGROUND) => Step::TakeOff(FOREGROUND),
        _ => Step::Nothing,
    }
}

/// Carries out what's to be done. Returns whether the cluster is looked after.
pub async fn keep(context: &Context, resource: &ProductionKafka) -> Result<bool, PassError> {
    let namespace = resource.namespace().unwrap_or_default();
    let ends = is_held(resource) && namespace_ends(context, &namespace).await?;
    match step(resource, ends) {
        Step::Nothing => return Ok(is_served(resource)),
        Step::Hold => {
            finalizers::hold(context, resource, FINALIZER).await?;
            return Ok(true);
        }
        Step::TakeOff(_) => {}
    }
    let name = resource.name_any();
    let api: Api<ProductionKafka> = Api::namespaced(context.client.clone(), &namespace);
    let live = bounded("get", "ProductionKafka", (&namespace, &name), api.get_opt(&name)).await?;
    let Some(live) = live.filter(|live| live.uid() == resource.uid()) else {
        return Ok(false);
    };
    if let Step::TakeOff(finalizer) = step(&live, ends) {
        finalizers::take_off(context, &live, finalizer).await?;
    }
    Ok(is_served(&live) && !ends)
}

/// Read live: of a namespace that is deleted nothing may stay.
async fn namespace_ends(context: &Context, name: &str) -> Result<bool, PassError> {
    let api: Api<Namespace> = Api::all(context.client.clone());
    let found = bounded("get", "Namespace", ("", name), api.get_opt(name)).await?;
    Ok(found.is_none_or(|namespace| namespace.metadata.deletion_timestamp.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cluster(deleted: bool, finalizers: &[&str], protected: bool) -> ProductionKafka {
        let mut object = json!({
            "apiVersion": "productionkafka.dev/v1alpha1", "kind": "ProductionKafka",
            "metadata": {"name": "orders", "namespace": "kafka", "finalizers": finalizers},
            "spec": {"nodePools": [], "listeners": [], "maintenance": {"deletionProtection": protected}},
        });
        if deleted {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-31T12:00:00Z");
        }
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn what_becomes_of_the_finalizers() {
        const BOTH: &[&str] = &[FOREGROUND, FINALIZER];
        const OTHERS: &[&str] = &["example.com/backup"];
        let (own, foreign) = (Step::TakeOff(FINALIZER), Step::TakeOff(FOREGROUND));
        for (deleted, finalizers, protected, ends, expected, served) in [
            (false, &[][..], false, false, Step::Nothing, true),
            (false, OTHERS, true, false, Step::Hold, true),
            (false, &[FINALIZER], true, false, Step::Nothing, true),
            (false, &[FINALIZER], false, false, own.clone(), true),
            (true, &[FINALIZER], true, false, Step::Nothing, true),
            (true, &[FINALIZER], false, false, own.clone(), false),
            (true, &[FINALIZER], true, true, own.clone(), true),
            (true, BOTH, true, false, foreign, true),
            (true, BOTH, false, false, own.clone(), false),
            (true, BOTH, true, true, own, true),
            (true, OTHERS, true, false, Step::Nothing, false),
            (true, &[FOREGROUND], true, false, Step::Nothing, false),
        ] {
            let cluster = cluster(deleted, finalizers, protected);
            let case = format!("deleted {deleted}, {finalizers:?}, protected {protected}, its namespace ends {ends}");
            assert_eq!(step(&cluster, ends), expected, "{case}");
            assert_eq!(is_served(&cluster), served, "{case}");
        }
    }
}
