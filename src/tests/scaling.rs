//! Brokers that come and go, and replicas that move, in the simulation: to the end and back to quiet, also when the
//! operator is killed after each of its writes.

use super::simulation::{CLUSTER, Fault, Simulation, on_one_thread, stride};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const BROKERS: usize = 1;

/// A change of a settled cluster, and what holds when it's over.
struct Story {
    change: fn(&Simulation),
    over: fn(&Simulation) -> bool,
}

fn pool(simulation: &Simulation, field: &'static str, value: Value) {
    simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
        cluster["spec"]["nodePools"][BROKERS][field] = value;
    });
}

fn ask_for_balance(simulation: &Simulation) {
    simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
        cluster["metadata"]["annotations"]["productionkafka.dev/rebalance"] = json!("2020-01-01T00:00:00Z");
    });
}

fn rebalance(simulation: &Simulation) -> Value {
    simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["rebalance"].clone()
}

fn counts(simulation: &Simulation) -> BTreeMap<i32, usize> {
    simulation.kafka.state().counts()
}

fn registered(simulation: &Simulation) -> Vec<i32> {
    simulation.kafka.state().registered.iter().copied().collect()
}

fn is_finished(simulation: &Simulation) -> bool {
    rebalance(simulation)["phase"] == "Finished"
}

/// Nothing that was set while replicas moved is left.
fn is_clean(simulation: &Simulation) -> bool {
    let kafka = simulation.kafka.state();
    let throttled = |topic: &BTreeMap<String, String>| topic.keys().any(|key| key.contains("throttled"));
    kafka.moving.is_empty()
        && kafka.broker_configs.is_empty()
        && !kafka.topics.values().any(|topic| throttled(&topic.config))
}

/// Four brokers, of which the first three hold all replicas.
async fn grown(fault: Option<(usize, Fault)>) -> Simulation {
    let mut simulation = Simulation::new(fault);
    simulation.create();
    simulation.settle().await.unwrap();
    pool(&simulation, "replicas", json!(4));
    let up = |simulation: &Simulation| registered(simulation).len() == 4;
    assert!(simulation.until(up).await, "the fourth broker never came");
    simulation.settle().await.unwrap();
    simulation
}

/// Runs a story to its quiet end; returns the writes it took and everything as it is then.
async fn told(story: &Story, fault: Option<(usize, Fault)>) -> Result<(usize, usize, String), String> {
    let mut simulation = grown(fault).await;
    let before = simulation.writes();
    (story.change)(&simulation);
    if !simulation.until(story.over).await {
        let last = simulation.trace().split_off(simulation.writes().saturating_sub(8));
        return Err(format!(
            "no end: {} {last:?} {:?}",
            rebalance(&simulation),
            simulation.accusations()
        ));
    }
    simulation.settle().await?;
    let after = simulation.writes();
    simulation.stay_quiet().await?;
    if !is_clean(&simulation) {
        return Err(format!("left over: {:?}", simulation.kafka.state().broker_configs));
    }
    let accusations = simulation.accusations();
    if accusations.is_empty() {
        Ok((before, after, simulation.end_state()))
    } else {
        Err(accusations.join("\n"))
    }
}

/// The story undisturbed, and again with the operator struck at each write.
fn struck(story: &Story, fault: Fault, step: usize) {
    on_one_thread(async {
        let (before, after, reference) = told(story, None).await.unwrap();
        assert!(after - before >= 5, "{} writes", after - before);
        let mut failures = Vec::new();
        for number in (before + 1..=after).step_by(stride(step)) {
            let problem = match told(story, Some((number, fault))).await {
                Ok((_, _, end)) if end == reference => continue,
                Ok((_, _, end)) => Simulation::difference(&reference, &end),
                Err(problem) => problem,
            };
            failures.push(format!("{fault:?} at write {number}:\n{problem}"));
        }
        println!("{} writes, {} failures", after - before, failures.len());
        assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    });
}

const REBALANCE: Story = Story {
    change: ask_for_balance,
    over: is_finished,
};

const REPLACE: Story = Story {
    change: |simulation| pool(simulation, "excludedNodeIds", json!([101])),
    over: |simulation| registered(simulation) == [100, 102, 103, 104] && drained(simulation).is_empty(),
};

fn identity(simulation: &Simulation) -> Value {
    let map = simulation.get("configmaps", "orders-identity").unwrap();
    serde_json::from_str(map["data"]["identity.json"].as_str().unwrap()).unwrap()
}

fn drained(simulation: &Simulation) -> Vec<i32> {
    let identity = identity(simulation);
    let all = |field: &str| serde_json::from_value(identity[field].clone()).unwrap_or_else(|_| Vec::new());
    all("leaving").into_iter().chain(all("drained")).collect()
}

