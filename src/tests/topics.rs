//! Topics in the same simulation: what Kafka knows of them, and how often it is asked.

use super::simulation::{Fault, Simulation, on_one_thread};
use serde_json::{Value, json};

/// One more resource like the example's.
fn add(simulation: &Simulation, name: &str) {
    simulation.put_like("kafkatopics", "payments", name);
}

/// The broker that is asked for partitions hears of a new topic later than the controller that made it. The creation that
/// follows is answered with "exists already", which is no refusal.
#[test]
fn a_topic_that_no_broker_has_heard_of_is_waited_for() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kafka.state().unheard.insert("late".into());
        add(&simulation, "late");
        let says = |simulation: &Simulation| -> Vec<Value> {
            let of = |kind| simulation.condition("kafkatopics", "late", kind);
            ["Ready", "Reconciling", "Stalled"].map(of).to_vec()
        };
        simulation.tick().await;
        for _ in 0..20 {
            simulation.tick().await;
            let [ready, reconciling, stalled] = says(&simulation).try_into().unwrap();
            let status = [&ready["status"], &reconciling["status"], &stalled["status"]];
            assert_eq!(status, ["False", "True", "False"], "{ready}");
            assert_eq!(ready["reason"], "Creating", "{ready}");
        }
        assert!(simulation.kafka.state().already > 1, "Kafka was not asked again");
        simulation.kafka.state().unheard.clear();
        assert!(
            simulation
                .until(|simulation| says(simulation)[0]["status"] == "True")
                .await
        );
        simulation.settle().await.unwrap();
        simulation.blameless();
    });
}

/// Topics live on the cluster's look at Kafka: Kafka isn't asked for all its partitions once per topic.
#[test]
fn topics_share_one_look_at_kafka() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let names: Vec<String> = (0..20).map(|number| format!("more-{number}")).collect();
        for name in &names {
            add(&simulation, name);
        }
        simulation.settle().await.unwrap();
        for _ in 0..20 {
            simulation.tick().await;
        }
        let before = simulation.kafka.state().looks;
        for name in &names {
            simulation.edit("kafkatopics", name, |topic| {
                topic["spec"]["config"]["retention.ms"] = json!("1000");
            });
        }
        for _ in 0..3 {
            simulation.tick().await;
        }
        for name in &names {
            assert_eq!(simulation.kafka.state().topics[name].config["retention.ms"], "1000");
        }
        let looks = simulation.kafka.state().looks - before;
        assert!(looks <= 4, "{looks} looks");
        simulation.blameless();
    });
}

fn delete(simulation: &Simulation, name: &str) {
    simulation.edit("kafkatopics", name, |topic| {
        topic["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    });
}

fn is_held(simulation: &Simulation, name: &str) -> bool {
    let topic = simulation.get("kafkatopics", name);
    topic.is_some_and(|topic| {
        topic["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    })
}

/// A topic whose resource says so, with which it goes.
async fn with_mortal(simulation: &mut Simulation, name: &str) {
    add(simulation, name);
    simulation.edit("kafkatopics", name, |topic| {
        topic["spec"]["deletionPolicy"] = json!("Delete");
    });
    let ready = simulation.until(|simulation| simulation.condition("kafkatopics", name, "Ready")["status"] == "True");
    assert!(ready.await);
    assert!(is_held(simulation, name), "it could go before its topic");
}

#[test]
fn a_topic_goes_with_its_resource_where_that_is_asked_for() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        with_mortal(&mut simulation, "mortal").await;
        assert!(!is_held(&simulation, "payments"), "one that stays holds nobody");
        simulation.kafka.state().may_go.insert("mortal".into());
        delete(&simulation, "mortal");
        assert!(simulation.until(|simulation| !is_held(simulation, "mortal")).await);
        assert!(!simulation.kafka.state().topics.contains_key("mortal"));
        assert!(simulation.kafka.state().topics.contains_key("payments"));
        simulation.blameless();
    });
}

/// Whatever happens, a topic goes only with the resource that it belongs to.
#[test]
fn a_topic_is_kept_for_who_it_belongs_to() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        for (name, topic_name) in [("thief", "payments"), ("internal", "__consumer_offsets")] {
            add(&simulation, name);
            simulation.edit("kafkatopics", name, |topic| {
                topic["spec"]["deletionPolicy"] = json!("Delete");
                topic["spec"]["topicName"] = json!(topic_name);
            });
        }
        with_mortal(&mut simulation, "spared").await;
        for _ in 0..5 {
            simulation.tick().await;
        }
        for name in ["thief", "internal"] {
            delete(&simulation, name);
            assert!(simulation.until(|simulation| !is_held(simulation, name)).await);
        }
        simulation.kafka.state().keeps_topics = true;
        delete(&simulation, "spared");
        let told = simulation.until(|simulation| {
            let says = simulation.condition("kafkatopics", "spared", "Stalled")["message"].to_string();
            says.contains("Topic deletion is disabled") && says.contains("Orphan")
        });
        assert!(told.await, "Kafka's words, and what to do");
        assert!(is_held(&simulation, "spared"));
        simulation.edit("kafkatopics", "spared", |topic| {
            topic["spec"]["deletionPolicy"] = json!("Orphan");
        });
        assert!(simulation.until(|simulation| !is_held(simulation, "spared")).await);
        assert!(simulation.kafka.state().topics.contains_key("spared"));
        simulation.blameless();
    });
}

