//! What a user may get wrong, and what the operator answers: for each mistake its findings and no others, each with the
//! path of the field and a message that says what to do.

mod changes;
mod pools;
mod posture;
mod tuning;
mod unavailable;

use crate::api::ProductionKafka;
use crate::model::identity::Plan;
use crate::model::validate::tests::{VALID, facts, valid_cluster};
use crate::model::validate::{Claim, ExistingNode, Facts};
use crate::model::{Identity, validate};

/// Replaces a text of the valid resource.
type Edit = (&'static str, &'static str);
/// Part of a finding's path and part of its message.
type Expected = (&'static str, &'static str);

/// A name, what is edited, and what the world is like.
type Accepted = (&'static str, &'static [Edit], fn() -> Facts);

struct Case {
    name: &'static str,
    edits: &'static [Edit],
    facts: fn() -> Facts,
    findings: &'static [Expected],
}

const fn case(name: &'static str, edits: &'static [Edit], findings: &'static [Expected]) -> Case {
    Case {
        name,
        edits,
        facts,
        findings,
    }
}

const fn change(name: &'static str, edits: &'static [Edit], findings: &'static [Expected]) -> Case {
    Case {
        name,
        edits,
        facts: existing,
        findings,
    }
}

/// The valid cluster as it stands after it was created.
fn existing() -> Facts {
    let cluster = valid_cluster();
    let identity = identity();
    let node = |node: crate::model::Node<'_>| ExistingNode {
        id: node.id,
        pool: node.pool.name.clone(),
        broker: node.roles.broker,
    };
    let claim = |node: crate::model::Node<'_>| Claim {
        name: node.names.claim(0, 0),
        size: node.pool.volumes[0].size.clone(),
        class: Some("standard".into()),
    };
    Facts {
        claims: cluster.nodes(&identity).into_iter().map(claim).collect(),
        existing: cluster.nodes(&identity).into_iter().map(node).collect(),
        identity: Some(identity),
        metadata_version: Some(30),
        ..facts()
    }
}

fn identity() -> Identity {
    let cluster = valid_cluster();
    let plan = Plan {
        names: &cluster.names,
        pools: &cluster.pools,
        zones: &["a".into()],
    };
    plan.complete(None, &mut || [1; 16])
}

fn no_default_class() -> Facts {
    let mut facts = facts();
    facts
        .storage_classes
        .iter_mut()
        .flatten()
        .for_each(|class| class.default = false);
    facts
}

fn no_zones() -> Facts {
    Facts {
        zones: Some(Vec::new()),
        ..facts()
    }
}

const CONTROLLERS: &str = "roles: [Controller]\n    replicas: 3";
const BROKERS: &str = "roles: [Broker]\n    replicas: 3";
const BROKER_DISKS: &str = "storage: {volumes: [{size: 2Gi}]}";
const HA: &str = "highAvailability: {rack";
const LISTENERS: &str = "  listeners:\n";
const SCRAM: &str = "{name: scram, port: 9094, authentication: {type: ScramSha512}}";
const RACK: &str = "{topologyKey: topology.kubernetes.io/zone}";
const BROKER_MEMORY: &str =
    "storage: {volumes: [{size: 2Gi}]}\n    resources: {requests: {cpu: 50m, memory: 512Mi}, limits: {memory: 768Mi}}";

fn wrong() -> impl Iterator<Item = &'static Case> {
    let tables = [
        pools::WRONG,
        posture::WRONG,
        tuning::WRONG,
        unavailable::WRONG,
        changes::WRONG,
    ];
    tables.into_iter().flatten()
}

fn edited(edits: &[Edit]) -> ProductionKafka {
    let mut text = VALID.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "the valid resource has no {from:?}");
        text = text.replacen(from, to, 1);
    }
    crate::cli::yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn the_tables_are_read() {
    assert!(wrong().count() >= 80);
}

