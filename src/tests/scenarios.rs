//! What people and Kubernetes do to a cluster after its creation, in the same simulation: no harm, and back to what was.

use super::simulation::{CLUSTER, Simulation, on_one_thread};
use serde_json::{Value, json};

fn data(simulation: &Simulation, plural: &str, name: &str) -> Value {
    simulation
        .get(plural, name)
        .unwrap_or_else(|| panic!("{plural}/{name} is missing"))["data"]
        .clone()
}

#[test]
fn a_cluster_created_again_is_the_same_cluster() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
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
        simulation.blameless();
    });
}

/// Deleted and created in one breath: the children of the former life are still there when the new one begins.
#[test]
fn a_cluster_replaced_at_once_is_the_same_cluster() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let identity = data(&simulation, "configmaps", "orders-identity");
        let resource = simulation.get(CLUSTER.0, CLUSTER.1).unwrap();
        simulation.delete(CLUSTER.0, CLUSTER.1);
        let spec = json!({"apiVersion": resource["apiVersion"], "kind": resource["kind"], "metadata": {}, "spec": resource["spec"]});
        simulation.put(CLUSTER.0, CLUSTER.1, spec);
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        assert_eq!(identity, data(&simulation, "configmaps", "orders-identity"));
        simulation.blameless();
    });
}

#[test]
fn every_deleted_child_comes_back_as_it_was() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
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
        simulation.blameless();
    });
}

fn data_of(simulation: &Simulation, plural: &str, name: &str) -> Value {
    simulation.get(plural, name).unwrap_or_default()["data"].clone()
}

/// The operator alone remembers the key of a lost authority; once it's restarted nobody does.
#[test]
fn a_lost_authority_is_never_replaced_once_the_cluster_has_formed() {
    for name in ["orders-cluster-ca", "orders-clients-ca"] {
        on_one_thread(async {
            let mut simulation = Simulation::ready().await;
            let before = simulation.get("statefulsets", "orders-brokers-100");
            let lost = simulation.get("secrets", name).unwrap();
            simulation.kill();
            simulation.delete("secrets", name);
            simulation.tick_without_operator();
            simulation.delete("services", "orders-nodes");
            simulation.delete("secrets", "orders-operator-tls");
            simulation.put("kafkausers", "late", late_user());
            for _ in 0..10 {
                simulation.tick().await;
            }
            assert_eq!(simulation.get("secrets", name), None);
            assert_eq!(before, simulation.get("statefulsets", "orders-brokers-100"));
            assert!(simulation.get("services", "orders-nodes").is_some(), "repairs go on");
            for kind in ["Ready", "CertificatesValid"] {
                let says = simulation.condition(CLUSTER.0, CLUSTER.1, kind);
                let message = says["message"].as_str().unwrap();
                assert_eq!(
                    (&says["status"], &says["reason"]),
                    (&json!("False"), &json!("AuthorityLost")),
                    "{says}"
                );
                assert!(message.contains(name) && message.contains("restore"), "{says}");
            }
            let next = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["nextAction"].to_string();
            assert!(next.contains(name) && next.contains("restore"), "{next}");
            simulation.put("secrets", name, lost.clone());
            simulation.settle().await.unwrap();
            simulation.stay_quiet().await.unwrap();
            assert_eq!(lost["data"], data(&simulation, "secrets", name));
            simulation.blameless();
        });
    }
}

/// Rights are carried by a certificate of the operator's: what needs none of the lost authority's signatures goes on.
#[test]
fn users_go_on_without_the_authorities() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kill();
        simulation.delete("secrets", "orders-cluster-ca");
        simulation.delete("secrets", "orders-clients-ca");
        simulation.tick_without_operator();
        simulation.put("kafkausers", "late", late_user());
        for _ in 0..20 {
            simulation.tick().await;
        }
        let says = simulation.condition("kafkausers", "late", "Ready");
        assert_eq!(says["status"], "True", "{says}");
        let says = simulation.condition("kafkausers", "payments-mtls", "Ready");
        assert_eq!(says["status"], "True", "{says}");
    });
}

