//! The two authorities of a cluster. They're created once, before the first node, and never made again: without the old
//! one no node would trust another. One that's lost is said to be lost, and held: what doesn't need its key goes on.

use super::apply;
use super::context::Context;
use super::error::PassError;
use super::identity::cluster_key;
use super::secrets;
use super::trust::{CA, CLIENTS_CA, CLUSTER_CA, ORGANISATION, SecretData, StoredLeaf, Trust, algorithm, off_thread};
use crate::model::{Cluster, ClusterNames, Identity};
use crate::pki::{AuthorityRequest, CertificateAuthority};
use crate::render::{self, Child, Kind};
use std::collections::BTreeMap;

/// Renders an authority's Secret.
type RenderSecret = fn(&ClusterNames, &BTreeMap<String, String>) -> Child;

/// An authority, as far as there is one.
#[derive(Clone, Debug)]
pub enum Authority {
    Whole(Box<CertificateAuthority>),
    Lost {
        /// Its certificate, as the leaves' Secrets have it.
        cert_pem: Option<String>,
        /// What's wrong and what to do.
        why: String,
    },
}

impl Authority {
    pub fn whole(&self) -> Option<&CertificateAuthority> {
        match self {
            Self::Whole(authority) => Some(authority),
            Self::Lost { .. } => None,
        }
    }

    pub fn cert_pem(&self) -> Option<&str> {
        match self {
            Self::Whole(authority) => Some(authority.cert_pem()),
            Self::Lost { cert_pem, .. } => cert_pem.as_deref(),
        }
    }

    pub fn loss(&self) -> Option<&str> {
        match self {
            Self::Whole(_) => None,
            Self::Lost { why, .. } => Some(why),
        }
    }
}

/// Leaves by name of their Secret.
type Leaves = BTreeMap<String, StoredLeaf>;

/// The cluster's authority and the clients': remembered, read, or made if the cluster has never started.
pub async fn both(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    (known, leaves): (Option<&Trust>, &Leaves),
) -> Result<(Authority, Authority), PassError> {
    let trusted = |keys: &[&str]| {
        let mut all = leaves.values().flat_map(|leaf| &leaf.data.0);
        all.find(|(key, _)| keys.contains(&key.as_str()))
            .map(|(_, pem)| pem.clone())
    };
    let started = has_started(context, cluster, identity);
    let names = &cluster.names;
    let of = async |known: Option<&Authority>, wanted: Wanted| match known {
        Some(Authority::Whole(whole)) => Ok(Authority::Whole(whole.clone())),
        _ => load(context, cluster, started, wanted).await,
    };
    let cluster_ca = Wanted {
        name: names.cluster_ca(),
        secret: render::cluster_ca_secret,
        trusted: trusted(&[CA, CLUSTER_CA]),
    };
    let clients_ca = Wanted {
        name: names.clients_ca(),
        secret: render::clients_ca_secret,
        trusted: trusted(&[CLIENTS_CA]),
    };
    let cluster_ca = of(known.map(|trust| &trust.cluster_ca), cluster_ca);
    let clients_ca = of(known.map(|trust| &trust.clients_ca), clients_ca);
    futures::future::try_join(cluster_ca, clients_ca).await
}

struct Wanted {
    name: String,
    secret: RenderSecret,
    /// Certificate that the nodes trust.
    trusted: Option<String>,
}

/// Whether there's nothing that `both` would make.
pub async fn are_made(context: &Context, cluster: &Cluster, identity: &Identity) -> Result<bool, PassError> {
    if has_started(context, cluster, identity) {
        return Ok(true);
    }
    let (namespace, names) = (&cluster.names.namespace, &cluster.names);
    let (one, other) = (names.cluster_ca(), names.clients_ca());
    let read = futures::future::try_join(
        secrets::read(context, namespace, &one),
        secrets::read(context, namespace, &other),
    );
    let (one, other) = read.await?;
    Ok(one.is_some() && other.is_some())
}

/// Nodes trust an authority from their first start on.
fn has_started(context: &Context, cluster: &Cluster, identity: &Identity) -> bool {
    let children = context.stores.children_of(&cluster_key(&cluster.names));
    identity.bootstrapped || children.iter().any(|(child, _)| child.kind == Kind::StatefulSet)
}

async fn load(context: &Context, cluster: &Cluster, started: bool, wanted: Wanted) -> Result<Authority, PassError> {
    let (namespace, name) = (&cluster.names.namespace, &wanted.name);
    let problem = match secrets::read(context, namespace, name).await? {
        Some(data) => match parse(&data) {
            Err(problem) => problem,
            Ok(authority) => {
                let trusted = wanted.trusted.as_deref();
                if !started || trusted.is_none_or(|pem| pem == authority.cert_pem()) {
                    return Ok(Authority::Whole(Box::new(authority)));
                }
                "holds another authority than the one that the nodes trust".to_owned()
            }
        },
        None if started => "is gone, and a new authority would cut every node off".to_owned(),
        None => return make(context, cluster, &wanted).await,
    };
    let why = format!(
        "Secret {namespace}/{name} {problem}: restore it, labels included, from a backup; until then no certificate is \
         made or renewed, and everything else goes on"
    );
    Ok(Authority::Lost {
        cert_pem: wanted.trusted,
        why,
    })
}

async fn make(context: &Context, cluster: &Cluster, wanted: &Wanted) -> Result<Authority, PassError> {
    let (namespace, name) = (&cluster.names.namespace, &wanted.name);
    let request = AuthorityRequest {
        common_name: name.clone(),
        organisation: Some(ORGANISATION.to_owned()),
        algorithm: algorithm(cluster.security.key_algorithm),
        lifetime: cluster.security.ca_lifetime,
    };
    let now = context.now();
    let made = off_thread(name, move || CertificateAuthority::generate(&request, now)).await?;
    let secret = (wanted.secret)(&cluster.names, &texts(&made));
    if apply::create(context, namespace, &secret).await?.is_some() {
        return Ok(Authority::Whole(Box::new(made)));
    }
    let theirs = secrets::read(context, namespace, name).await?;
    let theirs = parse(&theirs.unwrap_or(SecretData(BTreeMap::new())));
    let theirs = theirs.map_err(|problem| PassError::Content {
        kind: "Secret",
        namespace: namespace.clone(),
        name: name.clone(),
        problem,
    })?;
    Ok(Authority::Whole(Box::new(theirs)))
}

fn parse(data: &SecretData) -> Result<CertificateAuthority, String> {
    let text = |key: &str| data.0.get(key).map(String::as_str).unwrap_or_default();
    CertificateAuthority::from_pem(text("ca.crt"), text("ca.key")).map_err(|error| format!("can't be used ({error})"))
}

/// What an authority's Secret holds.
pub fn texts(ca: &CertificateAuthority) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("ca.crt".to_owned(), ca.cert_pem().to_owned()),
        ("ca.key".to_owned(), ca.key_pem().expose().to_owned()),
    ])
}
