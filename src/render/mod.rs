//! From the validated cluster to Kubernetes objects. Pure and infallible: everything that can be wrong was found by
//! `model::validate`. The same input gives the same bytes, so that an unchanged cluster costs no write.

mod acl_job;
mod affinity;
mod budgets;
mod child;
mod client_properties;
mod config_maps;
mod containers;
mod environment;
mod java_security;
mod jmx_exporter;
pub mod labels;
mod listener_properties;
mod log4j2;
mod network_policies;
mod pod;
mod probes;
mod properties;
mod revision;
mod routes;
mod secrets;
mod security_context;
mod sentinel;
mod server_properties;
mod services;
mod stateful_set;
mod volumes;

#[cfg(test)]
pub(crate) mod tests;

pub use acl_job::{DOCUMENT as ACL_DOCUMENT, acl_job};
pub use budgets::{Spare, budgets};
pub use child::{Child, Kind};
pub use client_properties::{ClientCredentials, MOUNT, client_files};
pub use config_maps::{ACCEPTED, accepted_config_map, identity_config_map};
pub use containers::PREPARE;
pub use environment::INITIAL_VOTERS;
pub use listener_properties::CONTROLLER as CONTROLLER_LISTENER;
pub use revision::{hash_of, revision_of};
pub use routes::routes;
pub use secrets::{
    UserOwner, acl_sync_tls_secret, clients_ca_secret, cluster_ca_cert_secret, cluster_ca_secret, credentials_secret,
    delegation_secret, listener_files_secret, node_tls_secret, operator_tls_secret,
};
pub use sentinel::{sentinel, sentinel_name};
pub use server_properties::log_dir;
pub use services::bootstrap_servers;
pub use volumes::{
    CERTIFICATE_KEYS, CERTIFICATE_SUFFIX, DELEGATION_FILE, JAAS, KERBEROS_KEYS, OAUTH_KEYS, certificate_file,
};

use crate::model::{Cluster, Found, Identity};
use std::collections::{BTreeMap, BTreeSet};

/// All that the objects of a cluster follow from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    pub cluster: &'a Cluster,
    pub identity: &'a Identity,
    /// Image of `prepare` and of ACL Jobs.
    pub operator_image: &'a str,
    /// Serial of each node's certificate, by node id. A node without one yet has no annotation.
    pub certificates: &'a BTreeMap<i32, String>,
    /// Controllers whose volume isn't the first one seen: they may not be formatted as initial voters.
    pub withhold_voters: &'a BTreeSet<i32>,
    /// What Kubernetes has assigned and others have written.
    pub found: &'a Found,
}

/// Every object of the cluster but Secrets, Jobs and disruption budgets, in the order in which they're applied: what a pod mounts and what
/// protects it comes before the pod.
pub fn children(input: &Input<'_>) -> Vec<Child> {
    let nodes = input.cluster.nodes(input.identity);
    let mut children: Vec<Child> = nodes
        .iter()
        .map(|node| config_maps::node_config_map(input, node))
        .collect();
    let sets = nodes.iter().zip(&children);
    let sets: Vec<Child> = sets
        .map(|(node, files)| stateful_set::stateful_set(input, node, &files.name))
        .collect();
    children.extend(services::services(input.cluster, input.identity));
    children.extend(network_policies::network_policies(input.cluster));
    children.extend(nodes.iter().flat_map(|node| volumes::claims(input, node)));
    children.extend(sets);
    children
}
