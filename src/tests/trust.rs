//! Certificates over time, in the simulation: what listeners show is renewed while brokers run, what nodes show each other rides
//! on restarts, authorities are replaced without anybody who must trust one not knowing it.

use super::simulation::{CLUSTER, Fault, Simulation, clock, on_one_thread, secrets, stride};
use crate::pki::{self, AuthorityRequest, CertificateAuthority, KeyAlgorithm};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const DAY: i64 = 86_400;
const BROKERS: [(i32, &str); 3] = [
    (100, "orders-brokers-100"),
    (101, "orders-brokers-101"),
    (102, "orders-brokers-102"),
];

fn texts(simulation: &Simulation, secret: &str) -> BTreeMap<String, String> {
    secrets::texts(&simulation.get("secrets", secret).unwrap())
}

fn ask(simulation: &Simulation, what: &str) {
    let now = json!(clock::now().to_string());
    simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
        resource["metadata"]["annotations"][format!("productionkafka.dev/{what}")] = now;
    });
}

/// Serial number in a broker's Secret for clients.
fn wanted(simulation: &Simulation, set: &str) -> String {
    let texts = texts(simulation, &format!("{set}-server-tls"));
    pki::inspect(&texts["server.pem"]).unwrap().serial_hex
}

/// Serial numbers that listeners show.
fn shown(simulation: &Simulation) -> Vec<String> {
    let state = simulation.kafka.state();
    let of = |(id, _): (i32, &str)| state.read[&id]["server.pem"].clone();
    BROKERS.map(of).to_vec()
}

fn all_wanted(simulation: &Simulation) -> Vec<String> {
    BROKERS.map(|(_, set)| wanted(simulation, set)).to_vec()
}

fn node_serials(simulation: &Simulation) -> Vec<String> {
    let state = simulation.api.state();
    let pods = state.of_kind("pods");
    let of = |pod: &Value| pod["metadata"]["annotations"]["productionkafka.dev/certificate"].clone();
    pods.map(|(_, pod)| of(pod).as_str().unwrap().to_owned()).collect()
}

fn authorities(simulation: &Simulation, secret: &str) -> usize {
    pki::trusts(&texts(simulation, secret)["ca.crt"]).len()
}

#[test]
fn listeners_show_another_certificate_and_nothing_restarts() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let before = shown(&simulation);
        let nodes = node_serials(&simulation);
        ask(&simulation, "renew-certificates");
        simulation.tick().await;
        simulation.tick().await;
        let condition = simulation.condition(CLUSTER.0, CLUSTER.1, "CertificatesValid");
        assert_eq!(condition["reason"], "Renewing", "{condition}");
        assert_eq!(shown(&simulation), before, "the kubelet hasn't brought them yet");
        simulation.settle().await.unwrap();
        assert_eq!(shown(&simulation), all_wanted(&simulation));
        assert!(shown(&simulation).iter().all(|serial| !before.contains(serial)));
        assert_eq!(node_serials(&simulation), nodes);
        assert_eq!(simulation.taken(), Vec::<String>::new());
        let condition = simulation.condition(CLUSTER.0, CLUSTER.1, "CertificatesValid");
        assert_eq!(condition["reason"], "Current", "{condition}");
        let told = simulation.kafka.state().told;
        assert!((3..=21).contains(&told), "{told}");
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

#[test]
fn a_broker_that_does_not_read_its_files_again_is_restarted_after_a_while() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kafka.state().deaf.insert(101);
        ask(&simulation, "renew-certificates");
        for _ in 0..200 {
            simulation.tick().await;
        }
        assert_eq!(simulation.taken(), Vec::<String>::new(), "it has its time");
        assert!(simulation.until(|all| !all.taken().is_empty()).await);
        simulation.settle().await.unwrap();
        assert_eq!(simulation.taken(), ["orders-brokers-101-0"]);
        assert_eq!(shown(&simulation), all_wanted(&simulation));
        simulation.blameless();
    });
}

/// A policy of somebody else keeps the operator from looking: brokers are told while the certificate is new, and never again.
#[test]
fn listeners_that_cannot_be_looked_at_are_told_for_a_while() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kafka.state().hidden = true;
        simulation.kill();
        Simulation::pass_time(DAY);
        simulation.stay_quiet().await.unwrap();
        assert_eq!(simulation.kafka.state().told, 0, "they were made with it");
        ask(&simulation, "renew-certificates");
        for _ in 0..400 {
            simulation.tick().await;
        }
        assert_eq!(shown(&simulation), all_wanted(&simulation));
        assert!(simulation.kafka.state().told > 3);
        simulation.stay_quiet().await.unwrap();
        assert_eq!(simulation.taken(), Vec::<String>::new());
        simulation.blameless();
    });
}

