//! The 46 controls, in the order and with the numbers by which reviews know them. A number never changes its meaning.

use super::{Control, Judged, Seen};
use super::{configuration, pods, surroundings};

type Check = fn(&Seen) -> Judged;

const fn control(id: u8, title: &'static str, check: Check, advice: &'static str) -> Control {
    Control {
        id,
        title,
        check: Some(check),
        advice,
    }
}

/// One that no object shows.
const fn by_hand(id: u8, title: &'static str, advice: &'static str) -> Control {
    Control {
        id,
        title,
        check: None,
        advice,
    }
}

pub const CONTROLS: [Control; 46] = [
    control(
        1,
        "the namespace enforces the restricted profile",
        pods::namespace_enforces,
        "kubectl label namespace NS pod-security.kubernetes.io/enforce=restricted",
    ),
    control(
        2,
        "pods satisfy the restricted profile",
        pods::restricted,
        "find out who changed the StatefulSet: the operator writes none like this",
    ),
    control(
        3,
        "root file systems are read-only",
        pods::read_only_root,
        "find out who changed the StatefulSet: the operator writes none like this",
    ),
    control(
        4,
        "pods run as an unprivileged user",
        pods::unprivileged_user,
        "find out who changed the StatefulSet: the operator writes none like this",
    ),
    control(5, "pods have user namespaces of their own", pods::user_namespaces, ""),
    control(
        6,
        "pods have no service account token",
        pods::no_token,
        "find out who adds it: an admission webhook, or a change by hand",
    ),
    control(
        7,
        "memory and local storage are limited",
        pods::limits,
        "set resources.limits of the pool",
    ),
    control(
        8,
        "images are pinned by digest",
        pods::digests,
        "set spec.image to …@sha256:…, and the chart's image.digest",
    ),
    by_hand(
        9,
        "images hold no shell and no package manager",
        "list the image's files; Kafka's own image has a shell, which its start script needs",
    ),
    control(
        10,
        "disruption budgets cover brokers and controllers",
        pods::budgets,
        "see what the operator's log says of PodDisruptionBudgets",
    ),
    control(
        11,
        "no failure domain holds most controllers",
        pods::spread,
        "spread the controllers: highAvailability.rack with three zones or more",
    ),
    control(
        12,
        "the operator's account is confined by admission",
        surroundings::jailed,
        "install the operator's chart with admissionPolicies.enabled=true",
    ),
    control(
        13,
        "no wildcard among the operator's rights",
        surroundings::no_wildcards,
        "find the Role that gives it: the chart has none like this",
    ),
    control(
        14,
        "the operator can't change anybody's rights",
        surroundings::no_roles,
        "find the Role that gives it: the chart has none like this",
    ),
    control(
        15,
        "the operator can't enter pods or act as others",
        surroundings::no_exec,
        "find the Role that gives it: the chart has none like this",
    ),
    control(
        16,
        "the operator can't list Secrets",
        surroundings::no_listing_of_secrets,
        "find the Role that gives it: the chart has none like this",
    ),
    by_hand(
        17,
        "the operator has no rights elsewhere",
        "kubectl auth can-i --list --as=system:serviceaccount:OPERATOR-NS:productionkafka -n kube-system; limit it with watchNamespaces",
    ),
    by_hand(
        18,
        "the operator has no right that it doesn't use",
        "compare kubectl auth can-i --list with the audit log of the API server",
    ),
    by_hand(
        19,
        "resources name nothing in other namespaces",
        "the definitions have no field for a namespace: kubectl get crd productionkafkas.productionkafka.dev -o yaml",
    ),
    by_hand(
        20,
        "dangerous configuration is refused",
        "kubectl apply --dry-run=server with such a key: the status says Stalled with the field's name",
    ),
    control(
        21,
        "the cluster and its data are protected from deletion",
        surroundings::protected,
        "set maintenance.deletionProtection to true",
    ),
    control(
        22,
        "the version has no published vulnerability",
        surroundings::version,
        "set spec.version to the one that the condition names",
    ),
    control(
        23,
        "no listener speaks plaintext",
        configuration::no_plaintext,
        "find out who changed the ConfigMap: the operator writes none like this",
    ),
    control(
        24,
        "TLS 1.2 or newer",
        configuration::tls_versions,
        "find out who changed the ConfigMap: the operator writes none like this",
    ),
    control(
        25,
        "internal listeners require a certificate",
        configuration::mutual_tls,
        "find out who changed the ConfigMap: the operator writes none like this",
    ),
    control(
        26,
        "host names are verified",
        configuration::host_names,
        "find out who changed the ConfigMap: the operator writes none like this",
    ),
    by_hand(
        27,
        "keys are strong and certificates for one purpose",
        "openssl s_client -connect HOST:PORT </dev/null | openssl x509 -noout -text",
    ),
    by_hand(
        28,
        "exactly the clients' authority is trusted",
        "connect with a certificate by another authority: the handshake must fail",
    ),
    control(
        29,
        "each key is mounted by one pod",
        pods::keys_of_one_pod,
        "find out who changed the StatefulSet: the operator writes none like this",
    ),
    by_hand(
        30,
        "nobody but the operator reads the authorities' keys",
        "kubectl auth can-i get secret/CLUSTER-cluster-ca --as=… for whoever has rights in the namespace",
    ),
    control(
        31,
        "certificates are valid and renewed in time",
        surroundings::certificates,
        "see docs/certificates.md",
    ),
    control(
        32,
        "no password in environment or arguments",
        pods::no_passwords,
        "find out who changed the StatefulSet: the operator writes none like this",
    ),
    control(
        33,
        "Kafka asks its authorizer",
        configuration::authorizer,
        "find out who changed the ConfigMap: the operator writes none like this",
    ),
    control(
        34,
        "what no access right allows is denied",
        configuration::deny_by_default,
        "find out who changed the ConfigMap: the operator writes none like this",
    ),
    control(
        35,
        "super users are the nodes and the operator",
        configuration::super_users,
        "take security.authorization.superUsers out, and give rights by KafkaUser",
    ),
    by_hand(
        36,
        "nobody else may change rights or settings",
        "kafka-acls.sh --list --cluster: only who should have Alter, AlterConfigs or ClusterAction",
    ),
    control(
        37,
        "no topics by accident, no unclean elections",
        configuration::creation_and_elections,
        "find out who changed the ConfigMap: the operator writes none like this",
    ),
    control(
        38,
        "acknowledged records are on two disks or more",
        configuration::durability,
        "set highAvailability.replicationFactor to 3 and minInSyncReplicas to 2",
    ),
    control(
        39,
        "login modules and configuration providers are limited",
        configuration::properties_of_java,
        "take tuning.jvm.options apart: something undoes what the operator sets",
    ),
    control(
        40,
        "connections and requests are limited",
        configuration::connection_limits,
        "find out who changed the ConfigMap: the operator writes none like this",
    ),
    control(
        41,
        "JMX isn't reachable",
        configuration::no_jmx,
        "take the JMX options out of tuning.jvm.options",
    ),
    control(
        42,
        "network policies close everything that isn't opened",
        surroundings::default_deny,
        "set security.networkPolicy.enabled to true, or keep policies of your own that select these pods",
    ),
    control(
        43,
        "volumes are encrypted at rest",
        surroundings::at_rest,
        "choose a StorageClass that shows it, or vouch for it: docs/security.md",
    ),
    control(
        44,
        "denied requests are logged",
        configuration::denials_are_logged,
        "find out who changed the ConfigMap: the operator writes none like this",
    ),
    by_hand(
        45,
        "images and dependencies are what they say",
        "verify signature and provenance of the image that you pinned",
    ),
    by_hand(
        46,
        "the operator itself is hardened",
        "kubectl get deployment productionkafka -o yaml: one port, read-only root, no privileges",
    ),
];
