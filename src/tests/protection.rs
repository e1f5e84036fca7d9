//! Deletion protection in the simulation: what is deleted past the admission policies is held while Kafka runs on, whatever
//! strikes, and nothing is held that shouldn't be.

use super::simulation::{CLUSTER, Fault, Simulation, on_one_thread};
use serde_json::{Value, json};

const FINALIZER: &str = "productionkafka.dev/deletion-protection";
const FOREGROUND: &str = "foregroundDeletion";

fn protect(simulation: &Simulation, on: bool) {
    simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
        cluster["spec"]["maintenance"]["deletionProtection"] = json!(on);
    });
}

fn finalizers(simulation: &Simulation) -> Vec<Value> {
    let cluster = simulation.get(CLUSTER.0, CLUSTER.1).unwrap_or_default();
    cluster["metadata"]["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

fn has(simulation: &Simulation, finalizer: &str) -> bool {
    finalizers(simulation).contains(&json!(finalizer))
}

fn is_there(simulation: &Simulation) -> bool {
    simulation.get(CLUSTER.0, CLUSTER.1).is_some()
}

fn says(simulation: &Simulation, kind: &str) -> Value {
    simulation.condition(CLUSTER.0, CLUSTER.1, kind)
}

async fn protected() -> Simulation {
    let mut simulation = Simulation::ready().await;
    protect(&simulation, true);
    assert!(simulation.until(|simulation| has(simulation, FINALIZER)).await);
    simulation
}

/// A cluster that's protected and was deleted nonetheless.
async fn held() -> Simulation {
    let mut simulation = protected().await;
    simulation.delete(CLUSTER.0, CLUSTER.1);
    let told = |simulation: &Simulation| says(simulation, "DeletionHeld")["status"] == "True";
    assert!(simulation.until(told).await);
    simulation
}

#[test]
fn protection_costs_one_write_and_its_end_another() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        assert_eq!(finalizers(&simulation), Vec::<Value>::new());
        for on in [true, false] {
            protect(&simulation, on);
            assert!(simulation.until(|simulation| has(simulation, FINALIZER) == on).await);
            simulation.settle().await.unwrap();
            let own = format!("PATCH {}/{}", CLUSTER.0, CLUSTER.1);
            let writes = simulation.trace().into_iter().filter(|call| *call == own).count();
            assert_eq!(writes, if on { 1 } else { 2 });
            simulation.stay_quiet().await.unwrap();
        }
        simulation.delete(CLUSTER.0, CLUSTER.1);
        assert!(!is_there(&simulation), "nobody holds it");
        simulation.blameless();
    });
}

#[test]
fn a_held_cluster_is_looked_after_and_goes_once_it_is_let() {
    on_one_thread(async {
        let mut simulation = held().await;
        let pods = simulation.pod_uids();
        let told = says(&simulation, "DeletionHeld")["message"].to_string();
        assert!(told.contains("deletionProtection set to false"), "{told}");
        let next = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["nextAction"].to_string();
        assert_eq!(
            next,
            "\"wait: the resource was deleted and is held (condition DeletionHeld)\""
        );
        assert_eq!(says(&simulation, "Ready")["status"], "True");
        assert_eq!(simulation.gauge("deletion_held"), "1");
        simulation.stay_quiet().await.unwrap();
        // What is lost comes back, and users are served.
        simulation.delete("services", "orders-scram-bootstrap");
        simulation.put_like("kafkausers", "payments-app", "late");
        let served = |simulation: &Simulation| {
            let ready = simulation.condition("kafkausers", "late", "Ready")["status"] == "True";
            ready && simulation.get("services", "orders-scram-bootstrap").is_some()
        };
        assert!(simulation.until(served).await);
        assert_eq!(simulation.pod_uids(), pods, "nothing restarts");
        protect(&simulation, false);
        assert!(simulation.until(|simulation| !is_there(simulation)).await);
        simulation.blameless();
    });
}

#[test]
fn a_namespace_that_ends_is_not_held() {
    on_one_thread(async {
        let mut simulation = held().await;
        simulation.edit("namespaces", "kafka", |namespace| {
            namespace["metadata"]["finalizers"] = json!(["kubernetes"]);
        });
        simulation.delete("namespaces", "kafka");
        assert!(simulation.until(|simulation| !is_there(simulation)).await);
        simulation.blameless();
    });
}

