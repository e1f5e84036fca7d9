use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use x509_parser::extensions::ParsedExtension;

use super::*;

const DAY: Duration = Duration::from_hours(24);

fn now() -> jiff::Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn after(days: i64) -> jiff::Timestamp {
    now() + jiff::SignedDuration::from_hours(days * 24)
}

fn authority_request(algorithm: KeyAlgorithm) -> AuthorityRequest {
    AuthorityRequest {
        common_name: "orders-cluster-ca".into(),
        organisation: Some("productionkafka".into()),
        algorithm,
        lifetime: DAY * 3650,
    }
}

fn authority() -> CertificateAuthority {
    CertificateAuthority::generate(&authority_request(KeyAlgorithm::EcdsaP256), now()).unwrap()
}

fn node_request() -> LeafRequest {
    LeafRequest {
        common_name: "kafka-node".into(),
        organisation: Some("productionkafka".into()),
        dns_names: vec![
            "orders-brokers-100-0.orders-nodes.kafka.svc".into(),
            "orders-brokers-100-0.orders-nodes.kafka.svc.cluster.local".into(),
        ],
        ip_addresses: vec![IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)), IpAddr::V6(Ipv6Addr::LOCALHOST)],
        usages: Usages::Both,
        algorithm: KeyAlgorithm::EcdsaP256,
        lifetime: DAY * 365,
    }
}

fn with_certificate<T>(pem: &str, read: impl FnOnce(&x509_parser::certificate::X509Certificate<'_>) -> T) -> T {
    let der = parse::first_certificate(pem).unwrap();
    let certificate = parse::certificate(&der).unwrap();
    read(&certificate)
}

#[test]
fn a_new_authority_may_sign_leaves_only() {
    let ca = authority();
    with_certificate(ca.cert_pem(), |certificate| {
        let constraints = certificate.basic_constraints().unwrap().unwrap();
        assert!(constraints.critical && constraints.value.ca);
        assert_eq!(constraints.value.path_len_constraint, Some(0));
        let usage = certificate.key_usage().unwrap().unwrap();
        assert!(usage.critical && usage.value.key_cert_sign() && usage.value.crl_sign());
        assert!(!usage.value.digital_signature());
        assert!(certificate.verify_signature(None).is_ok());
    });
    assert_eq!(ca.facts().not_before, "2026-11-23T11:00:00Z".parse().unwrap());
    assert_eq!(ca.facts().not_after, after(3650));
    assert_eq!(ca.facts().public_key, PublicKeyAlgorithm::EcdsaP256);
}

#[test]
fn every_key_algorithm_makes_an_authority_that_issues() {
    let expected = [
        (KeyAlgorithm::EcdsaP256, PublicKeyAlgorithm::EcdsaP256),
        (KeyAlgorithm::EcdsaP384, PublicKeyAlgorithm::EcdsaP384),
        (KeyAlgorithm::Rsa3072, PublicKeyAlgorithm::Rsa { bits: 3072 }),
    ];
    for (algorithm, public_key) in expected {
        let ca = CertificateAuthority::generate(&authority_request(algorithm), now()).unwrap();
        assert_eq!(ca.facts().public_key, public_key);
        let reloaded = CertificateAuthority::from_pem(ca.cert_pem(), ca.key_pem().expose()).unwrap();
        issue(&reloaded, &node_request(), now()).unwrap();
    }
}

#[test]
fn a_leaf_says_what_was_asked_and_carries_its_chain() {
    let ca = authority();
    let leaf = issue(&ca, &node_request(), now()).unwrap();
    let facts = inspect(&leaf.cert_pem).unwrap();
    assert_eq!(facts.subject_cn, "kafka-node");
    assert_eq!(facts.dns_names, node_request().dns_names);
    assert_eq!(facts.ip_addresses, node_request().ip_addresses);
    assert_eq!(facts.usages, Some(Usages::Both));
    assert_eq!(facts.not_after, after(365));
    assert!(!facts.is_ca);
    assert_eq!(facts.serial_hex.len(), 32);
    assert_eq!(leaf.cert_pem.matches("BEGIN CERTIFICATE").count(), 2);
    assert!(leaf.cert_pem.ends_with(ca.cert_pem()));
    assert!(leaf.key_pem.expose().starts_with("-----BEGIN PRIVATE KEY-----"));
    assert!(
        leaf.keystore_pem()
            .expose()
            .contains("-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----")
    );
}

#[test]
fn organisation_comes_before_common_name_in_der() {
    let leaf = issue(&authority(), &node_request(), now()).unwrap();
    let subject = with_certificate(&leaf.cert_pem, |certificate| certificate.subject().to_string());
    assert_eq!(subject, "O=productionkafka, CN=kafka-node");
    let user = LeafRequest {
        organisation: None,
        common_name: "billing".into(),
        ..node_request()
    };
    let leaf = issue(&authority(), &user, now()).unwrap();
    let subject = with_certificate(&leaf.cert_pem, |certificate| certificate.subject().to_string());
    assert_eq!(subject, "CN=billing");
}

#[test]
fn a_leaf_names_its_issuer_key_and_is_no_authority() {
    let ca = authority();
    let leaf = issue(
        &ca,
        &LeafRequest {
            usages: Usages::Client,
            ..node_request()
        },
        now(),
    )
    .unwrap();
    let authority_key_id = with_certificate(ca.cert_pem(), |certificate| {
        certificate
            .iter_extensions()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
                _ => None,
            })
    });
    with_certificate(&leaf.cert_pem, |certificate| {
        let issuer_key_id = certificate
            .iter_extensions()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0.to_vec()),
                _ => None,
            });
        assert!(authority_key_id.is_some());
        assert_eq!(issuer_key_id, authority_key_id);
        assert!(!certificate.extended_key_usage().unwrap().unwrap().value.server_auth);
    });
    let error = CertificateAuthority::from_pem(&leaf.cert_pem, leaf.key_pem.expose()).unwrap_err();
    assert!(matches!(error, PkiError::NotAnAuthority { .. }), "{error}");
}