#[test]
fn a_resource_whose_cluster_is_gone_goes_at_once() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        with_mortal(&mut simulation, "mortal").await;
        simulation.delete("productionkafkas", "orders");
        simulation.kill();
        delete(&simulation, "mortal");
        assert!(simulation.until(|simulation| !is_held(simulation, "mortal")).await);
        assert!(
            simulation.kafka.state().topics.contains_key("mortal"),
            "nobody can be asked"
        );
    });
}

#[test]
fn a_crash_while_a_topic_goes_is_not_noticed() {
    for fault in [Fault::KillBefore, Fault::KillUnanswered, Fault::KillAfter] {
        for write in 1..=4 {
            on_one_thread(async {
                let mut simulation = Simulation::ready().await;
                with_mortal(&mut simulation, "mortal").await;
                simulation.kafka.state().may_go.insert("mortal".into());
                simulation.strike((simulation.writes() + write, fault));
                delete(&simulation, "mortal");
                assert!(simulation.until(|simulation| !is_held(simulation, "mortal")).await);
                assert!(
                    !simulation.kafka.state().topics.contains_key("mortal"),
                    "{fault:?} at {write}"
                );
                simulation.blameless();
            });
        }
    }
}

/// The replication factor goes down and up again, by reassignments; the others' replicas stay.
#[test]
fn the_replication_factor_follows_the_resource() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        add(&simulation, "sized");
        let sizes = |simulation: &Simulation| -> Vec<usize> {
            let state = simulation.kafka.state();
            state
                .topics
                .get("sized")
                .map(|topic| topic.replicas.iter().map(Vec::len).collect())
                .unwrap_or_default()
        };
        assert!(
            simulation
                .until(|simulation| simulation.condition("kafkatopics", "sized", "Ready")["status"] == "True")
                .await
        );
        let others = simulation.kafka.state().topics["payments"].replicas.clone();
        for factor in [2, 3] {
            simulation.edit("kafkatopics", "sized", |topic| {
                topic["spec"]["replicationFactor"] = json!(factor);
                topic["spec"]["config"]["min.insync.replicas"] = json!("1");
            });
            simulation.tick().await;
            let reached = simulation.until(|simulation| {
                let resource = simulation.get("kafkatopics", "sized").unwrap();
                sizes(simulation).iter().all(|size| *size == factor)
                    && simulation.condition("kafkatopics", "sized", "Ready")["status"] == "True"
                    && resource["status"]["replicationFactor"] == factor
            });
            assert!(
                reached.await,
                "{:?}: {}",
                sizes(&simulation),
                simulation.condition("kafkatopics", "sized", "Ready")
            );
        }
        assert_eq!(others, simulation.kafka.state().topics["payments"].replicas);
        let over = simulation.until(|simulation| {
            simulation.get("productionkafkas", "orders").unwrap()["status"]["rebalance"]["phase"] == "Finished"
        });
        assert!(over.await);
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

