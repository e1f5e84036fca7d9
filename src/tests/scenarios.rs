//! What people and Kubernetes do to a cluster after its creation, in the same simulation: no harm, and back to what was.

use super::simulation::{Simulation, on_one_thread};
use serde_json::{Value, json};

const CLUSTER: (&str, &str) = ("productionkafkas", "orders");

async fn ready() -> Simulation {
    let mut simulation = Simulation::new(None);
    simulation.create();
    simulation.settle().await.unwrap();
    simulation
}

fn blameless(simulation: &Simulation) {
    assert_eq!(simulation.accusations(), Vec::<String>::new());
}

fn data(simulation: &Simulation, plural: &str, name: &str) -> Value {
    simulation
        .get(plural, name)
        .unwrap_or_else(|| panic!("{plural}/{name} is missing"))["data"]
        .clone()
}

#[test]
fn a_cluster_created_again_is_the_same_cluster() {
    on_one_thread(async {
        let mut simulation = ready().await;
        let kept = ["orders-cluster-ca", "orders-clients-ca"];
        let before: Vec<Value> = kept.iter().map(|name| data(&simulation, "secrets", name)).collect();
        let identity = data(&simulation, "configmaps", "orders-identity");
        let disks = simulation.kafka.state().disks.clone();
        let resource = simulation.get(CLUSTER.0, CLUSTER.1).unwrap();
        simulation.delete(CLUSTER.0, CLUSTER.1);
        for _ in 0..10 {
            simulation.tick().await;
        }
        assert_eq!(simulation.get("statefulsets", "orders-brokers-100"), None);
        assert_eq!(simulation.get("pods", "orders-brokers-100-0"), None);
        let spec = json!({"apiVersion": resource["apiVersion"], "kind": resource["kind"], "metadata": {}, "spec": resource["spec"]});
        simulation.put(CLUSTER.0, CLUSTER.1, spec);
        simulation.settle().await.unwrap();
        let after: Vec<Value> = kept.iter().map(|name| data(&simulation, "secrets", name)).collect();
        assert_eq!(before, after);
        assert_eq!(identity, data(&simulation, "configmaps", "orders-identity"));
        assert_eq!(disks, simulation.kafka.state().disks, "no disk was formatted again");
        blameless(&simulation);
    });
}

/// Deleted and created in one breath: the children of the former life are still there when the new one begins.
#[test]
fn a_cluster_replaced_at_once_is_the_same_cluster() {
    on_one_thread(async {
        let mut simulation = ready().await;
        let identity = data(&simulation, "configmaps", "orders-identity");
        let resource = simulation.get(CLUSTER.0, CLUSTER.1).unwrap();
        simulation.delete(CLUSTER.0, CLUSTER.1);
        let spec = json!({"apiVersion": resource["apiVersion"], "kind": resource["kind"], "metadata": {}, "spec": resource["spec"]});
        simulation.put(CLUSTER.0, CLUSTER.1, spec);
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        assert_eq!(identity, data(&simulation, "configmaps", "orders-identity"));
        blameless(&simulation);
    });
}

#[test]
fn every_deleted_child_comes_back_as_it_was() {
    on_one_thread(async {
        let mut simulation = ready().await;
        let before = simulation.end_state();
        let pods = simulation.pod_uids();
        for (plural, name) in simulation.children() {
            let content = data_of(&simulation, &plural, &name);
            simulation.delete(&plural, &name);
            let back = simulation
                .until(|simulation| simulation.get(&plural, &name).is_some())
                .await;
            assert!(back, "{plural}/{name} didn't come back");
            for _ in 0..3 {
                simulation.tick().await;
            }
            assert_eq!(content, data_of(&simulation, &plural, &name), "{plural}/{name}");
        }
        simulation.settle().await.unwrap();
        let after = simulation.end_state();
        assert_eq!(before, after, "{}", Simulation::difference(&before, &after));
        assert_eq!(pods, simulation.pod_uids(), "pods were replaced");
        blameless(&simulation);
    });
}

fn data_of(simulation: &Simulation, plural: &str, name: &str) -> Value {
    simulation.get(plural, name).unwrap_or_default()["data"].clone()
}

