//! Controllers that come and go and lose their disks, in the simulation: one change of voters after the other, to the end
//! and back to quiet, also when the operator is killed after each of its writes.

use super::simulation::{CLUSTER, Fault, Simulation, on_one_thread};
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
        for write in (before..after).step_by(9) {
            for fault in [Fault::KillAfter, Fault::KillUnanswered] {
                let told = there_and_back(Some((write, fault))).await;
                assert!(told.is_ok(), "{fault:?} at write {write}: {told:?}");
            }
        }
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
        edit(&simulation, |pools| drop(pools.as_array_mut().unwrap().remove(0)));
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        assert!(simulation.disruptions().is_empty(), "{:?}", simulation.disruptions());
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
        ask(&simulation, &right);
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
