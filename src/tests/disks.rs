//! Disks that grow and disks that are added, in the simulation: nothing restarts for more room, each broker once for one
//! more disk, and what somebody else has grown stays.

use super::simulation::{CLUSTER, Simulation, on_one_thread};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const CLAIMS: &str = "persistentvolumeclaims";
const BROKERS: [&str; 3] = ["orders-brokers-100-0", "orders-brokers-101-0", "orders-brokers-102-0"];

fn disks(simulation: &Simulation, volumes: &Value) {
    simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
        cluster["spec"]["nodePools"][1]["storage"]["volumes"] = volumes.clone();
    });
}

/// What each claim of a broker asks for.
fn sizes(simulation: &Simulation) -> BTreeMap<String, String> {
    let state = simulation.api.state();
    let claims = state.of_kind(CLAIMS).filter(|(key, _)| key.name.contains("brokers"));
    let size = |claim: &Value| {
        let size = claim.pointer("/spec/resources/requests/storage");
        size.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    claims.map(|(key, claim)| (key.name.clone(), size(claim))).collect()
}

fn all(index: usize, size: &str) -> BTreeMap<String, String> {
    let claim = |pod: &&str| (format!("data-{index}-{pod}"), size.to_owned());
    BROKERS.iter().map(claim).collect()
}

#[test]
fn disks_grow_and_nothing_restarts() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        disks(&simulation, &json!([{"size": "7Gi"}]));
        simulation.settle().await.unwrap();
        assert_eq!(sizes(&simulation), all(0, "7Gi"));
        assert!(simulation.disruptions().is_empty());
        disks(&simulation, &json!([{"size": "6Gi"}]));
        let refused =
            |simulation: &Simulation| simulation.condition(CLUSTER.0, CLUSTER.1, "Stalled")["status"] == "True";
        assert!(simulation.until(refused).await);
        assert_eq!(sizes(&simulation), all(0, "7Gi"));
        simulation.blameless();
    });
}

/// A person or another controller has grown a volume: it's left so, also when the claim is repaired or grows further.
#[test]
fn a_disk_that_somebody_else_has_grown_stays_as_it_is() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let claim = format!("data-0-{}", BROKERS[0]);
        let grow = |simulation: &Simulation, size: &str| {
            simulation.edit(CLAIMS, &claim, |claim| {
                claim["spec"]["resources"]["requests"]["storage"] = json!(size);
            });
        };
        grow(&simulation, "9Gi");
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        assert_eq!(sizes(&simulation)[&claim], "9Gi");
        simulation.edit(CLAIMS, &claim, |claim| {
            claim["metadata"]["labels"]["productionkafka.dev/pool"] = json!("elsewhere");
        });
        simulation.settle().await.unwrap();
        let repaired = simulation.get(CLAIMS, &claim).unwrap();
        assert_eq!(repaired["metadata"]["labels"]["productionkafka.dev/pool"], "brokers");
        assert_eq!(sizes(&simulation)[&claim], "9Gi");
        disks(&simulation, &json!([{"size": "8Gi"}]));
        simulation.settle().await.unwrap();
        let mut expected = all(0, "8Gi");
        expected.insert(claim, "9Gi".into());
        assert_eq!(sizes(&simulation), expected);
        assert!(simulation.disruptions().is_empty());
        simulation.blameless();
    });
}

#[test]
fn one_more_disk_restarts_each_broker_once() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let mut expected = sizes(&simulation);
        let size = expected.values().next().unwrap().clone();
        disks(&simulation, &json!([{"size": size}, {"size": "3Gi"}]));
        simulation.settle().await.unwrap();
        expected.extend(all(1, "3Gi"));
        assert_eq!(sizes(&simulation), expected);
        let once: BTreeMap<String, usize> = BROKERS.iter().map(|pod| ((*pod).to_owned(), 1)).collect();
        assert_eq!(simulation.disruptions(), once);
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}
