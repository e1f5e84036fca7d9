//! Rolling restarts of the documented example, in the simulation: each pod once, one after the other, nothing while
//! something is wrong, and the same end whatever happens to the operator on the way.

use super::simulation::{CLUSTER, Fault, Simulation, clock, on_one_thread, stride};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const CONTROLLERS: [&str; 3] = [
    "orders-controllers-0-0",
    "orders-controllers-1-0",
    "orders-controllers-2-0",
];
const BROKERS: [&str; 3] = ["orders-brokers-100-0", "orders-brokers-101-0", "orders-brokers-102-0"];

/// Another build of Kafka: every node has to restart for it.
fn build(simulation: &Simulation, name: &str) {
    simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
        resource["spec"]["image"] = json!(format!("registry.example.com/kafka:4.3.1-{name}"));
    });
}

fn rollout(simulation: &Simulation) -> Value {
    simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["rollout"].clone()
}

fn next_action(simulation: &Simulation) -> String {
    simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["nextAction"].to_string()
}

fn condition(simulation: &Simulation, kind: &str) -> String {
    let condition = simulation.condition(CLUSTER.0, CLUSTER.1, kind);
    format!(
        "{} {}",
        condition["status"].as_str().unwrap(),
        condition["reason"].as_str().unwrap()
    )
}

/// Nothing is taken away for a while.
async fn nothing_happens(simulation: &mut Simulation, ticks: usize) {
    let before = simulation.disruptions();
    for _ in 0..ticks {
        simulation.tick().await;
    }
    assert_eq!(before, simulation.disruptions());
}

fn once(pods: &[&str]) -> BTreeMap<String, usize> {
    pods.iter().map(|pod| ((*pod).to_owned(), 1)).collect()
}

#[test]
fn every_pod_is_replaced_once_controllers_first_the_active_one_last() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        build(&simulation, "a");
        simulation.settle().await.unwrap();
        let taken = simulation.taken();
        // Node 0 leads the simulated quorum until it's taken away.
        let expected = [
            CONTROLLERS[1],
            CONTROLLERS[2],
            CONTROLLERS[0],
            BROKERS[0],
            BROKERS[1],
            BROKERS[2],
        ];
        assert_eq!(taken, expected);
        assert_eq!(rollout(&simulation), Value::Null);
        assert_eq!(next_action(&simulation), "\"nothing to do\"");
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

#[test]
fn a_cluster_that_rolls_stays_ready_and_says_what_it_does() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        build(&simulation, "a");
        let mut seen = Vec::new();
        let mut states = Vec::new();
        for _ in 0..120 {
            simulation.tick().await;
            let said = condition(&simulation, "Reconciling");
            if seen.last() != Some(&said) {
                seen.push(said);
            }
            states.push(condition(&simulation, "Ready"));
            if rollout(&simulation)["phase"] == "Rolling" {
                let current = &rollout(&simulation)["current"][0];
                assert!(current["uid"].is_string(), "{current}");
            }
        }
        states.dedup();
        assert!(states.iter().all(|state| state.starts_with("True")), "{states:?}");
        assert!(states.contains(&"True Rolling".to_owned()), "{states:?}");
        seen.retain(|said| said != "True RolloutWaiting");
        assert_eq!(seen, ["True Rolling", "False Settled"]);
        simulation.blameless();
    });
}

/// The operator dies, is refused or gets no answer at each of its writes in turn: the same pods are replaced, each once.
#[test]
fn a_roll_is_resumed_wherever_it_was_interrupted() {
    let all = on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let before = simulation.writes();
        build(&simulation, "a");
        simulation.settle().await.unwrap();
        (before, simulation.writes() - before, simulation.end_state())
    });
    let (_, writes, expected) = all;
    println!("a roll is {writes} writes");
    assert!(writes > 30, "{writes} writes aren't a roll");
    let faults = [
        (Fault::KillBefore, 8),
        (Fault::KillUnanswered, 4),
        (Fault::KillAfter, 3),
        (Fault::Refuse(409), 13),
        (Fault::Refuse(500), 13),
        (Fault::Refuse(429), 13),
        (Fault::LoseAnswer, 11),
    ];
    for (fault, step) in faults {
        for number in (1..=writes).step_by(stride(step)) {
            on_one_thread(async {
                let mut simulation = Simulation::ready().await;
                simulation.strike((simulation.writes() + number, fault));
                build(&simulation, "a");
                simulation.settle().await.unwrap();
                let struck = simulation.trace()[simulation.trace().len().min(number)].clone();
                let what = format!("{fault:?} at {number}, {struck}");
                let pods: Vec<&str> = CONTROLLERS.into_iter().chain(BROKERS).collect();
                assert_eq!(simulation.disruptions(), once(&pods), "{what}");
                let end = simulation.end_state();
                assert_eq!(end, expected, "{what}: {}", Simulation::difference(&expected, &end));
                assert_eq!(simulation.accusations(), Vec::<String>::new(), "{what}");
            });
        }
    }
}

