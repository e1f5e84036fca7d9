//! The two authorities of a cluster. They're created before the first node, and from then on only what their succession allows
//! changes them: without the old one no node would trust another. One that's lost is said to be lost, and held: what doesn't
//! need its key goes on.
//!
//! One that others make is copied from their Secret, and followed from there (`trust::given`).
//!
//! A Secret holds the one that signs (`ca.crt`, `ca.key`) and, during a replacement, the one that comes (`next.crt`, `next.key`)
//! or the one that goes (`former.crt`), and since when (`since`); and the last request that was heard (`answered`). So each step is
//! one write.

use super::apply;
use super::context::Context;
use super::error::PassError;
use super::identity::cluster_key;
use super::secrets;
use super::trust::{
    CA, CLIENTS_CA, CLUSTER_CA, ORGANISATION, SecretData, StoredLeaf, Trust, algorithm, given, off_thread,
};
use crate::model::{Cluster, ClusterNames, Identity};
use crate::pki::{AuthorityRequest, Beside, CertificateAuthority, Succession, trusts};
use crate::render::{self, Child, Kind};
use std::collections::BTreeMap;

/// Renders an authority's Secret.
type RenderSecret = fn(&ClusterNames, &BTreeMap<String, String>) -> Child;

/// An authority, as far as there is one.
#[derive(Clone, Debug)]
pub struct Authority {
    succession: Option<Box<Succession>>,
    /// Certificates that are trusted; while the authority is lost, as the leaves' Secrets have them.
    trusted: Option<String>,
    /// The same with what they were signed by.
    public: Option<String>,
    /// What's wrong and what to do.
    loss: Option<String>,
}

impl Authority {
    pub(super) fn whole(succession: Succession) -> Self {
        Self {
            trusted: Some(succession.trusted()),
            public: Some(succession.public()),
            succession: Some(Box::new(succession)),
            loss: None,
        }
    }

    /// The one that signs.
    pub fn signer(&self) -> Option<&CertificateAuthority> {
        self.succession().map(|succession| &succession.signer)
    }

    pub fn succession(&self) -> Option<&Succession> {
        self.succession.as_deref()
    }

    /// All that nodes trust, PEM.
    pub fn trusted(&self) -> Option<&str> {
        self.trusted.as_deref()
    }

    /// All that applications are given to trust, PEM.
    pub fn public(&self) -> Option<&str> {
        self.public.as_deref()
    }

    pub fn loss(&self) -> Option<&str> {
        self.loss.as_deref()
    }

