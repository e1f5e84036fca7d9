//! The condition `Secure`: the controls of `verify` that the operator knows by itself, from the objects that it writes (what others
//! change in them is put right) and from the resource. What needs other rights, or a look at what others do, is left to the command.

use super::Observed;
use super::conditions::{Verdict, bounded};
use crate::api::{Condition, ConditionStatus, DELETION_PROTECTION, NodeStatus};
use crate::render::{Child, Kind};
use crate::verify::{self, OF_OBJECTS, OF_RESOURCE, Outcome, Seen};
use serde_json::{Value, json};

/// Controls that fail by a cluster's rendered objects.
pub fn of_objects(children: &[&Child]) -> Vec<Outcome> {
    let of = |kind: Kind| children.iter().filter(move |child| child.kind == kind);
    let files = of(Kind::ConfigMap).map(|map| {
        let data = map.body.get("data").cloned().unwrap_or_default();
        (map.name.clone(), serde_json::from_value(data).unwrap_or_default())
    });
    let seen = Seen {
        pods: of(Kind::StatefulSet).map(|set| pod(&set.name, &set.body)).collect(),
        policies: of(Kind::NetworkPolicy).map(|policy| policy.body.clone()).collect(),
        files: files.collect(),
        ..Seen::default()
    };
    verify::failing(&seen, &OF_OBJECTS)
}

/// What a StatefulSet makes.
fn pod(name: &str, set: &Value) -> Value {
    let mut pod = set.pointer("/spec/template").cloned().unwrap_or_default();
    if let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("name".into(), json!(format!("{name}-0")));
    }
    pod
}

/// By the other conditions of the same status.
pub fn secure(observed: &Observed<'_>, nodes: &[NodeStatus], conditions: &[Condition]) -> Verdict {
    let cluster = observed.cluster;
    let finalizers: &[&str] = if observed.held { &[DELETION_PROTECTION] } else { &[] };
    let resource = json!({
        "metadata": {"finalizers": finalizers},
        "spec": {
            "highAvailability": {
                "replicationFactor": cluster.replication_factor, "minInSyncReplicas": cluster.min_in_sync_replicas,
            },
            "maintenance": {"deletionProtection": observed.protected},
        },
        "status": {"conditions": conditions, "nodes": nodes},
    });
    let seen = Seen {
        resource,
        ..Seen::default()
    };
    let mut failing = verify::failing(&seen, &OF_RESOURCE);
    failing.extend_from_slice(observed.weak);
    failing.sort_by_key(|one| one.id);
    let (known, command) = (
        OF_OBJECTS.len() + OF_RESOURCE.len(),
        format!("`productionkafka verify {}`", cluster.names.cluster),
    );
    if failing.is_empty() {
        let message = format!("{known} controls pass; {command} checks the others, too");
        return (ConditionStatus::True, "ControlsPass", message);
    }
    let named: Vec<String> = failing
        .iter()
        .map(|one| format!("{} ({})", one.id, one.title))
        .collect();
    let message = format!(
        "{} of {known} controls fail: {}; {command} says why and what to do",
        failing.len(),
        named.join(", ")
    );
    (ConditionStatus::False, "ControlsFail", bounded(&message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::demo;

    fn ids(children: &[Child]) -> Vec<u8> {
        let all: Vec<&Child> = children.iter().collect();
        of_objects(&all).iter().map(|one| one.id).collect()
    }

    #[test]
    fn what_the_operator_writes_passes_but_for_images_by_tag() {
        let mut children = demo().children();
        assert_eq!(ids(&children), [8]);
        for set in children.iter_mut().filter(|child| child.kind == Kind::StatefulSet) {
            for list in ["containers", "initContainers"] {
                let pointer = format!("/spec/template/spec/{list}");
                for container in set.body.pointer_mut(&pointer).unwrap().as_array_mut().unwrap() {
                    container["image"] = json!(format!("registry.example/kafka@sha256:{}", "0".repeat(64)));
                }
            }
        }
        assert_eq!(ids(&children), Vec::<u8>::new());
        children.retain(|child| child.kind != Kind::NetworkPolicy);
        assert_eq!(ids(&children), [42]);
    }
}