#[test]
fn a_new_broker_gets_its_share_when_asked_for() {
    on_one_thread(async {
        let mut simulation = grown(None).await;
        assert_eq!(counts(&simulation), BTreeMap::from([(100, 6), (101, 6), (102, 6)]));
        assert!(rebalance(&simulation).is_null(), "nobody asked");
        ask_for_balance(&simulation);
        let moving = |simulation: &Simulation| !simulation.kafka.state().moving.is_empty();
        assert!(simulation.until(moving).await);
        simulation.tick().await;
        let says = rebalance(&simulation);
        assert_eq!(
            (&says["phase"], &says["goal"]),
            (&json!("Moving"), &json!("Spread")),
            "{says}"
        );
        assert!(
            says["bytesLeft"].as_i64().unwrap() > 0 && says["percent"].as_i64().unwrap() < 100,
            "{says}"
        );
        assert!(simulation.until(is_finished).await, "{}", rebalance(&simulation));
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        // Two brokers share a rack, and no partition has two replicas in one.
        assert_eq!(
            counts(&simulation),
            BTreeMap::from([(100, 3), (101, 6), (102, 6), (103, 3)])
        );
        let says = rebalance(&simulation);
        assert_eq!(
            (&says["percent"], &says["answered"]),
            (&json!(100), &json!("2020-01-01T00:00:00Z"))
        );
        assert!(is_clean(&simulation));
        simulation.blameless();
        let moves = simulation.kafka.state().moves;
        simulation.kill();
        simulation.settle().await.unwrap();
        assert_eq!(simulation.kafka.state().moves, moves, "a request is carried out once");
    });
}

#[test]
fn a_rebalance_survives_a_kill_after_each_write() {
    struck(&REBALANCE, Fault::KillAfter, 1);
}

#[test]
fn a_rebalance_survives_lost_answers_and_kills_before_them() {
    struck(&REBALANCE, Fault::LoseAnswer, 3);
    struck(&REBALANCE, Fault::KillUnanswered, 3);
}

/// A request that is taken back orders nothing more, and cleans up.
#[test]
fn a_request_taken_back_ends_what_was_begun() {
    on_one_thread(async {
        let mut simulation = grown(None).await;
        simulation.kafka.state().copies_stall = true;
        ask_for_balance(&simulation);
        let moving = |simulation: &Simulation| !simulation.kafka.state().moving.is_empty();
        assert!(simulation.until(moving).await);
        let moves = simulation.kafka.state().moves;
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["metadata"]["annotations"] = json!({});
        });
        for _ in 0..5 {
            simulation.tick().await;
        }
        assert!(!is_clean(&simulation), "what moves stays braked");
        simulation.kafka.state().copies_stall = false;
        assert!(simulation.until(is_finished).await, "{}", rebalance(&simulation));
        assert!(is_clean(&simulation));
        assert_eq!(simulation.kafka.state().moves, moves);
        assert!(rebalance(&simulation)["answered"].is_null());
        simulation.blameless();
    });
}

/// While a broker that stays is down nothing is ordered.
#[test]
fn nothing_moves_while_a_broker_is_down() {
    on_one_thread(async {
        let mut simulation = grown(None).await;
        simulation.kafka.state().dead.insert(102);
        simulation.delete("pods", "orders-brokers-102-0");
        ask_for_balance(&simulation);
        for _ in 0..10 {
            simulation.tick().await;
        }
        let says = rebalance(&simulation);
        assert_eq!(
            (&says["phase"], &says["blockedBy"][0]),
            (&json!("Waiting"), &json!("broker 102 doesn't serve"))
        );
        assert_eq!(simulation.kafka.state().moves, 0);
        simulation.kafka.state().dead.clear();
        assert!(simulation.until(is_finished).await, "{}", rebalance(&simulation));
    });
}

