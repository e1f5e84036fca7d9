//! Which pods there were: by uid, so that a restart can't hide, and how many were away at once.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::Value;

use super::NAMESPACE;
use crate::diagnosis;
use crate::harness::Context;

/// Kafka pods by name, with their uid.
pub type Pods = BTreeMap<String, String>;

const NODES: &str = "productionkafka.dev/node-id";

/// The Kafka pods that are there.
pub fn pods(context: &Context) -> Result<Pods> {
    let list = context.kubectl_json(&["-n", NAMESPACE, "get", "pods", "-l", NODES])?;
    let named = |pod: &Value| {
        let text = |field: &str| pod.pointer(field).and_then(Value::as_str).map(str::to_owned);
        Some((text("/metadata/name")?, text("/metadata/uid")?))
    };
    Ok(diagnosis::items(&list).iter().filter_map(named).collect())
}

/// Names of pods that aren't what they were.
pub fn replaced(before: &Pods, after: &Pods) -> Vec<String> {
    let changed = |(name, uid): (&String, &String)| (after.get(name) != Some(uid)).then(|| name.clone());
    before.iter().filter_map(changed).collect()
}

/// How often the operator took each pod away since then, from the API server's own log.
pub fn taken(context: &Context, since: Timestamp) -> Result<BTreeMap<String, usize>> {
    let mut taken = BTreeMap::new();
    for (pod, _) in evictions(context, since)? {
        *taken.entry(pod).or_default() += 1;
    }
    Ok(taken)
}

/// Which pods the operator took away since then, and when, from the API server's own log.
pub fn evictions(context: &Context, since: Timestamp) -> Result<Vec<(String, Timestamp)>> {
    let audit = context.audit.as_ref().context("the cluster has an audit log")?;
    let mut evictions = Vec::new();
    for entry in audit.since(since, crate::install::ACCOUNT)? {
        let object = entry.object_ref.clone().unwrap_or_default();
        let evicts = entry.verb == "create" && object.subresource == "eviction";
        let done = entry.response_status.as_ref().is_some_and(|status| status.code < 300);
        if object.resource == "pods" && object.namespace == NAMESPACE && done && (evicts || entry.verb == "delete") {
            evictions.push((object.name, entry.request_received_timestamp));
        }
    }
    Ok(evictions)
}
