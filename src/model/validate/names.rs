//! Names that Services, StatefulSets and pods are formed from.

use super::Findings;
use super::kubernetes_words::is_dns_label;
use crate::api::ProductionKafka;
use kube::ResourceExt;

/// The StatefulSet controller labels pods with the set's name, a dash and a hash of 10 characters; a label value has 63.
const LONGEST_STATEFUL_SET: usize = 52;
/// Characters of a node id and of the two dashes in `<cluster>-<pool>-<id>`.
const AROUND: usize = 6;

pub fn check(resource: &ProductionKafka, findings: &mut Findings) {
    let cluster = resource.name_any();
    if !is_name(&cluster, 30) {
        findings.add(
            "metadata.name",
            "isn't a letter followed by up to 29 of a-z, 0-9 and '-': Service names are formed from it",
        );
    }
    for pool in &resource.spec.node_pools {
        let path = format!("spec.nodePools[{}].name", pool.name);
        if !is_name(&pool.name, 20) {
            findings.add(path, "isn't a letter followed by up to 19 of a-z, 0-9 and '-'");
        } else if cluster.len() + pool.name.len() + AROUND > LONGEST_STATEFUL_SET {
            let room = LONGEST_STATEFUL_SET.saturating_sub(cluster.len() + AROUND);
            findings.add(
                path,
                format!("is too long for a cluster called {cluster}: use at most {room} characters"),
            );
        }
    }
    for listener in &resource.spec.listeners {
        if !is_name(&listener.name, 15) || listener.name.contains('-') {
            findings.add(
                format!("spec.listeners[{}].name", listener.name),
                "isn't a letter followed by up to 14 of a-z and 0-9",
            );
        }
    }
}

fn is_name(text: &str, longest: usize) -> bool {
    is_dns_label(text) && text.len() <= longest && text.starts_with(|c: char| c.is_ascii_lowercase())
}
