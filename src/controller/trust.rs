//! The certificates of a cluster: two authorities, one leaf per node, the operator's and the ACL Job's own.
//!
//! Leaves are renewed when `pki::decide` says so; without their authority they stay as they are. Keys are made off the
//! async threads.

mod stored;
mod users;

pub use stored::{Stored, read};
pub use users::user_leaf;

use super::apply::{self, Wish};
use super::authority::{self, Authority};
use super::context::Context;
use super::error::PassError;
use super::ledger::ObjectKey;
use super::memory::Memory;
use super::secrets;
use crate::api::KeyAlgorithm as Algorithm;
use crate::kafka::secret::Secret;
use crate::kafka::tls::ClientIdentity;
use crate::model::{ClientListener, Cluster, Found, Identity, Roles};
use crate::pki::{
    CertificateAuthority, ExistingLeaf, KeyAlgorithm, LeafDecision, LeafRequest, PkiError, SecretPem, Usages, decide,
    inspect, issue,
};
use crate::render::{self, Kind};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Organisation in every certificate; part of the super users' principals, which no client certificate can carry.
pub(super) const ORGANISATION: &str = "productionkafka";

/// Authorities in the Secrets of leaves.
pub(super) const CA: &str = "ca.crt";
pub(super) const CLUSTER_CA: &str = "cluster-ca.crt";
pub(super) const CLIENTS_CA: &str = "clients-ca.crt";

/// One Secret's data; Debug shows the keys only.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretData(pub BTreeMap<String, String>);

