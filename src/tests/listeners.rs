//! Files of client listeners in the simulation: another keytab restarts brokers one after the other and controllers never,
//! another certificate nobody; a Secret that has gone changes nothing; a certificate that can't be served is refused.

use super::simulation::{CLUSTER, Simulation, clock, on_one_thread, secrets};
use crate::pki::inspect;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const BROKERS: [&str; 3] = ["orders-brokers-100-0", "orders-brokers-101-0", "orders-brokers-102-0"];

fn put(simulation: &Simulation, name: &str, data: &[(&str, &[u8])]) {
    let data: serde_json::Map<String, Value> = data
        .iter()
        .map(|(key, bytes)| ((*key).to_owned(), json!(STANDARD.encode(bytes))))
        .collect();
    let object =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "kafka"}, "data": data});
    simulation.put("secrets", name, object);
}

fn add(simulation: &Simulation, listener: Value) {
    simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
        resource["spec"]["listeners"].as_array_mut().unwrap().push(listener);
    });
}

/// Names of the pods taken since the last call.
struct Taken(usize);

impl Taken {
    fn since(&mut self, simulation: &Simulation) -> Vec<String> {
        let all = simulation.taken();
        let new = all[self.0..].to_vec();
        self.0 = all.len();
        new
    }
}

/// Long enough for Secrets of others to be read again, and for what follows.
async fn later(simulation: &mut Simulation) {
    clock::advance(61);
    for _ in 0..3 {
        simulation.tick().await;
    }
    simulation.settle().await.unwrap();
}

#[test]
fn another_keytab_restarts_brokers_alone_and_one_that_is_gone_changes_nothing() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        // No text: a keytab is binary.
        put(
            &simulation,
            "realm",
            &[("kafka.keytab", &[5, 2, 0xff, 0]), ("krb5.conf", b"[libdefaults]\n")],
        );
        let kerberos = json!({"secretName": "realm", "realm": "EXAMPLE.ORG"});
        let listener =
            json!({"name": "krb", "port": 9097, "authentication": {"type": "Kerberos", "kerberos": kerberos}});
        add(&simulation, listener);
        simulation.settle().await.unwrap();
        let mut taken = Taken(0);
        assert_eq!(taken.since(&simulation), BROKERS);
        let resource = simulation.get(CLUSTER.0, CLUSTER.1).unwrap();
        let listeners = resource["status"]["listeners"].as_array().unwrap();
        let own = listeners.iter().find(|listener| listener["name"] == "krb").unwrap();
        let servers = own["bootstrapServers"].as_str().unwrap();
        assert!(
            servers.starts_with("orders-brokers-100-0.orders-nodes.") && servers.matches(":9097").count() == 3,
            "a ticket is for a broker's own name: {servers}"
        );

        put(
            &simulation,
            "realm",
            &[("kafka.keytab", &[5, 2, 0xfe, 0]), ("krb5.conf", b"[libdefaults]\n")],
        );
        later(&mut simulation).await;
        assert_eq!(taken.since(&simulation), BROKERS);
        later(&mut simulation).await;
        assert_eq!(taken.since(&simulation), [""; 0], "once");

        simulation.delete("secrets", "realm");
        later(&mut simulation).await;
        simulation.kill();
        for _ in 0..20 {
            simulation.tick().await;
        }
        assert_eq!(taken.since(&simulation), [""; 0], "brokers keep what they have");
        simulation.blameless();
    });
}

