//! What a person reads, what a program reads, and what a script branches on.

use super::*;
use crate::controller::plan::{Hold, LevelChange, NodeChange, Problem, RestartStep};

fn setting_of(key: &str, old: Option<&str>, new: Option<&str>) -> SettingChange {
    SettingChange {
        key: key.into(),
        old: old.map(str::to_owned),
        new: new.map(str::to_owned),
        why: None,
    }
}

fn restart(pod: &str, node: i32, parts: &[&str], settings: Vec<SettingChange>) -> PodRestart {
    PodRestart {
        node,
        pod: pod.into(),
        reasons: vec!["ConfigChanged"],
        parts: parts.iter().map(|part| (*part).to_owned()).collect(),
        settings,
    }
}

fn object_of(action: Action, kind: &'static str, name: &str, fields: &[&str]) -> ObjectChange {
    ObjectChange {
        action,
        kind,
        name: name.into(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
    }
}

fn empty() -> Plan {
    Plan {
        namespace: "kafka".into(),
        name: "orders".into(),
        exists: true,
        ..Plan::default()
    }
}

fn full() -> Plan {
    let delay = || {
        vec![setting_of(
            "group.initial.rebalance.delay.ms",
            Some("3000"),
            Some("4000"),
        )]
    };
    let step = |pods| RestartStep {
        pods,
        warnings: Vec::new(),
    };
    let mut together = step(vec![
        restart("orders-brokers-101-0", 101, &["configuration"], delay()),
        restart("orders-brokers-104-0", 104, &["configuration"], delay()),
    ]);
    together.warnings = vec!["unavailable during the restart, as the policy allows: single-0".into()];
    Plan {
        objects: vec![
            object_of(Action::Create, "ConfigMap", "orders-brokers-100-config-0a1b2c3d4e", &[]),
            object_of(
                Action::Change,
                "StatefulSet",
                "orders-brokers-100",
                &["spec.template.spec.volumes[config].configMap.name"],
            ),
            object_of(Action::Delete, "Service", "orders-old", &[]),
        ],
        settings: vec![
            setting_of("message.max.bytes", Some("1048588"), Some("2000000")),
            setting_of("log.retention.ms", Some("1000"), None),
        ],
        nodes: vec![NodeChange {
            node: 105,
            change: "comes as Broker of pool brokers, rack c".into(),
        }],
        restarts: vec![
            step(vec![restart("orders-brokers-100-0", 100, &["configuration"], delay())]),
            together,
        ],
        levels: vec![LevelChange {
            feature: "metadata.version".into(),
            from: 29,
            to: 30,
            automatic: true,
        }],
        ..empty()
    }
}

#[test]
fn nothing_is_said_in_one_line() {
    assert_eq!(text(&empty()), "kafka/orders: nothing would change\n");
    assert_eq!(super::super::code(empty().verdict()), 0);
}

#[test]
fn changes_are_told_in_the_order_in_which_they_happen() {
    insta::assert_snapshot!(text(&full()), @r"
    kafka/orders: 3 objects, 2 dynamic settings, 1 node comes, goes or changes its vote, 3 restarts
    objects:
      + ConfigMap orders-brokers-100-config-0a1b2c3d4e
      ~ StatefulSet orders-brokers-100: spec.template.spec.volumes[config].configMap.name
      - Service orders-old
    settings that Kafka takes over while it runs:
      message.max.bytes 1048588 → 2000000
      log.retention.ms 1000 → (not set)
    nodes:
      node 105 comes as Broker of pool brokers, rack c
    restarts, in this order:
      1. orders-brokers-100-0: configuration: group.initial.rebalance.delay.ms 3000 → 4000
      2. orders-brokers-101-0: configuration: group.initial.rebalance.delay.ms 3000 → 4000
         together with orders-brokers-104-0: configuration: group.initial.rebalance.delay.ms 3000 → 4000
         unavailable during the restart, as the policy allows: single-0
    feature levels:
      metadata.version from 29 to 30, after the soak
    ");
    assert_eq!(super::super::code(full().verdict()), 2);
}

#[test]
fn what_holds_is_told_with_the_pod_that_waits() {
    let mut plan = full();
    plan.objects.clear();
    plan.settings.clear();
    plan.nodes.clear();
    plan.levels.clear();
    plan.holds = vec![Hold {
        before: Some("orders-brokers-100-0".into()),
        why: "wait: broker 101 isn't in sync yet: payments-3".into(),
    }];
    plan.notes = vec!["Secrets can't be read from here: renewals of certificates aren't told".into()];
    insta::assert_snapshot!(text(&plan), @r"
    kafka/orders: 3 restarts, held
    restarts, in this order:
      1. orders-brokers-100-0: configuration: group.initial.rebalance.delay.ms 3000 → 4000
      2. orders-brokers-101-0: configuration: group.initial.rebalance.delay.ms 3000 → 4000
         together with orders-brokers-104-0: configuration: group.initial.rebalance.delay.ms 3000 → 4000
         unavailable during the restart, as the policy allows: single-0
    what holds now:
      before orders-brokers-100-0: wait: broker 101 isn't in sync yet: payments-3
    not known:
      Secrets can't be read from here: renewals of certificates aren't told
    ");
    assert_eq!(super::super::code(plan.verdict()), 3);
    // A hold that holds nothing back is told, and no more.
    plan.restarts.clear();
    assert_eq!(plan.verdict(), Verdict::Nothing);
}

#[test]
fn findings_block_everything() {
    let mut plan = empty();
    let problem = |path: &str, message: &str| Problem {
        path: path.into(),
        message: message.into(),
    };
    plan.findings = vec![
        problem("spec.version", "Kafka 4.0.0 isn't in this operator's catalogue"),
        problem("spec.nodePools[brokers].replicas", "too few"),
    ];
    insta::assert_snapshot!(text(&plan), @r"
    kafka/orders: 2 findings
    refused, so nothing of it is carried out:
      spec.version: Kafka 4.0.0 isn't in this operator's catalogue
      spec.nodePools[brokers].replicas: too few
    ");
    assert_eq!(super::super::code(plan.verdict()), 3);
}

#[test]
fn a_program_gets_the_same_as_one_document() {
    let document = serde_json::to_value(Document::of(&full())).unwrap();
    assert_eq!(
        (&document["verdict"], &document["exitCode"]),
        (&"Changes".into(), &2.into())
    );
    assert_eq!(document["restarts"][1]["pods"][0]["pod"], "orders-brokers-101-0");
    assert_eq!(document["settings"][1]["new"], serde_json::Value::Null);
    assert_eq!(document["dynamicQuorum"], false);
    assert_eq!(
        document["objects"][1]["fields"][0],
        "spec.template.spec.volumes[config].configMap.name"
    );
}
