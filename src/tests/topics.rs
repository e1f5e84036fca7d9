//! Topics in the same simulation: what Kafka knows of them, and how often it is asked.

use super::simulation::{Simulation, on_one_thread};
use serde_json::{Value, json};

/// One more resource like the example's.
fn add(simulation: &Simulation, name: &str) {
    let example = simulation.get("kafkatopics", "payments").unwrap();
    let object = json!({
        "apiVersion": example["apiVersion"], "kind": example["kind"], "metadata": {}, "spec": example["spec"],
    });
    simulation.put("kafkatopics", name, object);
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
