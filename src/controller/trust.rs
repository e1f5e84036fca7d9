//! The certificates of a cluster: two authorities, of each node one for other nodes and one for clients, the operator's and the
//! ACL Job's own.
//!
//! Leaves are renewed when `pki::decide` says so or other authorities are trusted; without their authority they stay as they are.
//! A change of trust always comes with another leaf: whoever shows the leaf has read the trust too. Keys are made off the async
//! threads.

mod data;
pub(super) mod given;
mod requests;
mod running;
mod stored;
mod succeed;
mod users;
mod wanted;

pub use data::SecretData;
pub use requests::Requests;
pub use running::{Former, Running};
pub use stored::{Stored, read};
pub use users::user_leaf;

use super::apply::{self, Wish};
use super::authority::{self, Authority};
use super::context::Context;
use super::error::PassError;
use super::ledger::ObjectKey;
use super::memory::Memory;
use super::pods::PodFact;
use super::secrets;
use crate::api::{KeyAlgorithm as Algorithm, ProductionKafka};
use crate::kafka::secret::Secret;
use crate::kafka::tls::ClientIdentity;
use crate::model::{Cluster, Found, Identity, Node, Roles};
use crate::pki::{
    ExistingLeaf, IssueReason, KeyAlgorithm, LeafDecision, PkiError, Renewal, SecretPem, decide, inspect, issue, trusts,
};
use crate::render::{self, Kind};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use wanted::{Layout, Wanted, wanted_leaves};

/// Organisation in every certificate; part of the super users' principals, which no client certificate can carry.
pub(super) const ORGANISATION: &str = "productionkafka";

/// Authorities in the Secrets of leaves.
pub(super) const CA: &str = "ca.crt";
pub(super) const CLUSTER_CA: &str = "cluster-ca.crt";
pub(super) const CLIENTS_CA: &str = "clients-ca.crt";

/// A leaf as it's stored.
#[derive(Clone, Debug)]
pub struct StoredLeaf {
    pub data: SecretData,
    pub serial: String,
    pub not_after: Timestamp,
}

/// What all this is for. A node's names depend on what it is.
#[derive(Clone, Debug)]
struct MadeFor {
    cluster: Cluster,
    nodes: Vec<(i32, Roles)>,
    found: Found,
    requests: Requests,
}

impl MadeFor {
    fn of((cluster, identity): (&Cluster, &Identity), found: Found, requests: Requests) -> Self {
        Self {
            cluster: cluster.clone(),
            nodes: nodes(cluster, identity),
            found,
            requests,
        }
    }
}

/// Everything the cluster trusts and shows.
#[derive(Clone, Debug)]
pub struct Trust {
    pub cluster_ca: Authority,
    pub clients_ca: Authority,
    /// Leaves by name of their Secret.
    pub leaves: BTreeMap<String, StoredLeaf>,
    /// Certificates between nodes.
    pub running: Running,
    /// Serial of what each broker shows to clients.
    pub servers: BTreeMap<i32, String>,
    /// What replacements of authorities wait for, in sentences.
    pub replacing: Vec<String>,
    /// What's wrong with authorities that others should give; what was taken from them goes on.
    pub ungiven: Vec<String>,
    /// When the next leaf must be looked at.
    next: Option<Timestamp>,
    made_for: MadeFor,
    /// The Secrets that hold it: authorities first.
    secrets: Vec<Wish>,
}

