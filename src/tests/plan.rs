//! A plan is what then happens: each is drafted in the simulation, then the resource is applied and the operator does it.

use super::simulation::{CLUSTER, Simulation, on_one_thread};
use crate::cli::plan::{code, text};
use crate::controller::plan::{Action, Plan, Verdict};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const BROKERS: [&str; 3] = ["orders-brokers-100-0", "orders-brokers-101-0", "orders-brokers-102-0"];
const CONTROLLERS: [&str; 3] = [
    "orders-controllers-1-0",
    "orders-controllers-2-0",
    "orders-controllers-0-0",
];

fn restarts(plan: &Plan) -> Vec<String> {
    let pods = plan.restarts.iter().flat_map(|step| &step.pods);
    pods.map(|pod| pod.pod.clone()).collect()
}

/// Objects of an action as `kind name`.
fn objects(plan: &Plan, action: Action) -> BTreeSet<String> {
    let of = plan.objects.iter().filter(|one| one.action == action);
    of.map(|one| format!("{} {}", one.kind, one.name)).collect()
}

/// All objects of the operator by kind and name, with their versions.
fn there(simulation: &Simulation) -> Vec<(String, String)> {
    const KINDS: [(&str, &str); 9] = [
        ("configmaps", "ConfigMap"),
        ("secrets", "Secret"),
        ("services", "Service"),
        ("networkpolicies", "NetworkPolicy"),
        ("poddisruptionbudgets", "PodDisruptionBudget"),
        ("persistentvolumeclaims", "PersistentVolumeClaim"),
        ("statefulsets", "StatefulSet"),
        ("jobs", "Job"),
        ("tlsroutes", "TLSRoute"),
    ];
    let state = simulation.api.state();
    let mut all = Vec::new();
    for (plural, kind) in KINDS {
        for (key, object) in state.of_kind(plural) {
            let mut said = object.clone();
            said.as_object_mut().unwrap().remove("status");
            let metadata = said["metadata"].as_object_mut().unwrap();
            metadata.retain(|field, _| !matches!(field.as_str(), "resourceVersion" | "generation"));
            all.push((format!("{kind} {}", key.name), said.to_string()));
        }
    }
    all
}

/// Applies the file, lets the operator do it, and compares with what was planned.
async fn as_planned(simulation: &mut Simulation, file: &Value, plan: &Plan) {
    let (before, taken) = (there(simulation), simulation.taken().len());
    simulation.apply(file);
    simulation.settle().await.unwrap();
    let after = there(simulation);
    assert_eq!(simulation.taken().split_off(taken), restarts(plan));
    let of = |all: &[(String, String)], name: &str| all.iter().find(|(one, _)| one == name).cloned();
    let names = |all: &[(String, String)]| all.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
    let created: BTreeSet<String> = names(&after).difference(&names(&before)).cloned().collect();
    let deleted: BTreeSet<String> = names(&before).difference(&names(&after)).cloned().collect();
    let differs = |name: &String| of(&before, name) != of(&after, name);
    let changed: BTreeSet<String> = names(&before)
        .intersection(&names(&after))
        .filter(|name| differs(name))
        .cloned()
        .collect();
    assert_eq!(objects(plan, Action::Create), created);
    assert_eq!(objects(plan, Action::Delete), deleted);
    assert_eq!(objects(plan, Action::Change), changed);
    let again = simulation.plan(simulation.file()).await;
    assert_eq!(again.verdict(), Verdict::Nothing, "{}", text(&again));
    simulation.blameless();
}

#[test]
fn a_settled_cluster_plans_nothing() {
    on_one_thread(async {
        let simulation = Simulation::ready().await;
        let plan = simulation.plan(simulation.file()).await;
        assert_eq!(text(&plan), "kafka/orders: nothing would change\n");
        assert_eq!(code(plan.verdict()), 0);
        assert_eq!(plan.notes, Vec::<String>::new());
    });
}

#[test]
fn a_static_setting_restarts_the_planned_pods_in_the_planned_order() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let mut file = simulation.file();
        file["spec"]["tuning"]["config"]["group.initial.rebalance.delay.ms"] = json!("4000");
        let plan = simulation.plan(file.clone()).await;
        assert_eq!(restarts(&plan), BROKERS);
        assert_eq!((plan.settings.len(), plan.verdict()), (0, Verdict::Changes));
        let told = text(&plan);
        let line = "  1. orders-brokers-100-0: configuration: group.initial.rebalance.delay.ms (not set) → 4000\n";
        assert!(told.contains(line), "{told}");
        assert!(told.contains("~ StatefulSet orders-brokers-100: "), "{told}");
        as_planned(&mut simulation, &file, &plan).await;
    });
}

