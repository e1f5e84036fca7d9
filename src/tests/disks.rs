//! Disks that grow, are added, replaced and taken away, in the simulation: nothing restarts for more room, each broker once
//! for anything else, one after the other, and what somebody else has grown stays.

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

/// The claims that the pods of brokers mount.
fn mounted(simulation: &Simulation) -> Vec<String> {
    let state = simulation.api.state();
    let pods = state.of_kind("pods").filter(|(key, _)| key.name.contains("brokers"));
    let volumes = pods.flat_map(|(_, pod)| pod["spec"]["volumes"].as_array().unwrap());
    let mut claims: Vec<String> = volumes
        .filter_map(|volume| {
            volume
                .pointer("/persistentVolumeClaim/claimName")?
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    claims.sort();
    claims
}

/// How many brokers have other disks than those of the start, in pods or in what pods are made from.
fn begun(simulation: &Simulation) -> usize {
    let state = simulation.api.state();
    let is_new = |set: &Value| {
        set["spec"]["template"]["spec"]["volumes"]
            .to_string()
            .contains("-0-1\"")
    };
    state.of_kind("statefulsets").filter(|(_, set)| is_new(set)).count()
}

fn storage_class(simulation: &Simulation, name: &str) {
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {},
        "provisioner": "x", "allowVolumeExpansion": true});
    simulation.put("storageclasses", name, class);
}

/// One node takes up its new disk, and the next one only when all replicas are in sync again.
#[test]
fn disks_of_another_class_are_taken_up_node_by_node() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        storage_class(&simulation, "fast");
        disks(&simulation, &json!([{"size": "3Gi", "storageClassName": "fast"}]));
        simulation.kafka.state().lagging.insert(102);
        for _ in 0..20 {
            simulation.tick().await;
        }
        assert_eq!(begun(&simulation), 0);
        let next = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["nextAction"].to_string();
        assert!(next.contains("lack replicas in sync"), "{next}");
        simulation.kafka.state().lagging.clear();
        // At no time does it look as if all were done.
        let open = |simulation: &Simulation| {
            let reconciling = simulation.condition(CLUSTER.0, CLUSTER.1, "Reconciling");
            assert_eq!(reconciling["status"], "True", "{reconciling}");
        };
        let first = simulation
            .until(|simulation| {
                open(simulation);
                begun(simulation) == 1
            })
            .await;
        assert!(first);
        simulation.kafka.state().lagging.insert(100);
        for _ in 0..40 {
            simulation.tick().await;
        }
        assert_eq!(begun(&simulation), 1, "the second waits for the first one's replicas");
        simulation.kafka.state().lagging.clear();
        simulation.settle().await.unwrap();
        let claim = |pod: &&str| format!("data-0-{pod}-1");
        assert_eq!(mounted(&simulation), BROKERS.iter().map(claim).collect::<Vec<_>>());
        let once: BTreeMap<String, usize> = BROKERS.iter().map(|pod| ((*pod).to_owned(), 1)).collect();
        assert_eq!(simulation.disruptions(), once);
        for pod in BROKERS {
            assert!(
                simulation.get(CLAIMS, &format!("data-0-{pod}")).is_some(),
                "the old disk is kept"
            );
        }
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

/// Naming the class that the disks have anyway changes nothing.
#[test]
fn a_class_by_name_that_is_there_restarts_nothing() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        for pod in BROKERS {
            simulation.edit(CLAIMS, &format!("data-0-{pod}"), |claim| {
                claim["spec"]["storageClassName"] = json!("standard");
            });
        }
        let size = sizes(&simulation).into_values().next().unwrap();
        disks(&simulation, &json!([{"size": size, "storageClassName": "standard"}]));
        simulation.settle().await.unwrap();
        assert!(simulation.disruptions().is_empty());
        assert_eq!(begun(&simulation), 0);
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

/// A disk that isn't asked for any more is left, kept, and not taken up again when another one is asked for.
#[test]
fn one_disk_less_and_one_more_again() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let size = sizes(&simulation).into_values().next().unwrap();
        let two = json!([{"size": size}, {"size": "3Gi"}]);
        for (volumes, second) in [
            (two.clone(), Some("")),
            (json!([{"size": size}]), None),
            (two, Some("-1")),
        ] {
            disks(&simulation, &volumes);
            simulation.settle().await.unwrap();
            let mut expected: Vec<String> = BROKERS.iter().map(|pod| format!("data-0-{pod}")).collect();
            if let Some(mark) = second {
                expected.extend(BROKERS.iter().map(|pod| format!("data-1-{pod}{mark}")));
            }
            assert_eq!(mounted(&simulation), expected);
        }
        let thrice: BTreeMap<String, usize> = BROKERS.iter().map(|pod| ((*pod).to_owned(), 3)).collect();
        assert_eq!(simulation.disruptions(), thrice);
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