#[test]
fn a_lost_authority_is_never_replaced_once_the_cluster_has_formed() {
    for name in ["orders-cluster-ca", "orders-clients-ca"] {
        on_one_thread(async {
            let mut simulation = ready().await;
            let before = simulation.get("statefulsets", "orders-brokers-100");
            simulation.kill();
            simulation.delete("secrets", name);
            simulation.tick_without_operator();
            for _ in 0..10 {
                simulation.tick().await;
            }
            assert_eq!(simulation.get("secrets", name), None);
            let says = simulation.condition(CLUSTER.0, CLUSTER.1, "Reconciling");
            let message = says["message"].as_str().unwrap();
            assert!(message.contains(name) && message.contains("restore"), "{says}");
            assert_eq!(before, simulation.get("statefulsets", "orders-brokers-100"));
        });
    }
}

#[test]
fn a_bad_change_is_refused_and_changes_nothing() {
    on_one_thread(async {
        let mut simulation = ready().await;
        let before = simulation.end_state();
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["spec"]["nodePools"][0]["replicas"] = json!(2);
        });
        for _ in 0..10 {
            simulation.tick().await;
        }
        let stalled = simulation.condition(CLUSTER.0, CLUSTER.1, "Stalled");
        assert_eq!(stalled["status"], "True", "{stalled}");
        assert!(
            stalled["message"].as_str().unwrap().contains("spec.nodePools"),
            "{stalled}"
        );
        let others = |text: &str| -> Vec<String> {
            text.lines()
                .filter(|line| !line.starts_with("productionkafkas/"))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(others(&before), others(&simulation.end_state()));
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["spec"]["nodePools"][0]["replicas"] = json!(3);
        });
        simulation.settle().await.unwrap();
        blameless(&simulation);
    });
}

/// A controller's disk is lost while the first quorum forms: its replacement is no voter of the first day.
#[test]
fn a_replaced_disk_is_not_formatted_as_a_voter() {
    on_one_thread(async {
        let mut simulation = Simulation::new(None);
        simulation.create();
        let formatted = |simulation: &Simulation| {
            let map = simulation.get("configmaps", "orders-identity");
            map.is_some_and(|map| {
                map["data"]["identity.json"]
                    .as_str()
                    .unwrap()
                    .contains("\"volumes\":{\"0\"")
            })
        };
        assert!(simulation.until(formatted).await);
        assert!(
            !data(&simulation, "configmaps", "orders-identity")
                .to_string()
                .contains("bootstrapped\\\":true")
        );
        simulation.replace_disk("orders-controllers-0-0");
        simulation.tick().await;
        let is_voter = |simulation: &Simulation, node: &str| {
            simulation
                .get("statefulsets", node)
                .unwrap()
                .to_string()
                .contains("PK_INITIAL_VOTERS")
        };
        assert!(!is_voter(&simulation, "orders-controllers-0"));
        assert!(
            is_voter(&simulation, "orders-controllers-1"),
            "the others are voters of the first day"
        );
        simulation.delete("pods", "orders-controllers-0-0");
        simulation.settle().await.unwrap();
        assert!(
            !simulation
                .get("pods", "orders-controllers-0-0")
                .unwrap()
                .to_string()
                .contains("PK_INITIAL_VOTERS")
        );
        blameless(&simulation);
    });
}

/// Rights that are given and taken back before anybody notices, and after.
#[test]
fn rights_that_are_taken_back_are_gone() {
    for ticks in [0, 1, 2, 3, 5] {
        on_one_thread(async {
            let mut simulation = ready().await;
            let before = simulation.kafka.state().acls.clone();
            let acls = simulation.get("kafkausers", "payments-app").unwrap()["spec"]["acls"].clone();
            let more = json!([{"resource": {"type": "Topic", "name": "secrets"}, "operations": ["Read"]}]);
            simulation.edit("kafkausers", "payments-app", |user| user["spec"]["acls"] = more);
            for _ in 0..ticks {
                simulation.tick().await;
            }
            simulation.edit("kafkausers", "payments-app", |user| user["spec"]["acls"] = acls);
            simulation.settle().await.unwrap();
            assert_eq!(before, simulation.kafka.state().acls, "taken back after {ticks} ticks");
            blameless(&simulation);
        });
    }
}