#[test]
fn certificates_between_nodes_ride_on_restarts_until_their_end_is_near() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let first = node_serials(&simulation);
        Simulation::pass_time(200 * DAY);
        simulation.settle().await.unwrap();
        assert_eq!(
            (node_serials(&simulation), simulation.taken().len()),
            (first.clone(), 0)
        );
        let made = texts(&simulation, "orders-brokers-100-tls");
        let newest = pki::inspect(&made["node.pem"]).unwrap().serial_hex;
        assert!(!first.contains(&newest), "made anew in the middle of its life");
        assert_eq!(shown(&simulation), all_wanted(&simulation), "what clients see is newer");

        // One restart that happens anyway takes it up.
        simulation.edit("pods", "orders-brokers-100-0", |pod| {
            pod["metadata"]["annotations"]["productionkafka.dev/restart"] = json!("now");
        });
        simulation.settle().await.unwrap();
        assert_eq!(simulation.taken(), ["orders-brokers-100-0"]);
        assert!(node_serials(&simulation).contains(&newest));

        // A new process knows as much.
        simulation.kill();
        Simulation::pass_time(134 * DAY);
        simulation.settle().await.unwrap();
        assert_eq!(simulation.taken().len(), 1);
        Simulation::pass_time(2 * DAY);
        simulation.settle().await.unwrap();
        assert_eq!(simulation.taken().len(), 6, "five still ran with the one that ends");
        assert!(node_serials(&simulation).iter().all(|serial| !first.contains(serial)));
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

#[test]
fn who_asks_for_other_certificates_between_nodes_gets_a_roll() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let first = node_serials(&simulation);
        ask(&simulation, "renew-node-certificates");
        simulation.settle().await.unwrap();
        assert_eq!(simulation.taken().len(), 6);
        assert!(node_serials(&simulation).iter().all(|serial| !first.contains(serial)));
        simulation.blameless();
    });
}

#[test]
fn a_request_that_is_no_time_is_told_and_changes_nothing() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let before = all_wanted(&simulation);
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            resource["metadata"]["annotations"]["productionkafka.dev/replace-cluster-ca"] = json!("now");
        });
        simulation.tick().await;
        simulation.tick().await;
        let stalled = simulation.condition(CLUSTER.0, CLUSTER.1, "Stalled");
        assert_eq!(stalled["reason"], "RequestUnreadable");
        let said = stalled["message"].as_str().unwrap();
        assert!(
            said.contains("replace-cluster-ca") && said.contains("isn't a time"),
            "{said}"
        );
        assert_eq!(all_wanted(&simulation), before);
    });
}

#[test]
fn encryption_at_rest_is_told_and_can_be_required() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let condition = |simulation: &Simulation| simulation.condition(CLUSTER.0, CLUSTER.1, "EncryptedAtRest");
        let told = condition(&simulation);
        assert_eq!(
            (&told["status"], &told["reason"]),
            (&json!("False"), &json!("NotShown")),
            "{told}"
        );
        assert!(
            told["message"]
                .as_str()
                .unwrap()
                .contains("simulated of StorageClass standard isn't known")
        );
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            resource["spec"]["security"]["encryptionAtRest"] = json!({"requirement": "Require"});
        });
        simulation.tick().await;
        simulation.tick().await;
        let stalled = simulation.condition(CLUSTER.0, CLUSTER.1, "Stalled");
        assert!(
            stalled["message"]
                .as_str()
                .unwrap()
                .contains("isn't shown to be encrypted at rest"),
            "{stalled}"
        );
        assert_eq!(condition(&simulation)["status"], "False", "what runs is told as before");

        simulation.edit("storageclasses", "standard", |class| {
            class["metadata"]["annotations"]["productionkafka.dev/encrypted-at-rest"] = json!("LUKS on every machine");
        });
        Simulation::pass_time(60);
        simulation.settle().await.unwrap();
        let told = condition(&simulation);
        assert_eq!(
            (&told["status"], &told["reason"]),
            (&json!("True"), &json!("ShownByStorageClass")),
            "{told}"
        );
        assert!(told["message"].as_str().unwrap().contains("LUKS on every machine"));

        // Whoever takes the annotation away again changes nothing that runs.
        simulation.edit("storageclasses", "standard", |class| {
            class["metadata"]["annotations"]
                .as_object_mut()
                .unwrap()
                .remove("productionkafka.dev/encrypted-at-rest");
        });
        simulation.kill();
        simulation.settle().await.unwrap_err();
        assert_eq!(condition(&simulation)["status"], "False");
        let ready = simulation.condition(CLUSTER.0, CLUSTER.1, "Stalled");
        assert_eq!(ready["status"], "True", "{ready}");
        assert_eq!(simulation.taken(), Vec::<String>::new());
        simulation.blameless();
    });
}

