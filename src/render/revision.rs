//! Content hashes: names of immutable ConfigMaps, and the revision by which a pod says what it runs.

use super::containers::PREPARE;
use super::environment::{FIRST_DAY, SOLE_VOTER};
use super::labels;
use aws_lc_rs::digest::{SHA256, digest};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde::Serialize;
use std::fmt::Write as _;

/// 40 bits tell a node's few revisions apart and keep names short.
const LENGTH: usize = 10;

/// First 10 hex digits of the SHA-256 of `content`.
pub fn hash_of(content: &[u8]) -> String {
    let mut text = String::new();
    for byte in digest(&SHA256, content).as_ref().iter().take(LENGTH / 2) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Hash of a value's JSON form.
pub(super) fn hash_of_json<T: Serialize>(value: &T) -> String {
    hash_of(&serde_json::to_vec(value).unwrap_or_default())
}

/// Hash of everything in a pod template that a restart would change. The initial voters are taken out of the template
/// once the quorum stands, a certificate is reloaded or waits for a roll of its own, and the operator's image matters at
/// the pod's next start only: none of them makes a pod outdated. `files` is the hash of what the configuration says without
/// the list of controllers to ask first: a node that runs knows the voters from the metadata log.
pub fn revision_of(template: &PodTemplateSpec, files: &str) -> String {
    let mut template = template.clone();
    let volumes = template.spec.as_mut().and_then(|spec| spec.volumes.as_mut());
    let config = volumes
        .into_iter()
        .flatten()
        .filter_map(|volume| volume.config_map.as_mut());
    for map in config {
        files.clone_into(&mut map.name);
    }
    if let Some(annotations) = template.metadata.as_mut().and_then(|meta| meta.annotations.as_mut()) {
        annotations.remove(labels::REVISION);
        annotations.remove(labels::CERTIFICATE);
    }
    if let Some(spec) = template.spec.as_mut() {
        for container in spec.init_containers.iter_mut().flatten() {
            if container.name == PREPARE {
                container.image = None;
            }
            if let Some(env) = container.env.as_mut() {
                env.retain(|variable| variable.name != SOLE_VOTER && !FIRST_DAY.contains(&variable.name.as_str()));
            }
        }
    }
    hash_of_json(&template)
}
