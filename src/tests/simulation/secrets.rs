//! Do the Secrets fit together? Every leaf is signed by the authority in the cluster and belongs to its key; every password
//! is the one that Kafka has.

use super::apiserver::State;
use super::call::Key;
use super::clock;
use super::kafka::KafkaState;
use crate::kafka::views::ScramMechanism;
use crate::kafka::{Secret, scram};
use crate::pki::{self, CertificateAuthority, ExistingLeaf, KeyAlgorithm, LeafDecision, LeafRequest, SecretPem};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

pub type Texts = BTreeMap<String, String>;

/// A Secret's data in the clear.
pub fn texts(secret: &Value) -> Texts {
    let decode = |value: &Value| String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap();
    secret["data"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), decode(value)))
        .collect()
}

fn authority(state: &State, name: &str) -> Option<CertificateAuthority> {
    let texts = texts(state.get(&Key::new("secrets", name))?);
    CertificateAuthority::from_pem(texts.get("ca.crt")?, texts.get("ca.key")?).ok()
}

/// Serial number of the certificate in a node's Secret.
pub fn serial(secret: &Value) -> Option<String> {
    Some(pki::inspect(texts(secret).get("node.pem")?).ok()?.serial_hex)
}

/// What doesn't fit.
pub fn problems(state: &State, kafka: &KafkaState) -> Vec<String> {
    let (Some(cluster), Some(clients)) = (
        authority(state, "orders-cluster-ca"),
        authority(state, "orders-clients-ca"),
    ) else {
        return vec!["an authority is missing or broken".into()];
    };
    let mut problems = Vec::new();
    // One without labels is a user's own.
    let ours = state.list("secrets").into_iter();
    for (key, secret) in ours.filter(|(_, secret)| secret["metadata"]["labels"].is_object()) {
        let texts = texts(&secret);
        let text = |key: &str| texts.get(key).map(String::as_str).unwrap_or_default();
        let mut expect = |holds: bool, what: &str| {
            if !holds {
                problems.push(format!("{key}: {what}"));
            }
        };
        if texts.contains_key("node.pem") {
            expect(signs(&cluster, text("node.pem"), text("node.pem")), "its certificate");
            expect(text("cluster-ca.crt") == cluster.cert_pem(), "its cluster authority");
            expect(text("clients-ca.crt") == clients.cert_pem(), "its clients' authority");
        } else if texts.contains_key("tls.crt") {
            expect(signs(&cluster, text("tls.crt"), text("tls.key")), "its certificate");
            expect(text("ca.crt") == cluster.cert_pem(), "its authority");
        } else if texts.contains_key("user.crt") {
            expect(signs(&clients, text("user.crt"), text("user.key")), "its certificate");
            expect(
                text("user.pem") == format!("{}{}", text("user.key"), text("user.crt")),
                "its key store",
            );
            expect(text("ca.crt") == cluster.cert_pem(), "its authority");
        } else if texts.contains_key("password") {
            expect(
                opens(kafka, text("username"), text("password")),
                "its password isn't Kafka's",
            );
            expect(
                text("client.properties").contains(text("password")),
                "its client.properties",
            );
        } else if key.name.ends_with("ca-cert") {
            expect(text("ca.crt") == cluster.cert_pem(), "its authority");
        }
    }
    problems
}

fn signs(authority: &CertificateAuthority, cert_pem: &str, key: &str) -> bool {
    let Ok(facts) = pki::inspect(cert_pem) else {
        return false;
    };
    let wanted = LeafRequest {
        common_name: facts.subject_cn,
        organisation: facts.organisation,
        dns_names: facts.dns_names,
        ip_addresses: facts.ip_addresses,
        usages: facts.usages.unwrap(),
        algorithm: KeyAlgorithm::EcdsaP256,
        lifetime: Duration::from_hours(24 * 90),
    };
    let key_pem = &SecretPem::new(key);
    let existing = Some(ExistingLeaf { cert_pem, key_pem });
    let decision = pki::decide(authority, existing, &wanted, Duration::from_hours(24), clock::now());
    matches!(decision, LeafDecision::Keep { .. })
}

fn opens(kafka: &KafkaState, user: &str, password: &str) -> bool {
    opens_by(kafka, ScramMechanism::Sha512, user, password) || opens_by(kafka, ScramMechanism::Sha256, user, password)
}

/// Kafka lets the user in with this password.
pub fn opens_by(kafka: &KafkaState, mechanism: ScramMechanism, user: &str, password: &str) -> bool {
    let stored = kafka.scram.get(&(user.to_owned(), mechanism));
    stored.is_some_and(|stored| {
        let iterations = u32::try_from(stored.iterations).unwrap();
        let password = Secret::new(password);
        let salt = stored.salt.clone();
        scram::credential(stored.mechanism, user, &password, salt, iterations).as_ref() == Ok(stored)
    })
}
