//! One StatefulSet of one replica per Kafka node: its own disks, key, configuration and revision. `OnDelete`: only the
//! operator's decision replaces a pod. Claims of disks are objects of their own (`volumes`): whatever becomes of the set,
//! they stay.

use super::{Child, Input, Kind, labels, pod};
use crate::model::Node;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy};

pub(super) fn stateful_set(input: &Input<'_>, node: &Node<'_>, config_map: &str) -> Child {
    let names = &input.cluster.names;
    let name = &node.names.stateful_set;
    let object = StatefulSet {
        metadata: labels::owned(input.cluster, name, labels::node_labels(names, node)),
        spec: Some(StatefulSetSpec {
            replicas: Some(1),
            service_name: Some(names.nodes_service()),
            selector: labels::matching(labels::node_selector(names, node)),
            template: pod::template(input, node, config_map),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("OnDelete".into()),
                rolling_update: None,
            }),
            pod_management_policy: Some("Parallel".into()),
            revision_history_limit: Some(1),
            ..StatefulSetSpec::default()
        }),
        status: None,
    };
    Child::new(Kind::StatefulSet, name, &object)
}
