//! Listeners of a node in Kafka's terms: sockets, advertised names, protocols, key stores. TLS on every one of them.
//!
//! | listener | protocol | proves | trusts |
//! |---|---|---|---|
//! | CONTROLLER, REPLICATION | SSL | both sides | cluster CA |
//! | client, `Mtls` | SSL | both sides | clients CA |
//! | client, `ScramSha512`, `Plain` | SASL_SSL | broker by certificate, client by password | – |
//! | client, `OAuth` | SASL_SSL | broker by certificate, client by signed token | keys of the JWKS endpoint |
//! | client, `Kerberos` | SASL_SSL | broker by certificate and ticket, client by ticket | the realm |

use super::Input;
use super::volumes::{KERBEROS, LISTENER_FILES, certificate_file, oauth_authority};
use crate::api::{ExposureType, Kerberos, NodeAddressType, OAuth};
use crate::model::{Address, ClientAuth, ClientListener, Cluster, Node, ports, with_port};
use std::collections::BTreeMap;

pub const CONTROLLER: &str = "CONTROLLER";
pub const REPLICATION: &str = "REPLICATION";
/// Where the Secret with the certificate between nodes is mounted, and that with what clients are shown.
pub const TLS: &str = "/etc/kafka/tls";
pub const SERVER_TLS: &str = "/etc/kafka/server-tls";
/// `CN=alice` becomes `User:alice`. Only on client listeners: on the internal ones the whole subject is the principal,
/// which no certificate of the clients CA can be mistaken for.
const PRINCIPAL_MAPPING: &str = "RULE:^CN=([^,]+).*$/$1/,DEFAULT";

/// Environment variable with the address or name of the machine.
pub const MACHINE: &str = "PK_MACHINE";

struct Socket {
    name: String,
    port: i32,
    /// `host:port` that clients are told.
    advertised: String,
}

/// Adds the keys of all listeners that the node has or connects to.
pub fn add(all: &mut BTreeMap<String, String>, input: &Input<'_>, node: &Node<'_>) {
    let sockets = sockets(input, node);
    let listen: Vec<String> = sockets.iter().map(|s| format!("{}://:{}", s.name, s.port)).collect();
    all.insert("listeners".into(), listen.join(","));
    if by_machine(input, node).is_none() {
        all.insert("advertised.listeners".into(), advertised(&sockets));
    }
    all.insert("controller.listener.names".into(), CONTROLLER.into());
    all.insert("listener.security.protocol.map".into(), protocols(input, node));
    mutual_tls(all, CONTROLLER, "cluster-ca.crt");
    if node.roles.broker {
        mutual_tls(all, REPLICATION, "cluster-ca.crt");
        for listener in reachable(input, node) {
            client(all, listener, node);
        }
    }
}

fn advertised(sockets: &[Socket]) -> String {
    let one = |socket: &Socket| format!("{}://{}", socket.name, socket.advertised);
    sockets.iter().map(one).collect::<Vec<_>>().join(",")
}

/// What a node advertises whose machine is known only where its pod starts: field of the pod with the machine, and the list with
/// a reference to it. `None`: none of its listeners has a node port.
pub fn by_machine(input: &Input<'_>, node: &Node<'_>) -> Option<(&'static str, String)> {
    let mut listeners = reachable(input, node).into_iter();
    let port = listeners.find_map(|listener| match listener.exposure.kind {
        ExposureType::NodePort => Some(listener.exposure.node_port.clone().unwrap_or_default()),
        _ => None,
    })?;
    let field = match port.address_type {
        NodeAddressType::InternalIP => "status.hostIP",
        NodeAddressType::Hostname => "spec.nodeName",
    };
    Some((field, advertised(&sockets(input, node))))
}

