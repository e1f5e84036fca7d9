//! Controllers that come and go and lose their disks, in the simulation: one change of voters after the other, to the end
//! and back to quiet, also when the operator is killed after each of its writes.

use super::simulation::{CLUSTER, Fault, Simulation, on_one_thread, stride};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn edit(simulation: &Simulation, change: impl FnOnce(&mut Value)) {
    simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
        change(&mut cluster["spec"]["nodePools"]);
    });
}

fn voters(simulation: &Simulation) -> BTreeSet<i32> {
    simulation.kafka.quorum().0.into_iter().map(|(id, _)| id).collect()
}

fn controllers(simulation: &Simulation) -> Vec<String> {
    let state = simulation.api.state();
    let is = |set: &Value| set["metadata"]["labels"]["productionkafka.dev/controller"] == "true";
    let sets = state.of_kind("statefulsets").filter(|(_, set)| is(set));
    sets.map(|(key, _)| key.name.clone()).collect()
}

fn is_settled(simulation: &Simulation) -> bool {
    let reconciling = simulation.condition(CLUSTER.0, CLUSTER.1, "Reconciling");
    let resource = simulation.get(CLUSTER.0, CLUSTER.1).unwrap();
    let observed = &resource["status"]["observedGeneration"];
    reconciling["status"] == "False" && *observed == resource["metadata"]["generation"]
}

/// Waits until exactly these vote, and nothing else of former ones is there.
async fn until_voting(simulation: &mut Simulation, wanted: &[i32]) -> Result<(), String> {
    let wanted: BTreeSet<i32> = wanted.iter().copied().collect();
    let over = |simulation: &Simulation| {
        voters(simulation) == wanted && controllers(simulation).len() == wanted.len() && is_settled(simulation)
    };
    if simulation.until(over).await {
        return Ok(());
    }
    let next = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["nextAction"].clone();
    let last = simulation.trace().split_off(simulation.writes().saturating_sub(8));
    Err(format!(
        "{:?} of {:?} vote: {next} {last:?} {:?}",
        voters(simulation),
        controllers(simulation),
        simulation.accusations()
    ))
}

/// 3 → 5 → 3 controllers; returns how many writes it took.
async fn there_and_back(fault: Option<(usize, Fault)>) -> Result<(usize, usize), String> {
    let mut simulation = Simulation::new(fault);
    simulation.create();
    simulation.settle().await?;
    let before = simulation.writes();
    edit(&simulation, |pools| pools[0]["replicas"] = json!(5));
    until_voting(&mut simulation, &[0, 1, 2, 3, 4]).await?;
    edit(&simulation, |pools| pools[0]["replicas"] = json!(3));
    until_voting(&mut simulation, &[0, 1, 2]).await?;
    let after = simulation.writes();
    simulation.settle().await?;
    simulation.stay_quiet().await?;
    simulation.blameless();
    assert!(simulation.disruptions().is_empty(), "{:?}", simulation.disruptions());
    Ok((before, after))
}

#[test]
fn five_controllers_and_three_again() {
    on_one_thread(async {
        there_and_back(None).await.unwrap();
    });
}

#[test]
fn a_change_of_controllers_survives_a_kill_after_each_write() {
    on_one_thread(async {
        let (before, after) = there_and_back(None).await.unwrap();
        for write in (before..after).step_by(stride(9)) {
            for fault in [Fault::KillAfter, Fault::KillUnanswered] {
                let told = there_and_back(Some((write, fault))).await;
                assert!(told.is_ok(), "{fault:?} at write {write}: {told:?}");
            }
        }
    });
}

