//! What an application's client is configured with, in the words of its library: `client.properties` for Java, complete in
//! itself (certificates stand in the text, so that it works wherever the Secret is mounted), `librdkafka.conf` and
//! `kcat.conf`, which name files and so need the Secret mounted at [`MOUNT`].
//!
//! The settings beside those of the connection are those of the cluster's tuning profile.

use super::properties;
use crate::api::Profile;
use crate::tuning;
use std::collections::BTreeMap;

/// `socket.connection.setup.timeout.ms` (KIP-601): three times what a handshake takes within a region at its worst.
const SETUP_MS: u32 = 3_000;
/// Where the files that name others expect the Secret.
pub const MOUNT: &str = "/etc/kafka-credentials";

/// How the application proves who it is. No `Debug`: it holds a password.
#[derive(Clone, Copy)]
pub enum ClientCredentials<'a> {
    Scram {
        /// By SCRAM-SHA-256, as every second password is.
        second: bool,
        username: &'a str,
        password: &'a str,
    },
    /// PEM texts.
    Mtls { certificate: &'a str, key: &'a str },
}

/// The files by name.
pub fn client_files(
    bootstrap_servers: &str,
    ca: &str,
    credentials: ClientCredentials<'_>,
    profile: Profile,
) -> BTreeMap<String, String> {
    let connection = librdkafka(bootstrap_servers, credentials);
    let mut tuned = connection.clone();
    tuned.extend(tuning::clients(profile).filter_map(|one| one.librdkafka).map(owned));
    let mut java = java(bootstrap_servers, ca, credentials);
    java.extend(tuning::clients(profile).filter_map(|one| one.java).map(owned));
    BTreeMap::from([
        ("client.properties".to_owned(), properties::text(&java)),
        ("librdkafka.conf".to_owned(), lines(&tuned)),
        ("kcat.conf".to_owned(), lines(&connection)),
    ])
}

fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

const fn mechanism(second: bool) -> &'static str {
    if second { "SCRAM-SHA-256" } else { "SCRAM-SHA-512" }
}

fn java(bootstrap_servers: &str, ca: &str, credentials: ClientCredentials<'_>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut set = |key: &str, value: String| all.insert(key.to_owned(), value);
    set("bootstrap.servers", bootstrap_servers.to_owned());
    // A broker that restarts comes back at another address; one that doesn't answer is given up after this long, not 10 s.
    set("socket.connection.setup.timeout.ms", SETUP_MS.to_string());
    set("ssl.truststore.type", "PEM".into());
    set("ssl.truststore.certificates", ca.to_owned());
    set("ssl.endpoint.identification.algorithm", "https".into());
    match credentials {
        ClientCredentials::Scram {
            second,
            username,
            password,
        } => {
            set("security.protocol", "SASL_SSL".into());
            set("sasl.mechanism", mechanism(second).into());
            set("sasl.jaas.config", login_module(username, password));
        }
        ClientCredentials::Mtls { certificate, key } => {
            set("security.protocol", "SSL".into());
            set("ssl.keystore.type", "PEM".into());
            set("ssl.keystore.certificate.chain", certificate.to_owned());
            set("ssl.keystore.key", key.to_owned());
        }
    }
    all
}

fn login_module(username: &str, password: &str) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    format!(
        "org.apache.kafka.common.security.scram.ScramLoginModule required username={} password={};",
        quoted(username),
        quoted(password)
    )
}

fn librdkafka(bootstrap_servers: &str, credentials: ClientCredentials<'_>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut set = |key: &str, value: String| all.insert(key.to_owned(), value);
    set("bootstrap.servers", bootstrap_servers.to_owned());
    set("socket.connection.setup.timeout.ms", SETUP_MS.to_string());
    set("ssl.ca.location", format!("{MOUNT}/ca.crt"));
    set("ssl.endpoint.identification.algorithm", "https".into());
    match credentials {
        ClientCredentials::Scram {
            second,
            username,
            password,
        } => {
            set("security.protocol", "SASL_SSL".into());
            set("sasl.mechanism", mechanism(second).into());
            set("sasl.username", username.to_owned());
            set("sasl.password", password.to_owned());
        }
        ClientCredentials::Mtls { .. } => {
            set("security.protocol", "SSL".into());
            set("ssl.certificate.location", format!("{MOUNT}/user.crt"));
            set("ssl.key.location", format!("{MOUNT}/user.key"));
        }
    }
    all
}

/// `key=value`, as librdkafka's tools read it: nothing is escaped.
fn lines(all: &BTreeMap<String, String>) -> String {
    let line = |(key, value): (&String, &String)| format!("{key}={value}\n");
    all.iter().map(line).collect()
}
