//! Client listeners: names and ports.

use super::Findings;
use crate::api::{AuthenticationType, Listener};
use crate::model::{ClientAuth, ClientListener, ports};
use std::collections::BTreeSet;

/// Names of the operator's own listeners and ports and suffixes of its Services.
const TAKEN: [&str; 4] = ["controller", "metrics", "nodes", "replication"];

pub fn check(listeners: &[Listener], findings: &mut Findings) -> Vec<ClientListener> {
    let (mut names, mut taken) = (BTreeSet::new(), BTreeSet::new());
    let mut valid = Vec::new();
    if listeners.is_empty() {
        findings.add("spec.listeners", "is empty: no client could connect; add one");
    }
    for listener in listeners {
        let path = format!("spec.listeners[{}]", listener.name);
        if TAKEN.contains(&listener.name.as_str()) {
            findings.add(
                format!("{path}.name"),
                "is the name of one of the operator's own listeners or ports: choose another",
            );
        }
        if !names.insert(&listener.name) {
            findings.add(format!("{path}.name"), "two listeners have this name: rename one");
        }
        if !taken.insert(listener.port) {
            findings.add(
                format!("{path}.port"),
                format!("two listeners have port {}: change one", listener.port),
            );
        }
        if !(9092..=9399).contains(&listener.port) || [ports::CONTROLLER, ports::REPLICATION].contains(&listener.port) {
            findings.add(
                format!("{path}.port"),
                format!("{} isn't between 9092 and 9399", listener.port),
            );
        }
        for (index, peer) in listener.allowed_peers.iter().enumerate() {
            if peer.pod_selector.is_none() && peer.namespace_selector.is_none() {
                findings.add(
                    format!("{path}.allowedPeers[{index}]"),
                    "selects nothing: give podSelector, namespaceSelector or both",
                );
            }
        }
        let authentication = match listener.authentication.kind {
            AuthenticationType::Mtls => ClientAuth::Mtls,
            // The others have been refused as unavailable.
            _ => ClientAuth::ScramSha512,
        };
        let (name, port, allowed_peers) = (listener.name.clone(), listener.port, listener.allowed_peers.clone());
        valid.push(ClientListener {
            name,
            port,
            authentication,
            allowed_peers,
        });
    }
    valid
}