#[test]
fn many_topics_come_in_few_requests_and_cost_nothing_afterwards() {
    const MANY: usize = 450;
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let before = simulation.trace().len();
        let name = |number: usize| format!("many-{number}");
        for number in 0..MANY {
            add(&simulation, &name(number));
        }
        let all = |simulation: &Simulation| {
            (0..MANY).all(|number| simulation.condition("kafkatopics", &name(number), "Ready")["status"] == "True")
        };
        assert!(simulation.until(all).await);
        let trace = simulation.trace().split_off(before);
        let creations = trace
            .iter()
            .filter(|call| call.starts_with("kafka CreateTopics"))
            .count();
        println!(
            "{MANY} topics: {} writes, {creations} requests to create them",
            trace.len()
        );
        assert!(creations <= 4, "{creations} requests");
        assert!(trace.len() <= MANY * 2 + 40, "{} writes", trace.len());
        simulation.settle().await.unwrap();
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

/// A namespace full of them goes in requests that a controller takes, and everybody is let go.
#[test]
fn many_topics_go_in_bounded_requests() {
    const MANY: usize = 450;
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let names: Vec<String> = (0..MANY).map(|number| format!("many-{number}")).collect();
        for name in &names {
            add(&simulation, name);
            simulation.edit("kafkatopics", name, |topic| {
                topic["spec"]["deletionPolicy"] = json!("Delete");
            });
        }
        let all_ready = |simulation: &Simulation| {
            let is_ready = |name: &String| simulation.condition("kafkatopics", name, "Ready")["status"] == "True";
            names.iter().all(is_ready)
        };
        assert!(simulation.until(all_ready).await);
        simulation.kafka.state().may_go.extend(names.iter().cloned());
        let before = simulation.trace().len();
        for name in &names {
            delete(&simulation, name);
        }
        let none_held = |simulation: &Simulation| !names.iter().any(|name| is_held(simulation, name));
        assert!(simulation.until(none_held).await);
        assert!(
            !names
                .iter()
                .any(|name| simulation.kafka.state().topics.contains_key(name))
        );
        let trace = simulation.trace().split_off(before);
        let requests = trace
            .iter()
            .filter(|call| call.starts_with("kafka DeleteTopics"))
            .count();
        assert!((3..=5).contains(&requests), "{requests} requests");
        simulation.blameless();
    });
}

/// What Kafka refuses of one topic is told in its words, tried again later, and holds up no other.
#[test]
fn a_refused_topic_holds_up_no_other() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        add(&simulation, "refused");
        simulation.edit("kafkatopics", "refused", |topic| {
            topic["spec"]["config"]["no.such.key"] = json!("1");
        });
        add(&simulation, "good");
        assert!(
            simulation
                .until(|simulation| simulation.condition("kafkatopics", "good", "Ready")["status"] == "True")
                .await
        );
        let says = simulation.condition("kafkatopics", "refused", "Stalled");
        assert_eq!(
            (&says["status"], &says["reason"]),
            (&json!("True"), &json!("KafkaRefused")),
            "{says}"
        );
        assert!(
            says["message"].as_str().unwrap().contains("Unknown topic config name"),
            "{says}"
        );
        let before = simulation.writes();
        for _ in 0..30 {
            simulation.tick().await;
        }
        let tries = simulation.trace().split_off(before);
        let tries = tries.iter().filter(|call| call.starts_with("kafka ")).count();
        assert!((1..=4).contains(&tries), "{tries} tries in a minute");
        simulation.blameless();
    });
}

/// `kubectl replace --force`: between two passes, another resource of the same name with the same words.
#[test]
fn a_resource_that_was_made_again_is_told_where_it_stands() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        add(&simulation, "again");
        let is_ready =
            |simulation: &Simulation| simulation.condition("kafkatopics", "again", "Ready")["status"] == "True";
        assert!(simulation.until(is_ready).await);
        simulation.settle().await.unwrap();
        simulation.delete("kafkatopics", "again");
        add(&simulation, "again");
        assert!(!is_ready(&simulation), "it's another one");
        assert!(simulation.until(is_ready).await, "nobody told the new one");
        simulation.blameless();
    });
}

/// Nothing is made for a resource that could go before what was made for it; why is told once, and the others go on.
#[test]
fn a_topic_that_can_not_be_held_is_told_so_and_holds_up_no_other() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        add(&simulation, "loose");
        simulation.deny("kafkatopics", "loose", true);
        simulation.edit("kafkatopics", "loose", |topic| {
            topic["spec"]["deletionPolicy"] = json!("Delete");
        });
        with_mortal(&mut simulation, "good").await;
        let says = |simulation: &Simulation| simulation.condition("kafkatopics", "loose", "Ready");
        simulation.told_not_held("kafkatopics", "loose").await;
        simulation.edit("kafkatopics", "loose", |topic| {
            topic["spec"]["replicationFactor"] = json!(7);
        });
        simulation.told_not_held("kafkatopics", "loose").await;
        simulation.edit("kafkatopics", "loose", |topic| {
            topic["spec"]["replicationFactor"] = json!(3);
        });
        assert!(!simulation.kafka.state().topics.contains_key("loose"));
        simulation.deny("kafkatopics", "loose", false);
        assert!(
            simulation
                .until(|simulation| says(simulation)["status"] == "True")
                .await
        );
        assert!(is_held(&simulation, "loose"));
        simulation.blameless();
    });
}
