//! Pools: roles, numbers, names, ids, disks, memory, pod templates.

use super::*;

pub const WRONG: &[Case] = &[
    case(
        "volumes that this operator may not delete",
        &[(BROKER_DISKS, "storage: {volumes: [{size: 2Gi}], reclaim: Delete}")],
        &[("spec.nodePools[brokers].storage.reclaim", "rbac.deleteVolumes=true")],
    ),
    // Roles, numbers, names, ids.
    case(
        "two controllers",
        &[(CONTROLLERS, "roles: [Controller]\n    replicas: 2")],
        &[("spec.nodePools", "an even number tolerates no more failures")],
    ),
    case(
        "nine controllers",
        &[(CONTROLLERS, "roles: [Controller]\n    replicas: 9")],
        &[("spec.nodePools", "9 controllers together: use 1, 3, 5 or 7")],
    ),
    case(
        "no controllers",
        &[(CONTROLLERS, "roles: [Broker]\n    replicas: 3")],
        &[("spec.nodePools", "0 controllers together")],
    ),
    case(
        "two pools of controllers",
        &[(BROKERS, "roles: [Broker, Controller]\n    replicas: 3")],
        &[("spec.nodePools", "6 controllers together")],
    ),
    case(
        "no brokers",
        &[(BROKERS, "roles: [Controller]\n    replicas: 3")],
        &[
            ("spec.nodePools", "6 controllers together"),
            ("spec.nodePools", "no pool has the role Broker"),
            ("replicationFactor", "is 3 but there are 0 brokers"),
        ],
    ),
    case(
        "a pool without roles",
        &[
            (
                LISTENERS,
                "  - {name: idle, roles: [], replicas: 1, storage: {volumes: [{size: 1Gi}]}}\n  listeners:\n",
            ),
            (
                "  highAvailability: {rack: {topologyKey: topology.kubernetes.io/zone}}\n",
                "",
            ),
        ],
        &[("spec.nodePools[idle].roles", "is empty")],
    ),
    case(
        "no replicas",
        &[(BROKERS, "roles: [Broker]\n    replicas: 0")],
        &[("replicationFactor", "is 3 but there are 0 brokers")],
    ),
    case(
        "more nodes than a block has ids",
        &[(BROKERS, "roles: [Broker]\n    replicas: 101")],
        &[("spec.nodePools[brokers].replicas", "isn't between 0 and 100")],
    ),
    case(
        "no controllers in their pool",
        &[(CONTROLLERS, "roles: [Controller]\n    replicas: 0")],
        &[("spec.nodePools", "0 controllers together")],
    ),
    case(
        "an excluded controller of another pool",
        &[(
            CONTROLLERS,
            "roles: [Controller]\n    replicas: 3\n    excludedNodeIds: [100]",
        )],
        &[(
            "spec.nodePools[controllers].excludedNodeIds",
            "100 isn't one of the pool's ids",
        )],
    ),
    case(
        "more nodes than ids are left",
        &[(
            BROKERS,
            "roles: [Broker]\n    replicas: 100\n    excludedNodeIds: [101]",
        )],
        &[(
            "spec.nodePools[brokers].excludedNodeIds",
            "too few of the pool's 100 ids",
        )],
    ),
    case(
        "two pools of one name",
        &[("name: brokers", "name: controllers")],
        &[("spec.nodePools[controllers]", "two pools have this name")],
    ),
    case(
        "pool name",
        &[("name: brokers", "name: Brokers_1")],
        &[("spec.nodePools[Brokers_1].name", "isn't a letter followed by")],
    ),
    case(
        "cluster name",
        &[("name: orders,", "name: 1orders,")],
        &[("metadata.name", "isn't a letter followed by")],
    ),
    case(
        "names that are too long together",
        &[
            ("name: orders,", "name: a23456789-123456789-1234567890,"),
            ("name: brokers", "name: b23456789-1234567"),
        ],
        &[("spec.nodePools[b23456789-1234567].name", "use at most 16 characters")],
    ),
    case(
        "ids that meet given ids",
        &[
            (CONTROLLERS, "roles: [Controller]\n    replicas: 3\n    firstNodeId: 20"),
            (BROKERS, "roles: [Broker]\n    replicas: 3\n    firstNodeId: 119"),
        ],
        &[
            (
                "spec.nodePools[controllers].firstNodeId",
                "20 is less than 100 from 119",
            ),
            ("spec.nodePools[brokers].firstNodeId", "119 is less than 100 from 20"),
        ],
    ),
    case(
        "ids that meet allocated ids",
        &[(BROKERS, "roles: [Broker]\n    replicas: 3\n    firstNodeId: 50")],
        &[(
            "spec.nodePools[brokers].firstNodeId",
            "50 is less than 100 from 0, where the ids of pool controllers start",
        )],
    ),
    case(
        "requests that can't be read",
        &[(
            "name: orders,",
            "name: orders, annotations: {productionkafka.dev/rebalance: now, productionkafka.dev/rebalance-throttle: 1Ki},",
        )],
        &[
            ("metadata.annotations[productionkafka.dev/rebalance]", "isn't a time"),
            ("rebalance-throttle", "isn't a rate of at least 1Mi"),
        ],
    ),
    // Disks, memory, heap.
    case(
        "no disk",
        &[(BROKER_DISKS, "storage: {volumes: []}")],
        &[("spec.nodePools[brokers].storage.volumes", "is empty")],
    ),
    case(
        "a size that's no size",
        &[(BROKER_DISKS, "storage: {volumes: [{size: 2GiB}]}")],
        &[(
            "spec.nodePools[brokers].storage.volumes[0].size",
            "\"2GiB\" isn't a size",
        )],
    ),
    case(
        "a disk that's too small",
        &[(BROKER_DISKS, "storage: {volumes: [{size: 2Gi}, {size: 100Mi}]}")],
        &[(
            "spec.nodePools[brokers].storage.volumes[1].size",
            "too small: at least 256Mi",
        )],
    ),
    case(
        "an unknown StorageClass",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi, storageClassName: fast}]}",
        )],
        &[(
            "spec.nodePools[brokers].storage.volumes[0].storageClassName",
            "there's no StorageClass fast: create it or choose one of: standard",
        )],
    ),
    Case {
        name: "no default StorageClass",
        edits: &[("{size: 1Gi}", "{size: 1Gi, storageClassName: standard}")],
        facts: no_default_class,
        findings: &[(
            "spec.nodePools[brokers].storage.volumes[0].storageClassName",
            "there's no default StorageClass: name one of: standard",
        )],
    },
    case(
        "memory that's no quantity",
        &[(
            BROKER_MEMORY,
            "storage: {volumes: [{size: 2Gi}]}\n    resources: {requests: {memory: lots}, limits: {memory: 768Mi}}",
        )],
        &[(
            "spec.nodePools[brokers].resources.requests.memory",
            "\"lots\" isn't a quantity",
        )],
    ),
    case(
        "a limit that's no quantity",
        &[(
            BROKER_MEMORY,
            "storage: {volumes: [{size: 2Gi}]}\n    resources: {requests: {cpu: 50m}, limits: {cpu: many, memory: 768Mi}}",
        )],
        &[(
            "spec.nodePools[brokers].resources.limits.cpu",
            "\"many\" isn't a quantity",
        )],
    ),
    case(
        "a request above its limit",
        &[(
            BROKER_MEMORY,
            "storage: {volumes: [{size: 2Gi}]}\n    resources: {requests: {memory: 1Gi}, limits: {memory: 768Mi}}",
        )],
        &[(
            "spec.nodePools[brokers].resources.requests.memory",
            "is above the limit",
        )],
    ),
    case(
        "too little memory",
        &[(
            BROKER_MEMORY,
            "storage: {volumes: [{size: 2Gi}]}\n    resources: {limits: {memory: 256Mi}}",
        )],
        &[("spec.nodePools[brokers].resources.limits.memory", "at least 512Mi")],
    ),
    case(
        "a heap above the memory",
        &[(LISTENERS, "  tuning: {jvm: {heap: 4g}}\n  listeners:\n")],
        &[
            ("spec.tuning.jvm.heap (spec.nodePools[controllers])", "4g doesn't fit"),
            (
                "spec.tuning.jvm.heap (spec.nodePools[brokers])",
                "three quarters of the 768 MiB",
            ),
        ],
    ),
    case(
        "a heap that's too small",
        &[(LISTENERS, "  tuning: {jvm: {heap: 64m}}\n  listeners:\n")],
        &[
            ("(spec.nodePools[controllers])", "between 128m and"),
            ("(spec.nodePools[brokers])", "between 128m and"),
        ],
    ),
    // Pod templates.
    case(
        "a label of the operator",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi}]}\n    template: {labels: {app.kubernetes.io/name: mine, productionkafka.dev/cluster: other}}",
        )],
        &[
            (
                "spec.nodePools[brokers].template.labels[app.kubernetes.io/name]",
                "is set by the operator",
            ),
            ("template.labels[productionkafka.dev/cluster]", "is set by the operator"),
        ],
    ),
    case(
        "an annotation that loosens the pod",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi}]}\n    template: {annotations: {container.apparmor.security.beta.kubernetes.io/kafka: unconfined}}",
        )],
        &[(
            "template.annotations[container.apparmor.security.beta.kubernetes.io/kafka]",
            "is set by the operator",
        )],
    ),
    case(
        "a label value",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi}]}\n    template: {labels: {team: a b}}",
        )],
        &[("spec.nodePools[brokers].template.labels[team]", "isn't a label value")],
    ),
    case(
        "a label value that ends in a dash",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi}]}\n    template: {nodeSelector: {disk: fast-}}",
        )],
        &[(
            "spec.nodePools[brokers].template.nodeSelector[disk]",
            "alphanumeric at both ends",
        )],
    ),
    case(
        "an annotation key",
        &[(
            BROKER_DISKS,
            "storage: {volumes: [{size: 2Gi}]}\n    template: {annotations: {'a b': c}}",
        )],
        &[(
            "spec.nodePools[brokers].template.annotations[a b]",
            "isn't a Kubernetes key",
        )],
    ),
];
