//! What Kubernetes has assigned and others have written, and what nodes are rendered from besides the resource: addresses outside
//! of the pods' network, and what tells that files of listeners have changed.

use super::{ClientListener, Cluster, Identity};
use crate::api::ExposureType;
use std::collections::BTreeMap;

/// Where one Service is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Name or IP address; of a broker by node port, of the machine that it runs on, once that's known.
    pub host: Option<String>,
    pub port: i32,
}

/// `host:port`; an IPv6 address stands in brackets.
pub fn with_port(host: &str, port: i32) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// By listener and broker; one without an address isn't here.
    pub brokers: BTreeMap<(String, i32), Address>,
    /// Where clients find a first broker, by listener; `host:port` with commas between.
    pub bootstrap: BTreeMap<String, String>,
    /// Names and addresses that every broker's certificate holds, by listener.
    pub bootstrap_hosts: BTreeMap<String, Vec<String>>,
    /// Kubernetes doesn't know routes, or the operator may not list them.
    pub no_routes: bool,
    /// Changes with the files that brokers read of client listeners, and tells nothing of them.
    pub listener_files: Option<String>,
    /// Changes with the key of delegation tokens.
    pub delegation_key: Option<String>,
    /// Who signed the user's own certificate, by listener.
    pub authorities: BTreeMap<String, String>,
    /// Serial number of the user's own certificate, by listener.
    pub own_serials: BTreeMap<String, String>,
}

impl Found {
    /// The listener has an address on this broker, so that it can be advertised.
    pub fn is_reachable(&self, listener: &ClientListener, broker: i32) -> bool {
        !listener.is_exposed() || self.brokers.contains_key(&(listener.name.clone(), broker))
    }

    pub fn of(&self, listener: &str, broker: i32) -> Option<&Address> {
        self.brokers.get(&(listener.to_owned(), broker))
    }

    /// Hosts outside of the pods' network by which clients know a broker.
    pub fn hosts(&self, cluster: &Cluster, broker: i32) -> Vec<String> {
        let mut hosts = Vec::new();
        let reachable = |listener: &&ClientListener| listener.is_exposed() && self.is_reachable(listener, broker);
        for listener in cluster.listeners.iter().filter(reachable) {
            hosts.extend(self.of(&listener.name, broker).and_then(|address| address.host.clone()));
            hosts.extend(self.bootstrap_hosts.get(&listener.name).cloned().unwrap_or_default());
        }
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// Listeners of brokers that have no address yet, for people.
    pub fn missing(&self, cluster: &Cluster, identity: &Identity) -> BTreeMap<i32, String> {
        let mut missing = BTreeMap::new();
        for node in cluster.nodes(identity).iter().filter(|node| node.roles.broker) {
            let lacks = cluster
                .listeners
                .iter()
                .find(|listener| !self.is_reachable(listener, node.id));
            let Some(listener) = lacks else { continue };
            let what = match listener.exposure.kind {
                ExposureType::LoadBalancer => "a load balancer's address",
                _ => "an address",
            };
            let service = cluster.names.broker_service(&listener.name, node.id);
            let text = match &listener.exposure.gateway {
                Some(_) if self.no_routes => format!(
                    "broker {} waits until Kubernetes knows TLSRoutes and the operator may list them (Gateway API 1.5 or later)",
                    node.id
                ),
                Some(gateway) => format!(
                    "broker {} waits until Gateway {} accepts TLSRoute {service}",
                    node.id, gateway.name
                ),
                None => format!(
                    "broker {} waits until Kubernetes gives Service {service} {what}",
                    node.id
                ),
            };
            missing.insert(node.id, text);
        }
        missing
    }
}