fn self_signed() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["kafka.example.com".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn a_certificate_of_ones_own_is_served_and_clients_are_told_whom_to_trust() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let (chain, key) = self_signed();
        let own = |key: &str| {
            let authority: &[u8] = b"-----BEGIN CERTIFICATE-----\nMINE\n-----END CERTIFICATE-----\n";
            put(
                &simulation,
                "edge",
                &[
                    ("tls.crt", chain.as_bytes()),
                    ("tls.key", key.as_bytes()),
                    ("ca.crt", authority),
                ],
            );
        };
        own(&key);
        let scram = json!({"type": "ScramSha512"});
        add(
            &simulation,
            json!({"name": "edge", "port": 9097, "authentication": scram, "certificate": {"secretName": "edge"}}),
        );
        simulation.settle().await.unwrap();
        let mut taken = Taken(0);
        assert_eq!(taken.since(&simulation), BROKERS);
        let files = secrets::texts(&simulation.get("secrets", "orders-listener-files").unwrap());
        assert!(
            files["edge.pem"].contains(chain.trim()) && files["edge.pem"].starts_with("-----BEGIN PRIVATE KEY-----")
        );
        let resource = simulation.get(CLUSTER.0, CLUSTER.1).unwrap();
        let listeners = resource["status"]["listeners"].as_array().unwrap();
        let status = listeners.iter().find(|listener| listener["name"] == "edge").unwrap();
        assert_eq!(status["certificateAuthority"], "edge");

        let (renewed, fresh) = self_signed();
        put(
            &simulation,
            "edge",
            &[("tls.crt", renewed.as_bytes()), ("tls.key", fresh.as_bytes())],
        );
        later(&mut simulation).await;
        assert_eq!(
            taken.since(&simulation),
            [""; 0],
            "brokers read it again while they run"
        );
        let serial = inspect(&renewed).unwrap().serial_hex;
        let shows = |files: &BTreeMap<String, String>| files["edge.pem"] == serial;
        let brokers = simulation
            .kafka
            .state()
            .read
            .clone()
            .into_iter()
            .filter(|(id, _)| *id >= 100);
        assert!(brokers.into_iter().all(|(_, files)| shows(&files)));
        simulation.blameless();
    });
}

#[test]
fn a_key_of_another_certificate_is_refused_before_anything_restarts() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let ((chain, _), (_, key)) = (self_signed(), self_signed());
        put(
            &simulation,
            "edge",
            &[("tls.crt", chain.as_bytes()), ("tls.key", key.as_bytes())],
        );
        let scram = json!({"type": "ScramSha512"});
        add(
            &simulation,
            json!({"name": "edge", "port": 9097, "authentication": scram, "certificate": {"secretName": "edge"}}),
        );
        for _ in 0..10 {
            simulation.tick().await;
        }
        let said = simulation.condition(CLUSTER.0, CLUSTER.1, "Stalled").to_string();
        assert!(
            said.contains("spec.listeners[edge].certificate.secretName") && said.contains("isn't the key of"),
            "{said}"
        );
        assert_eq!(simulation.taken(), [""; 0]);
    });
}

fn routes(simulation: &Simulation) -> Vec<String> {
    let first = (100..103).map(|id| format!("orders-gate-{id}"));
    let all = first.chain(["orders-gate-bootstrap".to_owned()]);
    all.filter(|name| simulation.get("tlsroutes", name).is_some()).collect()
}

/// What a controller of Gateways does.
fn accept(simulation: &Simulation, names: &[String]) {
    let accepted = json!({"parents": [{"conditions": [{"type": "Accepted", "status": "True"}]}]});
    for name in names {
        simulation.edit("tlsroutes", name, |route| route["status"] = accepted.clone());
    }
}

