//! Deletes volumes that no Kafka node uses any more, of pools that said `storage.reclaim: Delete` while they used them: the
//! claim itself carries that word, so what was kept on purpose stays kept when the policy changes later.
//!
//! Two occasions: a broker that left (from `removal`, when nothing else of it is there), and a disk that was replaced (from
//! here, when every pod runs what the resource asks for and Kafka, asked anew, has every replica in sync). It must never
//! touch a claim that the identity names as in use, nor one without the word.

use super::apply;
use super::context::Context;
use super::error::PassError;
use super::ledger::ObjectKey;
use crate::kafka::KafkaAdmin;
use crate::model::{Cluster, ClusterNames, Identity, NodeDisks, NodeNames};
use crate::render::{Kind, labels};
use kube::ResourceExt;
use kube::core::DynamicObject;

/// Claims that a node has ever used, and doesn't now.
fn former(names: &NodeNames, known: &NodeDisks) -> Vec<String> {
    let current = |index: usize| known.disks.get(index).map(|disk| disk.generation);
    let at = |(index, used): (usize, &u32)| {
        let kept = current(index);
        let gone = (0..*used).filter(move |generation| Some(*generation) != kept);
        gone.map(move |generation| names.claim(index, generation))
    };
    known.used.iter().enumerate().flat_map(at).collect()
}

/// Claims that a node has ever used.
fn all(names: &NodeNames, known: &NodeDisks) -> Vec<String> {
    let nothing = NodeDisks {
        disks: Vec::new(),
        used: known.used.clone(),
    };
    former(names, &nothing)
}

/// Deletes the volumes of a node that is no more; true until they are gone.
pub async fn of_removed(context: &Context, names: &NodeNames, id: i32, identity: &Identity) -> Result<bool, PassError> {
    let Some(known) = identity.disks.get(&id).filter(|_| context.settings.may_delete_volumes) else {
        return Ok(false);
    };
    let mut left = false;
    for name in all(names, known) {
        left |= delete(context, &claim(names.namespace(), &name), id).await?;
    }
    Ok(left)
}

/// Deletes volumes that other disks have replaced. `identity` is the one that the pods' revisions were rendered from, and
/// every pod has that revision. Asks Kubernetes and Kafka nothing while there are none.
pub async fn replaced(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    admin: &dyn KafkaAdmin,
) -> Result<(), PassError> {
    let leftover: Vec<(i32, ObjectKey)> = leftovers(context, &cluster.names, cluster, identity);
    if leftover.is_empty() || !context.settings.may_delete_volumes {
        return Ok(());
    }
    // Without an answer they stay, and the rest of the pass goes on.
    let Ok(view) = admin.partitions().await else {
        return Ok(());
    };
    let in_sync = view.partitions.iter().all(|one| one.isr.len() == one.replicas.len());
    if !in_sync || !view.errors.is_empty() {
        return Ok(());
    }
    for (id, key) in leftover {
        delete(context, &key, id).await?;
    }
    Ok(())
}

/// Claims that are there, as far as the watch knows, that carry the word and that their node doesn't use.
fn leftovers(context: &Context, names: &ClusterNames, cluster: &Cluster, identity: &Identity) -> Vec<(i32, ObjectKey)> {
    let mut found = Vec::new();
    for node in cluster.nodes(identity) {
        let Some(known) = identity.disks.get(&node.id) else {
            continue;
        };
        for name in former(&node.names, known) {
            let key = claim(&names.namespace, &name);
            let meta = context.stores.child(&key);
            let says = |(name, value): &(String, String)| name == labels::RECLAIM && value == "Delete";
            if meta.is_some_and(|meta| meta.annotations.iter().any(says)) {
                found.push((node.id, key));
            }
        }
    }
    found
}

/// True while there's such a claim, and it's to go.
async fn delete(context: &Context, key: &ObjectKey, id: i32) -> Result<bool, PassError> {
    let Some(live) = apply::get(context, key).await? else {
        return Ok(false);
    };
    if !is_to_go(&live, id) {
        return Ok(false);
    }
    if live.metadata.deletion_timestamp.is_none() {
        tracing::info!(claim = %key.name, node = id, "deleting a volume that no node uses any more");
        apply::delete(context, key, &live.uid().unwrap_or_default()).await?;
    }
    Ok(true)
}

/// The operator's own claim, of this node, with the word.
fn is_to_go(live: &DynamicObject, id: i32) -> bool {
    let label = |name: &str| live.labels().get(name).map(String::as_str);
    label(labels::MANAGED_BY) == Some(labels::OPERATOR)
        && label(labels::NODE_ID) == Some(id.to_string().as_str())
        && live.owner_references().is_empty()
        && live
            .annotations()
            .get(labels::RECLAIM)
            .is_some_and(|word| word == "Delete")
}

fn claim(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::new(Kind::PersistentVolumeClaim, namespace, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NodeDisk, validate::tests::valid_cluster};
    use serde_json::json;

    #[test]
    fn what_is_in_use_is_no_leftover() {
        let names = valid_cluster().names.node("brokers", 100);
        let disk = |generation| NodeDisk {
            generation,
            class: None,
        };
        let known = NodeDisks {
            disks: vec![disk(2)],
            used: vec![3, 1],
        };
        let pod = &names.pod;
        let first = [format!("data-0-{pod}"), format!("data-0-{pod}-1")];
        let second = format!("data-1-{pod}");
        assert_eq!(
            former(&names, &known),
            [first.as_slice(), std::slice::from_ref(&second)].concat()
        );
        let all_of = [first.as_slice(), &[format!("data-0-{pod}-2"), second]].concat();
        assert_eq!(all(&names, &known), all_of);
    }

    #[test]
    fn only_claims_with_the_word_go() {
        let claim = |manager: &str, id: &str, word: &str| -> DynamicObject {
            serde_json::from_value(json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": {
                    "name": "c",
                    "labels": {"app.kubernetes.io/managed-by": manager, "productionkafka.dev/node-id": id},
                    "annotations": {"productionkafka.dev/reclaim": word},
                },
            }))
            .unwrap()
        };
        assert!(is_to_go(&claim("productionkafka", "100", "Delete"), 100));
        assert!(!is_to_go(&claim("productionkafka", "101", "Delete"), 100));
        assert!(!is_to_go(&claim("somebody", "100", "Delete"), 100));
        assert!(!is_to_go(&claim("productionkafka", "100", "Retain"), 100));
    }
}
