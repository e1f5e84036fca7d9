//! `client.properties` of a Java client, for an application that mounts its credentials Secret.

use super::properties;
use std::collections::BTreeMap;

/// Where the text expects the Secret to be mounted.
const MOUNT: &str = "/etc/kafka/credentials";

/// How the application proves who it is. No `Debug`: it holds a password.
#[derive(Clone, Copy)]
pub enum ClientCredentials<'a> {
    ScramSha512 { username: &'a str, password: &'a str },
    Mtls,
}

/// The file's text.
pub fn client_properties(bootstrap_servers: &str, credentials: ClientCredentials<'_>) -> String {
    let mut all = BTreeMap::new();
    let mut set = |key: &str, value: String| all.insert(key.to_owned(), value);
    set("bootstrap.servers", bootstrap_servers.to_owned());
    set("ssl.truststore.type", "PEM".into());
    set("ssl.truststore.location", format!("{MOUNT}/ca.crt"));
    set("ssl.endpoint.identification.algorithm", "https".into());
    match credentials {
        ClientCredentials::ScramSha512 { username, password } => {
            set("security.protocol", "SASL_SSL".into());
            set("sasl.mechanism", "SCRAM-SHA-512".into());
            set("sasl.jaas.config", login_module(username, password));
        }
        ClientCredentials::Mtls => {
            set("security.protocol", "SSL".into());
            set("ssl.keystore.type", "PEM".into());
            set("ssl.keystore.location", format!("{MOUNT}/user.pem"));
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