#[test]
fn cut_off_from_kafka_nothing_is_restarted() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kafka.state().cut_off = true;
        build(&simulation, "a");
        nothing_happens(&mut simulation, 60).await;
        assert_eq!(simulation.disruptions(), BTreeMap::new());
        let says = rollout(&simulation);
        assert_eq!(says["phase"], "Waiting", "{says}");
        assert!(
            says["blockedBy"][0].as_str().unwrap().contains("can't be reached"),
            "{says}"
        );
        simulation.kafka.state().cut_off = false;
        simulation.settle().await.unwrap();
        assert_eq!(simulation.disruptions().len(), 6);
        simulation.blameless();
    });
}

#[test]
fn a_follower_that_lags_holds_the_roll_and_is_named() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kafka.state().lagging.insert(101);
        build(&simulation, "a");
        for _ in 0..60 {
            simulation.tick().await;
        }
        // The one that lags is restarted, which takes nothing away; it still lags, so nobody else is.
        let taken = simulation.disruptions();
        let others = [BROKERS[0], BROKERS[2]];
        assert!(others.iter().all(|pod| !taken.contains_key(*pod)), "{taken:?}");
        let next = rollout(&simulation)["blockedBy"].to_string();
        assert!(next.contains("broker 101 isn't in sync"), "{next}");
        simulation.kafka.state().lagging.clear();
        simulation.settle().await.unwrap();
        assert_eq!(simulation.disruptions().len(), 6);
        simulation.blameless();
    });
}

#[test]
fn a_broker_that_is_slow_to_return_keeps_the_others_up() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kafka.state().slow.insert(100);
        build(&simulation, "a");
        for _ in 0..100 {
            simulation.tick().await;
        }
        assert!(
            !simulation.disruptions().contains_key(BROKERS[1]),
            "{:?}",
            simulation.disruptions()
        );
        let next = next_action(&simulation);
        assert!(next.contains("pod of node 100 is starting"), "{next}");
        simulation.kafka.state().slow.clear();
        simulation.settle().await.unwrap();
        assert_eq!(simulation.disruptions().len(), 6);
        simulation.blameless();
    });
}

/// What keeps a broker is told: in the roll, and with the node.
#[test]
fn a_broker_that_recovers_its_logs_is_waited_for() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kafka.state().recovering = 312;
        simulation.kafka.state().slow.insert(100);
        build(&simulation, "a");
        for _ in 0..1_000 {
            simulation.tick().await;
        }
        assert!(!simulation.disruptions().contains_key(BROKERS[1]));
        let why = "recovers its logs after an unclean stop, 312 to go";
        assert!(
            next_action(&simulation).contains(&format!("broker 100 {why}")),
            "{}",
            next_action(&simulation)
        );
        assert_eq!(condition(&simulation, "Stalled"), "False Valid");
        let nodes = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["nodes"].to_string();
        assert!(nodes.contains(&format!("Kafka {why}")), "{nodes}");
        simulation.kafka.state().slow.clear();
        simulation.settle().await.unwrap();
        assert_eq!(simulation.disruptions().len(), 6);
        simulation.blameless();
    });
}

#[test]
fn a_machine_that_does_not_answer_is_named() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kafka.state().unreachable.insert(101);
        simulation.edit("pods", BROKERS[1], |pod| {
            pod["status"]["conditions"][0]["status"] = json!("False");
        });
        simulation.edit("nodes", "a", |machine| {
            machine["status"]["conditions"] = json!([{"type": "Ready", "status": "Unknown"}]);
        });
        nothing_happens(&mut simulation, 40).await;
        let next = next_action(&simulation);
        assert!(next.contains("node 101 is failing: machine a doesn't answer"), "{next}");
        build(&simulation, "a");
        nothing_happens(&mut simulation, 40).await;
        let next = next_action(&simulation);
        assert!(next.contains("machine a doesn't answer"), "{next}");
        simulation.edit("nodes", "a", |machine| drop(machine["status"].take()));
        simulation.kafka.state().unreachable.clear();
        simulation.settle().await.unwrap();
        simulation.blameless();
    });
}

