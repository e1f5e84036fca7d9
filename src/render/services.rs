//! Services: one headless for the names of all nodes, one to find a controller, and one per client listener to find a first
//! broker.

use super::listener_properties::by_name;
use super::{Child, Kind, labels};
use crate::model::{ClientListener, Cluster, ports};
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

pub(super) fn services(cluster: &Cluster) -> Vec<Child> {
    let mut all = vec![nodes(cluster), controllers(cluster)];
    all.extend(
        by_name(cluster)
            .into_iter()
            .map(|listener| bootstrap(cluster, listener)),
    );
    all
}

/// `host:port` for a client's `bootstrap.servers`.
pub fn bootstrap_servers(cluster: &Cluster, listener: &ClientListener) -> String {
    format!("{}:{}", cluster.names.bootstrap_host(&listener.name), listener.port)
}

/// Names resolve before a pod is ready: a quorum can't form otherwise, for no controller is ready without one.
fn nodes(cluster: &Cluster) -> Child {
    let mut ports = vec![
        port("controller", ports::CONTROLLER),
        port("replication", ports::REPLICATION),
    ];
    ports.extend(by_name(cluster).iter().map(|l| port(&l.name, l.port)));
    if cluster.jmx_exporter {
        ports.push(port("metrics", ports::METRICS));
    }
    let spec = ServiceSpec {
        cluster_ip: Some("None".into()),
        publish_not_ready_addresses: Some(true),
        selector: Some(labels::nodes_selector(&cluster.names)),
        ports: Some(ports),
        ..ServiceSpec::default()
    };
    service(cluster, &cluster.names.nodes_service(), spec)
}

/// A broker whose controller is gone asks those that its configuration named when it started, and never the voters that it
/// has learnt of (KIP-853): once all of these are replaced, it finds no controller ever again. This name outlives them.
fn controllers(cluster: &Cluster) -> Child {
    let spec = ServiceSpec {
        type_: Some("ClusterIP".into()),
        selector: Some(labels::role_selector(&cluster.names, labels::CONTROLLER)),
        ports: Some(vec![port("controller", ports::CONTROLLER)]),
        ..ServiceSpec::default()
    };
    service(cluster, &cluster.names.controllers_service(), spec)
}

fn bootstrap(cluster: &Cluster, listener: &ClientListener) -> Child {
    let spec = ServiceSpec {
        type_: Some("ClusterIP".into()),
        selector: Some(labels::role_selector(&cluster.names, labels::BROKER)),
        ports: Some(vec![port(&listener.name, listener.port)]),
        ..ServiceSpec::default()
    };
    service(cluster, &cluster.names.bootstrap_service(&listener.name), spec)
}

fn service(cluster: &Cluster, name: &str, spec: ServiceSpec) -> Child {
    let all = labels::labels(&cluster.names, labels::Component::Node);
    let object = Service {
        metadata: labels::owned(cluster, name, all),
        spec: Some(spec),
        status: None,
    };
    Child::new(Kind::Service, name, &object)
}

fn port(name: &str, number: i32) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number,
        target_port: Some(IntOrString::Int(number)),
        protocol: Some("TCP".into()),
        ..ServicePort::default()
    }
}
