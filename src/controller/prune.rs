//! Removes children that the resource doesn't ask for any more: only what carries the cluster's label and is owned by
//! exactly this resource. StatefulSets, Secrets and volumes are never pruned here.

use super::apply;
use super::context::Context;
use super::error::PassError;
use super::ledger::ObjectKey;
use super::pods::PodFact;
use super::stores::{ChildMeta, ClusterKey};
use crate::model::ClusterNames;
use crate::render::{Child, Kind};
use std::collections::BTreeSet;

/// Deletes what is left over.
pub async fn run(
    context: &Context,
    key: &ClusterKey,
    owner_uid: &str,
    wanted: &[&Child],
    pods: &[PodFact],
) -> Result<(), PassError> {
    let children = context.stores.children_of(key);
    for (child, meta) in leftovers(&children, (&key.name, owner_uid), wanted, pods) {
        tracing::info!(kind = child.kind.as_str(), name = %child.name, "removing what isn't needed any more");
        apply::delete(context, child, &meta.uid).await?;
    }
    Ok(())
}

/// Which children are left over. Pure. Documents of ACL Jobs never are: the pass over users, which runs beside this one, takes
/// them away with their Job, and one that was just made may be seen here before that pass says that it's wanted.
pub fn leftovers<'a>(
    children: &'a [(ObjectKey, ChildMeta)],
    (cluster, owner_uid): (&str, &str),
    wanted: &[&Child],
    pods: &[PodFact],
) -> Vec<(&'a ObjectKey, &'a ChildMeta)> {
    let names: BTreeSet<(Kind, &str)> = wanted.iter().map(|child| (child.kind, child.name.as_str())).collect();
    let in_use: BTreeSet<&str> = pods
        .iter()
        .flat_map(|pod| &pod.config_maps)
        .map(String::as_str)
        .collect();
    children
        .iter()
        .filter(|(child, meta)| {
            matches!(
                child.kind,
                Kind::ConfigMap | Kind::Service | Kind::NetworkPolicy | Kind::PodDisruptionBudget
            ) && meta.owner_uid.as_deref() == Some(owner_uid)
                && !names.contains(&(child.kind, child.name.as_str()))
                && !(child.kind == Kind::ConfigMap && ClusterNames::is_acl_document(cluster, &child.name))
                && !in_use.contains(child.name.as_str())
        })
        .map(|(child, meta)| (child, meta))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(kind: Kind, name: &str, owner: Option<&str>) -> (ObjectKey, ChildMeta) {
        let meta = ChildMeta {
            leaving: false,
            uid: format!("uid-{name}"),
            version: "1".into(),
            resource_version: "1".into(),
            owner_uid: owner.map(str::to_owned),
            cluster: Some("orders".into()),
            annotations: Vec::new(),
        };
        (
            ObjectKey {
                kind,
                namespace: "kafka".into(),
                name: name.into(),
            },
            meta,
        )
    }

    #[test]
    fn only_owned_unwanted_and_unused_children_go() {
        let children = [
            child(Kind::ConfigMap, "wanted", Some("me")),
            child(Kind::ConfigMap, "old", Some("me")),
            child(Kind::ConfigMap, "old-but-mounted", Some("me")),
            child(Kind::ConfigMap, "identity", None),
            child(Kind::ConfigMap, "sentinel", Some("a-secret")),
            child(Kind::ConfigMap, "orders-acl-59804c272f-0", Some("me")),
            child(Kind::Service, "old-service", Some("me")),
            child(Kind::Service, "former-life", Some("former")),
            child(Kind::StatefulSet, "node", Some("me")),
            child(Kind::Secret, "secret", Some("me")),
            child(Kind::Job, "job", Some("me")),
        ];
        let wanted = [&Child {
            kind: Kind::ConfigMap,
            name: "wanted".into(),
            body: serde_json::Value::Null,
        }];
        let pods = [PodFact {
            config_maps: vec!["old-but-mounted".into()],
            ..PodFact::default()
        }];
        let names: Vec<&str> = leftovers(&children, ("orders", "me"), &wanted, &pods)
            .iter()
            .map(|(child, _)| child.name.as_str())
            .collect();
        assert_eq!(names, ["old", "old-service"]);
    }
}
