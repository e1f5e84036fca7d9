//! TLSRoutes of listeners behind a Gateway: one per broker and one to find a first broker, each for a host name of its own. The
//! Gateway passes TLS through by that name, so what clients see is the broker's certificate.

use super::listener_properties::by_name;
use super::{Child, Kind, labels};
use crate::api::{ExposureType, Gateway};
use crate::model::{ClientListener, Cluster, Identity};
use serde_json::json;

/// All of them; empty without such a listener.
pub fn routes(cluster: &Cluster, identity: &Identity) -> Vec<Child> {
    let mut all = Vec::new();
    for listener in by_name(cluster) {
        let Some(gateway) = gateway(listener) else { continue };
        let first = cluster.names.bootstrap_service(&listener.name);
        all.push(route(cluster, listener, gateway, (&first, &gateway.bootstrap_host())));
        for node in cluster.nodes(identity).iter().filter(|node| node.roles.broker) {
            let name = cluster.names.broker_service(&listener.name, node.id);
            all.push(route(
                cluster,
                listener,
                gateway,
                (&name, &gateway.broker_host(node.id)),
            ));
        }
    }
    all
}

fn gateway(listener: &ClientListener) -> Option<&Gateway> {
    let gateway = listener.exposure.gateway.as_ref();
    gateway.filter(|_| listener.exposure.kind == ExposureType::Gateway)
}

/// It has the name of the Service that it leads to.
fn route(cluster: &Cluster, listener: &ClientListener, gateway: &Gateway, (name, host): (&str, &str)) -> Child {
    let mut parent = json!({"name": gateway.name});
    if let (Some(section), Some(parent)) = (&gateway.section_name, parent.as_object_mut()) {
        parent.insert("sectionName".into(), json!(section));
    }
    let kind = Kind::TLSRoute;
    let object = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.as_str(),
        "metadata": labels::owned(cluster, name, labels::labels(&cluster.names, labels::Component::Node)),
        "spec": {
            "parentRefs": [parent],
            "hostnames": [host],
            "rules": [{"backendRefs": [{"name": name, "port": listener.port}]}],
        },
    });
    Child::new(kind, name, &object)
}