    /// A replacement is under way.
    pub fn is_changing(&self) -> bool {
        self.succession().is_some_and(|succession| succession.beside.is_some())
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
        Some(known) if known.succession.is_some() => Ok(known.clone()),
        _ => load(context, cluster, started, wanted).await,
    };
    let cluster_ca = Wanted {
        name: names.cluster_ca(),
        secret: render::cluster_ca_secret,
        trusted: trusted(&[CA, CLUSTER_CA]),
        given: cluster.security.authorities.cluster.clone(),
    };
    let clients_ca = Wanted {
        name: names.clients_ca(),
        secret: render::clients_ca_secret,
        trusted: trusted(&[CLIENTS_CA]),
        given: cluster.security.authorities.clients.clone(),
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
    /// Secret of others that it comes from.
    given: Option<String>,
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
            Ok(succession) => {
                let is_known = |pem: &str| !trusts(pem).is_disjoint(&trusts(&succession.signer.own_pem()));
                if !started || wanted.trusted.as_deref().is_none_or(is_known) {
                    return Ok(Authority::whole(succession));
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
    Ok(Authority {
        succession: None,
        public: wanted.trusted.clone(),
        trusted: wanted.trusted,
        loss: Some(why),
    })
}

async fn make(context: &Context, cluster: &Cluster, wanted: &Wanted) -> Result<Authority, PassError> {
    let (namespace, name) = (&cluster.names.namespace, &wanted.name);
    let made = match &wanted.given {
        Some(secret) => {
            let given = given::read(context, namespace, secret).await?;
            given.map_err(|problem| content(cluster, secret, problem))?
        }
        None => generate(context, cluster, name, name.clone()).await?,
    };
    let made = Succession::alone(made);
    let secret = (wanted.secret)(&cluster.names, &texts(&made));
    if apply::create(context, namespace, &secret).await?.is_some() {
        return Ok(Authority::whole(made));
    }
    let theirs = secrets::read(context, namespace, name).await?;
    let theirs = parse(&theirs.unwrap_or(SecretData(BTreeMap::new())));
    let theirs = theirs.map_err(|problem| content(cluster, name, problem))?;
    Ok(Authority::whole(theirs))
}

/// A new authority with a key of its own. `what`: the Secret that it's for.
pub(super) async fn generate(
    context: &Context,
    cluster: &Cluster,
    what: &str,
    common_name: String,
) -> Result<CertificateAuthority, PassError> {
    let request = AuthorityRequest {
        common_name,
        organisation: Some(ORGANISATION.to_owned()),
        algorithm: algorithm(cluster.security.key_algorithm),
        lifetime: cluster.security.ca_lifetime,
    };
    let now = context.now();
    off_thread(what, move || CertificateAuthority::generate(&request, now)).await
}

fn content(cluster: &Cluster, name: &str, problem: String) -> PassError {
    PassError::Content {
        kind: "Secret",
        namespace: cluster.names.namespace.clone(),
        name: name.to_owned(),
        problem,
    }
}

const NEXT: (&str, &str) = ("next.crt", "next.key");
const FORMER: &str = "former.crt";
const SINCE: &str = "since";
const ANSWERED: &str = "answered";

fn parse(data: &SecretData) -> Result<Succession, String> {
    let text = |key: &str| data.0.get(key).map(String::as_str).unwrap_or_default();
    let signer = CertificateAuthority::from_pem(text("ca.crt"), text("ca.key"));
    let signer = signer.map_err(|error| format!("can't be used ({error})"))?;
    // Without a time the overlap begins at the first of all: nothing waits longer for a slip of somebody's hand.
    let since = text(SINCE).trim().parse().unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    // One that has come already and that its giver left there comes no second time.
    let is_new = |next: &CertificateAuthority| next.key_pem() != signer.key_pem();
    let beside = match (given_next(data)?.filter(is_new), text(FORMER)) {
        (Some(ca), _) => Some(Beside::Next {
            ca: Box::new(ca),
            since,
        }),
        (None, "") => None,
        (None, former) => Some(Beside::Former {
            cert_pem: former.to_owned(),
            since,
        }),
    };
    Ok(Succession {
        signer,
        beside,
        answered: text(ANSWERED).trim().parse().ok(),
    })
}

/// The one that comes, as the operator or somebody else has put it there.
fn given_next(data: &SecretData) -> Result<Option<CertificateAuthority>, String> {
    let (Some(cert), Some(key)) = (data.0.get(NEXT.0), data.0.get(NEXT.1)) else {
        return Ok(None);
    };
    let next = CertificateAuthority::from_pem(cert, key);
    next.map(Some)
        .map_err(|error| format!("holds {} and {} that can't be used ({error})", NEXT.0, NEXT.1))
}

/// The one that somebody has put into the Secret to come next.
pub(super) async fn next_of_others(
    context: &Context,
    cluster: &Cluster,
    name: &str,
) -> Result<Option<CertificateAuthority>, PassError> {
    let data = secrets::read(context, &cluster.names.namespace, name).await?;
    let next = data.map(|data| given_next(&data)).transpose();
    Ok(next.map_err(|problem| content(cluster, name, problem))?.flatten())
}

/// What an authority's Secret holds.
pub fn texts(succession: &Succession) -> BTreeMap<String, String> {
    let signer = &succession.signer;
    let mut texts = BTreeMap::from([
        ("ca.crt".to_owned(), signer.cert_pem().to_owned()),
        ("ca.key".to_owned(), signer.key_pem().expose().to_owned()),
    ]);
    texts.extend(
        succession
            .answered
            .map(|asked| (ANSWERED.to_owned(), asked.to_string())),
    );
    match &succession.beside {
        Some(Beside::Next { ca, since }) => texts.extend([
            (NEXT.0.to_owned(), ca.cert_pem().to_owned()),
            (NEXT.1.to_owned(), ca.key_pem().expose().to_owned()),
            (SINCE.to_owned(), since.to_string()),
        ]),
        Some(Beside::Former { cert_pem, since }) => texts.extend([
            (FORMER.to_owned(), cert_pem.clone()),
            (SINCE.to_owned(), since.to_string()),
        ]),
        None => {}
    }
    texts
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::pki::KeyAlgorithm;

    /// Made nine hours after the epoch, for a thousand hours.
    pub fn authority(name: &str) -> CertificateAuthority {
        let request = AuthorityRequest {
            common_name: name.into(),
            organisation: None,
            algorithm: KeyAlgorithm::EcdsaP256,
            lifetime: std::time::Duration::from_hours(1_000),
        };
        CertificateAuthority::generate(
            &request,
            jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(9),
        )
        .unwrap()
    }

    fn stage(data: &BTreeMap<String, String>) -> &'static str {
        match parse(&SecretData(data.clone())).unwrap().beside {
            None => "alone",
            Some(Beside::Next { .. }) => "next",
            Some(Beside::Former { .. }) => "former",
        }
    }

    #[test]
    fn what_is_written_is_what_is_read_at_every_stage() {
        let since = jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(20);
        let alone = Succession::alone(authority("a"));
        let both = alone.clone().begun(authority("b"), since, Some(since));
        let switched = both.clone().switched(since);
        let finished = switched.clone().finished();
        let stages = [
            (alone, "alone"),
            (both, "next"),
            (switched, "former"),
            (finished, "alone"),
        ];
        for (succession, expected) in stages {
            let written = texts(&succession);
            assert_eq!(stage(&written), expected);
            let read = parse(&SecretData(written)).unwrap();
            assert_eq!(texts(&read), texts(&succession));
        }
    }

    #[test]
    fn one_that_others_left_beside_it_comes_once() {
        let given = authority("given");
        let mut data = texts(&Succession::alone(authority("a")));
        let next = texts(&Succession::alone(given.clone()));
        data.insert("next.crt".into(), next["ca.crt"].clone());
        data.insert("next.key".into(), next["ca.key"].clone());
        assert_eq!(stage(&data), "next");
        data.extend(next);
        assert_eq!(stage(&data), "alone");
        data.insert("next.key".into(), "nothing".into());
        assert!(
            parse(&SecretData(data))
                .unwrap_err()
                .contains("next.crt and next.key that can't be used")
        );
    }
}