/// The machine of a broker is lost and Kubernetes wants its pod gone: the operator neither frees it by force nor takes any
/// other pod, says what to do, and goes on when Kubernetes itself has freed it.
#[test]
fn a_pod_on_a_lost_machine_is_left_to_kubernetes() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kafka.state().unreachable.insert(101);
        let deleted = json!(clock::now().to_string());
        simulation.edit("pods", BROKERS[1], |pod| {
            pod["metadata"]["deletionTimestamp"] = deleted;
            pod["status"]["conditions"][0]["status"] = json!("False");
        });
        build(&simulation, "a");
        nothing_happens(&mut simulation, 200).await;
        assert!(simulation.disruptions().is_empty());
        let ready = simulation.condition(CLUSTER.0, CLUSTER.1, "Ready");
        assert_eq!(ready["reason"], "NodesFailing", "{ready}");
        let nodes = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"]["nodes"].to_string();
        assert!(nodes.contains("node.kubernetes.io/out-of-service"), "{nodes}");
        simulation.kafka.state().unreachable.clear();
        simulation.settle().await.unwrap();
        // It came back as the new build by itself.
        let pods: Vec<&str> = CONTROLLERS.into_iter().chain([BROKERS[0], BROKERS[2]]).collect();
        assert_eq!(simulation.disruptions(), once(&pods));
        simulation.blameless();
    });
}

#[test]
fn an_image_that_does_not_exist_takes_one_pod_and_reverting_brings_it_back() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            resource["spec"]["image"] = json!("registry.example.com/kafka:no-such");
        });
        for _ in 0..60 {
            simulation.tick().await;
        }
        assert_eq!(simulation.disruptions(), once(&[CONTROLLERS[1]]));
        assert_eq!(condition(&simulation, "Stalled"), "True RolloutHalted");
        assert_eq!(condition(&simulation, "Ready"), "False NodesFailing");
        let next = next_action(&simulation);
        assert!(
            next.contains("canary node 1 doesn't come back") && next.contains("no such image"),
            "{next}"
        );
        simulation.kill();
        nothing_happens(&mut simulation, 20).await;
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            resource["spec"].as_object_mut().unwrap().remove("image");
        });
        simulation.settle().await.unwrap();
        let mut expected = once(&[CONTROLLERS[1]]);
        expected.insert(CONTROLLERS[1].to_owned(), 2);
        assert_eq!(simulation.disruptions(), expected, "nobody else is restarted");
        assert_eq!(condition(&simulation, "Stalled"), "False Valid");
        simulation.blameless();
    });
}

#[test]
fn paused_means_paused_even_in_a_resource_that_is_refused() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            resource["spec"]["maintenance"] = json!({"paused": true});
        });
        build(&simulation, "a");
        nothing_happens(&mut simulation, 20).await;
        assert_eq!(rollout(&simulation)["phase"], "Paused");
        assert_eq!(condition(&simulation, "Reconciling"), "False Paused");
        let next = next_action(&simulation);
        assert!(next.contains("would restart node 1"), "{next}");
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            resource["spec"]["maintenance"] = json!({"paused": false});
        });
        let begun = simulation.until(|simulation| simulation.disruptions().len() == 1).await;
        assert!(begun);
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            resource["spec"]["maintenance"] = json!({"paused": true});
            resource["spec"]["version"] = json!("4.3.9");
        });
        for _ in 0..30 {
            simulation.tick().await;
        }
        assert_eq!(simulation.disruptions().len(), 1);
        assert_eq!(condition(&simulation, "Stalled"), "True InvalidSpec");
        simulation.blameless();
    });
}