#[test]
fn each_mistake_gets_its_findings_and_no_others() {
    let mut missed = Vec::new();
    for case in wrong() {
        let found = match validate(&edited(case.edits), &(case.facts)()) {
            Ok(_) => Vec::new(),
            Err(findings) => findings.0,
        };
        let fits = found.len() == case.findings.len()
            && found
                .iter()
                .zip(case.findings)
                .all(|(found, (path, message))| found.path.contains(path) && found.message.contains(message));
        if !fits {
            missed.push(format!("{}: {found:#?}", case.name));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Whole sentences from people who'll be woken by them.
#[test]
fn every_message_says_what_to_do() {
    for case in wrong() {
        let findings = validate(&edited(case.edits), &(case.facts)()).unwrap_err();
        for finding in findings.0 {
            assert!(finding.message.len() > 15 && finding.message.len() < 260, "{finding}");
            assert!(
                finding.path.starts_with("spec.") || finding.path.starts_with("metadata."),
                "{finding}"
            );
        }
    }
}

#[test]
fn what_is_right_is_accepted() {
    let fine: &[Accepted] = &[
        ("unchanged", &[], existing),
        ("a newer version", &[("version: 4.3.1", "version: 4.4.0")], existing),
        (
            "a version without published vulnerabilities",
            &[(
                "version: 4.3.1",
                "version: 4.4.0\n  upgrade: {knownVulnerabilities: Refuse, finalize: Manual, soak: 7d}",
            )],
            existing,
        ),
        (
            "the same size in other words",
            &[(BROKER_DISKS, "storage: {volumes: [{size: 2048Mi}]}")],
            existing,
        ),
        (
            "larger disks",
            &[(BROKER_DISKS, "storage: {volumes: [{size: 4Gi}]}")],
            existing,
        ),
        (
            "another disk",
            &[(BROKER_DISKS, "storage: {volumes: [{size: 2Gi}, {size: 2Gi}]}")],
            existing,
        ),
        (
            "another class",
            &[(
                BROKER_DISKS,
                "storage: {volumes: [{size: 1Gi, storageClassName: fixed}]}",
            )],
            existing,
        ),
        (
            "the class that disks have, by its name",
            &[(
                BROKER_DISKS,
                "storage: {volumes: [{size: 2Gi, storageClassName: standard}]}",
            )],
            existing,
        ),
        (
            "the pool's own first id",
            &[(BROKERS, "roles: [Broker]\n    replicas: 3\n    firstNodeId: 100")],
            existing,
        ),
        (
            "nothing known of the world",
            &[(RACK, "{topologyKey: zone, zones: [a, b]}")],
            Facts::default,
        ),
        (
            "keys, flushes and options",
            &[(
                LISTENERS,
                "  tuning: {flush: {acknowledgeCost: true}, config: {log.flush.interval.ms: '1000', num.partitions: '6', log.retention.ms: '1', log.flush.offset.checkpoint.interval.ms: '1'}, jvm: {heap: 256m, options: ['-XX:+UseZGC', -Dx=y]}}\n  listeners:\n",
            )],
            facts,
        ),
        (
            "a pool with labels",
            &[(
                BROKER_DISKS,
                "storage: {volumes: [{size: 2Gi}]}\n    template: {labels: {example.com/Team: A_b.c-1, empty: ''}, annotations: {Example.com/note: any text}}",
            )],
            facts,
        ),
        (
            "the longest names",
            &[
                ("name: orders,", "name: a23456789-123456789-1234567890,"),
                ("name: brokers", "name: b23456789-123456"),
            ],
            facts,
        ),
    ];
    accepted(fine);
}

#[test]
fn brokers_may_come_and_go() {
    let fine: &[Accepted] = &[
        (
            "more brokers",
            &[(BROKERS, "roles: [Broker]\n    replicas: 5")],
            existing,
        ),
        (
            "fewer brokers",
            &[
                (BROKERS, "roles: [Broker]\n    replicas: 2"),
                (
                    HA,
                    "highAvailability: {replicationFactor: 2, minInSyncReplicas: 1, rack",
                ),
            ],
            existing,
        ),
        (
            "another broker in the place of one",
            &[(BROKERS, "roles: [Broker]\n    replicas: 3\n    excludedNodeIds: [101]")],
            existing,
        ),
        (
            "requests by annotation",
            &[(
                "name: orders,",
                "name: orders, annotations: {productionkafka.dev/rebalance: '2026-11-23T12:00:00Z', productionkafka.dev/rebalance-throttle: 20Mi},",
            )],
            existing,
        ),
    ];
    accepted(fine);
}

fn accepted(fine: &[Accepted]) {
    for (name, edits, facts) in fine {
        if let Err(findings) = validate(&edited(edits), &facts()) {
            panic!("{name}: {}", findings.summary(2_000));
        }
    }
}
