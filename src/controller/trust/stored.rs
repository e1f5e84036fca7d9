//! The certificates as their Secrets hold them, and which of them would be issued anew. For `plan`: nothing is made and
//! nothing is written.

use super::{Layout, MadeFor, Requests, Running, Trust, given, secrets_of, stored_leaves, succeed, wanted_leaves};
use crate::api::ProductionKafka;
use crate::controller::apply::Wish;
use crate::controller::authority;
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::model::{Cluster, Found, Identity};
use crate::pki::{CertificateAuthority, IssueReason, LeafDecision};
use crate::render::Kind;

/// In place of the serial of a certificate that isn't issued yet.
const TO_COME: &str = "to be issued";

/// What there is, and what would be made.
pub struct Stored {
    /// `None`: the authorities would be made first.
    pub trust: Option<Trust>,
    /// Certificates between nodes; one that would be issued has no serial yet, and differs from every other.
    pub running: Running,
    /// Secrets whose certificate would be issued, and why.
    pub due: Vec<(String, IssueReason)>,
    /// What would become of the authorities, in sentences.
    pub authorities: Vec<String>,
}

impl Stored {
    /// The Secrets with the content that they keep.
    pub fn kept(&self) -> impl Iterator<Item = &Wish> {
        let all = self.trust.iter().flat_map(|trust| &trust.secrets);
        all.filter(|wish| wish.child.kind == Kind::Secret && !self.due.iter().any(|(name, _)| *name == wish.child.name))
    }
}

/// What others give at the moment; nothing if that can't be used, which the status tells.
async fn given_by(
    context: &Context,
    cluster: &Cluster,
    secret: Option<&String>,
) -> Result<Option<CertificateAuthority>, PassError> {
    let Some(secret) = secret else { return Ok(None) };
    Ok(given::read(context, &cluster.names.namespace, secret).await?.ok())
}

/// Reads every Secret with a certificate.
pub async fn read(
    context: &Context,
    resource: &ProductionKafka,
    cluster: &Cluster,
    (identity, found): (&Identity, &Found),
) -> Result<Stored, PassError> {
    let wanted = wanted_leaves(cluster, identity, found);
    let mut leaves = stored_leaves(context, cluster, &wanted, None).await?;
    let mut due = Vec::new();
    if !authority::are_made(context, cluster, identity).await? {
        let names = &cluster.names;
        let authorities = [names.cluster_ca(), names.clients_ca(), names.cluster_ca_cert()];
        let all = authorities
            .into_iter()
            .chain(wanted.into_iter().map(|wanted| wanted.secret));
        due.extend(all.map(|secret| (secret, IssueReason::Missing)));
        return Ok(Stored {
            trust: None,
            running: Running::default(),
            due,
            authorities: Vec::new(),
        });
    }
    let (cluster_ca, clients_ca) = authority::both(context, cluster, identity, (None, &leaves)).await?;
    let requests = Requests::of(resource);
    let made_for = MadeFor::of((cluster, identity), found.clone(), requests);
    let mut trust = Trust::without_leaves((cluster_ca, clients_ca), made_for);
    for wanted in &wanted {
        let stored = leaves.remove(&wanted.secret);
        let decision = trust.judged(wanted, stored.as_ref(), context.now());
        // What can't be read holds nothing that anybody could show.
        if let Some(stored) = stored.filter(|stored| !stored.serial.is_empty()) {
            trust.take(wanted, stored);
        }
        if let Some(LeafDecision::Issue { reason }) = decision {
            due.push((wanted.secret.clone(), reason));
            let by_time = reason == IssueReason::Expiring;
            if let Some(id) = wanted.node.filter(|_| wanted.layout == Layout::Node) {
                trust.running.replaced(
                    id,
                    (TO_COME, by_time),
                    trust.leaves.get(&wanted.secret).map(|leaf| leaf.not_after),
                );
            }
        }
    }
    trust.secrets = secrets_of(cluster, identity, &trust);
    let told = |authority, costs, asked| succeed::foretold(authority, cluster, costs, (asked, context.now()));
    let authorities = &cluster.security.authorities;
    let given = futures::future::try_join(
        given_by(context, cluster, authorities.cluster.as_ref()),
        given_by(context, cluster, authorities.clients.as_ref()),
    );
    let (given_cluster, given_clients) = given.await?;
    let of_cluster = (
        "cluster's",
        "every node restarts three times, and applications have to read ca.crt again meanwhile",
    );
    let of_clients = (
        "clients'",
        "nothing restarts, and every mTLS user gets another certificate",
    );
    let authorities = [
        told(
            (&trust.cluster_ca, given_cluster.as_ref()),
            of_cluster,
            requests.cluster_ca,
        ),
        told(
            (&trust.clients_ca, given_clients.as_ref()),
            of_clients,
            requests.clients_ca,
        ),
    ];
    Ok(Stored {
        authorities: authorities.into_iter().flatten().collect(),
        running: trust.running.clone(),
        trust: Some(trust),
        due,
    })
}
