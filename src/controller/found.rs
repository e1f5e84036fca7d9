//! Reads what Kubernetes has assigned to Services. A Service is read again only when the watch has told of a change.

use super::context::Context;
use super::error::PassError;
use super::ledger::ObjectKey;
use super::memory::Memory;
use super::pods::PodFact;
use super::{apply, delegation, listener_files, routes};
use crate::api::{ExposureType, NodeAddressType};
use crate::model::{Address, ClientAuth, ClientListener, Cluster, Found, Identity, Node, with_port};
use crate::render::Kind;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// Brokers that clients of a Kerberos listener are told of at first.
const FIRST_BROKERS: usize = 5;

/// What's remembered between passes.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Services with the version at which they were read.
    services: HashMap<String, (String, Value)>,
    files: listener_files::Known,
    routes: routes::Known,
    delegation: delegation::Known,
}

/// Looks, and keeps the files of listeners.
pub async fn ensure(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    (pods, memory): (&[PodFact], &mut Memory),
) -> Result<Found, PassError> {
    let mut known = std::mem::take(&mut memory.found);
    let found = addresses(context, cluster, identity, (pods, &mut known)).await;
    let files = listener_files::ensure(context, cluster, (pods, &mut known.files)).await;
    let routes = routes::ensure(context, cluster, identity, &mut known.routes).await;
    let delegation_key = delegation::ensure(context, cluster, (pods, &mut known.delegation)).await;
    memory.found = known;
    let (mut found, files, routes) = (found?, files?, routes?);
    found.delegation_key = delegation_key?;
    by_routes(&mut found, cluster, identity, routes);
    found.listener_files = files.mark;
    found.authorities = files.authorities;
    found.own_serials = files.serials;
    Ok(found)
}

/// Looks, and changes nothing.
pub async fn look(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    pods: &[PodFact],
) -> Result<Found, PassError> {
    let mut found = addresses(context, cluster, identity, (pods, &mut Known::default())).await?;
    by_routes(
        &mut found,
        cluster,
        identity,
        routes::look(context, cluster, identity).await?,
    );
    let key = pods.iter().find_map(|pod| pod.delegation_key.clone());
    found.delegation_key = key.filter(|_| cluster.security.delegation_tokens.is_some());
    let running = pods.iter().find_map(|pod| pod.listener_files.clone());
    found.listener_files = running.filter(|_| listener_files::any(cluster));
    Ok(found)
}

async fn addresses(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    (pods, known): (&[PodFact], &mut Known),
) -> Result<Found, PassError> {
    let mut found = Found::default();
    let nodes = cluster.nodes(identity);
    let brokers: Vec<&Node<'_>> = nodes.iter().filter(|node| node.roles.broker).collect();
    let mut read = HashMap::new();
    for listener in cluster.listeners.iter().filter(|listener| listener.is_exposed()) {
        if listener.exposure.kind == ExposureType::Gateway {
            continue;
        }
        if listener.exposure.kind != ExposureType::NodePort {
            let name = cluster.names.bootstrap_service(&listener.name);
            if let Some((version, service)) = service(context, cluster, &name, known).await? {
                to_bootstrap(&mut found, listener, address(listener, &service, None));
                read.insert(name, (version, service));
            }
        }
        for node in &brokers {
            let name = cluster.names.broker_service(&listener.name, node.id);
            let Some((version, service)) = self::service(context, cluster, &name, known).await? else {
                continue;
            };
            if let Some(address) = address(listener, &service, machine(listener, node, pods)) {
                found.brokers.insert((listener.name.clone(), node.id), address);
            }
            read.insert(name, (version, service));
        }
        if listener.exposure.kind == ExposureType::NodePort {
            by_machines(&mut found, listener);
        }
    }
    known.services = read;
    for listener in &cluster.listeners {
        if matches!(listener.authentication, ClientAuth::Kerberos(_)) {
            by_own_names(&mut found, listener, &brokers);
        }
    }
    Ok(found)
}

