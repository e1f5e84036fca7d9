//! ConfigMaps: the files of each node, immutable and named by their content, and the cluster's identity.

use super::java_security::JAVA_SECURITY;
use super::jmx_exporter::JMX_EXPORTER;
use super::labels::{self, Component};
use super::log4j2::log4j2;
use super::revision::hash_of_json;
use super::server_properties::{BOOTSTRAP_SERVERS, server_properties};
use super::{Child, Input, Kind};
use crate::model::{Cluster, ClusterNames, Identity, Node, identity};
use k8s_openapi::api::core::v1::ConfigMap;
use std::collections::BTreeMap;

/// The node's files. The pod names this object, hash included, so the pod itself says which configuration it runs.
pub(super) fn node_config_map(input: &Input<'_>, node: &Node<'_>) -> Child {
    let files = files(input, node);
    let name = node.names.config_map(&hash_of_json(&files));
    let object = ConfigMap {
        metadata: labels::owned(input.cluster, &name, labels::node_labels(&input.cluster.names, node)),
        immutable: Some(true),
        data: Some(files),
        binary_data: None,
    };
    Child::new(Kind::ConfigMap, &name, &object)
}

/// Hash of the node's files without the list of controllers to ask first. It changes with every controller that comes or
/// goes, and only a node that starts reads it.
pub(super) fn stable_hash(input: &Input<'_>, node: &Node<'_>) -> String {
    let mut files = files(input, node);
    for text in files.values_mut() {
        let kept = text.lines().filter(|line| !line.starts_with(BOOTSTRAP_SERVERS));
        *text = kept.collect::<Vec<_>>().join("\n");
    }
    hash_of_json(&files)
}

fn files(input: &Input<'_>, node: &Node<'_>) -> BTreeMap<String, String> {
    let mut files = BTreeMap::from([
        ("server.properties".to_owned(), server_properties(input, node)),
        ("java.security".to_owned(), JAVA_SECURITY.to_owned()),
        ("log4j2.yaml".to_owned(), log4j2(input.cluster.security.audit)),
    ]);
    if input.cluster.jmx_exporter {
        files.insert("jmx-exporter.yaml".to_owned(), JMX_EXPORTER.to_owned());
    }
    files
}

/// Key of the ConfigMap with the spec that was accepted last.
pub const ACCEPTED: &str = "accepted.json";

/// The spec that was accepted last, in an object that goes with the resource.
pub fn accepted_config_map(cluster: &Cluster, json: &str) -> Child {
    let name = cluster.names.accepted();
    let object = ConfigMap {
        metadata: labels::owned(cluster, &name, labels::labels(&cluster.names, Component::Accepted)),
        data: Some(BTreeMap::from([(ACCEPTED.to_owned(), json.to_owned())])),
        ..ConfigMap::default()
    };
    Child::new(Kind::ConfigMap, &name, &object)
}

/// The identity, in an object that garbage collection never takes.
pub fn identity_config_map(names: &ClusterNames, identity: &Identity) -> Child {
    let name = names.identity();
    let text = serde_json::to_string(identity).unwrap_or_default();
    let permits = identity
        .formats
        .iter()
        .map(|(id, permit)| (identity::format_key(*id), permit.clone()));
    let mut data: BTreeMap<String, String> = permits.collect();
    data.insert(identity::KEY.to_owned(), text);
    let object = ConfigMap {
        metadata: labels::surviving(&names.namespace, &name, labels::labels(names, Component::Identity)),
        data: Some(data),
        ..ConfigMap::default()
    };
    Child::new(Kind::ConfigMap, &name, &object)
}
