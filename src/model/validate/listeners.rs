//! Client listeners: names and ports.

use super::kubernetes_words::{is_dns_label, is_label_key};
use super::{Facts, Findings};
use crate::api::{Authentication, AuthenticationType, ExposureType, Listener};
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
        oauth(listener, &path, findings);
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

/// Kafka takes both as lists with commas between.
fn oauth(listener: &Listener, path: &str, findings: &mut Findings) {
    let Some(oauth) = &listener.authentication.oauth else {
        return;
    };
    if oauth.audience.iter().any(|one| one.contains(',')) {
        findings.add(
            format!("{path}.authentication.oauth.audience"),
            "has an entry with a comma: give each audience as an entry of its own",
        );
    }
}

fn exposure(listener: &Listener, path: &str, findings: &mut Findings) {
    if let Some(gateway) = &listener.exposure.gateway {
        for (field, text) in [("name", &gateway.name), ("domain", &gateway.domain)] {
            if !text.split('.').all(is_dns_label) {
                findings.add(
                    format!("{path}.exposure.gateway.{field}"),
                    format!("{text:?} isn't a DNS name"),
                );
            }
        }
    }
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

/// A Secret that a listener names.
pub struct Named {
    /// Below the listener.
    field: &'static str,
    pub secret: String,
    /// Keys that it must have; none, where each key is a user.
    pub keys: &'static [&'static str],
}

/// Keys of a Secret with a server certificate.
pub const CERTIFICATE: &[&str] = &["tls.crt", "tls.key"];

/// Secrets that brokers mount or are made from must be there before a pod waits for them.
fn secrets(listener: &Listener, path: &str, facts: &Facts, findings: &mut Findings) {
    let Some(known) = &facts.secrets else { return };
    for Named { field, secret, keys } in named(listener) {
        let path = format!("{path}.{field}");
        let Some(there) = known.get(&secret) else {
            findings.add(
                path,
                format!("Secret {secret} doesn't exist in this namespace: create it"),
            );
            continue;
        };
        let missing: Vec<&&str> = keys.iter().filter(|key| !there.contains(**key)).collect();
        for key in &missing {
            findings.add(path.clone(), format!("Secret {secret} has no key {key}: add it"));
        }
        if keys.is_empty() {
            plain_users(&path, &secret, there, findings);
        }
        let problem = facts
            .unusable
            .get(&secret)
            .filter(|_| missing.is_empty() && keys == CERTIFICATE);
        if let Some(problem) = problem {
            findings.add(path, format!("Secret {secret} can't be served: {problem}"));
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

/// Secrets that a listener names.
pub fn named(listener: &Listener) -> Vec<Named> {
    let given = &listener.authentication;
    let one = |field, secret: &str, keys| Named {
        field,
        secret: secret.to_owned(),
        keys,
    };
    let plain = given.plain.iter();
    let plain = plain.map(|plain| one("authentication.plain.secretName", &plain.secret_name, &[]));
    let oauth = given.oauth.iter().filter_map(|oauth| oauth.ca_secret_name.as_ref());
    let oauth = oauth.map(|name| one("authentication.oauth.caSecretName", name, &["ca.crt"]));
    let kerberos = given.kerberos.iter();
    let files: &[&str] = &["kafka.keytab", "krb5.conf"];
    let kerberos = kerberos.map(|realm| one("authentication.kerberos.secretName", &realm.secret_name, files));
    let certificate = listener.certificate.iter();
    let certificate = certificate.map(|own| one("certificate.secretName", &own.secret_name, CERTIFICATE));
    plain.chain(oauth).chain(kerberos).chain(certificate).collect()
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
    let mut exposed = listeners.iter().filter(|listener| {
        listener.authentication.kerberos.is_some() && listener.exposure.kind != ExposureType::Internal
    });
    if let Some(listener) = exposed.next() {
        findings.add(
            format!("spec.listeners[{}].exposure.type", listener.name),
            "is Internal alone with Kerberos: brokers have keys for the names of their pods",
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
