//! The certificates as their Secrets hold them, and which of them would be issued anew. For `plan`: nothing is made and
//! nothing is written.

use super::{Trust, judged, nodes, secrets_of, stored_leaves, wanted_leaves};
use crate::controller::apply::Wish;
use crate::controller::authority;
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::model::{Cluster, Found, Identity};
use crate::pki::{IssueReason, LeafDecision};
use crate::render::Kind;
use std::collections::BTreeMap;

/// In place of the serial of a certificate that isn't issued yet.
const TO_COME: &str = "to be issued";

/// What there is, and what would be made.
pub struct Stored {
    /// `None`: the authorities would be made first.
    pub trust: Option<Trust>,
    /// Serial of each node's certificate; one that would be issued has none yet, and differs from every other.
    pub serials: BTreeMap<i32, String>,
    /// Secrets whose certificate would be issued, and why.
    pub due: Vec<(String, IssueReason)>,
}

impl Stored {
    /// The Secrets with the content that they keep.
    pub fn kept(&self) -> impl Iterator<Item = &Wish> {
        let all = self.trust.iter().flat_map(|trust| &trust.secrets);
        all.filter(|wish| wish.child.kind == Kind::Secret && !self.due.iter().any(|(name, _)| *name == wish.child.name))
    }
}

/// Reads every Secret with a certificate.
pub async fn read(
    context: &Context,
    cluster: &Cluster,
    (identity, found): (&Identity, &Found),
) -> Result<Stored, PassError> {
    let wanted = wanted_leaves(cluster, identity, found);
    let mut leaves = stored_leaves(context, cluster, &wanted, None).await?;
    let mut serials = BTreeMap::new();
    let mut due = Vec::new();
    if !authority::are_made(context, cluster, identity).await? {
        let names = &cluster.names;
        let authorities = [names.cluster_ca(), names.clients_ca(), names.cluster_ca_cert()];
        let all = authorities
            .into_iter()
            .chain(wanted.into_iter().map(|wanted| wanted.secret));
        due.extend(all.map(|secret| (secret, IssueReason::Missing)));
        let trust = None;
        return Ok(Stored { trust, serials, due });
    }
    let (cluster_ca, clients_ca) = authority::both(context, cluster, identity, (None, &leaves)).await?;
    for wanted in &wanted {
        let stored = leaves.get(&wanted.secret);
        let decision = cluster_ca
            .whole()
            .map(|ca| judged(ca, cluster, (wanted, stored), context.now()));
        let mut serial = stored
            .map(|stored| stored.serial.clone())
            .filter(|serial| !serial.is_empty());
        if let Some(LeafDecision::Issue { reason }) = decision {
            due.push((wanted.secret.clone(), reason));
            serial = Some(TO_COME.to_owned());
        }
        serials.extend(wanted.node.zip(serial));
    }
    // What can't be read holds nothing that anybody could show.
    leaves.retain(|_, leaf| !leaf.serial.is_empty());
    let ends = wanted
        .iter()
        .filter_map(|wanted| Some((wanted.node?, leaves.get(&wanted.secret)?.not_after)));
    let ends = ends.collect();
    let mut trust = Trust {
        cluster_ca,
        clients_ca,
        leaves,
        serials: serials.clone(),
        ends,
        next: None,
        made_for: (cluster.clone(), nodes(cluster, identity), found.clone()),
        secrets: Vec::new(),
    };
    trust.secrets = secrets_of(cluster, identity, &trust);
    let trust = Some(trust);
    Ok(Stored { trust, serials, due })
}
