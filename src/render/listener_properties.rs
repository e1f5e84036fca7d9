//! Listeners of a node in Kafka's terms: sockets, advertised names, protocols, key stores. TLS on every one of them.
//!
//! | listener | protocol | proves | trusts |
//! |---|---|---|---|
//! | CONTROLLER, REPLICATION | SSL | both sides | cluster CA |
//! | client, `Mtls` | SSL | both sides | clients CA |
//! | client, `ScramSha512` | SASL_SSL | broker by certificate, client by SCRAM | – |

use crate::model::{ClientAuth, ClientListener, Cluster, Node, ports};
use std::collections::BTreeMap;

pub const CONTROLLER: &str = "CONTROLLER";
pub const REPLICATION: &str = "REPLICATION";
/// Where the node's TLS Secret is mounted.
pub const TLS: &str = "/etc/kafka/tls";
/// `CN=alice` becomes `User:alice`. Only on client listeners: on the internal ones the whole subject is the principal,
/// which no certificate of the clients CA can be mistaken for.
const PRINCIPAL_MAPPING: &str = "RULE:^CN=([^,]+).*$/$1/,DEFAULT";

struct Socket {
    name: String,
    port: i32,
}

/// Adds the keys of all listeners that the node has or connects to.
pub fn add(all: &mut BTreeMap<String, String>, cluster: &Cluster, node: &Node<'_>) {
    let sockets = sockets(cluster, node);
    let listen: Vec<String> = sockets.iter().map(|s| format!("{}://:{}", s.name, s.port)).collect();
    let advertised: Vec<String> = sockets
        .iter()
        .map(|s| format!("{}://{}:{}", s.name, node.names.host, s.port))
        .collect();
    all.insert("listeners".into(), listen.join(","));
    all.insert("advertised.listeners".into(), advertised.join(","));
    all.insert("controller.listener.names".into(), CONTROLLER.into());
    all.insert("listener.security.protocol.map".into(), protocols(cluster, node));
    mutual_tls(all, CONTROLLER, "cluster-ca.crt");
    if node.roles.broker {
        mutual_tls(all, REPLICATION, "cluster-ca.crt");
        for listener in by_name(cluster) {
            client(all, listener);
        }
    }
}

/// Client listeners by name: the order in the resource means nothing and must not restart anything.
pub fn by_name(cluster: &Cluster) -> Vec<&ClientListener> {
    let mut listeners: Vec<&ClientListener> = cluster.listeners.iter().collect();
    listeners.sort_by(|a, b| a.name.cmp(&b.name));
    listeners
}

fn sockets(cluster: &Cluster, node: &Node<'_>) -> Vec<Socket> {
    let socket = |name: &str, port| Socket {
        name: name.to_owned(),
        port,
    };
    let mut sockets = Vec::new();
    if node.roles.controller {
        sockets.push(socket(CONTROLLER, ports::CONTROLLER));
    }
    if node.roles.broker {
        sockets.push(socket(REPLICATION, ports::REPLICATION));
        sockets.extend(by_name(cluster).iter().map(|l| socket(&l.kafka_name(), l.port)));
    }
    sockets
}

/// Controllers name REPLICATION too: it's their `inter.broker.listener.name`, whose default would be plaintext.
fn protocols(cluster: &Cluster, node: &Node<'_>) -> String {
    let mut map = vec![format!("{CONTROLLER}:SSL"), format!("{REPLICATION}:SSL")];
    if node.roles.broker {
        map.extend(by_name(cluster).iter().map(|listener| {
            let protocol = match listener.authentication {
                ClientAuth::Mtls => "SSL",
                _ => "SASL_SSL",
            };
            format!("{}:{protocol}", listener.kafka_name())
        }));
    }
    map.join(",")
}

fn prefix(listener: &str) -> String {
    format!("listener.name.{}.", listener.to_ascii_lowercase())
}

/// Kafka's own clients of the two internal listeners (raft, fetchers, forwarding) read the same prefix.
fn mutual_tls(all: &mut BTreeMap<String, String>, listener: &str, authority: &str) {
    key_store(all, listener);
    let prefix = prefix(listener);
    all.insert(format!("{prefix}ssl.truststore.type"), "PEM".into());
    all.insert(format!("{prefix}ssl.truststore.location"), format!("{TLS}/{authority}"));
    all.insert(format!("{prefix}ssl.client.auth"), "required".into());
}

fn key_store(all: &mut BTreeMap<String, String>, listener: &str) {
    let prefix = prefix(listener);
    all.insert(format!("{prefix}ssl.keystore.type"), "PEM".into());
    all.insert(format!("{prefix}ssl.keystore.location"), format!("{TLS}/node.pem"));
}

fn client(all: &mut BTreeMap<String, String>, listener: &ClientListener) {
    let name = listener.kafka_name();
    let prefix = prefix(&name);
    match &listener.authentication {
        ClientAuth::Mtls => {
            mutual_tls(all, &name, "clients-ca.crt");
            all.insert(format!("{prefix}ssl.principal.mapping.rules"), PRINCIPAL_MAPPING.into());
        }
        ClientAuth::ScramSha512 => {
            key_store(all, &name);
            // Two, so that a user can have two passwords while one replaces the other.
            all.insert(
                format!("{prefix}sasl.enabled.mechanisms"),
                "SCRAM-SHA-512,SCRAM-SHA-256".into(),
            );
            for mechanism in ["scram-sha-256", "scram-sha-512"] {
                all.insert(
                    format!("{prefix}{mechanism}.sasl.jaas.config"),
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;".into(),
                );
            }
        }
        // Refused by validation until their behaviour is there.
        ClientAuth::Plain(_) | ClientAuth::OAuth(_) | ClientAuth::Kerberos(_) => {}
    }
}