/// Through both overlaps to the end; fails if a stage isn't what it should be.
async fn replaced(simulation: &mut Simulation, secret: &str) -> Result<(), String> {
    for _ in 0..4 {
        simulation.settle().await?;
        Simulation::pass_time(7 * DAY);
    }
    simulation.settle().await?;
    let kept: Vec<String> = texts(simulation, secret).into_keys().collect();
    if kept != ["answered", "ca.crt", "ca.key"] {
        return Err(format!("{secret} holds {kept:?}"));
    }
    Ok(())
}

#[test]
fn the_clusters_authority_is_replaced_in_three_rolls_and_everybody_trusts_what_signs() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let (first, servers) = (texts(&simulation, "orders-cluster-ca"), all_wanted(&simulation));
        ask(&simulation, "replace-cluster-ca");
        simulation.settle().await.unwrap();
        assert_eq!(simulation.taken().len(), 6, "all nodes trust both");
        let both = texts(&simulation, "orders-cluster-ca");
        assert_eq!(both["ca.crt"], first["ca.crt"]);
        assert!(both.contains_key("next.crt") && both.contains_key("next.key"));
        assert_eq!(
            authorities(&simulation, "orders-cluster-ca-cert"),
            2,
            "clients are told of both"
        );
        assert_eq!(authorities(&simulation, "payments-app-kafka-credentials"), 2);
        let issuer = |pem: &str| pki::inspect(pem).unwrap().issuer;
        let before = issuer(&texts(&simulation, "orders-brokers-100-server-tls")["server.pem"]);
        let condition = simulation.condition(CLUSTER.0, CLUSTER.1, "CertificatesValid");
        let said = condition["message"].as_str().unwrap();
        assert!(said.contains("the cluster's authority is being replaced"), "{said}");
        simulation.stay_quiet().await.unwrap();

        Simulation::pass_time(6 * DAY);
        simulation.settle().await.unwrap();
        assert_eq!(simulation.taken().len(), 6, "clients have a week");
        Simulation::pass_time(2 * DAY);
        simulation.settle().await.unwrap();
        assert_eq!(simulation.taken().len(), 18, "by the new one, then without the former");
        let last = texts(&simulation, "orders-cluster-ca");
        assert_eq!(last["ca.crt"], both["next.crt"]);
        assert_eq!(last.len(), 3, "{:?}", last.keys());
        assert_eq!(authorities(&simulation, "orders-cluster-ca-cert"), 1);
        let after = issuer(&texts(&simulation, "orders-brokers-100-server-tls")["server.pem"]);
        assert_ne!(before, after, "a name of its own");
        assert!(all_wanted(&simulation).iter().all(|serial| !servers.contains(serial)));
        assert_eq!(shown(&simulation), all_wanted(&simulation));
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

#[test]
fn the_clients_authority_is_replaced_without_a_restart() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let user = texts(&simulation, "payments-mtls-kafka-credentials")["user.crt"].clone();
        let nodes = node_serials(&simulation);
        ask(&simulation, "replace-clients-ca");
        simulation.settle().await.unwrap();
        let during = texts(&simulation, "orders-clients-ca");
        assert!(during.contains_key("former.crt"), "{:?}", during.keys());
        let trusted = &texts(&simulation, "orders-brokers-100-server-tls")["clients-ca.crt"];
        assert_eq!(
            pki::trusts(trusted).len(),
            2,
            "applications have a week to take up theirs"
        );
        assert_ne!(texts(&simulation, "payments-mtls-kafka-credentials")["user.crt"], user);
        simulation.stay_quiet().await.unwrap();
        Simulation::pass_time(8 * DAY);
        replaced(&mut simulation, "orders-clients-ca").await.unwrap();
        let trusted = &texts(&simulation, "orders-brokers-100-server-tls")["clients-ca.crt"];
        assert_eq!(pki::trusts(trusted).len(), 1);
        assert_eq!(shown(&simulation), all_wanted(&simulation));
        assert_eq!((node_serials(&simulation), simulation.taken().len()), (nodes, 0));
        simulation.blameless();
    });
}

