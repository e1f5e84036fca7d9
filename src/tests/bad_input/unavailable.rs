//! Fields that nothing acts on yet: refused, never ignored.

use super::*;

pub const WRONG: &[Case] = &[
    case(
        "unclean election",
        &[(HA, "highAvailability: {uncleanLeaderElection: true, rack")],
        &[("spec.highAvailability.uncleanLeaderElection", "isn't available")],
    ),
    case(
        "one authority for all",
        &[(
            LISTENERS,
            "  security: {tls: {clusterAuthority: {secretName: ca}, clientsAuthority: {secretName: ca}}}\n  listeners:\n",
        )],
        &[(
            "spec.security.tls.clientsAuthority.secretName",
            "is the Secret of clusterAuthority too",
        )],
    ),
    case(
        "a domain that isn't one",
        &[(
            SCRAM,
            "{name: scram, port: 9094, exposure: {type: Gateway, gateway: {name: edge, domain: 'kafka.*'}}, authentication: {type: ScramSha512}}",
        )],
        &[("spec.listeners[scram].exposure.gateway.domain", "isn't a DNS name")],
    ),
    case(
        "authentication",
        &[("{type: ScramSha512}", "{type: OAuth}")],
        &[(
            "spec.listeners[scram].authentication",
            "without the settings of that type",
        )],
    ),
    case(
        "a Secret that isn't there",
        &[("{type: ScramSha512}", "{type: Plain, plain: {secretName: users}}")],
        &[(
            "spec.listeners[scram].authentication.plain.secretName",
            "Secret users doesn't exist in this namespace: create it",
        )],
    ),
    case(
        "a Secret without its key",
        &[(
            "{type: ScramSha512}",
            "{type: Kerberos, kerberos: {secretName: half, realm: EXAMPLE.ORG}}",
        )],
        &[(
            "spec.listeners[scram].authentication.kerberos.secretName",
            "Secret half has no key krb5.conf: add it",
        )],
    ),
    case(
        "no user",
        &[("{type: ScramSha512}", "{type: Plain, plain: {secretName: empty}}")],
        &[("spec.listeners[scram].authentication.plain.secretName", "holds no user")],
    ),
    case(
        "two realms",
        &[
            (
                "{type: ScramSha512}",
                "{type: Kerberos, kerberos: {secretName: whole, realm: A}}",
            ),
            (
                "{type: Mtls}",
                "{type: Kerberos, kerberos: {secretName: whole, realm: B}}",
            ),
        ],
        &[(
            "spec.listeners[mtls].authentication.type",
            "is the second listener with Kerberos",
        )],
    ),
    case(
        "Kerberos from elsewhere",
        &[(
            SCRAM,
            "{name: scram, port: 9094, exposure: {type: LoadBalancer}, authentication: {type: Kerberos, kerberos: {secretName: whole, realm: A}}}",
        )],
        &[("spec.listeners[scram].exposure.type", "is Internal alone with Kerberos")],
    ),
    case(
        "two audiences in one",
        &[(
            "{type: ScramSha512}",
            "{type: OAuth, oauth: {jwksEndpoint: 'https://id.example.com/keys', issuer: i, audience: ['a,b']}}",
        )],
        &[(
            "spec.listeners[scram].authentication.oauth.audience",
            "has an entry with a comma",
        )],
    ),
    case(
        "a certificate that can't be served",
        &[(
            SCRAM,
            "{name: scram, port: 9094, certificate: {secretName: expired}, authentication: {type: ScramSha512}}",
        )],
        &[(
            "spec.listeners[scram].certificate.secretName",
            "Secret expired can't be served: tls.crt expired",
        )],
    ),
    case(
        "source ranges",
        &[(
            SCRAM,
            "{name: scram, port: 9094, exposure: {type: LoadBalancer, loadBalancer: {sourceRanges: [office]}}, authentication: {type: ScramSha512}}",
        )],
        &[(
            "spec.listeners[scram].exposure.loadBalancer.sourceRanges",
            "isn't a network in CIDR notation",
        )],
    ),
    case(
        "kernel settings",
        &[(
            LISTENERS,
            "  tuning: {os: {sysctls: {net.core.somaxconn: '4096', net.ipv4.tcp_rmem: 'a lot', net.ipv4.tcp_wmem: '4096 65536 67108864'}, requireMaxMapCount: 1}}\n  listeners:\n",
        )],
        &[
            (
                "spec.tuning.os.sysctls[net.core.somaxconn]",
                "isn't one that Kubernetes takes for safe",
            ),
            ("spec.tuning.os.sysctls[net.ipv4.tcp_rmem]", "isn't numbers"),
            ("spec.tuning.os.requireMaxMapCount", "isn't between"),
        ],
    ),
    case(
        "workload",
        &[(
            LISTENERS,
            "  capacity: {workload: {messagesPerSecond: 0, messageBytes: many, retention: 0d, headroom: much, producerPartitionThroughput: '0'}, broker: {networkThroughput: fast}}\n  listeners:\n",
        )],
        &[
            ("spec.capacity.workload.messageBytes", "isn't a number of bytes"),
            ("spec.capacity.workload.retention", "isn't a duration above zero"),
            (
                "spec.capacity.workload.producerPartitionThroughput",
                "isn't a number of bytes",
            ),
            ("spec.capacity.workload.headroom", "isn't a percentage"),
            ("spec.capacity.workload.messagesPerSecond", "isn't above zero"),
            ("spec.capacity.broker.networkThroughput", "isn't a number of bytes"),
        ],
    ),
    case(
        "maintenance",
        &[(
            LISTENERS,
            "  maintenance: {paused: true, deletionProtection: true, windows: [{cron: '0 0 * * *', duration: 1h, timeZone: UTC}, {cron: '0 0 * *', duration: 1h, timeZone: Mars/Base}]}\n  listeners:\n",
        )],
        &[
            ("spec.maintenance.deletionProtection", "without admission policies"),
            ("spec.maintenance.windows[1]", "has 4 fields, not five"),
        ],
    ),
    case(
        "thresholds",
        &[(
            LISTENERS,
            "  monitoring: {thresholds: {diskWarningPercent: 90, consumerLagCritical: 100}}\n  listeners:\n",
        )],
        &[
            (
                "spec.monitoring.thresholds.diskWarningPercent",
                "90 isn't below diskCriticalPercent, 85",
            ),
            (
                "spec.monitoring.thresholds.consumerLagWarning",
                "10000 isn't below consumerLagCritical, 100",
            ),
        ],
    ),
];
