//! Client listeners: names and ports.

use super::kubernetes_words::is_label_key;
use super::{Facts, Findings};
use crate::api::{Authentication, AuthenticationType, Listener};
use crate::model::{ClientAuth, ClientListener, ports};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Names of the operator's own listeners and ports and suffixes of its Services.
const TAKEN: [&str; 4] = ["controller", "metrics", "nodes", "replication"];

pub fn check(listeners: &[Listener], facts: &Facts, findings: &mut Findings) -> Vec<ClientListener> {
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
        exposure(listener, &path, findings);
        secrets(listener, &path, facts, findings);
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
    kerberos(listeners, findings);
    valid
}

fn exposure(listener: &Listener, path: &str, findings: &mut Findings) {
    let Some(balancer) = &listener.exposure.load_balancer else {
        return;
    };
    for range in &balancer.source_ranges {
        if !is_network(range) {
            findings.add(
                format!("{path}.exposure.loadBalancer.sourceRanges"),
                format!("{range:?} isn't a network in CIDR notation, such as 192.0.2.0/24"),
            );
        }
    }
    for key in balancer.annotations.keys().filter(|key| !is_label_key(key)) {
        findings.add(
            format!("{path}.exposure.loadBalancer.annotations[{key}]"),
            "isn't an annotation's key",
        );
    }
}

fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let longest = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    length.parse::<u8>().is_ok_and(|length| length <= longest)
}

/// Secrets that brokers mount or are made from must be there before a pod waits for them.
fn secrets(listener: &Listener, path: &str, facts: &Facts, findings: &mut Findings) {
    for (field, name, keys) in named(&listener.authentication) {
        let Some(known) = &facts.secrets else { continue };
        let path = format!("{path}.authentication.{field}");
        match known.get(&name) {
            None => findings.add(
                path,
                format!("Secret {name} doesn't exist in this namespace: create it"),
            ),
            Some(there) => {
                for key in keys.iter().filter(|key| !there.contains(**key)) {
                    findings.add(path.clone(), format!("Secret {name} has no key {key}: add it"));
                }
                if keys.is_empty() {
                    plain_users(&path, &name, there, findings);
                }
            }
        }
    }
}

/// Names of users are keys of a Secret, so they hold no quote or space already.
fn plain_users(path: &str, secret: &str, users: &BTreeSet<String>, findings: &mut Findings) {
    if users.is_empty() {
        findings.add(
            path,
            format!("Secret {secret} holds no user: add a key for each, with the password as its value"),
        );
    }
}

/// Secrets that a listener names: field, name, and keys that it must have.
pub fn named(given: &Authentication) -> Vec<(&'static str, String, &'static [&'static str])> {
    let plain = given
        .plain
        .iter()
        .map(|plain| ("plain.secretName", plain.secret_name.clone(), &[][..]));
    let oauth = given.oauth.iter().filter_map(|oauth| oauth.ca_secret_name.clone());
    let oauth = oauth.map(|name| ("oauth.caSecretName", name, &["ca.crt"][..]));
    let kerberos = given.kerberos.iter();
    let kerberos = kerberos.map(|one| {
        (
            "kerberos.secretName",
            one.secret_name.clone(),
            &["kafka.keytab", "krb5.conf"][..],
        )
    });
    plain.chain(oauth).chain(kerberos).collect()
}

/// A JVM has one `krb5.conf`.
fn kerberos(listeners: &[Listener], findings: &mut Findings) {
    let mut all = listeners
        .iter()
        .filter(|listener| listener.authentication.kerberos.is_some());
    if let (Some(_), Some(second)) = (all.next(), all.next()) {
        findings.add(
            format!("spec.listeners[{}].authentication.type", second.name),
            "is the second listener with Kerberos: brokers know one realm's configuration; use one",
        );
    }
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
