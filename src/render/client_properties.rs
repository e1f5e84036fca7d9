//! `client.properties` of a Java client, complete in itself: certificates stand in the text, so that it works
//! wherever the credentials Secret is mounted.

use super::properties;
use std::collections::BTreeMap;

/// `socket.connection.setup.timeout.ms` (KIP-601): three times what a handshake takes within a region at its worst.
const SETUP_MS: u32 = 3_000;

/// How the application proves who it is. No `Debug`: it holds a password.
#[derive(Clone, Copy)]
pub enum ClientCredentials<'a> {
    ScramSha512 {
        username: &'a str,
        password: &'a str,
    },
    /// PEM texts.
    Mtls {
        certificate: &'a str,
        key: &'a str,
    },
}

/// The file's text.
pub fn client_properties(bootstrap_servers: &str, ca: &str, credentials: ClientCredentials<'_>) -> String {
    let mut all = BTreeMap::new();
    let mut set = |key: &str, value: String| all.insert(key.to_owned(), value);
    set("bootstrap.servers", bootstrap_servers.to_owned());
    // A broker that restarts comes back at another address; one that doesn't answer is given up after this long, not 10 s.
    set("socket.connection.setup.timeout.ms", SETUP_MS.to_string());
    set("ssl.truststore.type", "PEM".into());
    set("ssl.truststore.certificates", ca.to_owned());
    set("ssl.endpoint.identification.algorithm", "https".into());
    match credentials {
        ClientCredentials::ScramSha512 { username, password } => {
            set("security.protocol", "SASL_SSL".into());
            set("sasl.mechanism", "SCRAM-SHA-512".into());
            set("sasl.jaas.config", login_module(username, password));
        }
        ClientCredentials::Mtls { certificate, key } => {
            set("security.protocol", "SSL".into());
            set("ssl.keystore.type", "PEM".into());
            set("ssl.keystore.certificate.chain", certificate.to_owned());
            set("ssl.keystore.key", key.to_owned());
        }
    }
    properties::text(&all)
}

fn login_module(username: &str, password: &str) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    format!(
        "org.apache.kafka.common.security.scram.ScramLoginModule required username={} password={};",
        quoted(username),
        quoted(password)
    )
}