/// Brings authorities, leaves and their Secrets to what the cluster needs.
pub async fn ensure(
    context: &Context,
    resource: &ProductionKafka,
    (cluster, identity): (&Cluster, &Identity),
    memory: &mut Memory,
) -> Result<Arc<Trust>, PassError> {
    let known = memory.trust.clone();
    let requests = Requests::of(resource);
    let current =
        |known: &&Arc<Trust>| known.is_current(context.now(), (cluster, &requests), (identity, &memory.assigned));
    if let Some(known) = known.as_ref().filter(current) {
        write(context, cluster, known).await?;
        return Ok(Arc::clone(known));
    }
    let found = memory.assigned.clone();
    let wanted = wanted_leaves(cluster, identity, &found);
    let mut stored = stored_leaves(context, cluster, &wanted, known.as_deref()).await?;
    let authorities = authority::both(context, cluster, identity, (known.as_deref(), &stored)).await?;
    let shown = succeed::Shown::of(context, (cluster, identity), known.as_deref(), memory);
    let made_for = MadeFor::of((cluster, identity), found, requests);
    let mut trust = succeed::stepped(context, (authorities, made_for, shown)).await?;
    for wanted in wanted {
        let stored = stored.remove(&wanted.secret);
        let Some((leaf, until)) = leaf(context, &trust, &wanted, stored).await? else {
            continue;
        };
        trust.look_at(Some(until));
        trust.take(&wanted, leaf);
    }
    trust.secrets = secrets_of(cluster, identity, &trust);
    let trust = Arc::new(trust);
    // Remembered before it's written: a Secret that can't be written now is written with the same content later.
    memory.trust = Some(Arc::clone(&trust));
    write(context, cluster, &trust).await?;
    Ok(trust)
}

/// Authorities before anything that they sign: what a process that dies in between has written is never signed by somebody whom
/// nobody knows.
async fn write(context: &Context, cluster: &Cluster, trust: &Trust) -> Result<(), PassError> {
    let names = &cluster.names;
    let own = [names.cluster_ca(), names.clients_ca()];
    let is_authority = |wish: &&Wish| trust.is_changing() && own.contains(&wish.child.name);
    let (first, rest): (Vec<&Wish>, Vec<&Wish>) = trust.secrets.iter().partition(is_authority);
    for stage in [first, rest] {
        let work: Vec<_> = stage
            .into_iter()
            .map(|secret| secrets::keep(context, names, secret))
            .collect();
        apply::side_by_side(work).await?;
    }
    Ok(())
}