/// Client listeners that have an address on this node. Everything of a pod follows from these alone: one that has none yet would
/// restart it for nothing, and again when it has.
pub fn reachable<'a>(input: &Input<'a>, node: &Node<'_>) -> Vec<&'a ClientListener> {
    let all = by_name(input.cluster).into_iter();
    all.filter(|listener| node.roles.broker && input.found.is_reachable(listener, node.id))
        .collect()
}

/// Client listeners by name: the order in the resource means nothing and must not restart anything.
pub fn by_name(cluster: &Cluster) -> Vec<&ClientListener> {
    let mut listeners: Vec<&ClientListener> = cluster.listeners.iter().collect();
    listeners.sort_by(|a, b| a.name.cmp(&b.name));
    listeners
}

fn sockets(input: &Input<'_>, node: &Node<'_>) -> Vec<Socket> {
    let socket = |name: &str, port, advertised| Socket {
        name: name.to_owned(),
        port,
        advertised,
    };
    let own = |port: i32| format!("{}:{port}", node.names.host);
    let mut sockets = Vec::new();
    if node.roles.controller {
        sockets.push(socket(CONTROLLER, ports::CONTROLLER, own(ports::CONTROLLER)));
    }
    if node.roles.broker {
        sockets.push(socket(REPLICATION, ports::REPLICATION, own(ports::REPLICATION)));
        let clients = reachable(input, node).into_iter();
        sockets.extend(clients.map(|listener| {
            let address = input.found.of(&listener.name, node.id);
            let outside = address.map(|address| outside(listener, address));
            let advertised = outside.unwrap_or_else(|| own(listener.port));
            socket(&listener.kafka_name(), listener.port, advertised)
        }));
    }
    sockets
}

/// `host:port` outside of the pods' network.
fn outside(listener: &ClientListener, address: &Address) -> String {
    match (&address.host, listener.exposure.kind) {
        (Some(host), ExposureType::ClusterIP | ExposureType::LoadBalancer | ExposureType::Gateway) => {
            with_port(host, address.port)
        }
        _ => format!("$({MACHINE}):{}", address.port),
    }
}

/// Controllers name REPLICATION too: it's their `inter.broker.listener.name`, whose default would be plaintext.
fn protocols(input: &Input<'_>, node: &Node<'_>) -> String {
    let mut map = vec![format!("{CONTROLLER}:SSL"), format!("{REPLICATION}:SSL")];
    map.extend(reachable(input, node).into_iter().map(|listener| {
        let protocol = match listener.authentication {
            ClientAuth::Mtls => "SSL",
            _ => "SASL_SSL",
        };
        format!("{}:{protocol}", listener.kafka_name())
    }));
    map.join(",")
}

fn prefix(listener: &str) -> String {
    format!("listener.name.{}.", listener.to_ascii_lowercase())
}

/// Kafka's own clients of the two internal listeners (raft, fetchers, forwarding) read the same prefix.
fn mutual_tls(all: &mut BTreeMap<String, String>, listener: &str, authority: &str) {
    key_store(all, listener, &format!("{TLS}/node.pem"));
    trust(all, listener, &format!("{TLS}/{authority}"));
}

fn trust(all: &mut BTreeMap<String, String>, listener: &str, authority: &str) {
    let prefix = prefix(listener);
    all.insert(format!("{prefix}ssl.truststore.type"), "PEM".into());
    all.insert(format!("{prefix}ssl.truststore.location"), authority.to_owned());
    all.insert(format!("{prefix}ssl.client.auth"), "required".into());
}

fn key_store(all: &mut BTreeMap<String, String>, listener: &str, file: &str) {
    let prefix = prefix(listener);
    all.insert(format!("{prefix}ssl.keystore.type"), "PEM".into());
    all.insert(format!("{prefix}ssl.keystore.location"), file.to_owned());
}

