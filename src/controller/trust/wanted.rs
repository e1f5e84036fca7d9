//! The certificates that a cluster should have: for whom, with which names and how they lie in their Secrets.

use super::{CA, CLIENTS_CA, CLUSTER_CA, ORGANISATION, SecretData, algorithm};
use crate::model::{ClientListener, Cluster, Found, Identity, Node};
use crate::pki::{LeafRequest, Usages};

/// How a certificate lies in its Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Between nodes: read when Kafka starts.
    Node,
    /// Of a broker's client listeners: read again while it runs.
    Server,
    /// Of whoever only connects.
    Client,
}

impl Layout {
    /// Keys of certificate and private key.
    pub const fn keys(self) -> (&'static str, &'static str) {
        match self {
            Self::Node => ("node.pem", "node.pem"),
            Self::Server => ("server.pem", "server.pem"),
            Self::Client => ("tls.crt", "tls.key"),
        }
    }

    /// Where the authorities lie that it's trusted with, and whether they are the clients' ones.
    pub const fn trusted(self) -> (&'static str, bool) {
        match self {
            Self::Node => (CLUSTER_CA, false),
            Self::Server => (CLIENTS_CA, true),
            Self::Client => (CA, false),
        }
    }

    /// Certificate and key of a Secret.
    pub fn pem_of(self, data: &SecretData) -> (&str, &str) {
        let text = |key: &str| data.0.get(key).map(String::as_str).unwrap_or_default();
        let (cert, key) = self.keys();
        (text(cert), text(key))
    }
}

/// A certificate that there should be.
pub struct Wanted {
    pub secret: String,
    pub node: Option<i32>,
    pub layout: Layout,
    pub request: LeafRequest,
}

pub fn wanted_leaves(cluster: &Cluster, identity: &Identity, found: &Found) -> Vec<Wanted> {
    let names = &cluster.names;
    let client = |secret: String, common_name: &str| Wanted {
        secret,
        node: None,
        layout: Layout::Client,
        request: request(cluster, common_name, Usages::Client),
    };
    let mut wanted = vec![
        client(names.operator_tls(), "kafka-operator"),
        client(names.acl_sync_tls(), "kafka-acl-sync"),
    ];
    for node in cluster.nodes(identity) {
        wanted.push(between_nodes(cluster, &node));
        if node.roles.broker {
            wanted.push(of_listeners(cluster, &node, found));
        }
    }
    wanted
}

fn request(cluster: &Cluster, common_name: &str, usages: Usages) -> LeafRequest {
    LeafRequest {
        common_name: common_name.to_owned(),
        organisation: Some(ORGANISATION.to_owned()),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        usages,
        algorithm: algorithm(cluster.security.key_algorithm),
        lifetime: cluster.security.leaf_lifetime,
    }
}

/// Names of the pods' network alone, so that nothing outside of it ever calls for a restart.
fn between_nodes(cluster: &Cluster, node: &Node<'_>) -> Wanted {
    let names = &cluster.names;
    let mut request = request(cluster, "kafka-node", Usages::Both);
    request.lifetime = cluster.security.node_leaf_lifetime;
    request.dns_names = node.names.dns_names();
    if node.roles.controller {
        request.dns_names.extend(names.dns_names(&names.controllers_host()));
    }
    Wanted {
        secret: node.names.tls_secret.clone(),
        node: Some(node.id),
        layout: Layout::Node,
        request,
    }
}

fn of_listeners(cluster: &Cluster, node: &Node<'_>, found: &Found) -> Wanted {
    let names = &cluster.names;
    let mut request = request(cluster, "kafka-server", Usages::Server);
    request.dns_names = node.names.dns_names();
    let reachable = |listener: &&ClientListener| found.is_reachable(listener, node.id);
    for listener in cluster.listeners.iter().filter(reachable) {
        let host = names.bootstrap_host(&listener.name);
        request.dns_names.extend(names.dns_names(&host));
    }
    for host in found.hosts(cluster, node.id) {
        match host.parse() {
            Ok(address) => request.ip_addresses.push(address),
            Err(_) => request.dns_names.push(host),
        }
    }
    Wanted {
        secret: node.names.server_tls_secret.clone(),
        node: Some(node.id),
        layout: Layout::Server,
        request,
    }
}