/// Nodes trust an authority from their first start on, not only once the quorum has formed.
#[test]
fn a_lost_authority_is_not_replaced_while_the_cluster_forms() {
    on_one_thread(async {
        let mut simulation = Simulation::new(None);
        simulation.create();
        let started = |simulation: &Simulation| simulation.get("statefulsets", "orders-controllers-0").is_some();
        assert!(simulation.until(started).await);
        simulation.kill();
        simulation.delete("secrets", "orders-cluster-ca");
        for _ in 0..5 {
            simulation.tick().await;
        }
        assert_eq!(simulation.get("secrets", "orders-cluster-ca"), None);
    });
}

/// A running operator gives a deleted authority back as it was, at once.
#[test]
fn a_running_operator_restores_an_authority() {
    for name in ["orders-cluster-ca", "orders-clients-ca"] {
        on_one_thread(async {
            let mut simulation = Simulation::ready().await;
            let before = data(&simulation, "secrets", name);
            simulation.delete("secrets", name);
            for _ in 0..2 {
                simulation.tick().await;
            }
            assert_eq!(before, data(&simulation, "secrets", name));
            let says = simulation.condition(CLUSTER.0, CLUSTER.1, "Ready");
            assert_eq!(says["status"], "True", "{says}");
            simulation.blameless();
        });
    }
}

fn late_user() -> Value {
    json!({
        "apiVersion": "productionkafka.dev/v1alpha1", "kind": "KafkaUser", "metadata": {},
        "spec": {"cluster": "orders", "authentication": {"type": "ScramSha512"}, "acls": [
            {"resource": {"type": "Topic", "name": "late"}, "operations": ["Read"]},
        ]},
    })
}

/// A refused change is as if it had never been asked for, for everything but the status; a restart doesn't alter that.
#[test]
fn a_refused_change_pauses_nothing() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["spec"]["nodePools"][0]["replicas"] = json!(2);
        });
        let stalled =
            |simulation: &Simulation| simulation.condition(CLUSTER.0, CLUSTER.1, "Stalled")["status"] == "True";
        assert!(simulation.until(stalled).await);
        for restart in [false, true] {
            if restart {
                simulation.kill();
            }
            let serial = data(&simulation, "secrets", "orders-brokers-100-server-tls");
            simulation.delete("services", "orders-nodes");
            simulation.put("kafkausers", &format!("late-{restart}"), late_user());
            Simulation::pass_time(75 * 24 * 3_600);
            for _ in 0..20 {
                simulation.tick().await;
            }
            assert!(simulation.get("services", "orders-nodes").is_some());
            assert_ne!(
                serial,
                data(&simulation, "secrets", "orders-brokers-100-server-tls"),
                "not renewed"
            );
            let says = simulation.condition("kafkausers", &format!("late-{restart}"), "Ready");
            assert_eq!(says["status"], "True", "{says}");
        }
        let cluster = simulation.get(CLUSTER.0, CLUSTER.1).unwrap();
        assert_eq!(
            cluster["status"]["observedGeneration"],
            cluster["metadata"]["generation"]
        );
        let says = |kind| simulation.condition(CLUSTER.0, CLUSTER.1, kind);
        for (kind, status) in [("Ready", "False"), ("Reconciling", "False"), ("Stalled", "True")] {
            assert_eq!(says(kind)["status"], status, "{}", says(kind));
            assert_eq!(says(kind)["observedGeneration"], 2, "{}", says(kind));
        }
        assert_eq!(says("QuorumHealthy")["observedGeneration"], 1);
        assert!(says("Stalled")["message"].as_str().unwrap().contains("spec.nodePools"));
        let next = cluster["status"]["nextAction"].as_str().unwrap();
        assert!(next.contains("keeps running with generation 1"), "{next}");
        // The kubelet brings certificates within a minute.
        for _ in 0..40 {
            simulation.tick().await;
        }
        let before = simulation.writes();
        for _ in 0..20 {
            simulation.tick().await;
        }
        assert_eq!(
            simulation.writes(),
            before,
            "{:?}",
            simulation.trace().split_off(before)
        );
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["spec"]["nodePools"][0]["replicas"] = json!(3);
        });
        simulation.settle().await.unwrap();
        simulation.blameless();
    });
}