/// What a Gateway has taken is where its own routes say.
fn by_routes(found: &mut Found, cluster: &Cluster, identity: &Identity, accepted: Option<BTreeSet<String>>) {
    found.no_routes = accepted.is_none();
    let accepted = accepted.unwrap_or_default();
    for listener in &cluster.listeners {
        let Some(gateway) = &listener.exposure.gateway else {
            continue;
        };
        if accepted.contains(&cluster.names.bootstrap_service(&listener.name)) {
            let host = Some(gateway.bootstrap_host());
            to_bootstrap(
                found,
                listener,
                Some(Address {
                    host,
                    port: gateway.port,
                }),
            );
        }
        for node in cluster.nodes(identity) {
            if accepted.contains(&cluster.names.broker_service(&listener.name, node.id)) {
                let host = Some(gateway.broker_host(node.id));
                let address = Address {
                    host,
                    port: gateway.port,
                };
                found.brokers.insert((listener.name.clone(), node.id), address);
            }
        }
    }
}

/// A ticket is for one broker's name: one for the name of a Service that leads to all of them would be refused.
fn by_own_names(found: &mut Found, listener: &ClientListener, brokers: &[&Node<'_>]) {
    let first = brokers.iter().take(FIRST_BROKERS);
    let servers: Vec<String> = first.map(|node| with_port(&node.names.host, listener.port)).collect();
    found.bootstrap.insert(listener.name.clone(), servers.join(","));
}

/// The Service, from memory while the watch tells of no other version.
async fn service(
    context: &Context,
    cluster: &Cluster,
    name: &str,
    known: &Known,
) -> Result<Option<(String, Value)>, PassError> {
    let key = ObjectKey::new(Kind::Service, &cluster.names.namespace, name);
    let version = context.stores.child(&key).map(|child| child.resource_version);
    if let (Some((at, service)), Some(version)) = (known.services.get(name), &version)
        && at == version
    {
        return Ok(Some((at.clone(), service.clone())));
    }
    let object = apply::get(context, &key).await?;
    Ok(object.map(|object| (object.metadata.resource_version.unwrap_or_default(), object.data)))
}

/// Where a broker's Service is reached; `None`: nowhere yet.
fn address(listener: &ClientListener, service: &Value, machine: Option<String>) -> Option<Address> {
    let text = |path: &str| service.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let of = |host: Option<String>, port| Some(Address { host, port });
    match listener.exposure.kind {
        ExposureType::ClusterIP => of(Some(text("/spec/clusterIP")?), listener.port),
        ExposureType::NodePort => {
            let port = service.pointer("/spec/ports/0/nodePort").and_then(Value::as_i64)?;
            of(machine, i32::try_from(port).ok()?)
        }
        ExposureType::LoadBalancer => {
            let host =
                text("/status/loadBalancer/ingress/0/ip").or_else(|| text("/status/loadBalancer/ingress/0/hostname"));
            of(Some(host?), listener.port)
        }
        ExposureType::Internal | ExposureType::Gateway => None,
    }
}

/// Any broker answers there, so every certificate holds it.
fn to_bootstrap(found: &mut Found, listener: &ClientListener, address: Option<Address>) {
    let Some(Address { host: Some(host), port }) = address else {
        return;
    };
    let name = &listener.name;
    found.bootstrap.insert(name.clone(), with_port(&host, port));
    found.bootstrap_hosts.insert(name.clone(), vec![host]);
}

/// Each broker at its own port of its own machine: a port of all brokers would lead to one that doesn't have the machine's
/// address in its certificate.
fn by_machines(found: &mut Found, listener: &ClientListener) {
    let own = found.brokers.iter().filter(|((name, _), _)| *name == listener.name);
    let servers: Vec<String> = own
        .filter_map(|(_, address)| Some(with_port(address.host.as_ref()?, address.port)))
        .collect();
    if !servers.is_empty() {
        found.bootstrap.insert(listener.name.clone(), servers.join(","));
    }
}

/// Of the pod that runs, where node ports lead to it.
fn machine(listener: &ClientListener, node: &Node<'_>, pods: &[PodFact]) -> Option<String> {
    let pod = pods.iter().find(|pod| pod.name == node.names.pod)?;
    match listener.exposure.node_port.clone().unwrap_or_default().address_type {
        NodeAddressType::InternalIP => pod.host_ip.clone(),
        NodeAddressType::Hostname => pod.machine.clone(),
    }
}
