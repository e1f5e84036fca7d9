//! The pod template of a node. The pod says what it runs: its annotations hold the revision and the certificate's serial.

use super::{Input, affinity, config_maps, containers, labels, revision, security_context, volumes};
use crate::model::Node;
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Seconds in which a broker hands over its leaderships and closes its logs; less would mean log recovery.
const BROKER_GRACE: i64 = 300;
const CONTROLLER_GRACE: i64 = 60;

/// The template, with its revision. `config_map` holds the node's files.
pub fn template(input: &Input<'_>, node: &Node<'_>, config_map: &str) -> PodTemplateSpec {
    let mut template = PodTemplateSpec {
        metadata: Some(metadata(input, node)),
        spec: Some(spec(input, node, config_map)),
    };
    let revision = revision::revision_of(&template, &config_maps::stable_hash(input, node));
    let annotations = template
        .metadata
        .get_or_insert_default()
        .annotations
        .get_or_insert_default();
    annotations.insert(labels::REVISION.into(), revision);
    if let Some(serial) = input.certificates.get(&node.id) {
        annotations.insert(labels::CERTIFICATE.into(), serial.clone());
    }
    template
}

/// The user's labels and annotations, with the operator's over them.
fn metadata(input: &Input<'_>, node: &Node<'_>) -> ObjectMeta {
    let mut all = node.pool.template.labels.clone();
    all.extend(labels::node_labels(&input.cluster.names, node));
    let mut annotations = node.pool.template.annotations.clone();
    annotations.insert("kubectl.kubernetes.io/default-container".into(), "kafka".into());
    let files = input
        .found
        .listener_files
        .as_ref()
        .filter(|_| volumes::has_files(input, node));
    annotations.extend(files.map(|mark| (labels::LISTENER_FILES.to_owned(), mark.clone())));
    let key = input.found.delegation_key.clone();
    annotations.extend(key.map(|mark| (labels::DELEGATION_KEY.to_owned(), mark)));
    ObjectMeta {
        labels: Some(all),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    }
}

fn spec(input: &Input<'_>, node: &Node<'_>, config_map: &str) -> PodSpec {
    let wanted = &node.pool.template;
    let grace = if node.roles.broker {
        BROKER_GRACE
    } else {
        CONTROLLER_GRACE
    };
    PodSpec {
        init_containers: Some(vec![containers::prepare(input, node), containers::format(input, node)]),
        containers: vec![containers::kafka(input, node)],
        volumes: Some(volumes::volumes(input, node, config_map)),
        security_context: Some(security_context::pod(
            security_context::KAFKA_USER,
            &input.cluster.sysctls,
        )),
        automount_service_account_token: Some(false),
        // Environment variables per Service of the namespace would change with every new Service.
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(grace),
        affinity: affinity::affinity(input.cluster, node),
        topology_spread_constraints: Some(affinity::spread(input.cluster, node)),
        tolerations: (!wanted.tolerations.is_empty()).then(|| wanted.tolerations.clone()),
        node_selector: (!wanted.node_selector.is_empty()).then(|| wanted.node_selector.clone()),
        priority_class_name: wanted.priority_class_name.clone(),
        ..PodSpec::default()
    }
}
