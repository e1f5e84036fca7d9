//! Sentinels: an empty ConfigMap that a Secret owns. When the Secret is deleted, garbage collection deletes its sentinel,
//! and ConfigMaps are watched where Secrets may not be.

use super::labels::{self, Component};
use super::{Child, Kind};
use crate::model::ClusterNames;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use std::collections::BTreeMap;

/// Name of the sentinel of a Secret.
pub fn sentinel_name(secret: &str) -> String {
    format!("{secret}-sentinel")
}

/// The sentinel of the Secret with this uid.
pub fn sentinel(names: &ClusterNames, secret: &str, uid: &str) -> Child {
    let name = sentinel_name(secret);
    let owner = OwnerReference {
        api_version: "v1".into(),
        kind: "Secret".into(),
        name: secret.to_owned(),
        uid: uid.to_owned(),
        controller: Some(true),
        block_owner_deletion: None,
    };
    let metadata = ObjectMeta {
        owner_references: Some(vec![owner]),
        annotations: Some(BTreeMap::from([(
            "productionkafka.dev/purpose".to_owned(),
            "goes with its Secret, so that the operator notices without watching Secrets".to_owned(),
        )])),
        ..labels::surviving(&names.namespace, &name, labels::labels(names, Component::Certificates))
    };
    let object = ConfigMap {
        metadata,
        immutable: Some(true),
        ..ConfigMap::default()
    };
    Child::new(Kind::ConfigMap, &name, &object)
}
