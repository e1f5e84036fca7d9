//! The objects that the operator keeps for the cluster of the example, as the API server has them.

use anyhow::Result;
use serde_json::Value;

use super::{CLUSTER, NAMESPACE};
use crate::diagnosis;
use crate::harness::Context;

/// What outlives the resource: deleting it loses a cluster's identity, so that no test does.
const SURVIVING: [(&str, &str); 3] = [
    ("ConfigMap", "orders-identity"),
    ("Secret", "orders-cluster-ca"),
    ("Secret", "orders-clients-ca"),
];

/// One object, by what identifies it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Child {
    pub kind: String,
    pub name: String,
    pub uid: String,
}

/// Every child object that may be deleted: all that carry the cluster's label but what survives it and ACL Jobs,
/// which end by themselves.
pub fn children(context: &Context) -> Result<Vec<Child>> {
    let kinds = "configmap,secret,service,networkpolicy,poddisruptionbudget,statefulset";
    let list = context.kubectl_json(&["-n", NAMESPACE, "get", kinds, "-l", &label()])?;
    let children = diagnosis::items(&list)
        .iter()
        .filter(|item| !is_of_a_job(item))
        .map(child);
    Ok(children.filter(|child| !survives(child)).collect())
}

/// The pods of all Kafka nodes.
pub fn pods(context: &Context) -> Result<Vec<Value>> {
    let selector = format!("{},productionkafka.dev/node-id", label());
    let list = context.kubectl_json(&["-n", NAMESPACE, "get", "pods", "-l", &selector])?;
    Ok(diagnosis::items(&list).to_vec())
}

/// Identity of every Kafka pod and how often its containers restarted: changes when any of them does.
pub fn pod_lives(context: &Context) -> Result<Vec<(Child, i64)>> {
    let mut lives: Vec<(Child, i64)> = pods(context)?
        .iter()
        .map(|pod| {
            let statuses = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
            let restarts = statuses.into_iter().flatten();
            let restarts = restarts.filter_map(|status| status.get("restartCount").and_then(Value::as_i64));
            (child(pod), restarts.sum())
        })
        .collect();
    lives.sort();
    Ok(lives)
}

pub fn label() -> String {
    format!("productionkafka.dev/cluster={CLUSTER}")
}

fn child(item: &Value) -> Child {
    let text = |pointer: &str| {
        item.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Child {
        kind: text("/kind"),
        name: text("/metadata/name"),
        uid: text("/metadata/uid"),
    }
}

fn survives(child: &Child) -> bool {
    SURVIVING.contains(&(child.kind.as_str(), child.name.as_str()))
}

fn is_of_a_job(item: &Value) -> bool {
    item.pointer("/metadata/labels/app.kubernetes.io~1component") == Some(&"acl-sync".into())
}
