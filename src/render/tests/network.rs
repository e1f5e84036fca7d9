//! Who reaches whom, proven from the rendered policies by a small evaluator over the labels of rendered pods: every needed edge is
//! open, every other is closed, for every pair of pods and every port.

use super::*;
use serde_json::json;
use std::collections::BTreeMap;

/// A pod somewhere.
#[derive(Clone)]
struct Peer {
    name: &'static str,
    namespace: &'static str,
    labels: BTreeMap<String, String>,
}

fn peer(name: &'static str, namespace: &'static str, labels: &[(&str, &str)]) -> Peer {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Peer {
        name,
        namespace,
        labels: labels.iter().map(own).collect(),
    }
}

fn namespace_labels(namespace: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), namespace.to_owned())])
}

fn labels_of(children: &[Child], kind: &str, label: (&str, &str)) -> BTreeMap<String, String> {
    let templates = children
        .iter()
        .filter(|child| child.body["kind"] == kind)
        .map(|child| &child.body["spec"]["template"]["metadata"]["labels"]);
    let mut found = templates.filter(|labels| labels[label.0] == label.1);
    serde_json::from_value(found.next().unwrap().clone()).unwrap()
}

fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    let wanted = selector["matchLabels"].as_object().into_iter().flatten();
    assert!(
        selector.get("matchExpressions").is_none(),
        "the evaluator doesn't know expressions"
    );
    wanted
        .into_iter()
        .all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str())
}

fn is_peer(rule: &Value, pod: &Peer, policy_namespace: &str) -> bool {
    assert!(rule.get("ipBlock").is_none());
    let in_namespace = match rule.get("namespaceSelector") {
        Some(selector) => selects(selector, &namespace_labels(pod.namespace)),
        None => pod.namespace == policy_namespace,
    };
    in_namespace
        && rule
            .get("podSelector")
            .is_none_or(|selector| selects(selector, &pod.labels))
}

fn opens(rule: &Value, side: &str, other: &Peer, (port, namespace): (i64, &str)) -> bool {
    let ports = rule["ports"].as_array();
    let on_port = ports.is_none_or(|ports| ports.iter().any(|one| one["port"] == port && one["protocol"] == "TCP"));
    let peers = rule[side].as_array();
    on_port && peers.is_none_or(|peers| peers.iter().any(|peer| is_peer(peer, other, namespace)))
}

/// Kubernetes' rule: a direction that some policy selects is closed but for what any of those policies opens.
fn passes(policies: &[Value], direction: (&str, &str, &str), (own, other): (&Peer, &Peer), port: i64) -> bool {
    let (kind, rules, side) = direction;
    let mut of_own = policies
        .iter()
        .filter(|policy| policy["metadata"]["namespace"] == own.namespace)
        .filter(|policy| selects(&policy["spec"]["podSelector"], &own.labels))
        .filter(|policy| policy["spec"]["policyTypes"].as_array().unwrap().contains(&json!(kind)))
        .peekable();
    of_own.peek().is_none()
        || of_own.any(|policy| {
            let rules = policy["spec"][rules].as_array().into_iter().flatten();
            let at = (port, policy["metadata"]["namespace"].as_str().unwrap());
            rules.into_iter().any(|rule| opens(rule, side, other, at))
        })
}

fn reaches(policies: &[Value], from: &Peer, to: &Peer, port: i64) -> bool {
    passes(policies, ("Egress", "egress", "to"), (from, to), port)
        && passes(policies, ("Ingress", "ingress", "from"), (to, from), port)
}

fn judge(world: &World, apart: &[Peer], needed: &[(&str, &str, i64)]) {
    let mut children = world.children();
    children.push(demo_acl_job_child());
    let namespace: &'static str = Box::leak(world.cluster.names.namespace.clone().into_boxed_str());
    let own = |name: &'static str, kind: &str, label: (&str, &str)| Peer {
        name,
        namespace,
        labels: labels_of(&children, kind, label),
    };
    let mut pods = vec![
        own("controller", "StatefulSet", (labels::CONTROLLER, "true")),
        own("broker", "StatefulSet", (labels::BROKER, "true")),
        own("job", "Job", (labels::CLUSTER, "orders")),
        Peer {
            name: "operator",
            namespace: "operators",
            labels: labels::operator_selector(),
        },
        peer("neighbour", namespace, &[("app", "billing")]),
        peer("stranger", "elsewhere", &[("app", "billing")]),
    ];
    pods.extend(apart.iter().cloned());
    let policies: Vec<Value> = children
        .iter()
        .filter(|child| child.kind == Kind::NetworkPolicy)
        .map(|child| child.body.clone())
        .collect();
    let mut wrong = Vec::new();
    for from in &pods {
        for to in pods
            .iter()
            .filter(|to| ["controller", "broker", "job"].contains(&to.name))
        {
            for port in [9090, 9091, 9092, 9093, 9404, 22, 7, 5005] {
                let open = reaches(&policies, from, to, port);
                if open != needed.contains(&(from.name, to.name, port)) {
                    wrong.push(format!("{} -> {}:{port} open: {open}", from.name, to.name));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

fn demo_acl_job_child() -> Child {
    let of_job = demo_acl_job();
    of_job.into_iter().find(|child| child.kind == Kind::Job).unwrap()
}

/// Among nodes, from the operator and Jobs: whatever listeners are.
const INTERNAL: &[(&str, &str, i64)] = &[
    ("controller", "controller", 9090),
    ("broker", "controller", 9090),
    ("operator", "controller", 9090),
    ("controller", "broker", 9091),
    ("broker", "broker", 9091),
    ("job", "broker", 9091),
    ("operator", "broker", 9091),
    ("neighbour", "controller", 9404),
    ("stranger", "controller", 9404),
    ("operator", "controller", 9404),
    ("neighbour", "broker", 9404),
    ("stranger", "broker", 9404),
    ("operator", "broker", 9404),
];

fn client_ports(world: &World) -> Vec<i64> {
    let listeners = world.cluster.listeners.iter();
    listeners.map(|listener| i64::from(listener.port)).collect()
}

#[test]
fn every_needed_edge_is_open_and_every_other_is_closed() {
    let world = World::of(valid_cluster());
    let mut needed = INTERNAL.to_vec();
    for port in client_ports(&world) {
        needed.extend([("neighbour", "broker", port), ("operator", "broker", port)]);
    }
    judge(&world, &[], &needed);
}

#[test]
fn a_listener_with_peers_is_open_to_them_alone() {
    let mut world = World::of(valid_cluster());
    let peers: Vec<crate::api::NetworkPeer> = serde_json::from_value(json!([
        {"podSelector": {"matchLabels": {"app": "billing"}}, "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}},
        {"podSelector": {"matchLabels": {"app": "shop"}}},
    ]))
    .unwrap();
    for listener in &mut world.cluster.listeners {
        listener.allowed_peers.clone_from(&peers);
    }
    let mut needed = INTERNAL.to_vec();
    for port in client_ports(&world) {
        needed.extend([
            ("stranger", "broker", port),
            ("shop", "broker", port),
            ("operator", "broker", port),
        ]);
    }
    let namespace: &'static str = Box::leak(world.cluster.names.namespace.clone().into_boxed_str());
    needed.extend([("shop", "broker", 9404), ("shop", "controller", 9404)]);
    judge(&world, &[peer("shop", namespace, &[("app", "shop")])], &needed);
}