/// A listener with files, one behind a Gateway, and tokens come and go.
#[test]
fn files_of_listeners_and_routes_are_told() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let before = simulation.file();
        let realm = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "realm", "namespace": "kafka"},
            "data": {"kafka.keytab": "AAEC", "krb5.conf": "eA=="}});
        simulation.put("secrets", "realm", realm);
        let mut file = before.clone();
        let listeners = file["spec"]["listeners"].as_array_mut().unwrap();
        let kerberos = json!({"secretName": "realm", "realm": "EXAMPLE.ORG"});
        let gateway = json!({"name": "edge", "domain": "kafka.example.com"});
        listeners.extend([
            json!({"name": "krb", "port": 9097, "authentication": {"type": "Kerberos", "kerberos": kerberos}}),
            json!({"name": "gate", "port": 9098, "authentication": {"type": "ScramSha512"},
                "exposure": {"type": "Gateway", "gateway": gateway}}),
        ]);
        file["spec"]["security"]["delegationTokens"] = json!({});
        let plan = simulation.plan(file.clone()).await;
        let created = objects(&plan, Action::Create);
        for name in [
            "Secret orders-listener-files",
            "Secret orders-delegation-key",
            "TLSRoute orders-gate-100",
        ] {
            assert!(created.contains(name), "{name}: {created:?}");
        }
        assert_eq!(restarts(&plan).len(), 6, "{}", text(&plan));
        as_planned(&mut simulation, &file, &plan).await;

        let plan = simulation.plan(before.clone()).await;
        assert!(objects(&plan, Action::Delete).contains("TLSRoute orders-gate-bootstrap"));
        as_planned(&mut simulation, &before, &plan).await;
    });
}

#[test]
fn a_dynamic_setting_restarts_nothing() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation
            .kafka
            .state()
            .defaults
            .insert("log.retention.ms".into(), "1000".into());
        let mut file = simulation.file();
        file["spec"]["tuning"]["config"]["message.max.bytes"] = json!("2000000");
        let plan = simulation.plan(file.clone()).await;
        assert_eq!(restarts(&plan), Vec::<String>::new());
        let told = text(&plan);
        assert!(told.contains("  message.max.bytes (not set) → 2000000\n"), "{told}");
        assert!(told.contains("  log.retention.ms 1000 → (not set)\n"), "{told}");
        assert_eq!(code(plan.verdict()), 2);
        as_planned(&mut simulation, &file, &plan).await;
        assert_eq!(simulation.kafka.state().defaults["message.max.bytes"], "2000000");
    });
}

#[test]
fn another_version_restarts_every_node_controllers_first() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let mut file = simulation.file();
        file["spec"]["version"] = json!("4.4.0");
        let plan = simulation.plan(file.clone()).await;
        assert_eq!(restarts(&plan), [&CONTROLLERS[..], &BROKERS].concat());
        let first = &plan.restarts[0].pods[0];
        assert_eq!((first.reasons[0], first.parts[0].as_str()), ("ImageChanged", "image"));
        let level = plan
            .levels
            .iter()
            .find(|level| level.feature == "metadata.version")
            .unwrap();
        assert_eq!((level.from, level.to, level.automatic), (30, 33, true));
        let taken = simulation.taken().len();
        simulation.apply(&file);
        simulation.settle().await.unwrap();
        assert_eq!(simulation.taken().split_off(taken), restarts(&plan));
    });
}

#[test]
fn a_broken_resource_is_blocked_with_every_finding() {
    on_one_thread(async {
        let simulation = Simulation::ready().await;
        let mut file = simulation.file();
        file["spec"]["version"] = json!("4.0.0");
        file["spec"]["tuning"]["config"]["log.dirs"] = json!("/tmp");
        let plan = simulation.plan(file).await;
        let paths: Vec<&str> = plan.findings.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(paths, ["spec.version", "spec.tuning.config[log.dirs]"]);
        assert_eq!(
            (code(plan.verdict()), plan.objects.len(), plan.restarts.len()),
            (3, 0, 0)
        );
        assert!(text(&plan).contains("spec.version: Kafka 4.0.0 isn't in this operator's catalogue"));
    });
}