/// What was accepted once stays accepted when the world around it changes.
#[test]
fn a_storage_class_that_goes_stops_no_cluster() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kill();
        simulation.delete("storageclasses", "standard");
        simulation.delete("services", "orders-nodes");
        for _ in 0..5 {
            simulation.tick().await;
        }
        let says = simulation.condition(CLUSTER.0, CLUSTER.1, "Stalled");
        assert!(
            simulation.get("services", "orders-nodes").is_some(),
            "{} {}",
            says,
            simulation.condition(CLUSTER.0, CLUSTER.1, "Reconciling")
        );
        assert_eq!(says["status"], "True", "{says}");
    });
}

/// What a former resource of the name was allowed is nothing to the next one.
#[test]
fn an_accepted_spec_dies_with_its_resource() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let resource = simulation.get(CLUSTER.0, CLUSTER.1).unwrap();
        simulation.delete(CLUSTER.0, CLUSTER.1);
        let mut spec = resource["spec"].clone();
        spec["nodePools"][0]["replicas"] = json!(2);
        let bad = json!({"apiVersion": resource["apiVersion"], "kind": resource["kind"], "metadata": {}, "spec": spec});
        simulation.put(CLUSTER.0, CLUSTER.1, bad);
        for _ in 0..10 {
            simulation.tick().await;
        }
        assert_eq!(simulation.get("statefulsets", "orders-brokers-100"), None);
        let next = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["nextAction"].to_string();
        assert!(!next.contains("keeps running"), "{next}");
    });
}

#[test]
fn a_bad_change_is_refused_and_changes_nothing() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
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
        simulation.blameless();
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
        simulation.blameless();
    });
}

/// The disk is lost before the operator has seen which one was formatted, and nobody watches what comes next.
#[test]
fn a_disk_replaced_while_nobody_looks_is_not_formatted_as_a_voter() {
    on_one_thread(async {
        for ticks in 0..6 {
            let mut simulation = Simulation::new(None);
            simulation.create();
            let started = |simulation: &Simulation| simulation.get("pods", "orders-controllers-0-0").is_some();
            assert!(simulation.until(started).await);
            for _ in 0..ticks {
                simulation.tick().await;
            }
            let formed = |simulation: &Simulation| {
                data(simulation, "configmaps", "orders-identity")
                    .to_string()
                    .contains("bootstrapped\\\":true")
            };
            if formed(&simulation) {
                continue;
            }
            for _ in 0..3 {
                simulation.tick_without_operator();
            }
            let voter = simulation
                .kafka
                .state()
                .disks
                .values()
                .find(|disk| disk.voters.is_some())
                .cloned();
            simulation.delete("pods", "orders-controllers-0-0");
            simulation.replace_disk("orders-controllers-0-0");
            for _ in 0..3 {
                simulation.tick_without_operator();
            }
            assert_eq!(
                simulation.accusations_of_kafka(),
                Vec::<String>::new(),
                "after {ticks} ticks, {voter:?}"
            );
            simulation
                .settle()
                .await
                .unwrap_or_else(|problem| panic!("after {ticks} ticks: {problem}"));
            simulation.blameless();
        }
    });
}

/// A user that only another version of the operator can read keeps its rights, and stops nobody else's work.
#[test]
fn an_unreadable_user_keeps_its_rights() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let before = simulation.kafka.state().acls.clone();
        simulation.edit("kafkausers", "payments-app", |user| {
            user["spec"]["authentication"]["type"] = json!("Quantum");
        });
        for restart in [false, true] {
            if restart {
                simulation.kill();
            }
            simulation.delete("services", "orders-nodes");
            simulation.edit("kafkatopics", "payments", |topic| {
                topic["spec"]["config"]["retention.ms"] = json!(if restart { "1000" } else { "2000" });
            });
            for _ in 0..10 {
                simulation.tick().await;
            }
            assert_eq!(before, simulation.kafka.state().acls, "restart: {restart}");
            assert!(simulation.get("services", "orders-nodes").is_some());
            let wanted = if restart { "1000" } else { "2000" };
            assert_eq!(
                simulation.kafka.state().topics["payments"].config["retention.ms"],
                wanted
            );
        }
        simulation.put("kafkausers", "late", late_user());
        for _ in 0..10 {
            simulation.tick().await;
        }
        let says = simulation.condition("kafkausers", "late", "Ready");
        assert_eq!(says["status"], "True", "{says}");
        assert!(simulation.kafka.state().acls.is_superset(&before));
        simulation.edit("kafkausers", "payments-app", |user| {
            user["spec"]["authentication"]["type"] = json!("ScramSha512");
        });
        simulation.settle().await.unwrap();
        let says = simulation.condition("kafkausers", "late", "Ready");
        assert_eq!(says["status"], "True", "{says}");
        simulation.blameless();
    });
}

