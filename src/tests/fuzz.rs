//! Resources and certificates that were damaged or made to do damage: read or refused, never a crash, and what is accepted can be
//! rendered. The same for Kafka's answers is beside the client (`kafka/tests/fuzz.rs`).

use super::mutate::{Dice, rounds};
use crate::api::{KafkaTopic, KafkaUser, ProductionKafka};
use crate::cli::yaml;
use crate::model::validate;
use crate::model::validate::tests::{VALID, facts};
use crate::pki::{self, AuthorityRequest, CertificateAuthority, KeyAlgorithm, LeafRequest, Succession, Usages};
use crate::render::tests::World;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::time::Duration;

fn now() -> jiff::Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn authority(algorithm: KeyAlgorithm) -> CertificateAuthority {
    let request = AuthorityRequest {
        common_name: "orders-cluster-ca".into(),
        organisation: Some("productionkafka".into()),
        algorithm,
        lifetime: Duration::from_hours(24 * 365),
    };
    CertificateAuthority::generate(&request, now()).unwrap()
}

/// A certificate of which the DER is damaged and the PEM around it is whole.
fn inside(dice: &mut Dice, pem: &str) -> String {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let Ok(der) = STANDARD.decode(body) else {
        return pem.to_owned();
    };
    let text = STANDARD.encode(dice.mutated(&der));
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

#[test]
fn damaged_certificates_and_keys_are_refused_and_crash_nothing() {
    let mut read = 0;
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384] {
        let ca = authority(algorithm);
        let (cert, key) = (ca.cert_pem().to_owned(), ca.key_pem().expose().to_owned());
        let wanted = LeafRequest {
            common_name: "kafka-node".into(),
            organisation: None,
            dns_names: vec!["a.b".into()],
            ip_addresses: Vec::new(),
            usages: Usages::Both,
            algorithm,
            lifetime: Duration::from_hours(48),
        };
        let leaf = pki::issue(&ca, &wanted, now()).unwrap();
        for seed in 0..rounds(1_000) {
            let mut dice = Dice::new(seed);
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            let (cert_pem, key_text) = match dice.roll(4) {
                0 => (text(dice.mutated(cert.as_bytes())), key.clone()),
                1 => (inside(&mut dice, &cert), key.clone()),
                2 => (
                    text(dice.mutated(leaf.cert_pem.as_bytes())),
                    text(dice.mutated(key.as_bytes())),
                ),
                _ => (
                    inside(
                        &mut dice,
                        leaf.cert_pem
                            .split_inclusive("-----END CERTIFICATE-----\n")
                            .next()
                            .unwrap(),
                    ),
                    key.clone(),
                ),
            };
            read += usize::from(pki::inspect(&cert_pem).is_ok());
            let _ = pki::trusts(&cert_pem);
            let _ = pki::own_certificate_problem(&cert_pem, &key_text, now());
            let key_pem = &pki::SecretPem::new(&*key_text);
            let existing = pki::ExistingLeaf {
                cert_pem: &cert_pem,
                key_pem,
            };
            let _ = pki::decide(&ca, Some(existing), &wanted, pki::Renewal::default(), now());
            // Whatever is taken for an authority signs what it says that it signs, or says why not.
            if let Ok(damaged) = CertificateAuthority::from_pem(&cert_pem, &key_text) {
                let _ = pki::issue(&damaged, &wanted, now());
                let _ = Succession::alone(damaged).trusted();
            }
        }
    }
    assert!(
        read > 100,
        "only {read} were readable: the mutations are too rough to say anything"
    );
}

/// Some leaf of the tree in place of another value.
fn hostile(dice: &mut Dice) -> Value {
    let long = "x".repeat(70_000);
    let all = [
        json!(null),
        json!(true),
        json!(-1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!("\u{0}"),
        json!("\u{202e}../../etc/passwd"),
        json!("9999999999999999999999d"),
        json!("1e99Ei"),
        json!("$(hostname)"),
        json!("${env:HOME}"),
        json!("a,b\nc=d"),
        json!("٣d"),
        json!(long),
        json!([]),
        json!({}),
        json!([{}]),
        json!({"a": {"b": ["c"]}}),
    ];
    all[dice.roll(all.len())].clone()
}

fn damage(dice: &mut Dice, value: &mut Value) {
    let children: Vec<String> = match value {
        Value::Object(fields) => fields.keys().cloned().collect(),
        Value::Array(items) => (0..items.len()).map(|index| index.to_string()).collect(),
        _ => Vec::new(),
    };
    if children.is_empty() || dice.roll(5) == 0 {
        *value = hostile(dice);
        return;
    }
    let chosen = &children[dice.roll(children.len())];
    let child = match value {
        Value::Object(fields) => fields.get_mut(chosen),
        Value::Array(items) => items.get_mut(chosen.parse::<usize>().unwrap()),
        _ => None,
    };
    damage(dice, child.unwrap());
}

#[test]
fn damaged_resources_are_refused_with_their_fields_or_can_be_rendered() {
    let good: Value = yaml::from_str(VALID).unwrap();
    let (mut refused, mut accepted) = (0, 0);
    for seed in 0..rounds(2_000) {
        let mut dice = Dice::new(seed);
        let mut value = good.clone();
        for _ in 0..=dice.roll(3) {
            damage(&mut dice, &mut value["spec"]);
        }
        let Ok(resource) = serde_json::from_value::<ProductionKafka>(value) else {
            continue;
        };
        match validate(&resource, &facts()) {
            Ok(cluster) => {
                accepted += 1;
                assert!(!World::of(cluster).children().is_empty());
            }
            Err(findings) => {
                refused += 1;
                assert!(!findings.0.is_empty());
                assert!(findings.summary(1_000).len() <= 1_000, "seed {seed}");
            }
        }
    }
    assert!(
        refused > 100 && accepted > 20,
        "{refused} refused, {accepted} accepted: too rough or too mild"
    );
}

#[test]
fn damaged_users_topics_and_documents_crash_no_reader() {
    let documents = include_str!("../../examples/production.yaml");
    for seed in 0..rounds(200) {
        let mut dice = Dice::new(seed);
        let bytes = dice.mutated(documents.as_bytes());
        let text = String::from_utf8_lossy(&bytes);
        for document in text.split("\n---\n") {
            let _ = yaml::from_str::<KafkaUser>(document);
            let _ = yaml::from_str::<KafkaTopic>(document);
            let _ = yaml::from_str::<ProductionKafka>(document);
        }
        let _ = crate::acl::AclDocument::parse(&bytes);
        let _ = serde_json::from_slice::<crate::model::Identity>(&bytes);
    }
}