#[test]
fn an_under_replicated_partition_holds_with_the_operators_own_reason() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kafka.state().lagging.insert(101);
        let mut file = simulation.file();
        file["spec"]["tuning"]["config"]["group.initial.rebalance.delay.ms"] = json!("4000");
        let plan = simulation.plan(file.clone()).await;
        assert_eq!(code(plan.verdict()), 3);
        let hold = &plan.holds[0];
        assert!(
            hold.why.contains("broker 101 isn't in sync yet: payments-0"),
            "{hold:?}"
        );
        assert_eq!(restarts(&plan).len(), 3, "the order is told all the same");
        simulation.apply(&file);
        for _ in 0..60 {
            simulation.tick().await;
        }
        let status = simulation.get(CLUSTER.0, CLUSTER.1).unwrap()["status"].clone();
        let blocked = status["rollout"]["blockedBy"][0].as_str().unwrap();
        assert!(hold.why.contains(blocked), "{hold:?} and {blocked}");
        // The one that lags goes first, and the next one waits for it: in the plan and then.
        assert_eq!(hold.before.as_deref(), Some(restarts(&plan)[1].as_str()));
        assert_eq!(simulation.taken(), restarts(&plan)[..1]);
    });
}

#[test]
fn a_pause_and_a_closed_window_hold() {
    on_one_thread(async {
        let simulation = Simulation::ready().await;
        let mut file = simulation.file();
        file["spec"]["tuning"]["config"]["group.initial.rebalance.delay.ms"] = json!("4000");
        file["spec"]["maintenance"] = json!({"paused": true});
        let plan = simulation.plan(file.clone()).await;
        assert!(
            plan.holds[0].why.contains("paused by spec.maintenance.paused"),
            "{:?}",
            plan.holds
        );
        let window = json!({"cron": "0 3 * * *", "duration": "1h", "timeZone": "UTC"});
        file["spec"]["maintenance"] = json!({"windows": [window]});
        let plan = simulation.plan(file).await;
        assert!(
            plan.holds[0].why.contains("the next opens at 2026-06-01T03:00:00Z"),
            "{:?}",
            plan.holds
        );
        assert_eq!((restarts(&plan).len(), plan.verdict()), (3, Verdict::Held));
    });
}

#[test]
fn where_kafka_can_not_be_asked_the_status_stands_in() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        simulation.kafka.state().lagging.insert(101);
        let mut file = simulation.file();
        file["spec"]["image"] = json!("registry.example.com/kafka:4.3.1-a");
        simulation.apply(&file);
        for _ in 0..60 {
            simulation.tick().await;
        }
        simulation.kafka.state().cut_off = true;
        let plan = simulation.plan(file).await;
        assert!(
            plan.notes[0].starts_with("Kafka can't be asked from here: "),
            "{:?}",
            plan.notes
        );
        assert!(plan.notes[0].contains("as of 2026-06-01T"), "{:?}", plan.notes);
        assert!(
            plan.holds
                .iter()
                .any(|hold| hold.why.contains("broker 101 isn't in sync")),
            "{:?}",
            plan.holds
        );
        assert_eq!(plan.verdict(), Verdict::Held);
        assert!(!restarts(&plan).is_empty());
    });
}

#[test]
fn nodes_that_come_and_go_are_told() {
    on_one_thread(async {
        let mut simulation = Simulation::ready().await;
        let mut file = simulation.file();
        file["spec"]["nodePools"][0]["replicas"] = json!(5);
        file["spec"]["nodePools"][1]["replicas"] = json!(4);
        let plan = simulation.plan(file.clone()).await;
        let told = text(&plan);
        assert!(
            told.contains(
                "node 3 comes as Controller of pool controllers, rack a, and becomes a voter once it has caught up"
            ),
            "{told}"
        );
        assert!(
            told.contains("node 103 comes as Broker of pool brokers, rack a\n"),
            "{told}"
        );
        assert_eq!(restarts(&plan), Vec::<String>::new());
        simulation.apply(&file);
        let voters = |simulation: &Simulation| simulation.kafka.quorum().0.len();
        assert!(simulation.until(|simulation| voters(simulation) == 5).await);
        simulation.settle().await.unwrap();
        assert_eq!(simulation.taken(), Vec::<String>::new());
        file["spec"]["nodePools"][0]["replicas"] = json!(3);
        file["spec"]["nodePools"][1]["replicas"] = json!(3);
        let plan = simulation.plan(file).await;
        let told = text(&plan);
        assert!(told.contains("node 4 leaves: it gives up its vote first"), "{told}");
        assert!(told.contains("node 103 leaves: it"), "{told}");
        assert!(told.contains("- StatefulSet orders-brokers-103"), "{told}");
    });
}