/// The garbage collector would take all that the cluster owns while the cluster itself is held.
#[test]
fn what_a_held_cluster_owns_is_not_collected() {
    on_one_thread(async {
        let mut simulation = protected().await;
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["metadata"]["finalizers"] = json!([FOREGROUND, FINALIZER]);
            cluster["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        });
        assert!(simulation.until(|simulation| !has(simulation, FOREGROUND)).await);
        assert!(has(&simulation, FINALIZER));
        simulation.blameless();
    });
}

/// Kills, refusals and lost answers at each write from the protection to the end.
#[test]
fn whatever_strikes_it_is_held_and_goes() {
    let faults = [
        Fault::KillBefore,
        Fault::KillAfter,
        Fault::KillUnanswered,
        Fault::Refuse(409),
        Fault::Refuse(500),
        Fault::LoseAnswer,
    ];
    on_one_thread(async {
        for fault in faults {
            for number in 1..=6 {
                let mut simulation = Simulation::ready().await;
                simulation.strike((simulation.writes() + number, fault));
                protect(&simulation, true);
                assert!(simulation.until(|simulation| has(simulation, FINALIZER)).await);
                simulation.delete(CLUSTER.0, CLUSTER.1);
                for _ in 0..8 {
                    simulation.tick().await;
                    assert!(is_there(&simulation), "{fault:?} at {number}: it wasn't held");
                }
                protect(&simulation, false);
                let gone = simulation.until(|simulation| !is_there(simulation)).await;
                assert!(gone, "{fault:?} at {number}: it never went");
                simulation.blameless();
            }
        }
    });
}

/// A watch that's behind still shows the protection as off.
#[test]
fn it_is_let_go_only_by_a_live_read() {
    on_one_thread(async {
        let mut simulation = held().await;
        protect(&simulation, false);
        simulation.hear();
        simulation.is_deaf = true;
        protect(&simulation, true);
        for _ in 0..8 {
            simulation.tick().await;
        }
        assert!(is_there(&simulation));
        simulation.is_deaf = false;
        protect(&simulation, false);
        assert!(simulation.until(|simulation| !is_there(simulation)).await);
        simulation.blameless();
    });
}

/// An admission webhook takes no finalizer: Kafka is looked after all the same, and the status says what's missing.
#[test]
fn a_finalizer_that_cannot_be_set_is_told() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.deny(CLUSTER.0, CLUSTER.1, true);
        protect(&simulation, true);
        for _ in 0..10 {
            simulation.tick().await;
        }
        let unprotected = |simulation: &Simulation| says(simulation, "Secure")["message"].to_string().contains("21 (");
        assert!(unprotected(&simulation), "{}", says(&simulation, "Secure"));
        assert_eq!(says(&simulation, "Ready")["status"], "True");
        simulation.deny(CLUSTER.0, CLUSTER.1, false);
        let done = |simulation: &Simulation| has(simulation, FINALIZER) && !unprotected(simulation);
        assert!(simulation.until(done).await);
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

/// From a backup, or applied as it was exported, a resource brings its finalizer along, which others own then.
#[test]
fn a_finalizer_that_others_have_set_is_taken_off_all_the_same() {
    on_one_thread(async {
        let mut simulation = Simulation::new(None);
        simulation.create();
        let all = [
            ("kafkausers", "payments-app", "productionkafka.dev/user"),
            ("kafkatopics", "payments", "productionkafka.dev/topic"),
            (CLUSTER.0, CLUSTER.1, FINALIZER),
        ];
        for (plural, name, finalizer) in all {
            simulation.edit(plural, name, |object| {
                object["metadata"]["finalizers"] = json!([finalizer]);
            });
        }
        simulation.settle().await.unwrap();
        for (plural, name, _) in all {
            simulation.delete(plural, name);
            let gone = simulation
                .until(|simulation| simulation.get(plural, name).is_none())
                .await;
            assert!(gone, "{plural}/{name} never goes");
        }
        simulation.blameless();
    });
}