#[test]
fn outside_its_window_nothing_begins_but_what_a_person_asks_for() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            let window = json!({"cron": "0 3 * * *", "duration": "1h", "timeZone": "UTC"});
            resource["spec"]["maintenance"] = json!({"windows": [window]});
            // A static setting of brokers.
            resource["spec"]["tuning"]["config"]["group.initial.rebalance.delay.ms"] = json!("4000");
        });
        nothing_happens(&mut simulation, 30).await;
        assert_eq!(condition(&simulation, "Reconciling"), "False MaintenanceWindowClosed");
        let next = next_action(&simulation);
        assert!(next.contains("T03:00:00Z"), "{next}");
        simulation.edit("pods", BROKERS[2], |pod| {
            pod["metadata"]["annotations"]["productionkafka.dev/restart"] = json!("please");
        });
        for _ in 0..30 {
            simulation.tick().await;
        }
        assert_eq!(simulation.disruptions(), once(&[BROKERS[2]]));
        Simulation::pass_time(3 * 3600);
        simulation.settle().await.unwrap();
        assert_eq!(simulation.disruptions(), once(&BROKERS));
        simulation.blameless();
    });
}

/// Certificates between nodes last a year, and whoever runs with one should have a newer one 30 days before its end; 15 days
/// before it nobody waits any more.
#[test]
fn a_certificate_near_its_end_waits_for_no_window() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
            let window = json!({"cron": "0 3 1 5 *", "duration": "1h", "timeZone": "UTC"});
            resource["spec"]["maintenance"] = json!({"windows": [window]});
        });
        // Made anew in the middle of its life, when nobody has to take it up.
        Simulation::pass_time(190 * 24 * 3600);
        simulation.settle().await.unwrap();
        assert_eq!(condition(&simulation, "Reconciling"), "False Settled");
        Simulation::pass_time(146 * 24 * 3600);
        nothing_happens(&mut simulation, 30).await;
        assert_eq!(condition(&simulation, "Reconciling"), "False MaintenanceWindowClosed");
        Simulation::pass_time(13 * 24 * 3600);
        nothing_happens(&mut simulation, 10).await;
        Simulation::pass_time(2 * 24 * 3600);
        simulation.settle().await.unwrap();
        let pods: Vec<&str> = CONTROLLERS.into_iter().chain(BROKERS).collect();
        assert_eq!(simulation.disruptions(), once(&pods));
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}

#[test]
fn a_restart_that_is_asked_for_happens_once_and_never_again() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        Simulation::pass_time(60);
        let annotate = |simulation: &Simulation, value: &str| {
            simulation.edit(CLUSTER.0, CLUSTER.1, |resource| {
                resource["metadata"]["annotations"]["productionkafka.dev/restart"] = json!(value);
            });
        };
        annotate(&simulation, "tonight");
        nothing_happens(&mut simulation, 10).await;
        assert_eq!(condition(&simulation, "Stalled"), "True RequestUnreadable");
        annotate(&simulation, "2026-06-01T00:01:00Z");
        simulation.settle().await.unwrap();
        assert_eq!(condition(&simulation, "Stalled"), "False Valid");
        let pods: Vec<&str> = CONTROLLERS.into_iter().chain(BROKERS).collect();
        assert_eq!(simulation.disruptions(), once(&pods));
        simulation.stay_quiet().await.unwrap();
        assert_eq!(simulation.disruptions(), once(&pods));
        simulation.blameless();
    });
}

#[test]
fn a_pod_whose_replacement_kubernetes_would_refuse_is_left_alone() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.api.state().no_more_pods = Some("denied by policy.example.com".into());
        build(&simulation, "a");
        nothing_happens(&mut simulation, 20).await;
        let next = next_action(&simulation);
        assert!(next.contains("denied by policy.example.com"), "{next}");
        simulation.api.state().no_more_pods = Some("pods \"x\" is forbidden: exceeded quota: q".into());
        simulation.settle().await.unwrap();
        assert_eq!(simulation.disruptions().len(), 6, "what goes frees what comes");
        simulation.blameless();
    });
}