impl std::fmt::Debug for SecretData {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// A leaf as it's stored.
#[derive(Clone, Debug)]
pub struct StoredLeaf {
    pub data: SecretData,
    pub serial: String,
    pub not_after: jiff::Timestamp,
}

/// Everything the cluster trusts and shows.
#[derive(Clone, Debug)]
pub struct Trust {
    pub cluster_ca: Authority,
    pub clients_ca: Authority,
    /// Leaves by name of their Secret.
    pub leaves: BTreeMap<String, StoredLeaf>,
    /// Serial of each node's certificate.
    pub serials: BTreeMap<i32, String>,
    /// When each node's certificate ends.
    pub ends: BTreeMap<i32, jiff::Timestamp>,
    /// When the next leaf must be looked at.
    pub next: Option<jiff::Timestamp>,
    /// Cluster and nodes that all this is for. A node's names depend on what it is.
    made_for: (Cluster, Vec<(i32, Roles)>, Found),
    /// The Secrets that hold it.
    secrets: Vec<Wish>,
}

/// How a leaf lies in its Secret.
#[derive(Clone, Copy)]
enum Layout {
    Node,
    Client,
}

struct Wanted {
    secret: String,
    node: Option<i32>,
    layout: Layout,
    request: LeafRequest,
}

/// Brings authorities, leaves and their Secrets to what the cluster needs.
pub async fn ensure(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    memory: &mut Memory,
) -> Result<Arc<Trust>, PassError> {
    let known = memory.trust.clone();
    if let Some(known) = known
        .as_ref()
        .filter(|known| known.is_current(context.now(), cluster, (identity, &memory.assigned)))
    {
        write(context, cluster, known).await?;
        return Ok(Arc::clone(known));
    }
    let found = memory.assigned.clone();
    let wanted = wanted_leaves(cluster, identity, &found);
    let mut stored = stored_leaves(context, cluster, &wanted, known.as_deref()).await?;
    let (cluster_ca, clients_ca) = authority::both(context, cluster, identity, (known.as_deref(), &stored)).await?;
    let mut trust = Trust {
        cluster_ca,
        clients_ca,
        leaves: BTreeMap::new(),
        serials: BTreeMap::new(),
        ends: BTreeMap::new(),
        next: None,
        made_for: (cluster.clone(), nodes(cluster, identity), found),
        secrets: Vec::new(),
    };
    for wanted in wanted {
        let stored = stored.remove(&wanted.secret);
        let Some((leaf, until)) = leaf(context, cluster, &trust, &wanted, stored).await? else {
            continue;
        };
        trust.next = Some(trust.next.map_or(until, |next| next.min(until)));
        if let Some(id) = wanted.node {
            trust.serials.insert(id, leaf.serial.clone());
            trust.ends.insert(id, leaf.not_after);
        }
        trust.leaves.insert(wanted.secret, leaf);
    }
    trust.secrets = secrets_of(cluster, identity, &trust);
    let trust = Arc::new(trust);
    // Remembered before it's written: a Secret that can't be written now is written with the same content later.
    memory.trust = Some(Arc::clone(&trust));
    write(context, cluster, &trust).await?;
    Ok(trust)
}

async fn write(context: &Context, cluster: &Cluster, trust: &Trust) -> Result<(), PassError> {
    let all = trust.secrets.iter();
    let work: Vec<_> = all
        .map(|secret| secrets::keep(context, &cluster.names, secret))
        .collect();
    apply::side_by_side(work).await?;
    Ok(())
}

fn secrets_of(cluster: &Cluster, identity: &Identity, trust: &Trust) -> Vec<Wish> {
    let names = &cluster.names;
    let mut secrets = Vec::new();
    if let Some(ca) = trust.cluster_ca.whole() {
        secrets.push(render::cluster_ca_secret(names, &authority::texts(ca)));
    }
    if let Some(ca) = trust.clients_ca.whole() {
        secrets.push(render::clients_ca_secret(names, &authority::texts(ca)));
    }
    if let Some(public) = trust.cluster_ca.cert_pem() {
        let public = BTreeMap::from([("ca.crt".to_owned(), public.to_owned())]);
        secrets.push(render::cluster_ca_cert_secret(cluster, &public));
    }
    let texts = |name: &str| trust.leaves.get(name).map(|leaf| &leaf.data.0);
    secrets.extend(texts(&names.operator_tls()).map(|texts| render::operator_tls_secret(cluster, texts)));
    secrets.extend(texts(&names.acl_sync_tls()).map(|texts| render::acl_sync_tls_secret(cluster, texts)));
    for node in cluster.nodes(identity) {
        let texts = texts(&node.names.tls_secret);
        secrets.extend(texts.map(|texts| render::node_tls_secret(cluster, &node, texts)));
    }
    secrets.into_iter().map(Wish::from).collect()
}

/// The leaves that there are, from memory or else read live, by name of their Secret.
async fn stored_leaves(
    context: &Context,
    cluster: &Cluster,
    wanted: &[Wanted],
    known: Option<&Trust>,
) -> Result<BTreeMap<String, StoredLeaf>, PassError> {
    let of = async |wanted: &Wanted| {
        let leaf = known.and_then(|trust| trust.leaves.get(&wanted.secret)).cloned();
        let leaf = match leaf {
            Some(leaf) => Some(leaf),
            None => read_leaf(context, cluster, wanted).await?,
        };
        Ok(leaf.map(|leaf| (wanted.secret.clone(), leaf)))
    };
    let leaves = apply::side_by_side(wanted.iter().map(of).collect()).await?;
    Ok(leaves.into_iter().flatten().collect())
}

fn nodes(cluster: &Cluster, identity: &Identity) -> Vec<(i32, Roles)> {
    let nodes = cluster.nodes(identity);
    nodes.iter().map(|node| (node.id, node.roles)).collect()
}

fn wanted_leaves(cluster: &Cluster, identity: &Identity, found: &Found) -> Vec<Wanted> {
    let request = |common_name: &str, usages: Usages, dns_names: Vec<String>| LeafRequest {
        common_name: common_name.to_owned(),
        organisation: Some(ORGANISATION.to_owned()),
        dns_names,
        ip_addresses: Vec::new(),
        usages,
        algorithm: algorithm(cluster.security.key_algorithm),
        lifetime: cluster.security.leaf_lifetime,
    };
    let names = &cluster.names;
    let client = |secret: String, common_name: &str| Wanted {
        secret,
        node: None,
        layout: Layout::Client,
        request: request(common_name, Usages::Client, Vec::new()),
    };
    let mut wanted = vec![
        client(names.operator_tls(), "kafka-operator"),
        client(names.acl_sync_tls(), "kafka-acl-sync"),
    ];
    for node in cluster.nodes(identity) {
        let mut dns_names = node.names.dns_names();
        if node.roles.controller {
            dns_names.extend(names.dns_names(&names.controllers_host()));
        }
        if node.roles.broker {
            // A name more is another certificate, and a restart: not before the listener is there.
            let reachable = |listener: &&ClientListener| found.is_reachable(listener, node.id);
            for listener in cluster.listeners.iter().filter(reachable) {
                dns_names.extend(names.dns_names(&names.bootstrap_host(&listener.name)));
            }
        }
        let mut request = request("kafka-node", Usages::Both, dns_names);
        if node.roles.broker {
            for host in found.hosts(cluster, node.id) {
                match host.parse() {
                    Ok(address) => request.ip_addresses.push(address),
                    Err(_) => request.dns_names.push(host),
                }
            }
        }
        wanted.push(Wanted {
            secret: node.names.tls_secret.clone(),
            node: Some(node.id),
            layout: Layout::Node,
            request,
        });
    }
    wanted
}

async fn read_leaf(context: &Context, cluster: &Cluster, wanted: &Wanted) -> Result<Option<StoredLeaf>, PassError> {
    let Some(data) = secrets::read(context, &cluster.names.namespace, &wanted.secret).await? else {
        return Ok(None);
    };
    let (cert, _) = pem_of(&data, wanted.layout);
    // What can't be read is made again by the decision.
    let facts = inspect(cert).ok();
    Ok(Some(StoredLeaf {
        serial: facts.as_ref().map(|facts| facts.serial_hex.clone()).unwrap_or_default(),
        not_after: facts.map_or(jiff::Timestamp::UNIX_EPOCH, |facts| facts.not_after),
        data,
    }))
}

fn pem_of(data: &SecretData, layout: Layout) -> (&str, &str) {
    let text = |key: &str| data.0.get(key).map(String::as_str).unwrap_or_default();
    match layout {
        Layout::Node => (text("node.pem"), text("node.pem")),
        Layout::Client => (text("tls.crt"), text("tls.key")),
    }
}

/// Whether a leaf that's stored may stay.
fn judged(
    ca: &CertificateAuthority,
    cluster: &Cluster,
    (wanted, stored): (&Wanted, Option<&StoredLeaf>),
    now: jiff::Timestamp,
) -> LeafDecision {
    let parts = stored.map(|stored| {
        let (cert, key) = pem_of(&stored.data, wanted.layout);
        (cert, SecretPem::new(key))
    });
    let existing = parts
        .as_ref()
        .map(|(cert_pem, key_pem)| ExistingLeaf { cert_pem, key_pem });
    decide(ca, existing, &wanted.request, cluster.security.renew_before, now)
}

/// The leaf to use, and when to look at it again; `None` while it can't be made.
async fn leaf(
    context: &Context,
    cluster: &Cluster,
    trust: &Trust,
    wanted: &Wanted,
    stored: Option<StoredLeaf>,
) -> Result<Option<(StoredLeaf, jiff::Timestamp)>, PassError> {
    let now = context.now();
    let (Some(ca), Some(clients)) = (trust.cluster_ca.whole(), trust.clients_ca.cert_pem()) else {
        let readable = stored.filter(|stored| !stored.serial.is_empty());
        return Ok(readable.map(|stored| (stored, now)));
    };
    let decision = judged(ca, cluster, (wanted, stored.as_ref()), now);
    if let (LeafDecision::Keep { until }, Some(stored)) = (decision, stored) {
        return Ok(Some((stored, until)));
    }
    if let LeafDecision::Issue { reason } = decision {
        tracing::info!(secret = %wanted.secret, ?reason, "issuing a certificate");
    }
    let (authority, request) = (ca.clone(), wanted.request.clone());
    let made = off_thread(&wanted.secret, move || issue(&authority, &request, now)).await?;
    let facts = inspect(&made.cert_pem).map_err(|source| PassError::Certificate {
        what: wanted.secret.clone(),
        source,
    })?;
    let data = match wanted.layout {
        Layout::Node => BTreeMap::from([
            ("node.pem".to_owned(), made.keystore_pem().expose().to_owned()),
            (CLUSTER_CA.to_owned(), ca.cert_pem().to_owned()),
            (CLIENTS_CA.to_owned(), clients.to_owned()),
        ]),
        Layout::Client => BTreeMap::from([
            ("tls.crt".to_owned(), made.cert_pem),
            ("tls.key".to_owned(), made.key_pem.expose().to_owned()),
            (CA.to_owned(), ca.cert_pem().to_owned()),
        ]),
    };
    let stored = StoredLeaf {
        data: SecretData(data),
        serial: facts.serial_hex,
        not_after: facts.not_after,
    };
    Ok(Some((stored, now)))
}

impl Trust {
    /// The identity that the operator shows to Kafka, with the serial of its certificate.
    pub fn operator(&self, cluster: &Cluster) -> Option<(ClientIdentity, String)> {
        let leaf = self.leaves.get(&cluster.names.operator_tls())?;
        let text = |key: &str| leaf.data.0.get(key).cloned().unwrap_or_default();
        let identity = ClientIdentity {
            ca: self.cluster_ca.cert_pem()?.as_bytes().to_vec(),
            chain: text("tls.crt").into_bytes(),
            key: Secret::new(text("tls.key")),
        };
        Some((identity, leaf.serial.clone()))
    }