/// A named broker goes: another takes its place and its replicas, and nothing of it is left but its volume.
#[test]
fn a_named_broker_is_replaced() {
    on_one_thread(async {
        let mut simulation = grown(None).await;
        simulation.kafka.state().copies_stall = true;
        (REPLACE.change)(&simulation);
        let moving = |simulation: &Simulation| !simulation.kafka.state().moving.is_empty();
        assert!(simulation.until(moving).await, "{}", rebalance(&simulation));
        for _ in 0..5 {
            simulation.tick().await;
        }
        assert!(
            simulation.get("statefulsets", "orders-brokers-101").is_some(),
            "it stays until it's empty"
        );
        let says = rebalance(&simulation);
        assert_eq!(
            (&says["goal"], &says["leaving"]),
            (&json!("Drain"), &json!([101])),
            "{says}"
        );
        let config = simulation.kafka.state().broker_configs[&101].clone();
        assert_eq!(config["cordoned.log.dirs"], "*");
        let nodes = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["nodes"].clone();
        let leaves = |node: &&Value| node["leaving"] == true;
        let leaving: Vec<&Value> = nodes
            .as_array()
            .unwrap()
            .iter()
            .filter(leaves)
            .map(|node| &node["id"])
            .collect();
        assert_eq!(leaving, [&json!(101)]);
        simulation.kafka.state().copies_stall = false;
        let over = simulation.until(REPLACE.over).await;
        let last = simulation.trace().split_off(simulation.writes() - 12);
        let next = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["nextAction"].clone();
        assert!(
            over,
            "{last:#?} {next} {:?} {:?}",
            registered(&simulation),
            drained(&simulation)
        );
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        for (plural, name) in [
            ("statefulsets", "orders-brokers-101"),
            ("pods", "orders-brokers-101-0"),
            ("secrets", "orders-brokers-101-tls"),
        ] {
            assert_eq!(simulation.get(plural, name), None);
        }
        let configs = simulation.children();
        assert!(
            !configs.iter().any(|(_, name)| name.starts_with("orders-brokers-101")),
            "{configs:?}"
        );
        assert!(
            simulation
                .get("persistentvolumeclaims", "data-0-orders-brokers-101-0")
                .is_some()
        );
        assert!(!counts(&simulation).contains_key(&101) && is_clean(&simulation));
        assert_eq!(identity(&simulation)["racks"]["104"], "b");
        assert_eq!(
            simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["brokers"],
            "4/4"
        );
        simulation.blameless();
    });
}

/// Where the pool says so, the volume of a broker that left is the last to go.
#[test]
fn volumes_of_removed_brokers_go_where_the_pool_says_so() {
    on_one_thread(async {
        let mut simulation = grown(None).await;
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["spec"]["nodePools"][BROKERS]["storage"]["reclaim"] = json!("Delete");
        });
        simulation.settle().await.unwrap();
        (REPLACE.change)(&simulation);
        assert!(simulation.until(REPLACE.over).await, "{}", rebalance(&simulation));
        simulation.settle().await.unwrap();
        let claim = |id: i32| simulation.get("persistentvolumeclaims", &format!("data-0-orders-brokers-{id}-0"));
        assert_eq!(claim(101), None);
        assert!([100, 102, 103, 104].iter().all(|id| claim(*id).is_some()));
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

#[test]
fn a_removal_survives_a_kill_after_each_write() {
    struck(&REPLACE, Fault::KillAfter, 1);
}

#[test]
fn a_removal_survives_lost_answers_and_kills_before_them() {
    struck(&REPLACE, Fault::LoseAnswer, 4);
    struck(&REPLACE, Fault::KillUnanswered, 5);
    struck(&REPLACE, Fault::Refuse(500), 7);
}

/// The last broker of a pool goes, and comes back on its old volume when it's asked for again.
#[test]
fn fewer_brokers_and_more_again() {
    on_one_thread(async {
        let mut simulation = grown(None).await;
        ask_for_balance(&simulation);
        assert!(simulation.until(is_finished).await);
        let disks = simulation.kafka.state().disks.len();
        for round in 0..2 {
            pool(&simulation, "replicas", json!(3));
            let gone =
                |simulation: &Simulation| registered(simulation) == [100, 101, 102] && drained(simulation).is_empty();
            assert!(
                simulation.until(gone).await,
                "round {round}: {}",
                rebalance(&simulation)
            );
            simulation.settle().await.unwrap();
            assert_eq!(counts(&simulation), BTreeMap::from([(100, 6), (101, 6), (102, 6)]));
            pool(&simulation, "replicas", json!(4));
            let back = |simulation: &Simulation| registered(simulation).len() == 4;
            assert!(simulation.until(back).await);
            simulation.settle().await.unwrap();
        }
        assert!(is_clean(&simulation));
        assert_eq!(
            simulation.kafka.state().disks.len(),
            disks,
            "volumes are kept and used again"
        );
        simulation.blameless();
    });
}

/// Replicas that can't be placed elsewhere keep their broker, and the reason is said; what is taken back stays as it was.
#[test]
fn a_broker_whose_replicas_have_no_other_place_stays() {
    on_one_thread(async {
        let mut simulation = Simulation::new(None);
        simulation.create();
        simulation.settle().await.unwrap();
        let before = counts(&simulation);
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["spec"]["highAvailability"]["replicationFactor"] = json!(2);
            cluster["spec"]["highAvailability"]["minInSyncReplicas"] = json!(1);
            cluster["spec"]["nodePools"][BROKERS]["replicas"] = json!(2);
        });
        for kill in [false, true] {
            if kill {
                simulation.kill();
            }
            for _ in 0..20 {
                simulation.tick().await;
            }
            let says = rebalance(&simulation);
            assert_eq!(says["phase"], "Waiting", "{says}");
            let why = says["blockedBy"][0].as_str().unwrap();
            assert_eq!(why, "topic payments needs 3 replicas, but only 2 brokers may hold one");
            assert!(simulation.get("pods", "orders-brokers-102-0").is_some());
        }
        let writes = simulation.writes();
        for _ in 0..20 {
            simulation.tick().await;
        }
        assert_eq!(simulation.writes(), writes, "waiting costs no writes");
        pool(&simulation, "replicas", json!(3));
        assert!(simulation.until(is_finished).await, "{}", rebalance(&simulation));
        assert!(is_clean(&simulation), "the cordon is taken back");
        assert_eq!((counts(&simulation), simulation.kafka.state().moves), (before, 0));
        simulation.blameless();
    });
}