/// Made before anybody asked for it.
fn authority() -> CertificateAuthority {
    let request = AuthorityRequest {
        common_name: "corporate".into(),
        organisation: Some("Example".into()),
        algorithm: KeyAlgorithm::EcdsaP256,
        lifetime: Duration::from_hours(24 * 1_000),
    };
    let made = clock::now() - jiff::SignedDuration::from_hours(48);
    CertificateAuthority::generate(&request, made).unwrap()
}

#[test]
fn an_authority_of_others_comes_next_when_it_is_put_there() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let given = authority();
        simulation.edit("secrets", "orders-cluster-ca", |secret| {
            secret["data"]["next.crt"] = secrets::encoded(given.cert_pem());
            secret["data"]["next.key"] = secrets::encoded(given.key_pem().expose());
        });
        ask(&simulation, "replace-cluster-ca");
        replaced(&mut simulation, "orders-cluster-ca").await.unwrap();
        assert_eq!(texts(&simulation, "orders-cluster-ca")["ca.crt"], given.cert_pem());
        simulation.blameless();
    });
}

#[test]
fn years_without_an_operator_are_made_up_for() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let before = texts(&simulation, "orders-cluster-ca");
        simulation.kill();
        Simulation::pass_time(6 * 365 * DAY);
        simulation.settle().await.unwrap();
        let after = texts(&simulation, "orders-cluster-ca");
        assert_eq!(after["ca.key"], before["ca.key"]);
        assert_ne!(after["ca.crt"], before["ca.crt"], "the same key, certified anew");
        assert_eq!(shown(&simulation), all_wanted(&simulation));
        assert_eq!(simulation.taken().len(), 6, "all at once: none could talk to another");
        assert!(simulation.disruptions().values().all(|times| *times == 1));
        let condition = simulation.condition(CLUSTER.0, CLUSTER.1, "CertificatesValid");
        assert_eq!(condition["status"], "True", "{condition}");
        simulation.stay_quiet().await.unwrap();
        let accusations = simulation.accusations();
        assert!(
            accusations.iter().all(|one| one.contains("others were down")),
            "{accusations:?}"
        );
    });
}

/// Killed at a write of the replacement, each in turn: it goes on where it was, and nobody is ever cut off.
#[test]
fn a_replacement_goes_on_wherever_the_operator_died() {
    on_one_thread(async {
        let mut failures = Vec::new();
        let mut writes = usize::MAX;
        let mut number = 1;
        while number < writes {
            let mut simulation = Simulation::ready().await;
            let before = simulation.writes();
            ask(&simulation, "replace-cluster-ca");
            let fault = if number % 2 == 0 {
                Fault::KillBefore
            } else {
                Fault::KillUnanswered
            };
            simulation.strike((before + number, fault));
            if let Err(problem) = replaced(&mut simulation, "orders-cluster-ca").await {
                failures.push(format!("write {number}: {problem}"));
            }
            writes = simulation.writes() - before;
            let accusations = simulation.accusations();
            failures.extend(accusations.into_iter().map(|what| format!("write {number}: {what}")));
            let rolled = simulation.taken().len();
            if !(18..=24).contains(&rolled) {
                failures.push(format!("write {number}: {rolled} pods were taken"));
            }
            number += stride(29);
        }
        assert_eq!(failures, Vec::<String>::new());
    });
}

/// Certificates between nodes that are renewed by time within an overlap don't hold a replacement up: whoever runs with a former
/// one trusts the same.
#[test]
fn an_overlap_longer_than_certificates_live_comes_to_its_end() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            let tls =
                json!({"nodeLeafLifetime": "20d", "leafLifetime": "10d", "renewBefore": "2d", "trustOverlap": "14d"});
            resource["spec"]["security"]["tls"] = tls;
        });
        ask(&simulation, "renew-node-certificates");
        simulation.settle().await.unwrap();
        ask(&simulation, "replace-cluster-ca");
        simulation.settle().await.unwrap();
        let before = simulation.taken().len();
        // In the middle of their life, and before the end of the overlap.
        Simulation::pass_time(11 * DAY);
        simulation.settle().await.unwrap();
        assert_eq!(simulation.taken().len(), before, "renewed by time");
        Simulation::pass_time(4 * DAY);
        simulation.settle().await.unwrap();
        assert_eq!(simulation.taken().len(), before + 12);
        assert!(!texts(&simulation, "orders-cluster-ca").contains_key("former.crt"));
        simulation.blameless();
    });
}
