//! Authorities that others make, in the simulation: waited for and never made, followed when they change, gone on with when they
//! are away; and nobody is let in for a certificate by whoever signed them.

use super::simulation::{CLUSTER, Simulation, clock, on_one_thread, secrets};
use crate::pki::{self, AuthorityRequest, CertificateAuthority, KeyAlgorithm};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const DAY: i64 = 86_400;

fn authority(name: &str) -> CertificateAuthority {
    let request = AuthorityRequest {
        common_name: name.into(),
        organisation: Some("Example".into()),
        algorithm: KeyAlgorithm::EcdsaP256,
        lifetime: Duration::from_hours(24 * 1_000),
    };
    CertificateAuthority::generate(&request, clock::now()).unwrap()
}

/// As cert-manager writes it.
fn give(simulation: &Simulation, secret: &str, authority: &CertificateAuthority, root: &CertificateAuthority) {
    let data = json!({
        "tls.crt": secrets::encoded(authority.cert_pem()),
        "tls.key": secrets::encoded(authority.key_pem().expose()),
        "ca.crt": secrets::encoded(root.cert_pem()),
    });
    let object =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret, "namespace": "kafka"}, "data": data});
    simulation.put("secrets", secret, object);
}

fn texts(simulation: &Simulation, secret: &str) -> BTreeMap<String, String> {
    secrets::texts(&simulation.get("secrets", secret).unwrap())
}

fn name(pem: &str) -> String {
    pki::inspect(pem).unwrap().subject_cn
}

fn reason(simulation: &Simulation) -> String {
    let condition = simulation.condition(CLUSTER.0, CLUSTER.1, "CertificatesValid");
    condition["reason"].as_str().unwrap_or_default().to_owned()
}

/// A cluster whose authorities others make; Ready once they are there.
async fn given() -> (Simulation, CertificateAuthority) {
    let mut simulation = Simulation::new(None);
    simulation.create();
    simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
        resource["spec"]["security"]["tls"] = json!({
            "clusterAuthority": {"secretName": "for-nodes"}, "clientsAuthority": {"secretName": "for-clients"},
        });
    });
    let said = simulation
        .until(|simulation| {
            let resource = simulation.get(CLUSTER.0, CLUSTER.1).unwrap_or_default();
            resource["status"].to_string().contains("Secret kafka/for-")
        })
        .await;
    assert!(said, "nobody says what is missing");
    assert!(simulation.get("secrets", "orders-cluster-ca").is_none(), "it was made");
    assert!(simulation.get("statefulsets", "orders-brokers-100").is_none());
    let root = authority("root");
    give(&simulation, "for-nodes", &authority("nodes"), &root);
    give(&simulation, "for-clients", &authority("clients"), &root);
    simulation.settle().await.unwrap();
    (simulation, root)
}

#[test]
fn an_authority_of_others_is_waited_for_and_trusted_alone() {
    on_one_thread(async {
        let (simulation, _) = given().await;
        assert_eq!(name(&texts(&simulation, "orders-cluster-ca")["ca.crt"]), "nodes");
        let server = texts(&simulation, "orders-brokers-100-server-tls");
        let trusted = |pem: &str| pki::trusts(pem).len();
        assert_eq!(name(&server["clients-ca.crt"]), "clients");
        assert_eq!(
            trusted(&server["clients-ca.crt"]),
            1,
            "whoever the root signs isn't a user"
        );
        let node = texts(&simulation, "orders-brokers-100-tls");
        assert_eq!(
            trusted(&node["cluster-ca.crt"]),
            1,
            "whoever the root signs isn't a node"
        );
        let public = texts(&simulation, "orders-cluster-ca-cert");
        assert_eq!(trusted(&public["ca.crt"]), 2, "applications are told of the root");
        simulation.blameless();
    });
}

#[test]
fn an_authority_of_others_is_followed() {
    on_one_thread(async {
        let (mut simulation, root) = given().await;
        // The same key, certified anew: nothing restarts and nothing is issued.
        let key = texts(&simulation, "orders-clients-ca")["ca.key"].clone();
        let known = CertificateAuthority::from_pem(&texts(&simulation, "orders-clients-ca")["ca.crt"], &key).unwrap();
        let renewed = known.renewed(Duration::from_hours(24 * 2_000), clock::now()).unwrap();
        give(&simulation, "for-clients", &renewed, &root);
        Simulation::pass_time(DAY);
        simulation.settle().await.unwrap();
        let taken = texts(&simulation, "orders-clients-ca");
        assert!(taken["ca.crt"].starts_with(renewed.cert_pem().trim_end()) && taken["ca.key"] == key);
        assert!(!taken.contains_key("former.crt"));

        // Another key: both are trusted for the overlap.
        give(&simulation, "for-clients", &authority("newer"), &root);
        Simulation::pass_time(DAY);
        simulation.settle().await.unwrap();
        let taken = texts(&simulation, "orders-clients-ca");
        assert_eq!(
            (name(&taken["ca.crt"]), name(&taken["former.crt"])),
            ("newer".into(), "clients".into())
        );
        let server = texts(&simulation, "orders-brokers-100-server-tls");
        assert_eq!(pki::trusts(&server["clients-ca.crt"]).len(), 2);
        Simulation::pass_time(8 * DAY);
        simulation.settle().await.unwrap();
        let server = texts(&simulation, "orders-brokers-100-server-tls");
        assert_eq!(pki::trusts(&server["clients-ca.crt"]).len(), 1);
        assert_eq!(simulation.taken().len(), 0, "nothing restarts for it");
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

#[test]
fn an_authority_that_is_away_changes_nothing_and_is_told() {
    on_one_thread(async {
        let (mut simulation, root) = given().await;
        let before = texts(&simulation, "orders-cluster-ca");
        simulation.delete("secrets", "for-nodes");
        Simulation::pass_time(DAY);
        simulation.settle().await.unwrap();
        assert_eq!(reason(&simulation), "AuthorityNotGiven");
        // A request is none of the operator's to carry out here.
        let now = json!(clock::now().to_string());
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            resource["metadata"]["annotations"]["productionkafka.dev/replace-cluster-ca"] = now;
        });
        simulation.settle().await.unwrap();
        assert_eq!(texts(&simulation, "orders-cluster-ca"), before);
        assert_eq!(simulation.taken().len(), 0);
        let key = &before["ca.key"];
        give(
            &simulation,
            "for-nodes",
            &CertificateAuthority::from_pem(&before["ca.crt"], key).unwrap(),
            &root,
        );
        Simulation::pass_time(DAY);
        simulation.settle().await.unwrap();
        assert_eq!(reason(&simulation), "Current");
        assert_eq!(
            simulation
                .get("secrets", "for-nodes")
                .map(|secret| secret["metadata"]["ownerReferences"].clone()),
            Some(Value::Null)
        );
        simulation.blameless();
    });
}