/// Kubernetes holds a claim that somebody has deleted until its pod goes, and a restart would be that.
#[test]
fn a_pod_whose_volume_is_being_deleted_is_left_alone() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let claim = "data-0-orders-brokers-101-0";
        simulation.edit("persistentvolumeclaims", claim, |claim| {
            claim["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
        });
        simulation.delete("persistentvolumeclaims", claim);
        for _ in 0..5 {
            simulation.tick().await;
        }
        let told = |simulation: &Simulation| next_action(simulation).contains(&format!("{claim} is being deleted"));
        assert!(
            told(&simulation),
            "before anything restarts: {}",
            next_action(&simulation)
        );
        assert_eq!(simulation.gauge("leaving_volumes"), "1");
        build(&simulation, "a");
        for _ in 0..60 {
            simulation.tick().await;
        }
        assert_eq!(simulation.disruptions().get(BROKERS[1]), None);
        nothing_happens(&mut simulation, 20).await;
        assert!(told(&simulation), "{}", next_action(&simulation));
        // A person wants it so.
        simulation.delete("pods", BROKERS[1]);
        simulation.edit("persistentvolumeclaims", claim, |claim| {
            claim["metadata"]["finalizers"] = json!([]);
        });
        simulation.settle().await.unwrap();
        assert_eq!(simulation.disruptions().len(), 5);
        assert_eq!(simulation.gauge("leaving_volumes"), "0");
        simulation.blameless();
    });
}

#[test]
fn a_budget_of_others_is_heard() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let selector = json!({"matchLabels": {"productionkafka.dev/cluster": "orders"}});
        let budget = json!({"spec": {"maxUnavailable": 0, "selector": selector}});
        simulation.put("poddisruptionbudgets", "freeze", budget);
        build(&simulation, "a");
        nothing_happens(&mut simulation, 20).await;
        let next = next_action(&simulation);
        assert!(next.contains("disruption budget"), "{next}");
        is_blocked_by(&simulation, "disruption budget");
        asks_seldom(&mut simulation).await;
        simulation.delete("poddisruptionbudgets", "freeze");
        simulation.settle().await.unwrap();
        assert_eq!(simulation.disruptions().len(), 6);
        simulation.blameless();
    });
}

/// Such as a policy that freezes changes.
#[test]
fn a_policy_of_others_is_heard() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.deny("pods", CONTROLLERS[1], true);
        build(&simulation, "a");
        nothing_happens(&mut simulation, 20).await;
        let next = next_action(&simulation);
        assert!(
            next.starts_with("\"wait: ") && next.contains("denied the request"),
            "{next}"
        );
        assert!(condition(&simulation, "Ready").starts_with("True"));
        is_blocked_by(&simulation, "denied the request");
        asks_seldom(&mut simulation).await;
        is_blocked_by(&simulation, "denied the request");
        simulation.deny("pods", CONTROLLERS[1], false);
        simulation.settle().await.unwrap();
        assert_eq!(rollout(&simulation)["blockedBy"], Value::Null);
        assert_eq!(simulation.disruptions().len(), 6);
        simulation.blameless();
    });
}

/// The status has who said no beside which restart it was.
fn is_blocked_by(simulation: &Simulation, words: &str) {
    let says = rollout(simulation);
    let why = says["blockedBy"][0].as_str().unwrap_or_default();
    assert!(why.starts_with("restart node ") && why.contains(words), "{says}");
}

/// Who has been refused for a while asks six times a minute, and says nothing new meanwhile.
async fn asks_seldom(simulation: &mut Simulation) {
    let said = |simulation: &Simulation| {
        let lines = simulation.trace().into_iter();
        lines
            .filter(|line| line == "PATCH productionkafkas/orders/status")
            .count()
    };
    let before = (simulation.taken().len(), said(simulation));
    for _ in 0..20 {
        simulation.tick().await;
    }
    let asked = simulation.taken().len() - before.0;
    assert!((1..=6).contains(&asked), "asked {asked} times");
    assert_eq!(said(simulation) - before.1, asked);
}

/// A pod is ready before its replicas have caught up: drains wait for both.
#[test]
fn a_drain_is_let_in_only_while_every_replica_is_in_sync() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let allowed = |simulation: &Simulation| {
            let of =
                |name: &str| simulation.get("poddisruptionbudgets", name).unwrap()["spec"]["maxUnavailable"].clone();
            (of("orders-controllers"), of("orders-brokers"))
        };
        assert_eq!(allowed(&simulation), (json!(1), json!(1)));
        simulation.kafka.state().lagging.insert(101);
        for _ in 0..20 {
            simulation.tick().await;
        }
        assert_eq!(allowed(&simulation), (json!(1), json!(0)));
        simulation.kafka.state().lagging.clear();
        simulation.settle().await.unwrap();
        assert_eq!(allowed(&simulation), (json!(1), json!(1)));
        simulation.stay_quiet().await.unwrap();
        simulation.blameless();
    });
}