/// Kafka raises no level that a registered controller doesn't know, and it forgets none before 4.4.
#[test]
fn controllers_that_have_left_hold_no_upgrade_back() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let levels = |simulation: &Simulation| simulation.kafka.state().features.get("metadata.version").copied();
        simulation.kafka.state().features.insert("metadata.version".into(), 29);
        simulation.kafka.state().supports = Some(29);
        simulation.kafka.state().controllers.clear();
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["spec"]["upgrade"] = json!({"finalize": "Automatic", "soak": "0s"});
        });
        for replicas in [5, 3] {
            edit(&simulation, |pools| pools[0]["replicas"] = json!(replicas));
            let wanted: Vec<i32> = (0..replicas).collect();
            until_voting(&mut simulation, &wanted).await.unwrap();
        }
        let registered = |simulation: &Simulation| simulation.kafka.state().controllers.clone();
        assert_eq!(registered(&simulation).len(), 5, "Kafka 4.3 forgets no controller");
        simulation.kafka.state().supports = Some(30);
        assert!(simulation.until(|simulation| levels(simulation) == Some(30)).await);
        // The next one comes soon after.
        simulation.kafka.state().supports = Some(33);
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["spec"]["version"] = json!("4.4.0");
        });
        let over = |simulation: &Simulation| {
            levels(simulation) == Some(33) && simulation.kafka.state().controllers.keys().eq(&[0, 1, 2])
        };
        let ended = simulation.until(over).await;
        let upgrade = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["upgrade"].clone();
        assert!(ended, "{:?} {upgrade}", registered(&simulation));
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