#[test]
fn brokers_wait_for_their_gateway_and_routes_go_with_their_listener() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let exposure = json!({"type": "Gateway", "gateway": {"name": "edge", "domain": "kafka.example.com", "sectionName": "tls"}});
        let scram = json!({"type": "ScramSha512"});
        add(
            &simulation,
            json!({"name": "gate", "port": 9097, "authentication": scram, "exposure": exposure}),
        );
        assert!(simulation.until(|world| routes(world).len() == 4).await);
        let route = simulation.get("tlsroutes", "orders-gate-101").unwrap();
        assert_eq!(route["spec"]["hostnames"], json!(["broker-101.kafka.example.com"]));
        assert_eq!(
            route["spec"]["parentRefs"],
            json!([{"name": "edge", "sectionName": "tls"}])
        );
        assert_eq!(
            route["spec"]["rules"][0]["backendRefs"],
            json!([{"name": "orders-gate-101", "port": 9097}])
        );
        let next = |world: &Simulation| world.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["nextAction"].to_string();
        assert!(
            simulation
                .until(|world| next(world).contains("waits until Gateway edge accepts TLSRoute orders-gate-100"))
                .await,
            "{}",
            next(&simulation)
        );
        for _ in 0..20 {
            simulation.tick().await;
        }
        assert!(
            next(&simulation).contains("waits until Gateway"),
            "{}",
            next(&simulation)
        );
        assert_eq!(
            simulation.taken(),
            [""; 0],
            "nothing restarts for a listener without an address"
        );

        accept(&simulation, &routes(&simulation));
        later(&mut simulation).await;
        let mut taken = Taken(0);
        assert_eq!(taken.since(&simulation), BROKERS);
        let config = simulation
            .children()
            .into_iter()
            .find(|(plural, name)| plural == "configmaps" && name.starts_with("orders-brokers-101-config"));
        let config = simulation.get("configmaps", &config.unwrap().1).unwrap();
        let text = config["data"]["server.properties"].as_str().unwrap();
        assert!(text.contains("GATE://broker-101.kafka.example.com:443"), "{text}");
        let resource = simulation.get(CLUSTER.0, CLUSTER.1).unwrap().to_string();
        assert!(resource.contains("bootstrap.kafka.example.com:443"), "{resource}");
        simulation.stay_quiet().await.unwrap();

        simulation.kill();
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            let listeners = resource["spec"]["listeners"].as_array_mut().unwrap();
            listeners.retain(|listener| listener["name"] != "gate");
        });
        simulation.settle().await.unwrap();
        assert_eq!(routes(&simulation), [""; 0], "also after a new start");
        assert_eq!(taken.since(&simulation), BROKERS);
        simulation.blameless();
    });
}

#[test]
fn a_key_of_delegation_tokens_is_made_once_and_is_the_same_everywhere() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let mut taken = Taken(0);
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            resource["spec"]["security"]["delegationTokens"] = json!({"expiry": "2h"});
        });
        simulation.settle().await.unwrap();
        assert_eq!(taken.since(&simulation).len(), 6, "every node has it");
        let line = |simulation: &Simulation| {
            let secret = simulation.get("secrets", "orders-delegation-key").unwrap();
            secrets::texts(&secret)["delegation.properties"].clone()
        };
        let first = line(&simulation);
        assert!(
            first.starts_with("delegation.token.secret.key=") && first.len() > 60,
            "{first}"
        );
        for (plural, name) in simulation.children() {
            if plural != "secrets" {
                let text = simulation.get(&plural, &name).unwrap().to_string();
                let key = first.trim().split('=').nth(1).unwrap();
                assert!(!text.contains(key), "{plural}/{name} tells the key");
            }
        }
        simulation.kill();
        later(&mut simulation).await;
        assert_eq!(line(&simulation), first);

        // Without it nobody can check a token: another one, and every node starts with it.
        simulation.kill();
        simulation.delete("secrets", "orders-delegation-key");
        later(&mut simulation).await;
        assert_ne!(line(&simulation), first);
        assert_eq!(taken.since(&simulation).len(), 6);

        // Nothing is left of it once no node has it.
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            resource["spec"]["security"]
                .as_object_mut()
                .unwrap()
                .remove("delegationTokens");
        });
        simulation.settle().await.unwrap();
        assert_eq!(taken.since(&simulation).len(), 6);
        let secret = simulation.get("secrets", "orders-delegation-key").unwrap();
        assert!(secrets::texts(&secret).is_empty());
        simulation.blameless();
    });
}