/// A pool is emptied first and removed then; removed at once it is refused.
#[test]
fn a_pool_is_emptied_and_then_removed() {
    on_one_thread(async {
        let mut simulation = grown(None).await;
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            let mut more = cluster["spec"]["nodePools"][BROKERS].clone();
            more["name"] = json!("more");
            cluster["spec"]["nodePools"].as_array_mut().unwrap().push(more);
        });
        let up = |simulation: &Simulation| registered(simulation).len() == 8;
        assert!(simulation.until(up).await);
        ask_for_balance(&simulation);
        assert!(simulation.until(is_finished).await, "{}", rebalance(&simulation));
        assert!(counts(&simulation).contains_key(&200), "{:?}", counts(&simulation));
        let remove = |cluster: &mut Value| {
            cluster["spec"]["nodePools"].as_array_mut().unwrap().remove(2);
        };
        let with = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["spec"].clone();
        simulation.edit(CLUSTER.0, CLUSTER.1, remove);
        let stalled =
            |simulation: &Simulation| simulation.condition(CLUSTER.0, CLUSTER.1, "Stalled")["status"] == "True";
        assert!(simulation.until(stalled).await);
        simulation.edit(CLUSTER.0, CLUSTER.1, |cluster| {
            cluster["spec"] = with;
            cluster["spec"]["nodePools"][2]["replicas"] = json!(0);
        });
        let gone = |simulation: &Simulation| registered(simulation).len() == 4 && drained(simulation).is_empty();
        assert!(simulation.until(gone).await, "{}", rebalance(&simulation));
        simulation.settle().await.unwrap();
        simulation.edit(CLUSTER.0, CLUSTER.1, remove);
        simulation.settle().await.unwrap();
        assert_eq!(simulation.condition(CLUSTER.0, CLUSTER.1, "Stalled")["status"], "False");
        simulation.blameless();
    });
}

/// A broker whose machine is gone is replaced too: its replicas are copied from the others.
#[test]
fn a_dead_broker_is_replaced() {
    on_one_thread(async {
        let mut simulation = grown(None).await;
        simulation.kafka.state().dead.insert(101);
        simulation.delete("pods", "orders-brokers-101-0");
        for _ in 0..5 {
            simulation.tick().await;
        }
        let fenced = simulation.condition(CLUSTER.0, CLUSTER.1, "FullyReplicated");
        assert_eq!(fenced["status"], "False", "{fenced}");
        (REPLACE.change)(&simulation);
        assert!(simulation.until(REPLACE.over).await, "{}", rebalance(&simulation));
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        assert!(!counts(&simulation).contains_key(&101) && is_clean(&simulation));
        assert_eq!(
            simulation.condition(CLUSTER.0, CLUSTER.1, "FullyReplicated")["status"],
            "True"
        );
        simulation.blameless();
    });
}

/// Metadata of before 4.3 knows no cordon, so a topic may be placed on a broker in the moment in which it's found empty.
#[test]
fn a_replica_that_comes_in_the_last_moment_is_not_lost() {
    on_one_thread(async {
        let mut simulation = grown(None).await;
        simulation.kafka.state().features.insert("metadata.version".into(), 29);
        (REPLACE.change)(&simulation);
        let found_empty = |simulation: &Simulation| identity(simulation)["drained"] == json!([101]);
        assert!(simulation.until(found_empty).await, "{}", rebalance(&simulation));
        assert!(
            simulation.kafka.state().broker_configs.is_empty(),
            "nothing is cordoned"
        );
        simulation.kafka.state().topics.get_mut("payments").unwrap().replicas[0] = vec![100, 101, 102];
        assert!(simulation.until(REPLACE.over).await, "{}", rebalance(&simulation));
        simulation.settle().await.unwrap();
        assert!(!counts(&simulation).contains_key(&101) && is_clean(&simulation));
        simulation.blameless();
    });
}