/// A quorum that was formed with a list of voters, as the identity says: nothing changes it until a person asks for it.
#[test]
fn a_list_of_voters_becomes_a_dynamic_quorum_when_asked() {
    on_one_thread(async {
        let mut simulation = Simulation::with_listed_voters().await;
        let names_voters = |simulation: &Simulation| {
            let state = simulation.api.state();
            let maps = state.of_kind("configmaps").filter(|(_, map)| {
                let text = map["data"]["server.properties"].as_str().unwrap_or_default();
                text.contains("controller.quorum.voters=0@orders-controllers-0-0.")
            });
            maps.count()
        };
        let healthy = |simulation: &Simulation| {
            let condition = simulation.condition(CLUSTER.0, CLUSTER.1, "QuorumHealthy");
            condition["message"].as_str().unwrap_or_default().to_owned()
        };
        let listed = |simulation: &Simulation| {
            names_voters(simulation) == 6 && is_settled(simulation) && healthy(simulation).contains("kraft.version 0")
        };
        assert!(simulation.until(listed).await, "{}", healthy(&simulation));
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        edit(&simulation, |pools| pools[0]["replicas"] = json!(5));
        let refused = |simulation: &Simulation| {
            let stalled = simulation.condition(CLUSTER.0, CLUSTER.1, "Stalled");
            stalled["message"]
                .as_str()
                .unwrap_or_default()
                .contains("kraft.version")
        };
        assert!(simulation.until(refused).await);
        assert!(simulation.kafka.state().votes.is_empty());
        edit(&simulation, |pools| pools[0]["replicas"] = json!(3));
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["metadata"]["annotations"]["productionkafka.dev/dynamic-quorum"] = json!("true");
        });
        let dynamic = |simulation: &Simulation| names_voters(simulation) == 0 && is_settled(simulation);
        assert!(simulation.until(dynamic).await, "{}", healthy(&simulation));
        assert_eq!(simulation.kafka.state().features["kraft.version"], 1);
        edit(&simulation, |pools| pools[0]["replicas"] = json!(5));
        until_voting(&mut simulation, &[0, 1, 2, 3, 4]).await.unwrap();
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

#[test]
fn one_controller_is_enough_if_that_is_asked_for() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        // The first one leads: it has to hand that over before its vote is taken.
        edit(&simulation, |pools| {
            pools[0]["replicas"] = json!(1);
            pools[0]["excludedNodeIds"] = json!([0, 1]);
        });
        until_voting(&mut simulation, &[2]).await.unwrap();
        assert_eq!(simulation.kafka.state().votes, ["-1", "-0"]);
        assert_eq!(simulation.disruptions().len(), 1, "{:?}", simulation.disruptions());
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

/// A policy that freezes changes keeps the leader's pod: that's told, and asked again seldom.
#[test]
fn a_leader_whose_pod_may_not_go_is_waited_for() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.deny("pods", "orders-controllers-0-0", true);
        edit(&simulation, |pools| {
            pools[0]["replicas"] = json!(1);
            pools[0]["excludedNodeIds"] = json!([0, 1]);
        });
        let next = |simulation: &Simulation| {
            let resource = simulation.get(CLUSTER.0, CLUSTER.1).unwrap();
            resource["status"]["nextAction"].as_str().unwrap_or_default().to_owned()
        };
        let told = |simulation: &Simulation| {
            let next = next(simulation);
            next.starts_with("wait: restart controller 0") && next.contains("denied the request")
        };
        assert!(simulation.until(told).await, "{}", next(&simulation));
        for _ in 0..10 {
            simulation.tick().await;
        }
        let before = (simulation.taken().len(), simulation.trace().len());
        for _ in 0..20 {
            simulation.tick().await;
            assert!(told(&simulation), "{}", next(&simulation));
        }
        let asked = simulation.taken().len() - before.0;
        assert!((1..=6).contains(&asked), "asked {asked} times");
        let trace = simulation.trace().split_off(before.1);
        let intents = trace.iter().filter(|line| line.starts_with("PUT configmaps/")).count();
        assert_eq!(intents, 2 * asked, "{trace:?}");
        simulation.deny("pods", "orders-controllers-0-0", false);
        until_voting(&mut simulation, &[2]).await.unwrap();
        assert_eq!(simulation.disruptions().len(), 1, "{:?}", simulation.disruptions());
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

/// Names under which a broker looks for a controller, as its pod was made with.
fn looked_for(simulation: &Simulation, pod: &str) -> String {
    let pod = simulation.get("pods", pod).unwrap();
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let map = volumes.iter().find_map(|volume| volume["configMap"]["name"].as_str());
    let map = simulation.get("configmaps", map.unwrap()).unwrap();
    let lines = map["data"]["server.properties"].as_str().unwrap().lines();
    let mut found = lines.filter_map(|line| line.strip_prefix("controller.quorum.bootstrap.servers="));
    found.next().unwrap().to_owned()
}

#[test]
fn controllers_move_to_another_pool() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        edit(&simulation, |pools| {
            let mut other = pools[0].clone();
            other["name"] = json!("quorum");
            pools[0]["replicas"] = json!(0);
            pools.as_array_mut().unwrap().push(other);
        });
        until_voting(&mut simulation, &[200, 201, 202]).await.unwrap();
        let votes = simulation.kafka.state().votes.clone();
        assert_eq!(
            votes[..3],
            ["+200", "+201", "+202"],
            "nobody goes before all have come: {votes:?}"
        );
        // None of those that the brokers were started with is left, and a broker looks for no others (KIP-853).
        let names = looked_for(&simulation, "orders-brokers-100-0");
        assert!(names.ends_with(",orders-controllers.kafka.svc:9090"), "{names}");
        assert!(simulation.get("services", "orders-controllers").is_some());
        edit(&simulation, |pools| drop(pools.as_array_mut().unwrap().remove(0)));
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        assert!(simulation.disruptions().is_empty(), "{:?}", simulation.disruptions());
        simulation.blameless();
    });
}

/// Nodes of both roles hand their votes over to controllers of their own, and go on as brokers: each restarts once, after
/// it has no vote any more.
#[test]
fn nodes_of_both_roles_become_brokers() {
    on_one_thread(async {
        let mut simulation = Simulation::new(None);
        simulation.create();
        let mut dedicated = Value::Null;
        edit(&simulation, |pools| {
            dedicated = pools.as_array_mut().unwrap().remove(0);
            pools[0]["roles"] = json!(["Controller", "Broker"]);
        });
        simulation.settle().await.unwrap();
        let before = voters(&simulation);
        let pods: Vec<String> = before.iter().map(|id| format!("orders-brokers-{id}-0")).collect();
        edit(&simulation, |pools| {
            pools[0]["roles"] = json!(["Broker"]);
            pools.as_array_mut().unwrap().push(dedicated);
        });
        let handed_over = |simulation: &Simulation| {
            let now = voters(simulation);
            now.len() == 3 && now.is_disjoint(&before) && is_settled(simulation)
        };
        assert!(simulation.until(handed_over).await, "{:?}", voters(&simulation));
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        let disruptions = simulation.disruptions();
        assert_eq!(disruptions.keys().collect::<Vec<_>>(), pods.iter().collect::<Vec<_>>());
        assert!(disruptions.values().all(|times| *times == 1), "{disruptions:?}");
        simulation.blameless();
    });
}

