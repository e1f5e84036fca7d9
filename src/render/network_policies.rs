//! NetworkPolicies: nothing in or out of the cluster's pods but these edges.
//!
//! | to | port | from |
//! |---|---|---|
//! | controllers | 9090 | this cluster's nodes, the operator |
//! | brokers | 9091 | this cluster's nodes, the operator, its ACL Jobs |
//! | brokers | client ports | the listener's `allowedPeers`; else every pod of the namespace, or anybody if it's exposed; the operator, which looks which certificate is shown |
//! | nodes | 9404 | any namespace (metrics) |
//! | DNS, own nodes' 9090 and 9091 | | nodes; ACL Jobs (9091) |
//! | JWKS endpoints of OAuth listeners, at any address | | brokers |

use super::labels::{self, Component};
use super::listener_properties::by_name;
use super::{Child, Kind};
use crate::model::{ClientAuth, ClientListener, Cluster, ClusterNames, ports};
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

pub(super) fn network_policies(cluster: &Cluster) -> Vec<Child> {
    if !cluster.security.network_policy {
        return Vec::new();
    }
    vec![
        nodes(cluster),
        controllers(cluster),
        brokers(cluster),
        acl_sync(cluster),
    ]
}

/// Selects every node for both directions, which denies all that no policy allows.
fn nodes(cluster: &Cluster) -> Child {
    let names = &cluster.names;
    let metrics = cluster
        .jmx_exporter
        .then(|| from(ports::METRICS, vec![any_namespace()]));
    let spec = NetworkPolicySpec {
        pod_selector: Some(labels::matching(labels::nodes_selector(names))),
        policy_types: Some(both_directions()),
        ingress: Some(metrics.into_iter().collect()),
        egress: Some(vec![
            dns(),
            to(&[ports::CONTROLLER, ports::REPLICATION], own_nodes(names)),
        ]),
    };
    policy(cluster, "nodes", spec)
}

fn controllers(cluster: &Cluster) -> Child {
    let names = &cluster.names;
    let peers = vec![own_nodes(names), operator()];
    let spec = NetworkPolicySpec {
        pod_selector: Some(labels::matching(labels::role_selector(names, labels::CONTROLLER))),
        policy_types: Some(vec!["Ingress".into()]),
        ingress: Some(vec![from(ports::CONTROLLER, peers)]),
        egress: None,
    };
    policy(cluster, "controllers", spec)
}

fn brokers(cluster: &Cluster) -> Child {
    let names = &cluster.names;
    let peers = vec![
        own_nodes(names),
        pods(labels::component_selector(names, Component::AclSync)),
        operator(),
    ];
    let mut ingress = vec![from(ports::REPLICATION, peers)];
    ingress.extend(by_name(cluster).into_iter().map(clients));
    let egress: Vec<NetworkPolicyEgressRule> = by_name(cluster).into_iter().filter_map(authorities).collect();
    let spec = NetworkPolicySpec {
        pod_selector: Some(labels::matching(labels::role_selector(names, labels::BROKER))),
        policy_types: Some(if egress.is_empty() {
            vec!["Ingress".into()]
        } else {
            both_directions()
        }),
        ingress: Some(ingress),
        egress: Some(egress).filter(|egress| !egress.is_empty()),
    };
    policy(cluster, "brokers", spec)
}

fn acl_sync(cluster: &Cluster) -> Child {
    let names = &cluster.names;
    let selector = labels::component_selector(names, Component::AclSync);
    let spec = NetworkPolicySpec {
        pod_selector: Some(labels::matching(selector)),
        policy_types: Some(both_directions()),
        ingress: Some(Vec::new()),
        egress: Some(vec![dns(), to(&[ports::REPLICATION], own_nodes(names))]),
    };
    policy(cluster, "acl-sync", spec)
}

/// Whom brokers ask about clients, wherever they are. Tickets of Kerberos are checked by the broker's own key.
fn authorities(listener: &ClientListener) -> Option<NetworkPolicyEgressRule> {
    let ClientAuth::OAuth(oauth) = &listener.authentication else {
        return None;
    };
    Some(NetworkPolicyEgressRule {
        to: None,
        ports: Some(vec![tcp(port_of(&oauth.jwks_endpoint))]),
    })
}

/// Port of an `https` address.
fn port_of(url: &str) -> i32 {
    let authority = url
        .trim_start_matches("https://")
        .split(['/', '?'])
        .next()
        .unwrap_or_default();
    let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    port.unwrap_or(443)
}

fn clients(listener: &ClientListener) -> NetworkPolicyIngressRule {
    let mut given: Vec<NetworkPolicyPeer> = listener
        .allowed_peers
        .iter()
        .map(|peer| NetworkPolicyPeer {
            pod_selector: peer.pod_selector.clone(),
            namespace_selector: peer.namespace_selector.clone(),
            ip_block: None,
        })
        .collect();
    if given.is_empty() && listener.is_exposed() {
        // Traffic from outside comes from machines or addresses that no selector finds.
        return NetworkPolicyIngressRule {
            from: None,
            ports: Some(vec![tcp(listener.port)]),
        };
    }
    if given.is_empty() {
        let whole_namespace = NetworkPolicyPeer {
            pod_selector: Some(LabelSelector::default()),
            ..NetworkPolicyPeer::default()
        };
        given.push(whole_namespace);
    }
    given.push(operator());
    from(listener.port, given)
}

fn policy(cluster: &Cluster, of: &str, spec: NetworkPolicySpec) -> Child {
    let name = format!("{}-{of}", cluster.names.cluster);
    let object = NetworkPolicy {
        metadata: labels::owned(cluster, &name, labels::labels(&cluster.names, Component::Node)),
        spec: Some(spec),
    };
    Child::new(Kind::NetworkPolicy, &name, &object)
}

fn both_directions() -> Vec<String> {
    vec!["Ingress".into(), "Egress".into()]
}

fn pods(selector: std::collections::BTreeMap<String, String>) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        pod_selector: Some(labels::matching(selector)),
        ..NetworkPolicyPeer::default()
    }
}

fn own_nodes(names: &ClusterNames) -> NetworkPolicyPeer {
    pods(labels::nodes_selector(names))
}

/// The operator's pods, in whatever namespace it was installed. Who can label pods so elsewhere reaches the port, but
/// has no certificate of the cluster CA.
fn operator() -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector::default()),
        ..pods(labels::operator_selector())
    }
}

fn any_namespace() -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector::default()),
        ..NetworkPolicyPeer::default()
    }
}

fn from(port: i32, peers: Vec<NetworkPolicyPeer>) -> NetworkPolicyIngressRule {
    NetworkPolicyIngressRule {
        from: Some(peers),
        ports: Some(vec![tcp(port)]),
    }
}

fn to(numbers: &[i32], peer: NetworkPolicyPeer) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule {
        to: Some(vec![peer]),
        ports: Some(numbers.iter().copied().map(tcp).collect()),
    }
}

/// To any address: a node-local cache is no pod. 5353 is where OpenShift's DNS pods listen behind their Service.
fn dns() -> NetworkPolicyEgressRule {
    let both = |number| [port("UDP", number), port("TCP", number)];
    NetworkPolicyEgressRule {
        to: None,
        ports: Some([both(53), both(5353)].concat()),
    }
}

fn tcp(number: i32) -> NetworkPolicyPort {
    port("TCP", number)
}

fn port(protocol: &str, number: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(number)),
        protocol: Some(protocol.to_owned()),
        end_port: None,
    }
}