#[test]
fn a_new_cluster_is_created_and_nothing_restarts() {
    on_one_thread(async {
        let simulation = Simulation::new(None);
        let document = include_str!("../../examples/production.yaml");
        let document = document
            .split("\n---\n")
            .find(|text| text.contains("kind: ProductionKafka"))
            .unwrap();
        let file: Value = crate::cli::yaml::from_str(document).unwrap();
        let plan = simulation.plan(file).await;
        let told = text(&plan);
        assert!(told.starts_with("kafka/orders: a new cluster, "), "{told}");
        assert!(told.contains("+ StatefulSet orders-brokers-100\n"), "{told}");
        assert!(told.contains("+ Secret orders-cluster-ca\n"), "{told}");
        assert!(plan.objects.iter().all(|one| one.action == Action::Create), "{told}");
        assert_eq!((restarts(&plan).len(), plan.verdict()), (0, Verdict::Changes));
    });
}

#[test]
fn a_list_of_voters_that_becomes_a_dynamic_quorum_is_told_with_its_restarts() {
    on_one_thread(async {
        let mut simulation = Simulation::with_listed_voters().await;
        simulation.settle().await.unwrap();
        let mut file = simulation.file();
        let plan = simulation.plan(file.clone()).await;
        assert!(!plan.dynamic_quorum, "{}", text(&plan));
        file["metadata"]["annotations"]["productionkafka.dev/dynamic-quorum"] = json!("yes");
        let plan = simulation.plan(file.clone()).await;
        assert!(plan.dynamic_quorum);
        assert_eq!(restarts(&plan).len(), 6, "{}", text(&plan));
        let taken = simulation.taken().len();
        simulation.apply(&file);
        simulation.settle().await.unwrap();
        assert_eq!(simulation.taken().split_off(taken), restarts(&plan));
    });
}

/// Secrets are compared like everything else, and nothing of what they hold is ever told.
#[test]
fn no_value_of_a_secret_is_told() {
    on_one_thread(async {
        let simulation = Simulation::ready().await;
        let key = |simulation: &Simulation| simulation.get("secrets", "orders-operator-tls").unwrap()["data"].clone();
        let texts: Vec<String> = key(&simulation)
            .as_object()
            .unwrap()
            .values()
            .map(|value| value.as_str().unwrap().to_owned())
            .collect();
        simulation.edit("secrets", "orders-operator-tls", |secret| {
            secret["metadata"]["labels"]["productionkafka.dev/component"] = json!("edited");
        });
        let plan = simulation.plan(simulation.file()).await;
        let told = format!("{}{}", text(&plan), serde_json::to_string(&plan).unwrap());
        assert!(told.contains("~ Secret orders-operator-tls: metadata.labels"), "{told}");
        assert!(texts.iter().all(|secret| !told.contains(secret.as_str())));
        assert!(!told.contains("PRIVATE KEY"));
    });
}

#[test]
fn another_authority_is_told_with_what_it_costs() {
    on_one_thread(async {
        let simulation = Simulation::ready().await;
        let mut file = simulation.get(CLUSTER.0, CLUSTER.1).unwrap();
        file.as_object_mut().unwrap().remove("status");
        let now = json!(crate::tests::simulation::clock::now().to_string());
        file["metadata"]["annotations"] = json!({"productionkafka.dev/replace-cluster-ca": now});
        let plan = simulation.plan(file).await;
        let note = plan
            .notes
            .iter()
            .find(|note| note.contains("the cluster's authority would be replaced"));
        assert!(
            note.is_some_and(|note| note.contains("every node restarts three times")),
            "{:?}",
            plan.notes
        );
    });
}