/// A Job that fails is tried again, later and later, one at a time; a changed document at once.
#[test]
fn a_failed_acl_job_is_tried_again() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let jobs = |simulation: &Simulation| -> Vec<String> {
            let trace = simulation.trace();
            trace
                .into_iter()
                .filter(|call| call.starts_with("PATCH jobs/"))
                .collect()
        };
        let first = jobs(&simulation).len();
        simulation.kafka.state().jobs_fail = true;
        simulation.put("kafkausers", "late", late_user());
        for _ in 0..100 {
            simulation.tick().await;
            assert!(simulation.running_jobs() <= 1);
        }
        let tries = jobs(&simulation).len() - first;
        assert!((4..=6).contains(&tries), "{tries} tries in 200 s");
        let says = simulation.condition("kafkausers", "late", "Ready");
        assert_eq!(says["reason"], "AccessRightsFailed", "{says}");
        assert!(says["message"].as_str().unwrap().contains("backoff limit"), "{says}");
        let next = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["nextAction"].to_string();
        assert!(next.contains("access rights"), "{next}");
        simulation.edit("kafkausers", "late", |user| {
            user["spec"]["acls"][0]["operations"] = json!(["Write"]);
        });
        for _ in 0..3 {
            simulation.tick().await;
        }
        assert_eq!(
            jobs(&simulation).len() - first,
            tries + 1,
            "a changed document is tried at once"
        );
        simulation.kafka.state().jobs_fail = false;
        simulation.settle().await.unwrap();
        let says = simulation.condition("kafkausers", "late", "Ready");
        assert_eq!(says["status"], "True", "{says}");
        simulation.blameless();
    });
}

/// Rights that are given and taken back before anybody notices, and after.
#[test]
fn rights_that_are_taken_back_are_gone() {
    for ticks in [0, 1, 2, 3, 5] {
        on_one_thread(async {
            let mut simulation = Simulation::ready().await;
            let before = simulation.kafka.state().acls.clone();
            let acls = simulation.get("kafkausers", "payments-app").unwrap()["spec"]["acls"].clone();
            let more = json!([{"resource": {"type": "Topic", "name": "secrets"}, "operations": ["Read"]}]);
            simulation.edit("kafkausers", "payments-app", |user| user["spec"]["acls"] = more);
            for _ in 0..ticks {
                simulation.tick().await;
            }
            simulation.edit("kafkausers", "payments-app", |user| user["spec"]["acls"] = acls);
            for _ in 0..25 {
                simulation.tick().await;
                let ready = simulation.condition("kafkausers", "payments-app", "Ready");
                let generation = &simulation.get("kafkausers", "payments-app").unwrap()["metadata"]["generation"];
                if ready["status"] == "True" && ready["observedGeneration"] == *generation {
                    assert_eq!(
                        before,
                        simulation.kafka.state().acls,
                        "Ready, taken back after {ticks} ticks"
                    );
                }
            }
            simulation.settle().await.unwrap();
            assert_eq!(before, simulation.kafka.state().acls, "taken back after {ticks} ticks");
            simulation.blameless();
        });
    }
}

/// Round trips, not seconds: with 10 ms for each answer of the apiserver, everything is written in half a second.
#[test]
fn a_new_cluster_is_written_in_few_round_trips() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut simulation = Simulation::new(None);
        simulation.create();
        for (plural, name) in [
            ("kafkausers", "payments-app"),
            ("kafkausers", "payments-mtls"),
            ("kafkatopics", "payments"),
        ] {
            simulation.delete(plural, name);
        }
        simulation.api.latency.store(10, std::sync::atomic::Ordering::Relaxed);
        let started = tokio::time::Instant::now();
        simulation.tick().await;
        let trips = started.elapsed().as_millis() / 10;
        assert!(simulation.get("statefulsets", "orders-brokers-102").is_some());
        println!("{trips} round trips");
        assert!(trips <= 30, "{trips} round trips");
    });
}
