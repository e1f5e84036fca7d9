//! Version, availability, certificates, listeners.

use super::*;

pub const WRONG: &[Case] = &[
    case(
        "tokens that nobody can use, and lifetimes",
        &[
            ("{type: ScramSha512}", "{type: Plain, plain: {secretName: whole}}"),
            (
                LISTENERS,
                "  security: {delegationTokens: {expiry: 8d, maxLifetime: 7d}}\n  listeners:\n",
            ),
        ],
        &[
            (
                "spec.security.delegationTokens",
                "needs a listener with authentication ScramSha512",
            ),
            ("spec.security.delegationTokens.expiry", "is longer than maxLifetime"),
        ],
    ),
    case(
        "a lifetime that isn't one",
        &[(
            LISTENERS,
            "  security: {delegationTokens: {maxLifetime: soon}}\n  listeners:\n",
        )],
        &[("spec.security.delegationTokens.maxLifetime", "isn't a duration")],
    ),
    case(
        "a class that shows no encryption",
        &[
            (
                LISTENERS,
                "  security: {encryptionAtRest: {requirement: Require}}\n  listeners:\n",
            ),
            (
                "storage: {volumes: [{size: 1Gi}]}",
                "storage: {volumes: [{size: 1Gi, storageClassName: fixed}]}",
            ),
        ],
        &[(
            "spec.nodePools[controllers].storage.volumes[0].storageClassName",
            "isn't shown to be encrypted at rest: nothing in StorageClass fixed",
        )],
    ),
    case(
        "certificates between nodes that are renewed all the time",
        &[(
            LISTENERS,
            "  security: {tls: {nodeLeafLifetime: 50d, renewBefore: 30d}}\n  listeners:\n",
        )],
        &[("spec.security.tls.nodeLeafLifetime", "is less than twice renewBefore")],
    ),
    case(
        "certificates between nodes that are too short",
        &[(
            LISTENERS,
            "  security: {tls: {nodeLeafLifetime: 30m, renewBefore: 5m, trustOverlap: soon}}\n  listeners:\n",
        )],
        &[("spec.security.tls.trustOverlap", "isn't a duration")],
    ),
    // Version and image.
    case(
        "an unknown version",
        &[("version: 4.3.1", "version: 4.1.0")],
        &[("spec.version", "choose one of 4.2.1, 4.3.1, 4.4.0")],
    ),
    case(
        "an image that's none",
        &[("version: 4.3.1", "version: 4.3.1\n  image: kafka")],
        &[("spec.image", "isn't an image reference")],
    ),
    // Availability and racks.
    case(
        "brokers of one rack together, without racks",
        &[(HA, "highAvailability: {maxUnavailable: 2}\n  # {rack")],
        &[("spec.highAvailability.maxUnavailable", "needs highAvailability.rack")],
    ),
    case(
        "nodes together that are controllers",
        &[
            (HA, "highAvailability: {maxUnavailable: 2, rack"),
            (BROKERS, "roles: [Broker, Controller]\n    replicas: 3"),
        ],
        &[
            (
                "spec.highAvailability.maxUnavailable",
                "needs a pool with the role Broker alone",
            ),
            ("spec.nodePools", "6 controllers together"),
        ],
    ),
    case(
        "replication above brokers",
        &[(HA, "highAvailability: {replicationFactor: 5, rack")],
        &[(
            "spec.highAvailability.replicationFactor",
            "is 5 but there are 3 brokers",
        )],
    ),
    case(
        "more in-sync replicas than replicas",
        &[(HA, "highAvailability: {minInSyncReplicas: 4, rack")],
        &[("spec.highAvailability.minInSyncReplicas", "is above replicationFactor")],
    ),
    case(
        "all replicas in sync",
        &[(HA, "highAvailability: {minInSyncReplicas: 3, rack")],
        &[(
            "spec.highAvailability.minInSyncReplicas",
            "the loss of any one broker would stop all writes",
        )],
    ),
    case(
        "a topology key that's no label",
        &[(RACK, "{topologyKey: 'zone of node'}")],
        &[("spec.highAvailability.rack.topologyKey", "isn't a node label")],
    ),
    case(
        "a zone twice",
        &[(RACK, "{topologyKey: zone, zones: [a, b, a]}")],
        &[("spec.highAvailability.rack.zones", "names a zone twice")],
    ),
    case(
        "an unknown zone",
        &[(RACK, "{topologyKey: zone, zones: [a, z]}")],
        &[(
            "spec.highAvailability.rack.zones",
            "no Kubernetes node is in z; there are: a, b, c",
        )],
    ),
    Case {
        name: "no zones at all",
        edits: &[],
        facts: no_zones,
        findings: &[(
            "spec.highAvailability.rack.topologyKey",
            "no Kubernetes node has the label topology.kubernetes.io/zone",
        )],
    },
    Case {
        name: "zones that nobody may look up",
        edits: &[],
        facts: Facts::default,
        findings: &[(
            "spec.highAvailability.rack.zones",
            "name the zones, or install the operator with rbac.readNodes",
        )],
    },
    // Certificates and super users.
    case(
        "a lifetime that's no duration",
        &[(LISTENERS, "  security: {tls: {leafLifetime: 3 months}}\n  listeners:\n")],
        &[("spec.security.tls.leafLifetime", "\"3 months\" isn't a duration")],
    ),
    case(
        "a leaf that's too short",
        &[(
            LISTENERS,
            "  security: {tls: {leafLifetime: 30m, renewBefore: 5m}}\n  listeners:\n",
        )],
        &[("spec.security.tls.leafLifetime", "is under an hour")],
    ),
    case(
        "renewed all the time",
        &[(
            LISTENERS,
            "  security: {tls: {leafLifetime: 30d, renewBefore: 25d}}\n  listeners:\n",
        )],
        &[("spec.security.tls.renewBefore", "more than two thirds of leafLifetime")],
    ),
    case(
        "a CA that's too short",
        &[(LISTENERS, "  security: {tls: {caLifetime: 100d}}\n  listeners:\n")],
        &[("spec.security.tls.caLifetime", "less than twice leafLifetime")],
    ),
    case(
        "super users",
        &[(
            LISTENERS,
            "  security: {authorization: {superUsers: ['User:*', alice, 'User:a;User:b', 'User:ANONYMOUS', 'User:fine']}}\n  listeners:\n",
        )],
        &[
            ("superUsers", "\"User:*\""),
            ("superUsers", "\"alice\""),
            ("superUsers", "\"User:a;User:b\""),
            ("superUsers", "\"User:ANONYMOUS\""),
        ],
    ),
    // Listeners.
    case(
        "a name that's taken",
        &[("name: scram,", "name: replication,")],
        &[(
            "spec.listeners[replication].name",
            "one of the operator's own listeners",
        )],
    ),
    case(
        "a port name that's taken",
        &[("name: scram,", "name: metrics,")],
        &[(
            "spec.listeners[metrics].name",
            "one of the operator's own listeners or ports",
        )],
    ),
    case(
        "a listener name",
        &[("name: scram,", "name: s-cram,")],
        &[("spec.listeners[s-cram].name", "isn't a letter followed by")],
    ),
    case(
        "two listeners of one name",
        &[("name: scram,", "name: mtls,")],
        &[("spec.listeners[mtls].name", "two listeners have this name")],
    ),
    case(
        "two listeners on one port",
        &[("port: 9094", "port: 9095")],
        &[("spec.listeners[mtls].port", "two listeners have port 9095")],
    ),
    case(
        "a port of the operator",
        &[("port: 9094", "port: 9091")],
        &[("spec.listeners[scram].port", "9091 isn't between 9092 and 9399")],
    ),
    case(
        "a peer that selects nothing",
        &[(
            SCRAM,
            "{name: scram, port: 9094, authentication: {type: ScramSha512}, allowedPeers: [{podSelector: {}}, {}]}",
        )],
        &[("spec.listeners[scram].allowedPeers[1]", "selects nothing")],
    ),
];
