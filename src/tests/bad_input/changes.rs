//! Changes to a cluster that exists.

use super::*;

pub const WRONG: &[Case] = &[
    change(
        "a version that can't read the metadata",
        &[("version: 4.3.1", "version: 4.2.1")],
        &[(
            "spec.version",
            "metadata.version is finalised at 30, which Kafka 4.2.1 can't read: stay at 4.3.1 or newer",
        )],
    ),
    change(
        "a version with published vulnerabilities",
        &[(
            "version: 4.3.1",
            "version: 4.3.1\n  upgrade: {knownVulnerabilities: Refuse}",
        )],
        &[("spec.version", "CVE-2026-111108")],
    ),
    change(
        "fewer brokers than replicas",
        &[(BROKERS, "roles: [Broker]\n    replicas: 2")],
        &[("replicationFactor", "is 3 but there are 2 brokers")],
    ),
    change(
        "the id of another pool",
        &[(BROKERS, "roles: [Broker]\n    replicas: 3\n    excludedNodeIds: [1]")],
        &[(
            "spec.nodePools[brokers].excludedNodeIds",
            "1 isn't one of the pool's ids, 100 to 199",
        )],
    ),
    change(
        "another number of controllers",
        &[(CONTROLLERS, "roles: [Controller]\n    replicas: 5")],
        &[(
            "spec.nodePools[controllers].replicas",
            "the quorum was formed with 3 controllers",
        )],
    ),
    change(
        "a pool removed",
        &[("name: brokers", "name: others")],
        &[("spec.nodePools[brokers]", "the pool still has node 100")],
    ),
    change(
        "controllers in another pool",
        &[("name: controllers", "name: quorum")],
        &[
            (
                "spec.nodePools[quorum]",
                "the cluster's controllers are in another pool",
            ),
            ("spec.nodePools[controllers]", "the pool still has node 0"),
        ],
    ),
    change(
        "other ids",
        &[(BROKERS, "roles: [Broker]\n    replicas: 3\n    firstNodeId: 300")],
        &[(
            "spec.nodePools[brokers].firstNodeId",
            "the pool's node ids start at 100",
        )],
    ),
    change(
        "a smaller disk",
        &[(BROKER_DISKS, "storage: {volumes: [{size: 1Gi}]}")],
        &[("spec.nodePools[brokers].storage.volumes[0].size", "node 100 has 2Gi")],
    ),
    change(
        "another class",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi, storageClassName: fixed}]}",
        )],
        &[(
            "spec.nodePools[brokers].storage.volumes[0].storageClassName",
            "the disk of node 100 was made with class none by name",
        )],
    ),
    Case {
        facts: two_fixed_disks,
        ..change(
            "a larger disk of a class that can't",
            &[(
                BROKER_DISKS,
                "storage: {volumes: [{size: 2Gi, storageClassName: fixed}, {size: 3Gi, storageClassName: fixed}]}",
            )],
            &[(
                "spec.nodePools[brokers].storage.volumes[1].size",
                "StorageClass fixed of node 100 doesn't have allowVolumeExpansion",
            )],
        )
    },
    Case {
        facts: two_fixed_disks,
        ..change(
            "one disk less",
            &[(
                BROKER_DISKS,
                "storage: {volumes: [{size: 2Gi, storageClassName: fixed}]}",
            )],
            &[(
                "spec.nodePools[brokers].storage.volumes[1]",
                "node 100 has a disk there",
            )],
        )
    },
];

/// Brokers with two disks of a class whose volumes can't grow.
fn two_fixed_disks() -> Facts {
    let mut facts = existing();
    let brokers = facts.disks.iter().filter(|disk| disk.pool == "brokers");
    let second: Vec<Disk> = brokers
        .map(|disk| Disk {
            index: 1,
            ..disk.clone()
        })
        .collect();
    facts.disks.extend(second);
    for disk in facts.disks.iter_mut().filter(|disk| disk.pool == "brokers") {
        disk.class = Some("fixed".into());
        disk.asked_class = Some("fixed".into());
    }
    facts
}
