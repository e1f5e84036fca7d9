//! Where a node's pod may run: its rack if it has one, apart from the other pods of its pool, and what the user asks for.

use super::labels;
use crate::model::{Cluster, Node};
use k8s_openapi::api::core::v1::{
    Affinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, TopologySpreadConstraint,
};

/// The user's affinity with the node's rack in it. A node's disk is in its rack, and so must its pod be.
pub fn affinity(cluster: &Cluster, node: &Node<'_>) -> Option<Affinity> {
    let mut affinity = node.pool.template.affinity.clone();
    if let (Some(key), Some(rack)) = (&cluster.topology_key, node.rack) {
        let in_rack = NodeSelectorRequirement {
            key: key.clone(),
            operator: "In".into(),
            values: Some(vec![rack.to_owned()]),
        };
        let required = affinity
            .get_or_insert_default()
            .node_affinity
            .get_or_insert_default()
            .required_during_scheduling_ignored_during_execution
            .get_or_insert_default();
        require(required, &in_rack);
    }
    affinity
}

/// Terms are alternatives, so the requirement goes into each of them.
fn require(selector: &mut NodeSelector, requirement: &NodeSelectorRequirement) {
    if selector.node_selector_terms.is_empty() {
        selector.node_selector_terms.push(NodeSelectorTerm::default());
    }
    for term in &mut selector.node_selector_terms {
        term.match_expressions.get_or_insert_default().push(requirement.clone());
    }
}

/// Spread of a pool over machines, and over racks when the node isn't bound to one. Preferred, not required: a pod that
/// shares a machine is better than none.
pub fn spread(cluster: &Cluster, node: &Node<'_>) -> Vec<TopologySpreadConstraint> {
    let over = |key: &str| TopologySpreadConstraint {
        max_skew: 1,
        topology_key: key.to_owned(),
        when_unsatisfiable: "ScheduleAnyway".into(),
        label_selector: Some(labels::matching(labels::pool_selector(&cluster.names, &node.pool.name))),
        ..TopologySpreadConstraint::default()
    };
    let mut all = vec![over("kubernetes.io/hostname")];
    if let (Some(key), None) = (&cluster.topology_key, node.rack) {
        all.push(over(key));
    }
    all
}
