//! Services: one headless for the names of all nodes, one to find a controller, and one per client listener to find a first
//! broker; on listeners that are reached from elsewhere one more per broker.

use super::listener_properties::by_name;
use super::{Child, Kind, labels};
use crate::api::{ExposureType, TrafficPolicy};
use crate::model::{ClientListener, Cluster, Found, Identity, Node, ports};
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

pub(super) fn services(cluster: &Cluster, identity: &Identity) -> Vec<Child> {
    let mut all = vec![nodes(cluster), controllers(cluster)];
    let nodes = cluster.nodes(identity);
    let brokers: Vec<&Node<'_>> = nodes.iter().filter(|node| node.roles.broker).collect();
    for listener in by_name(cluster).into_iter().filter(|listener| listener.is_exposed()) {
        all.extend(brokers.iter().map(|node| broker(cluster, listener, node)));
    }
    all.extend(
        by_name(cluster)
            .into_iter()
            .map(|listener| bootstrap(cluster, listener)),
    );
    all
}

/// `host:port` for a client's `bootstrap.servers`: outside of the pods' network where the listener is reached from there, and
/// inside until it is.
pub fn bootstrap_servers(cluster: &Cluster, listener: &ClientListener, found: &Found) -> String {
    if let Some(outside) = found.bootstrap.get(&listener.name) {
        return outside.clone();
    }
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
        selector: Some(labels::role_selector(&cluster.names, labels::BROKER)),
        ports: Some(vec![port(&listener.name, listener.port)]),
        ..first(listener)
    };
    annotated(
        cluster,
        listener,
        &cluster.names.bootstrap_service(&listener.name),
        spec,
    )
}

/// It has its address before the pod is ready, for the pod has to advertise it.
fn broker(cluster: &Cluster, listener: &ClientListener, node: &Node<'_>) -> Child {
    let spec = ServiceSpec {
        publish_not_ready_addresses: Some(true),
        selector: Some(labels::node_selector(&cluster.names, node)),
        ports: Some(vec![port(&listener.name, listener.port)]),
        ..exposed(listener)
    };
    annotated(
        cluster,
        listener,
        &cluster.names.broker_service(&listener.name, node.id),
        spec,
    )
}

/// By node ports clients find a first broker at its own.
fn first(listener: &ClientListener) -> ServiceSpec {
    match listener.exposure.kind {
        ExposureType::NodePort => ServiceSpec {
            type_: Some("ClusterIP".into()),
            ..ServiceSpec::default()
        },
        _ => exposed(listener),
    }
}

/// What follows from where the listener is reached from. Ports and addresses are Kubernetes' to give.
fn exposed(listener: &ClientListener) -> ServiceSpec {
    let exposure = &listener.exposure;
    let policy = |policy: TrafficPolicy| Some(format!("{policy:?}"));
    match exposure.kind {
        ExposureType::Internal | ExposureType::ClusterIP | ExposureType::Gateway => ServiceSpec {
            type_: Some("ClusterIP".into()),
            ..ServiceSpec::default()
        },
        ExposureType::NodePort => ServiceSpec {
            type_: Some("NodePort".into()),
            external_traffic_policy: policy(exposure.node_port.clone().unwrap_or_default().external_traffic_policy),
            ..ServiceSpec::default()
        },
        ExposureType::LoadBalancer => {
            let balancer = exposure.load_balancer.clone().unwrap_or_default();
            ServiceSpec {
                type_: Some("LoadBalancer".into()),
                external_traffic_policy: policy(balancer.external_traffic_policy),
                load_balancer_class: balancer.class,
                load_balancer_source_ranges: Some(balancer.source_ranges).filter(|ranges| !ranges.is_empty()),
                ..ServiceSpec::default()
            }
        }
    }
}

fn annotated(cluster: &Cluster, listener: &ClientListener, name: &str, spec: ServiceSpec) -> Child {
    let mut child = service(cluster, name, spec);
    let balancer = listener.exposure.load_balancer.iter();
    for (key, value) in balancer.flat_map(|balancer| &balancer.annotations) {
        child.annotate(key, value);
    }
    child
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
