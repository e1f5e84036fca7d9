//! Replication against brokers and racks.

use super::kubernetes_words::is_label_key;
use super::{Facts, Findings};
use crate::api::{ProductionKafkaSpec, Role};

pub fn check(spec: &ProductionKafkaSpec, facts: &Facts, findings: &mut Findings) {
    let ha = &spec.high_availability;
    let brokers: i32 = spec
        .node_pools
        .iter()
        .filter(|pool| pool.roles.contains(&Role::Broker))
        .map(|pool| pool.replicas)
        .sum();
    if ha.replication_factor > brokers {
        findings.add(
            "spec.highAvailability.replicationFactor",
            format!(
                "is {} but there are {brokers} brokers: lower it or add brokers",
                ha.replication_factor
            ),
        );
    }
    if ha.min_in_sync_replicas > ha.replication_factor {
        findings.add(
            "spec.highAvailability.minInSyncReplicas",
            "is above replicationFactor: no write could ever be acknowledged; lower it",
        );
    }
    if ha.replication_factor > 1 && ha.min_in_sync_replicas == ha.replication_factor {
        findings.add(
            "spec.highAvailability.minInSyncReplicas",
            "equals replicationFactor: the loss of any one broker would stop all writes; lower it by one",
        );
    }
    let Some(rack) = &ha.rack else { return };
    if !is_label_key(&rack.topology_key) {
        findings.add(
            "spec.highAvailability.rack.topologyKey",
            "isn't a node label: write for example topology.kubernetes.io/zone",
        );
    }
    let mut zones = rack.zones.clone();
    zones.sort();
    zones.dedup();
    if zones.len() != rack.zones.len() {
        findings.add("spec.highAvailability.rack.zones", "names a zone twice: remove one");
    }
    let Some(there) = &facts.zones else {
        unknown_zones(rack.zones.is_empty(), findings);
        return;
    };
    if rack.zones.is_empty() && there.is_empty() {
        findings.add(
            "spec.highAvailability.rack.topologyKey",
            format!(
                "no Kubernetes node has the label {}: label the nodes or leave rack out",
                rack.topology_key
            ),
        );
    }
    for zone in rack.zones.iter().filter(|zone| !there.contains(zone)) {
        findings.add(
            "spec.highAvailability.rack.zones",
            format!("no Kubernetes node is in {zone}; there are: {}", there.join(", ")),
        );
    }
}

/// Without the right to list nodes, the zones must be named.
fn unknown_zones(none_named: bool, findings: &mut Findings) {
    if none_named {
        findings.add(
            "spec.highAvailability.rack.zones",
            "is empty and the operator may not list nodes: name the zones, or install the operator with rbac.readNodes",
        );
    }
}
