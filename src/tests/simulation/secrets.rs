//! Do the Secrets fit together? Every leaf is signed by the authority in the cluster and belongs to its key; every password
//! is the one that Kafka has.

use super::apiserver::State;
use super::call::Key;
use super::clock;
use super::kafka::KafkaState;
use crate::kafka::views::ScramMechanism;
use crate::kafka::{Secret, scram};
use crate::pki::{
    self, CertificateAuthority, ExistingLeaf, KeyAlgorithm, LeafDecision, LeafRequest, Renewal, SecretPem,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

pub type Texts = BTreeMap<String, String>;

/// A Secret's data in the clear.
pub fn texts(secret: &Value) -> Texts {
    secret["data"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), decoded(value)))
        .collect()
}

fn decoded(value: &Value) -> String {
    String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap()
}

/// A text as a Secret's data holds it.
pub fn encoded(text: &str) -> Value {
    Value::String(STANDARD.encode(text))
}

fn authority(state: &State, name: &str) -> Option<CertificateAuthority> {
    let texts = texts(state.get(&Key::new("secrets", name))?);
    CertificateAuthority::from_pem(texts.get("ca.crt")?, texts.get("ca.key")?).ok()
}

/// Serial number of the certificate in a node's Secret.
pub fn serial(secret: &Value) -> Option<String> {
    Some(pki::inspect(texts(secret).get("node.pem")?).ok()?.serial_hex)
}

/// Serial numbers of the certificates for clients that a pod mounts, by file.
pub fn certificates_of(state: &State, pod: &Value) -> BTreeMap<String, String> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let names = volumes.filter_map(|volume| volume["secret"]["secretName"].as_str());
    let secrets = names.filter_map(|name| state.get(&Key::new("secrets", name)));
    let data = secrets.filter_map(|secret| secret["data"].as_object()).flatten();
    let files = data.filter(|(file, _)| file.strip_suffix(".pem").is_some_and(|name| name != "node"));
    let serials = files.filter_map(|(file, text)| Some((file.clone(), pki::inspect(&decoded(text)).ok()?.serial_hex)));
    serials.collect()
}

/// What somebody shows to nodes, and whom it trusts.
#[derive(Clone, Debug)]
pub struct Credentials {
    shows: Authorities,
    trusts: Authorities,
    /// When what it shows is over.
    ends: jiff::Timestamp,
}

type Authorities = std::collections::BTreeSet<(Vec<u8>, Vec<u8>)>;

impl Credentials {
    pub fn of(state: &State, secret: &str, (shown, trusted): (&str, &str)) -> Option<Self> {
        let texts = texts(state.get(&Key::new("secrets", secret))?);
        Some(Self {
            shows: pki::trusts(texts.get(shown)?),
            trusts: pki::trusts(texts.get(trusted)?),
            ends: pki::inspect(texts.get(shown)?).ok()?.not_after,
        })
    }

    pub fn are_over(&self) -> bool {
        self.ends <= clock::now()
    }

    /// Both accept each other's certificate.
    pub fn get_along(&self, other: &Self) -> bool {
        let accepts = |one: &Self, other: &Self| !one.trusts.is_disjoint(&other.shows);
        accepts(self, other) && accepts(other, self)
    }
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
            expect(trusts(text("cluster-ca.crt"), &cluster), "its cluster authority");
        } else if texts.contains_key("server.pem") {
            expect(
                signs(&cluster, text("server.pem"), text("server.pem")),
                "its certificate",
            );
            expect(trusts(text("clients-ca.crt"), &clients), "its clients' authority");
        } else if texts.contains_key("tls.crt") {
            expect(signs(&cluster, text("tls.crt"), text("tls.key")), "its certificate");
            expect(trusts(text("ca.crt"), &cluster), "its authority");
        } else if texts.contains_key("user.crt") {
            expect(signs(&clients, text("user.crt"), text("user.key")), "its certificate");
            expect(
                text("user.pem") == format!("{}{}", text("user.key"), text("user.crt")),
                "its key store",
            );
            expect(trusts(text("ca.crt"), &cluster), "its authority");
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
            expect(trusts(text("ca.crt"), &cluster), "its authority");
        }
    }
    problems
}

/// The authority is among those that are trusted.
fn trusts(pem: &str, authority: &CertificateAuthority) -> bool {
    pki::trusts(pem).is_superset(&pki::trusts(&authority.own_pem()))
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
    let renewal = Renewal {
        before: Duration::from_hours(1),
        ..Renewal::default()
    };
    let decision = pki::decide(authority, existing, &wanted, renewal, clock::now());
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