fn client(all: &mut BTreeMap<String, String>, listener: &ClientListener, node: &Node<'_>) {
    let name = listener.kafka_name();
    let given = listener.certificate.as_ref();
    let key = given.map(|_| format!("{LISTENER_FILES}/{}", certificate_file(&listener.name)));
    key_store(all, &name, &key.unwrap_or_else(|| format!("{SERVER_TLS}/server.pem")));
    if listener.authentication == ClientAuth::Mtls {
        trust(all, &name, &format!("{SERVER_TLS}/clients-ca.crt"));
        all.insert(
            format!("{}ssl.principal.mapping.rules", prefix(&name)),
            PRINCIPAL_MAPPING.into(),
        );
        return;
    }
    let prefix = prefix(&name);
    let keys = match &listener.authentication {
        ClientAuth::ScramSha512 => scram(),
        // Its users are in the JAAS file that the JVM is started with.
        ClientAuth::Plain(_) => vec![(MECHANISMS, "PLAIN".to_owned())],
        ClientAuth::OAuth(oauth) => oauth_bearer(&listener.name, oauth),
        ClientAuth::Kerberos(kerberos) => gssapi(kerberos, node),
        ClientAuth::Mtls => Vec::new(),
    };
    all.extend(keys.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)));
}

const MECHANISMS: &str = "sasl.enabled.mechanisms";

type Keys = Vec<(&'static str, String)>;

/// Two mechanisms, so that a user can have two passwords while one replaces the other.
fn scram() -> Keys {
    let module = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    vec![
        (MECHANISMS, "SCRAM-SHA-512,SCRAM-SHA-256".into()),
        ("scram-sha-256.sasl.jaas.config", module.into()),
        ("scram-sha-512.sasl.jaas.config", module.into()),
    ]
}

/// Kafka's own validator, named, since a default took any token (CVE-2026-33557); keys, issuer and audience are never left out
/// (CVE-2026-110985).
fn oauth_bearer(listener: &str, oauth: &OAuth) -> Keys {
    // With any option the broker logs in itself, though it never uses that, and fails without a name. What it takes from
    // clients is the validator's to say.
    let authority = oauth.ca_secret_name.as_ref().map(|_| {
        let file = oauth_authority(listener);
        format!(
            " ssl.truststore.type=\"PEM\" ssl.truststore.location=\"{file}\" unsecuredLoginStringClaim_sub=\"nobody\""
        )
    });
    let module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required";
    vec![
        (MECHANISMS, "OAUTHBEARER".into()),
        (
            "oauthbearer.sasl.jaas.config",
            format!("{module}{};", authority.unwrap_or_default()),
        ),
        (
            "oauthbearer.sasl.server.callback.handler.class",
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler".into(),
        ),
        (
            "oauthbearer.sasl.oauthbearer.jwt.validator.class",
            "org.apache.kafka.common.security.oauthbearer.BrokerJwtValidator".into(),
        ),
        (
            "oauthbearer.sasl.oauthbearer.jwks.endpoint.url",
            oauth.jwks_endpoint.clone(),
        ),
        ("oauthbearer.sasl.oauthbearer.expected.issuer", oauth.issuer.clone()),
        (
            "oauthbearer.sasl.oauthbearer.expected.audience",
            oauth.audience.join(","),
        ),
        (
            "oauthbearer.sasl.oauthbearer.sub.claim.name",
            oauth.principal_claim.clone(),
        ),
    ]
}

/// The principal of each broker is that of the name by which clients reach it. A broker only takes tickets, for which its key is
/// enough: one that had to ask the KDC for its own couldn't start while that is away.
fn gssapi(kerberos: &Kerberos, node: &Node<'_>) -> Keys {
    let principal = format!("{}/{}@{}", kerberos.service_name, node.names.host, kerberos.realm);
    let module = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true isInitiator=false";
    vec![
        (MECHANISMS, "GSSAPI".into()),
        (
            "gssapi.sasl.jaas.config",
            format!("{module} keyTab=\"{KERBEROS}/kafka.keytab\" principal=\"{principal}\";"),
        ),
        ("sasl.kerberos.service.name", kerberos.service_name.clone()),
    ]
}