/// A disk that Kafka has given up is named, and its broker and all others are left as they are.
#[test]
fn a_failed_disk_is_named_and_restarts_nothing() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kafka.state().failed_disks.insert(101);
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["spec"]["image"] = json!("registry.example.com/kafka:4.3.1-a");
        });
        for _ in 0..100 {
            simulation.tick().await;
        }
        let taken = simulation.disruptions();
        assert!(
            !taken.keys().any(|pod| pod.contains("brokers") && pod != BROKERS[1]),
            "{taken:?}"
        );
        let status = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"].clone();
        let nodes = status["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|node| node["id"] == 101).unwrap();
        assert_eq!(node["phase"], "Failing");
        let message = node["message"].as_str().unwrap();
        assert!(
            message.contains("/var/lib/kafka/data-0/kafka-log (claim data-0-orders-brokers-101-0)"),
            "{message}"
        );
        simulation.kafka.state().failed_disks.clear();
        simulation.settle().await.unwrap();
        simulation.blameless();
    });
}

/// Where the pool says so, a disk goes once its successor holds all replicas, and not before.
#[test]
fn replaced_disks_go_where_the_pool_says_so() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        storage_class(&simulation, "fast");
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["spec"]["nodePools"][1]["storage"]["reclaim"] = json!("Delete");
        });
        simulation.settle().await.unwrap();
        assert!(simulation.disruptions().is_empty());
        disks(&simulation, &json!([{"size": "3Gi", "storageClassName": "fast"}]));
        let first = simulation.until(|simulation| begun(simulation) == 1).await;
        assert!(first);
        simulation.kafka.state().lagging.insert(100);
        for _ in 0..40 {
            simulation.tick().await;
        }
        let is_there = |simulation: &Simulation, pod: &str| simulation.get(CLAIMS, &format!("data-0-{pod}")).is_some();
        assert!(is_there(&simulation, BROKERS[0]), "its replicas aren't in sync yet");
        simulation.kafka.state().lagging.clear();
        simulation.settle().await.unwrap();
        let gone = |simulation: &Simulation| !BROKERS.iter().any(|pod| is_there(simulation, pod));
        assert!(simulation.until(gone).await, "{:?}", sizes(&simulation));
        let claim = |pod: &&str| format!("data-0-{pod}-1");
        assert_eq!(mounted(&simulation), BROKERS.iter().map(claim).collect::<Vec<_>>());
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

/// A disk that is lost before its turn has come is replaced by the new one at once: the former isn't made anew.
#[test]
fn a_disk_that_is_lost_while_it_waits_for_its_turn() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        storage_class(&simulation, "fast");
        disks(&simulation, &json!([{"size": "3Gi", "storageClassName": "fast"}]));
        simulation.kafka.state().lagging.insert(100);
        for _ in 0..20 {
            simulation.tick().await;
        }
        assert_eq!(begun(&simulation), 0);
        simulation.delete(CLAIMS, &format!("data-0-{}", BROKERS[2]));
        simulation.delete("pods", BROKERS[2]);
        let begins = simulation.until(|simulation| begun(simulation) == 1).await;
        assert!(begins);
        simulation.kafka.state().lagging.clear();
        simulation.settle().await.unwrap();
        let claim = |pod: &&str| format!("data-0-{pod}-1");
        assert_eq!(mounted(&simulation), BROKERS.iter().map(claim).collect::<Vec<_>>());
        simulation.blameless();
    });
}

/// Whoever is on call is warned of a volume that fills; the operator restarts, and the warning stays.
#[test]
fn a_forecast_outlives_the_process_that_made_it() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["status"]["capacity"]["daysUntilFull"] = json!(5);
        });
        simulation.kill();
        for _ in 0..10 {
            simulation.tick().await;
        }
        let sufficient = simulation.condition(CLUSTER.0, CLUSTER.1, "CapacitySufficient");
        assert_eq!(sufficient["reason"], "VolumeFillsUp", "{sufficient}");
        let cluster = simulation.get(CLUSTER.0, CLUSTER.1).unwrap();
        assert_eq!(cluster["status"]["capacity"]["daysUntilFull"], 5);
        simulation.blameless();
    });
}
