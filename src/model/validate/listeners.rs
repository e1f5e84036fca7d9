//! Client listeners: names and ports.

use super::Findings;
use crate::api::{Authentication, AuthenticationType, Listener};
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
        let Some(authentication) = authentication(&listener.authentication) else {
            findings.add(
                format!("{path}.authentication"),
                "has a type without the settings of that type: add them",
            );
            continue;
        };
        valid.push(ClientListener {
            name: listener.name.clone(),
            port: listener.port,
            authentication,
            exposure: listener.exposure.clone(),
            certificate: listener.certificate.as_ref().map(|own| own.secret_name.clone()),
            allowed_peers: listener.allowed_peers.clone(),
        });
    }
    valid
}

/// `None`: the settings of the type are missing, which the apiserver refuses too.
fn authentication(given: &Authentication) -> Option<ClientAuth> {
    Some(match given.kind {
        AuthenticationType::ScramSha512 => ClientAuth::ScramSha512,
        AuthenticationType::Mtls => ClientAuth::Mtls,
        AuthenticationType::Plain => ClientAuth::Plain(given.plain.clone()?),
        AuthenticationType::OAuth => ClientAuth::OAuth(given.oauth.clone()?),
        AuthenticationType::Kerberos => ClientAuth::Kerberos(given.kerberos.clone()?),
    })
}