#[test]
fn a_leaf_never_outlives_its_authority() {
    let ca = authority();
    let leaf = issue(&ca, &node_request(), after(3600)).unwrap();
    assert_eq!(inspect(&leaf.cert_pem).unwrap().not_after, ca.facts().not_after);
    let error = issue(&ca, &node_request(), after(3651)).unwrap_err();
    assert!(matches!(error, PkiError::AuthorityExpired { .. }), "{error}");
}

#[test]
fn unusable_input_is_named() {
    let (ca, other) = (authority(), authority());
    let load = |cert: &str, key: &str| CertificateAuthority::from_pem(cert, key).unwrap_err();
    let key = ca.key_pem().expose();
    assert!(matches!(load("", key), PkiError::NoCertificate));
    assert!(matches!(
        load("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", key),
        PkiError::DamagedPem(_)
    ));
    assert!(matches!(
        load("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key),
        PkiError::DamagedCertificate(_)
    ));
    assert!(matches!(load(ca.cert_pem(), "no key"), PkiError::UnreadableKey(_)));
    assert!(matches!(
        load(ca.cert_pem(), other.key_pem().expose()),
        PkiError::AuthorityKeyMismatch { .. }
    ));
    let bad_name = LeafRequest {
        dns_names: vec!["grün.example".into()],
        ..node_request()
    };
    assert!(matches!(
        issue(&ca, &bad_name, now()).unwrap_err(),
        PkiError::BadDnsName { .. }
    ));
    let unnamed = LeafRequest {
        common_name: String::new(),
        ..node_request()
    };
    assert!(matches!(
        issue(&ca, &unnamed, now()).unwrap_err(),
        PkiError::EmptyCommonName
    ));
    let endless = AuthorityRequest {
        lifetime: DAY * 4_000_000,
        ..authority_request(KeyAlgorithm::EcdsaP256)
    };
    let error = CertificateAuthority::generate(&endless, now()).unwrap_err();
    assert!(matches!(error, PkiError::ValidityOutOfRange { .. }), "{error}");
}

#[test]
fn debug_output_hides_private_keys() {
    let ca = authority();
    let leaf = issue(&ca, &node_request(), now()).unwrap();
    let printed = format!("{ca:?} {leaf:?} {:?}", leaf.keystore_pem());
    assert!(!printed.contains("PRIVATE KEY"), "{printed}");
}

#[test]
fn a_stored_leaf_of_other_content_is_replaced() {
    let (ca, other) = (authority(), authority());
    let leaf = issue(&ca, &node_request(), now()).unwrap();
    let foreign = issue(&other, &node_request(), now()).unwrap();
    let no_key = SecretPem::new("nothing");
    let decision = |cert_pem: &str, key_pem: &SecretPem| {
        decide(
            &ca,
            Some(ExistingLeaf { cert_pem, key_pem }),
            &node_request(),
            days(30),
            now(),
        )
    };
    let table = [
        ("empty", decision("", &no_key), IssueReason::Unreadable),
        ("no key", decision(&leaf.cert_pem, &no_key), IssueReason::Unreadable),
        (
            "key of another",
            decision(&leaf.cert_pem, &foreign.key_pem),
            IssueReason::KeyMismatch,
        ),
        (
            "same name, other authority",
            decision(&foreign.cert_pem, &foreign.key_pem),
            IssueReason::WrongIssuer,
        ),
        (
            "nothing stored",
            decide(&ca, None, &node_request(), days(30), now()),
            IssueReason::Missing,
        ),
    ];
    for (case, decision, reason) in table {
        assert_eq!(decision, LeafDecision::Issue { reason }, "{case}");
    }
    assert!(is_kept(decision(&leaf.cert_pem, &leaf.key_pem)));
}

#[test]
fn a_stored_leaf_that_says_something_else_is_replaced() {
    let ca = authority();
    let leaf = issue(&ca, &node_request(), now()).unwrap();
    let decision = |change: fn(&mut LeafRequest)| {
        let mut wanted = node_request();
        change(&mut wanted);
        let existing = ExistingLeaf {
            cert_pem: &leaf.cert_pem,
            key_pem: &leaf.key_pem,
        };
        decide(&ca, Some(existing), &wanted, days(30), now())
    };
    let replace = LeafDecision::Issue {
        reason: IssueReason::NamesChanged,
    };
    assert!(is_kept(decision(|wanted| wanted.dns_names.reverse())), "order of names");
    assert!(
        is_kept(decision(|wanted| wanted.lifetime = DAY * 90)),
        "lifetime counts at the next renewal"
    );
    assert_eq!(
        decision(|wanted| wanted.algorithm = KeyAlgorithm::EcdsaP384),
        LeafDecision::Issue {
            reason: IssueReason::AlgorithmChanged,
        }
    );
    assert_eq!(
        decision(|wanted| wanted.common_name = "kafka-operator".into()),
        replace,
        "common name"
    );
    assert_eq!(decision(|wanted| wanted.organisation = None), replace, "organisation");
    assert_eq!(
        decision(|wanted| wanted.dns_names.push("more.svc".into())),
        replace,
        "one name more"
    );
    assert_eq!(
        decision(|wanted| wanted.dns_names.truncate(1)),
        replace,
        "one name less"
    );
    assert_eq!(decision(|wanted| wanted.ip_addresses.clear()), replace, "addresses");
    assert_eq!(decision(|wanted| wanted.usages = Usages::Client), replace, "usages");
}

#[test]
fn a_stored_leaf_is_judged_by_the_clock() {
    let ca = authority();
    let leaf = issue(&ca, &node_request(), now()).unwrap();
    let existing = ExistingLeaf {
        cert_pem: &leaf.cert_pem,
        key_pem: &leaf.key_pem,
    };
    let expiring = Some(IssueReason::Expiring);
    let table = [
        (
            "clock behind within backdating",
            now() - jiff::SignedDuration::from_mins(59),
            None,
        ),
        ("clock far behind", after(-1), Some(IssueReason::NotYetValid)),
        ("before the earliest hour of the window", after(331), None),
        ("the window is open for all", after(335), expiring),
        ("expired", after(400), expiring),
    ];
    for (case, now, expected) in table {
        let decision = decide(&ca, Some(existing), &node_request(), days(30), now);
        match expected {
            None => assert!(is_kept(decision), "{case}: {decision:?}"),
            Some(reason) => assert_eq!(decision, LeafDecision::Issue { reason }, "{case}"),
        }
    }
}

#[test]
fn leaves_made_together_are_not_renewed_together() {
    let ca = authority();
    let request = &node_request();
    let times = (0..20).map(|_| {
        let leaf = issue(&ca, request, now()).unwrap();
        let (cert_pem, key_pem) = (leaf.cert_pem.as_str(), &leaf.key_pem);
        let LeafDecision::Keep { until } =
            decide(&ca, Some(ExistingLeaf { cert_pem, key_pem }), request, days(30), now())
        else {
            panic!("it was just made");
        };
        assert!((after(332)..=after(335)).contains(&until), "{until}");
        until
    });
    let times: std::collections::BTreeSet<_> = times.collect();
    assert!(times.len() > 15, "{times:?}");
}

#[test]
fn a_person_asks_once_and_a_time_to_come_is_heard_then() {
    let ca = authority();
    let leaf = issue(&ca, &node_request(), now()).unwrap();
    let existing = ExistingLeaf {
        cert_pem: &leaf.cert_pem,
        key_pem: &leaf.key_pem,
    };
    let decision = |asked: jiff::Timestamp, at: jiff::Timestamp| {
        let renewal = Renewal {
            asked: Some(asked),
            ..days(30)
        };
        decide(&ca, Some(existing), &node_request(), renewal, at)
    };
    let requested = LeafDecision::Issue {
        reason: IssueReason::Requested,
    };
    assert_eq!(decision(after(1), after(2)), requested);
    assert_eq!(decision(after(5), after(2)), LeafDecision::Keep { until: after(5) });
    let fraction = now() + jiff::SignedDuration::from_millis(300);
    assert!(is_kept(decision(fraction, after(2))), "made in the same second");
    assert!(is_kept(decision(after(-1), after(2))), "made since");
}

#[test]
fn a_leaf_taken_up_late_is_renewed_in_the_middle_of_its_life() {
    let ca = authority();
    let leaf = issue(&ca, &node_request(), now()).unwrap();
    let (cert_pem, key_pem) = (leaf.cert_pem.as_str(), &leaf.key_pem);
    let renewal = Renewal {
        in_the_middle: true,
        ..days(30)
    };
    let decision = decide(
        &ca,
        Some(ExistingLeaf { cert_pem, key_pem }),
        &node_request(),
        renewal,
        now(),
    );
    let until = after(182) + half_day();
    assert_eq!(decision, LeafDecision::Keep { until });
}

#[test]
fn renewal_never_repeats_at_once() {
    let ca = authority();
    let wanted = node_request();
    let cases = [
        ("window longer than the lifetime", now(), 400, after(182) + half_day()),
        ("ends with its authority", after(3600), 100, after(3625)),
    ];
    for (case, at, before, until) in cases {
        let leaf = issue(&ca, &wanted, at).unwrap();
        let existing = Some(ExistingLeaf {
            cert_pem: &leaf.cert_pem,
            key_pem: &leaf.key_pem,
        });
        let decision = decide(&ca, existing, &wanted, days(before), at);
        assert_eq!(decision, LeafDecision::Keep { until }, "{case}");
    }
    let last = issue(&ca, &wanted, after(3600)).unwrap();
    let existing = Some(ExistingLeaf {
        cert_pem: &last.cert_pem,
        key_pem: &last.key_pem,
    });
    let decision = decide(&ca, existing, &wanted, days(30), after(3649));
    assert_eq!(
        decision,
        LeafDecision::Keep {
            until: ca.facts().not_after
        },
        "a new one would not live longer"
    );
}

fn half_day() -> jiff::SignedDuration {
    jiff::SignedDuration::from_hours(12)
}

fn days(before: u32) -> Renewal {
    Renewal {
        before: DAY * before,
        ..Renewal::default()
    }
}

fn is_kept(decision: LeafDecision) -> bool {
    matches!(decision, LeafDecision::Keep { .. })
}
