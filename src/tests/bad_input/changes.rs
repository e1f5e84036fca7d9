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
        "brokers that become controllers",
        &[
            (CONTROLLERS, "roles: [Controller]\n    replicas: 0"),
            (BROKERS, "roles: [Controller]\n    replicas: 3"),
            (
                "  highAvailability:",
                "  - {name: others, roles: [Broker], replicas: 3, storage: {volumes: [{size: 1Gi}]}}\n  highAvailability:",
            ),
        ],
        &[("spec.nodePools[brokers].roles", "broker 100 of the pool holds data")],
    ),
    change(
        "a pool removed",
        &[("name: brokers", "name: others")],
        &[("spec.nodePools[brokers]", "the pool still has node 100")],
    ),
    change(
        "controllers in another pool",
        &[("name: controllers", "name: quorum")],
        &[("spec.nodePools[controllers]", "the pool still has node 0")],
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
        "another class for controllers",
        &[(
            "storage: {volumes: [{size: 1Gi}]}",
            "storage: {volumes: [{size: 1Gi, storageClassName: fixed}]}",
        )],
        &[(
            "spec.nodePools[controllers].storage.volumes[0].storageClassName",
            "the disk of controller 0 was made with class none by name",
        )],
    ),
    Case {
        facts: fixed_disks,
        ..change(
            "a class by name no more",
            &[],
            &[(
                "spec.nodePools[brokers].storage.volumes[0].storageClassName",
                "name the class that it shall have",
            )],
        )
    },
    Case {
        facts: fixed_disks,
        ..change(
            "a larger disk of a class that can't",
            &[(
                BROKER_DISKS,
                "storage: {volumes: [{size: 3Gi, storageClassName: fixed}]}",
            )],
            &[(
                "spec.nodePools[brokers].storage.volumes[0].size",
                "StorageClass fixed of node 100 doesn't have allowVolumeExpansion",
            )],
        )
    },
];

/// Brokers whose disks are of a class, by name, whose volumes can't grow.
fn fixed_disks() -> Facts {
    let mut facts = existing();
    for claim in facts.claims.iter_mut().filter(|claim| claim.name.contains("brokers")) {
        claim.class = Some("fixed".into());
    }
    let disks = facts
        .identity
        .iter_mut()
        .flat_map(|identity| identity.disks.range_mut(100..));
    for disk in disks.flat_map(|(_, disks)| &mut disks.disks) {
        disk.class = Some("fixed".into());
    }
    facts
}