/// The disk of one controller is lost: its node comes back with another one, and votes again.
#[test]
fn a_lost_disk_of_a_controller_is_replaced_in_the_quorum() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let former = simulation.kafka.quorum().0;
        simulation.replace_disk("orders-controllers-2-0");
        simulation.delete("pods", "orders-controllers-2-0");
        let changed = |simulation: &Simulation| {
            let voters = simulation.kafka.quorum().0;
            voters.len() == 3 && voters != former
        };
        assert!(simulation.until(changed).await, "{:?}", simulation.kafka.quorum());
        assert_eq!(simulation.kafka.state().votes, ["-2", "+2"]);
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        assert!(simulation.disruptions().is_empty());
        simulation.blameless();
    });
}

/// Two of three disks are lost at once. Nothing happens but that it's said, until a person decides for the one that's left.
#[test]
fn a_lost_majority_waits_for_a_person() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let before = simulation.kafka.quorum().0;
        for pod in ["orders-controllers-0-0", "orders-controllers-1-0"] {
            simulation.replace_disk(pod);
            simulation.delete("pods", pod);
        }
        let healthy = |simulation: &Simulation| simulation.condition(CLUSTER.0, CLUSTER.1, "QuorumHealthy");
        let survivors = |simulation: &Simulation| {
            let resource = simulation.get(CLUSTER.0, CLUSTER.1).unwrap();
            resource["status"]["quorum"]["survivors"].as_array().map_or(0, Vec::len)
        };
        let said = |simulation: &Simulation| healthy(simulation)["reason"] == "NoLeader" && survivors(simulation) == 3;
        assert!(simulation.until(said).await, "{}", healthy(&simulation));
        let decision = |id: i32| {
            let resource = simulation.get(CLUSTER.0, CLUSTER.1).unwrap();
            let survivors = resource["status"]["quorum"]["survivors"].as_array().unwrap().clone();
            let one = survivors.iter().find(|one| one["id"] == id).unwrap();
            format!("controller={id} epoch={} offset={}", one["epoch"], one["logEndOffset"])
        };
        let (empty, right) = (decision(0), decision(2));
        let ask = |simulation: &Simulation, text: &str| {
            simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
                cluster["metadata"]["annotations"]["productionkafka.dev/recover-quorum"] = json!(text);
            });
        };
        ask(&simulation, &empty);
        let stalled = |simulation: &Simulation| simulation.condition(CLUSTER.0, CLUSTER.1, "Stalled");
        assert!(
            simulation
                .until(|simulation| stalled(simulation)["status"] == "True")
                .await
        );
        assert!(
            stalled(&simulation)["message"]
                .as_str()
                .unwrap()
                .contains("controller 2 has more")
        );
        assert_eq!(simulation.kafka.quorum(), (before.clone(), None));
        simulation.deny("pods", "orders-controllers-0-0", true);
        ask(&simulation, &right);
        let frozen = |simulation: &Simulation| {
            let next = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["nextAction"].to_string();
            next.contains("wait: delete pod orders-controllers-0-0: ") && next.contains("denied the request")
        };
        assert!(simulation.until(frozen).await);
        assert!(simulation.kafka.state().votes.is_empty());
        simulation.deny("pods", "orders-controllers-0-0", false);
        until_voting(&mut simulation, &[0, 1, 2]).await.unwrap();
        assert_eq!(simulation.kafka.state().votes, ["=2", "+0", "+1"]);
        let after = simulation.kafka.quorum().0;
        assert_eq!(after[2], before[2], "the one that was left keeps its disk");
        assert!(after[0] != before[0] && after[1] != before[1], "{after:?}");
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}