fn secrets_of(cluster: &Cluster, identity: &Identity, trust: &Trust) -> Vec<Wish> {
    let names = &cluster.names;
    let mut secrets = Vec::new();
    if let Some(ca) = trust.cluster_ca.succession() {
        secrets.push(render::cluster_ca_secret(names, &authority::texts(ca)));
    }
    if let Some(ca) = trust.clients_ca.succession() {
        secrets.push(render::clients_ca_secret(names, &authority::texts(ca)));
    }
    if let Some(public) = trust.cluster_ca.public() {
        let public = BTreeMap::from([("ca.crt".to_owned(), public.to_owned())]);
        secrets.push(render::cluster_ca_cert_secret(cluster, &public));
    }
    let texts = |name: &str| trust.leaves.get(name).map(|leaf| &leaf.data.0);
    secrets.extend(texts(&names.operator_tls()).map(|texts| render::operator_tls_secret(cluster, texts)));
    secrets.extend(texts(&names.acl_sync_tls()).map(|texts| render::acl_sync_tls_secret(cluster, texts)));
    for node in cluster.nodes(identity) {
        for name in [&node.names.tls_secret, &node.names.server_tls_secret] {
            secrets.extend(texts(name).map(|texts| render::node_tls_secret(cluster, &node, (name, texts))));
        }
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

async fn read_leaf(context: &Context, cluster: &Cluster, wanted: &Wanted) -> Result<Option<StoredLeaf>, PassError> {
    let Some(data) = secrets::read(context, &cluster.names.namespace, &wanted.secret).await? else {
        return Ok(None);
    };
    let (cert, _) = wanted.layout.pem_of(&data);
    // What can't be read is made again by the decision.
    let facts = inspect(cert).ok();
    Ok(Some(StoredLeaf {
        serial: facts.as_ref().map(|facts| facts.serial_hex.clone()).unwrap_or_default(),
        not_after: facts.map_or(Timestamp::UNIX_EPOCH, |facts| facts.not_after),
        data,
    }))
}

impl Trust {
    fn without_leaves((cluster_ca, clients_ca): (Authority, Authority), made_for: MadeFor) -> Self {
        Self {
            cluster_ca,
            clients_ca,
            leaves: BTreeMap::new(),
            running: Running {
                renew_before: made_for.cluster.security.renew_before,
                ..Running::default()
            },
            servers: BTreeMap::new(),
            replacing: Vec::new(),
            ungiven: Vec::new(),
            next: None,
            made_for,
            secrets: Vec::new(),
        }
    }

    /// The authorities that a leaf is trusted with.
    fn trusted(&self, layout: Layout) -> Option<&str> {
        let (_, clients) = layout.trusted();
        if clients { &self.clients_ca } else { &self.cluster_ca }.trusted()
    }

    /// Whether a leaf that's stored may stay; `None` without an authority.
    fn judged(&self, wanted: &Wanted, stored: Option<&StoredLeaf>, now: Timestamp) -> Option<LeafDecision> {
        let security = &self.made_for.cluster.security;
        let requests = &self.made_for.requests;
        let (ca, trusted) = (self.cluster_ca.signer()?, self.trusted(wanted.layout)?);
        let parts = stored.map(|stored| {
            let (cert, key) = wanted.layout.pem_of(&stored.data);
            (cert, SecretPem::new(key))
        });
        let existing = parts
            .as_ref()
            .map(|(cert_pem, key_pem)| ExistingLeaf { cert_pem, key_pem });
        let of_node = wanted.layout == Layout::Node;
        let renewal = Renewal {
            before: security.renew_before,
            in_the_middle: of_node,
            asked: if of_node {
                requests.node_certificates
            } else {
                requests.certificates
            },
        };
        let decision = decide(ca, existing, &wanted.request, renewal, now);
        let lies_beside = stored.and_then(|stored| stored.data.0.get(wanted.layout.trusted().0));
        let changed = lies_beside.is_none_or(|pem| trusts(pem) != trusts(trusted));
        Some(match decision {
            LeafDecision::Keep { .. } if changed => LeafDecision::Issue {
                reason: IssueReason::TrustChanged,
            },
            decision => decision,
        })
    }

    fn look_at(&mut self, time: Option<Timestamp>) {
        self.next = self.next.into_iter().chain(time).min();
    }

    fn take(&mut self, wanted: &Wanted, leaf: StoredLeaf) {
        match (wanted.node, wanted.layout) {
            (Some(id), Layout::Node) => {
                self.running.serials.insert(id, leaf.serial.clone());
                let formers = running::read(leaf.data.0.get(running::FORMER));
                self.running.formers.insert(id, formers);
            }
            (Some(id), _) => drop(self.servers.insert(id, leaf.serial.clone())),
            (None, _) => {}
        }
        self.leaves.insert(wanted.secret.clone(), leaf);
    }

    /// Serial number of what a broker should show to clients, and when it was made.
    pub fn shown_by(&self, node: &Node<'_>) -> Option<(&str, Option<Timestamp>)> {
        let leaf = self.leaves.get(&node.names.server_tls_secret)?;
        let made = leaf.not_after.checked_sub(self.made_for.cluster.security.leaf_lifetime);
        Some((&leaf.serial, made.ok()))
    }

    /// The identity that the operator shows to Kafka, with the serial of its certificate.
    pub fn operator(&self, cluster: &Cluster) -> Option<(ClientIdentity, String)> {
        let leaf = self.leaves.get(&cluster.names.operator_tls())?;
        let text = |key: &str| leaf.data.0.get(key).cloned().unwrap_or_default();
        let identity = ClientIdentity {
            ca: self.cluster_ca.trusted()?.as_bytes().to_vec(),
            chain: text("tls.crt").into_bytes(),
            key: Secret::new(text("tls.key")),
        };
        Some((identity, leaf.serial.clone()))
    }

    /// Made for this cluster, whole, and with nothing that must be looked at yet.
    fn is_current(
        &self,
        now: Timestamp,
        (cluster, requests): (&Cluster, &Requests),
        (identity, found): (&Identity, &Found),
    ) -> bool {
        let made_for = &self.made_for;
        self.next.is_some_and(|next| now < next)
            && self.losses().is_empty()
            && !self.is_changing()
            && made_for.requests == *requests
            && made_for.cluster == *cluster
            && made_for.nodes == nodes(cluster, identity)
            && made_for.found == *found
    }

    /// An authority is being replaced.
    pub fn is_changing(&self) -> bool {
        self.cluster_ca.is_changing() || self.clients_ca.is_changing()
    }

    /// What's wrong with the authorities, and what to do.
    pub fn losses(&self) -> Vec<&str> {
        [&self.cluster_ca, &self.clients_ca]
            .into_iter()
            .filter_map(Authority::loss)
            .collect()
    }

    /// End of the certificate that ends first, of those that there are and those that nodes still run with.
    pub fn first_end(&self, pods: &[PodFact]) -> Option<Timestamp> {
        let formers = pods
            .iter()
            .filter_map(|pod| self.running.end_of_former(pod.node_id?, pod.certificate.as_deref()));
        self.leaves.values().map(|leaf| leaf.not_after).chain(formers).min()
    }
}

/// The leaf to use, and when to look at it again; `None` while it can't be made.
async fn leaf(
    context: &Context,
    trust: &Trust,
    wanted: &Wanted,
    stored: Option<StoredLeaf>,
) -> Result<Option<(StoredLeaf, Timestamp)>, PassError> {
    let now = context.now();
    let decision = trust.judged(wanted, stored.as_ref(), now);
    let (reason, ca) = match (decision, trust.cluster_ca.signer()) {
        (Some(LeafDecision::Keep { until }), _) => return Ok(stored.map(|stored| (stored, until))),
        (Some(LeafDecision::Issue { reason }), Some(ca)) => (reason, ca),
        _ => {
            let readable = stored.filter(|stored| !stored.serial.is_empty());
            return Ok(readable.map(|stored| (stored, now)));
        }
    };
    tracing::info!(secret = %wanted.secret, ?reason, "issuing a certificate");
    let (authority, request) = (ca.clone(), wanted.request.clone());
    let made = off_thread(&wanted.secret, move || issue(&authority, &request, now)).await?;
    let facts = inspect(&made.cert_pem).map_err(|source| PassError::Certificate {
        what: wanted.secret.clone(),
        source,
    })?;
    let trusted = trust.trusted(wanted.layout).unwrap_or_default().to_owned();
    let beside = (wanted.layout.trusted().0.to_owned(), trusted);
    let mut data = match wanted.layout {
        Layout::Node | Layout::Server => {
            let key = wanted.layout.keys().0;
            BTreeMap::from([(key.to_owned(), made.keystore_pem().expose().to_owned()), beside])
        }
        Layout::Client => BTreeMap::from([
            ("tls.crt".to_owned(), made.cert_pem),
            ("tls.key".to_owned(), made.key_pem.expose().to_owned()),
            beside,
        ]),
    };
    if let Some(stored) = stored.filter(|_| wanted.layout == Layout::Node) {
        data.extend(former(&stored, reason));
    }
    let stored = StoredLeaf {
        data: SecretData(data),
        serial: facts.serial_hex,
        not_after: facts.not_after,
    };
    Ok(Some((stored, now)))
}

/// The former ones, once this one is replaced.
fn former(stored: &StoredLeaf, reason: IssueReason) -> Option<(String, String)> {
    if stored.serial.is_empty() {
        return None;
    }
    let before = running::read(stored.data.0.get(running::FORMER));
    let last = Former {
        serial: stored.serial.clone(),
        not_after: stored.not_after,
        tolerated: reason == IssueReason::Expiring,
    };
    Some((
        running::FORMER.to_owned(),
        running::write(&running::succeeded(&before, last)),
    ))
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
