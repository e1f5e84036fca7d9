//! Reads what Kubernetes has assigned to Services, and keeps the users of SASL/PLAIN in a form that brokers read. A Service is read
//! again only when the watch has told of a change.

use super::context::Context;
use super::error::PassError;
use super::ledger::ObjectKey;
use super::memory::Memory;
use super::pods::PodFact;
use super::trust::SecretData;
use super::{apply, secrets};
use crate::api::{ExposureType, NodeAddressType};
use crate::model::{Address, ClientAuth, ClientListener, Cluster, Found, Identity, Node};
use crate::render::{self, Kind};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

/// How often a Secret of others is read.
const AGAIN: Duration = Duration::from_mins(1);
const JAAS: &str = "jaas.conf";
const SALT: &str = "salt";

/// What's remembered between passes.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Services with the version at which they were read.
    services: HashMap<String, (String, Value)>,
    plain: Option<(Timestamp, SecretData)>,
}

/// Looks, and keeps the users of SASL/PLAIN.
pub async fn ensure(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    (pods, memory): (&[PodFact], &mut Memory),
) -> Result<Found, PassError> {
    let mut known = std::mem::take(&mut memory.found);
    let found = addresses(context, cluster, identity, (pods, &mut known)).await;
    let plain = plain_users(context, cluster, &mut known).await;
    memory.found = known;
    let mut found = found?;
    found.plain_users = plain?;
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
    let running = pods.iter().find_map(|pod| pod.plain_users.clone());
    found.plain_users = running.filter(|_| sources(cluster).next().is_some());
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
    Ok(found)
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

fn with_port(host: &str, port: i32) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
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

/// Listeners with SASL/PLAIN and the Secret of each.
fn sources(cluster: &Cluster) -> impl Iterator<Item = (&str, &str)> {
    cluster
        .listeners
        .iter()
        .filter_map(|listener| match &listener.authentication {
            ClientAuth::Plain(plain) => Some((listener.name.as_str(), plain.secret_name.as_str())),
            _ => None,
        })
}

/// Keeps the users as a JAAS file; returns what changes with them. A Secret that has gone leaves what brokers have.
async fn plain_users(context: &Context, cluster: &Cluster, known: &mut Known) -> Result<Option<String>, PassError> {
    if sources(cluster).next().is_none() {
        known.plain = None;
        return Ok(None);
    }
    let now = context.now();
    let is_new = |at: &Timestamp| Duration::try_from(now.duration_since(*at)).is_ok_and(|age| age < AGAIN);
    let data = match known.plain.take() {
        Some((at, data)) if is_new(&at) => {
            known.plain = Some((at, data.clone()));
            data
        }
        before => {
            let data = read_users(context, cluster, before.map(|(_, data)| data)).await?;
            known.plain = Some((now, data.clone()));
            data
        }
    };
    let wish = render::plain_users_secret(cluster, &data.0).into();
    secrets::keep(context, &cluster.names, &wish).await?;
    let text = |key: &str| data.0.get(key).map(String::as_str).unwrap_or_default();
    Ok(Some(render::hash_of(
        format!("{}{}", text(SALT), text(JAAS)).as_bytes(),
    )))
}

async fn read_users(context: &Context, cluster: &Cluster, before: Option<SecretData>) -> Result<SecretData, PassError> {
    let namespace = &cluster.names.namespace;
    let before = match before {
        Some(before) => Some(before),
        None => secrets::read(context, namespace, &cluster.names.plain_users()).await?,
    };
    let mut sections = String::new();
    for (listener, secret) in sources(cluster) {
        let Some(SecretData(users)) = secrets::read(context, namespace, secret).await? else {
            tracing::warn!(
                listener,
                secret,
                "the Secret with the users of SASL/PLAIN is gone; brokers keep those they have"
            );
            return before.ok_or_else(|| PassError::Content {
                kind: "Secret",
                namespace: namespace.clone(),
                name: secret.to_owned(),
                problem: "it's gone".into(),
            });
        };
        sections.push_str(&section(listener, &users));
    }
    let salt = before
        .and_then(|SecretData(mut data)| data.remove(SALT))
        .filter(|salt| !salt.is_empty());
    let salt = match salt {
        Some(salt) => salt,
        None => fresh(context)?,
    };
    let texts = BTreeMap::from([(JAAS.to_owned(), sections), (SALT.to_owned(), salt)]);
    Ok(SecretData(texts))
}

fn fresh(context: &Context) -> Result<String, PassError> {
    let mut bytes = [0_u8; 32];
    if (context.world.random)(&mut bytes) {
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    } else {
        Err(PassError::Randomness)
    }
}

/// A section of a JAAS file (`<listener>.KafkaServer`); quotes and backslashes of a password are escaped.
fn section(listener: &str, users: &BTreeMap<String, String>) -> String {
    let module = "org.apache.kafka.common.security.plain.PlainLoginModule";
    let mut text = format!("{listener}.KafkaServer {{\n  {module} required");
    for (user, password) in users {
        let password = password.trim_end_matches(['\n', '\r']);
        let quoted = password.replace('\\', "\\\\").replace('"', "\\\"");
        let _ = write!(text, "\n  user_{user}=\"{quoted}\"");
    }
    text.push_str(";\n};\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_quoted_and_end_where_their_line_does() {
        let users = BTreeMap::from([
            ("a".to_owned(), "x\"y\\z\n".to_owned()),
            ("b.c".to_owned(), "1; }".to_owned()),
        ]);
        let text = section("plain", &users);
        assert_eq!(
            text,
            "plain.KafkaServer {\n  org.apache.kafka.common.security.plain.PlainLoginModule required\n  user_a=\"x\\\"y\\\\z\"\n  user_b.c=\"1; }\";\n};\n"
        );
    }
}
