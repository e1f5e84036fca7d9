//! Secrets, from keys and texts that `pki` made. CA keys outlive the resource: they have no owner reference.

use super::labels::{self, Component};
use super::{Child, Kind};
use crate::model::{Cluster, ClusterNames, Node, names};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;

/// Keys of a Secret and their texts.
type Texts = BTreeMap<String, String>;

/// The `KafkaUser` that a credentials Secret belongs to.
#[derive(Clone, Copy, Debug)]
pub struct UserOwner<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    pub uid: &'a str,
    /// Name of the `ProductionKafka` that it's a user of.
    pub cluster: &'a str,
}

/// CA of nodes and operator: `ca.crt`, `ca.key`.
pub fn cluster_ca_secret(names: &ClusterNames, texts: &Texts) -> Child {
    secret(surviving(names, &names.cluster_ca()), texts)
}

/// CA of clients: `ca.crt`, `ca.key`.
pub fn clients_ca_secret(names: &ClusterNames, texts: &Texts) -> Child {
    secret(surviving(names, &names.clients_ca()), texts)
}

/// What applications trust: `ca.crt`.
pub fn cluster_ca_cert_secret(cluster: &Cluster, texts: &Texts) -> Child {
    secret(owned(cluster, &cluster.names.cluster_ca_cert()), texts)
}

/// The operator's client certificate: `tls.crt`, `tls.key`, `ca.crt`.
pub fn operator_tls_secret(cluster: &Cluster, texts: &Texts) -> Child {
    secret(owned(cluster, &cluster.names.operator_tls()), texts)
}

/// The ACL Job's client certificate: `tls.crt`, `tls.key`, `ca.crt`.
pub fn acl_sync_tls_secret(cluster: &Cluster, texts: &Texts) -> Child {
    secret(owned(cluster, &cluster.names.acl_sync_tls()), texts)
}

/// A node's key with its chain and the CAs that it trusts: `node.pem` and `cluster-ca.crt` between nodes, `server.pem` and
/// `clients-ca.crt` for clients.
pub fn node_tls_secret(cluster: &Cluster, node: &Node<'_>, (name, texts): (&str, &Texts)) -> Child {
    let labels = labels::node_labels(&cluster.names, node);
    secret(labels::owned(cluster, name, labels), texts)
}

/// What brokers read of client listeners: `jaas.conf` with the users of SASL/PLAIN, `<listener>.pem` with a certificate of the
/// user's own and its key; and what tells that they changed.
pub fn listener_files_secret(cluster: &Cluster, texts: &Texts) -> Child {
    secret(owned(cluster, &cluster.names.listener_files()), texts)
}

/// The key of delegation tokens, as a line of Kafka's configuration.
pub fn delegation_secret(cluster: &Cluster, texts: &Texts) -> Child {
    secret(owned(cluster, &cluster.names.delegation_key()), texts)
}

/// What an application needs to connect; goes with the `KafkaUser`.
pub fn credentials_secret(user: &UserOwner<'_>, texts: &Texts) -> Child {
    let cluster = ClusterNames {
        cluster: user.cluster.to_owned(),
        namespace: user.namespace.to_owned(),
        domain: String::new(),
    };
    let mut labels = labels::labels(&cluster, Component::Credentials);
    labels.insert(labels::USER.into(), user.name.to_owned());
    let metadata = ObjectMeta {
        owner_references: Some(vec![labels::owner("KafkaUser", user.name, user.uid)]),
        ..labels::surviving(user.namespace, &names::credentials(user.name), labels)
    };
    secret(metadata, texts)
}

fn surviving(names: &ClusterNames, name: &str) -> ObjectMeta {
    labels::surviving(&names.namespace, name, labels::labels(names, Component::Certificates))
}

fn owned(cluster: &Cluster, name: &str) -> ObjectMeta {
    labels::owned(cluster, name, labels::labels(&cluster.names, Component::Certificates))
}

fn secret(metadata: ObjectMeta, texts: &Texts) -> Child {
    let name = metadata.name.clone().unwrap_or_default();
    let bytes = |(key, text): (&String, &String)| (key.clone(), ByteString(text.clone().into_bytes()));
    let object = Secret {
        metadata,
        type_: Some("Opaque".into()),
        data: Some(texts.iter().map(bytes).collect()),
        ..Secret::default()
    };
    Child::new(Kind::Secret, &name, &object)
}