    /// Made for this cluster, whole, and with no leaf that must be looked at yet.
    fn is_current(&self, now: jiff::Timestamp, cluster: &Cluster, (identity, found): (&Identity, &Found)) -> bool {
        self.next.is_some_and(|next| now < next)
            && self.losses().is_empty()
            && self.made_for.0 == *cluster
            && self.made_for.1 == nodes(cluster, identity)
            && self.made_for.2 == *found
    }

    /// What's wrong with the authorities, and what to do.
    pub fn losses(&self) -> Vec<&str> {
        [&self.cluster_ca, &self.clients_ca]
            .into_iter()
            .filter_map(Authority::loss)
            .collect()
    }

    /// End of the certificate that ends first.
    pub fn first_end(&self) -> Option<jiff::Timestamp> {
        self.leaves.values().map(|leaf| leaf.not_after).min()
    }

    /// Nodes whose former certificate has less than half of `security.tls.renewBefore` left. A new one is made that long
    /// before the end; whoever runs with the former one by now can't wait for a maintenance window.
    pub fn pressing(&self, cluster: &Cluster, now: jiff::Timestamp) -> BTreeSet<i32> {
        let security = &cluster.security;
        let half = security.renew_before / 2;
        let is_late = |ends: &jiff::Timestamp| {
            let made = ends.checked_sub(security.leaf_lifetime);
            made.and_then(|made| made.checked_add(half))
                .is_ok_and(|late| late < now)
        };
        let late = self.ends.iter().filter(|(_, ends)| is_late(ends));
        late.map(|(id, _)| *id).collect()
    }
}

/// Key of a Secret.
pub fn secret_key(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey {
        kind: Kind::Secret,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

pub(super) fn algorithm(wanted: Algorithm) -> KeyAlgorithm {
    match wanted {
        Algorithm::EcdsaP256 => KeyAlgorithm::EcdsaP256,
        Algorithm::EcdsaP384 => KeyAlgorithm::EcdsaP384,
        Algorithm::Rsa3072 => KeyAlgorithm::Rsa3072,
        Algorithm::Rsa4096 => KeyAlgorithm::Rsa4096,
    }
}

pub(super) async fn off_thread<T: Send + 'static>(
    what: &str,
    make: impl FnOnce() -> Result<T, PkiError> + Send + 'static,
) -> Result<T, PassError> {
    match tokio::task::spawn_blocking(make).await {
        Ok(result) => result.map_err(|source| PassError::Certificate {
            what: what.to_owned(),
            source,
        }),
        Err(_) => Err(PassError::Randomness),
    }
}
