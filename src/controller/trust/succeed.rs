//! One step in the succession of the authorities: what the pure decision asks for is made, nothing is written here.

use super::{MadeFor, ORGANISATION, Trust, given, off_thread};
use crate::controller::authority::{self, Authority};
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::controller::identity::cluster_key;
use crate::controller::memory::Memory;
use crate::controller::pods::PodFact;
use crate::model::{Cluster, Identity};
use crate::pki::{Beside, CertificateAuthority, Outlook, Step, Succession};
use jiff::Timestamp;
use std::time::Duration;

/// What nodes are known to show, so that authorities may change.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    between_nodes: bool,
    to_clients: bool,
}

impl Shown {
    pub fn of(
        context: &Context,
        (cluster, identity): (&Cluster, &Identity),
        known: Option<&Trust>,
        memory: &Memory,
    ) -> Self {
        let pods = context.stores.pods_of(&cluster_key(&cluster.names));
        let nodes = cluster.nodes(identity);
        // A former one that it may go on with was made under the same trust.
        let newest = |pod: &PodFact, id: i32| {
            let runs = pod.certificate.as_deref();
            let wanted = known.and_then(|known| known.running.wanted(id, runs, context.now()));
            wanted.is_some() && runs == wanted
        };
        let runs = |pod: &&PodFact| pod.ready && !pod.terminating;
        let mut each = nodes
            .iter()
            .map(|node| (node.id, pods.iter().find(|pod| pod.name == node.names.pod)));
        let between_nodes = each.all(|(id, pod)| pod.filter(runs).is_some_and(|pod| newest(pod, id)));
        Self {
            between_nodes,
            to_clients: known.is_some_and(|known| memory.reloads.all_shown((cluster, identity), known, &pods)),
        }
    }
}

/// Authorities after their step, and nothing else yet.
pub(super) async fn stepped(
    context: &Context,
    ((cluster_ca, clients_ca), made_for, shown): ((Authority, Authority), MadeFor, Shown),
) -> Result<Trust, PassError> {
    let (cluster, requests) = (&made_for.cluster, made_for.requests);
    let overlap = cluster.security.trust_overlap;
    // Clients have to take up the trust in the one, and certificates by the other.
    let of_cluster = Asked {
        secret: cluster.names.cluster_ca(),
        at: requests.cluster_ca,
        given: cluster.security.authorities.cluster.clone(),
        before: overlap,
        after: Duration::ZERO,
        shown: shown.between_nodes && shown.to_clients,
    };
    let of_clients = Asked {
        secret: cluster.names.clients_ca(),
        at: requests.clients_ca,
        given: cluster.security.authorities.clients.clone(),
        before: Duration::ZERO,
        after: overlap,
        shown: shown.to_clients,
    };
    let mut ungiven = Vec::new();
    let (cluster_ca, one) = moved(context, cluster, (cluster_ca, &of_cluster), &mut ungiven).await?;
    let (clients_ca, other) = moved(context, cluster, (clients_ca, &of_clients), &mut ungiven).await?;
    let replaced = [
        (&cluster_ca, "cluster's", &of_cluster),
        (&clients_ca, "clients'", &of_clients),
    ];
    let told = replaced.map(|(authority, what, asked)| told(authority, what, asked, context.now()));
    let replacing = told.into_iter().flatten().collect();
    let mut trust = Trust {
        replacing,
        ungiven,
        ..Trust::without_leaves((cluster_ca, clients_ca), made_for)
    };
    trust.look_at(one);
    trust.look_at(other);
    if of_cluster.given.is_some() || of_clients.given.is_some() {
        trust.look_at(context.now().checked_add(given::AGAIN).ok());
    }
    Ok(trust)
}

/// What's asked of one authority.
struct Asked {
    /// Its Secret, which is its name too.
    pub secret: String,
    /// When a person asked for another key.
    pub at: Option<Timestamp>,
    /// Secret of others that it comes from.
    pub given: Option<String>,
    pub before: Duration,
    pub after: Duration,
    pub shown: bool,
}

/// The authority as others give it now, else after its own step; and when to look at it again. One change at a time: what is
/// shown was shown under the trust before it. `ungiven` is told what's wrong with what others give.
async fn moved(
    context: &Context,
    cluster: &Cluster,
    (authority, asked): (Authority, &Asked),
    ungiven: &mut Vec<String>,
) -> Result<(Authority, Option<Timestamp>), PassError> {
    let (Some(secret), Some(succession)) = (&asked.given, authority.succession()) else {
        return step(context, cluster, authority, asked).await;
    };
    let namespace = &cluster.names.namespace;
    match given::read(context, namespace, secret).await? {
        Ok(ca) => {
            if let Some(next) = succession.followed(&ca, context.now()) {
                tracing::info!(secret = %secret, "an authority that others make has changed");
                return Ok((Authority::whole(next), Some(context.now())));
            }
        }
        Err(problem) => ungiven.push(format!(
            "Secret {namespace}/{secret} {problem}; the operator goes on with what it has taken from there"
        )),
    }
    step(context, cluster, authority, asked).await
}

/// The authority after its step, and when to look at it again.
async fn step(
    context: &Context,
    cluster: &Cluster,
    authority: Authority,
    asked: &Asked,
) -> Result<(Authority, Option<Timestamp>), PassError> {
    let Some(succession) = authority.succession() else {
        return Ok((authority, None));
    };
    let now = context.now();
    let overlaps = (asked.before, asked.after);
    let outlook = outlook(
        (succession, asked.given.is_some()),
        (asked.at, now),
        overlaps,
        asked.shown,
    );
    let step = succession.step(&outlook);
    if let Step::Stay { until } = step {
        return Ok((authority, until));
    }
    tracing::info!(secret = %asked.secret, ?step, "an authority changes");
    let next = carried_out(context, cluster, (succession.clone(), step), asked).await?;
    Ok((Authority::whole(next), Some(now)))
}

async fn carried_out(
    context: &Context,
    cluster: &Cluster,
    (succession, step): (Succession, Step),
    asked: &Asked,
) -> Result<Succession, PassError> {
    let now = context.now();
    Ok(match step {
        Step::Stay { .. } => succession,
        Step::Renew => {
            let (signer, lifetime) = (succession.signer.clone(), cluster.security.ca_lifetime);
            let signer = off_thread(&asked.secret, move || signer.renewed(lifetime, now)).await?;
            Succession { signer, ..succession }
        }
        Step::Begin => {
            let given = authority::next_of_others(context, cluster, &asked.secret).await?;
            let next = if let Some(given) = given {
                given
            } else {
                // A name of its own: who looks for an issuer by name finds one.
                let name = format!("{}-{:x}", asked.secret, now.as_second());
                authority::generate(context, cluster, &asked.secret, name).await?
            };
            succession.begun(next, now, asked.at)
        }
        Step::Switch => succession.switched(now),
        Step::Finish => succession.finished(),
    })
}

/// What would become of an authority, for `plan`; `None`: nothing.
pub(super) fn foretold(
    (authority, given): (&Authority, Option<&CertificateAuthority>),
    cluster: &Cluster,
    (what, costs): (&str, &str),
    (asked, now): (Option<Timestamp>, Timestamp),
) -> Option<String> {
    let succession = authority.succession()?;
    if let Some(next) = given.and_then(|given| succession.followed(given, now)) {
        return Some(match next.beside {
            Some(_) => format!("the {what} authority would be replaced by the one that its Secret holds: {costs}"),
            None => format!("the {what} authority has another certificate with the same key; nothing restarts"),
        });
    }
    let step = succession.step(&outlook(
        (succession, given.is_some()),
        (asked, now),
        (Duration::MAX, Duration::MAX),
        false,
    ));
    let overlap = cluster.security.trust_overlap.as_secs();
    match step {
        Step::Begin => Some(format!(
            "the {what} authority would be replaced over {overlap} s or longer: {costs}"
        )),
        Step::Renew => Some(format!(
            "the {what} authority would be certified anew with the same key; nothing restarts"
        )),
        Step::Stay { .. } | Step::Switch | Step::Finish => succession
            .beside
            .is_some()
            .then(|| format!("the {what} authority is being replaced: {costs}")),
    }
}

/// An authority that others have made is theirs to renew, and one that they give is theirs to replace.
fn outlook(
    (succession, given): (&Succession, bool),
    (asked, now): (Option<Timestamp>, Timestamp),
    (before, after): (Duration, Duration),
    shown: bool,
) -> Outlook {
    Outlook {
        now,
        asked: asked.filter(|_| !given),
        before,
        after,
        shown,
        own: !given && succession.signer.facts().organisation.as_deref() == Some(ORGANISATION),
    }
}

/// What a replacement waits for, in a sentence; `None`: none is under way. `what`: whose authority.
fn told(authority: &Authority, what: &str, asked: &Asked, now: Timestamp) -> Option<String> {
    let waits = |since: Timestamp, time: Duration, then: &str, lacks: &str| {
        let due = since.checked_add(time).unwrap_or(Timestamp::MAX);
        if now < due {
            format!("{then} at {} or later", due.strftime("%Y-%m-%dT%H:%M:%SZ"))
        } else {
            format!("{then} once {lacks}")
        }
    };
    Some(match &authority.succession()?.beside {
        Some(Beside::Next { since, .. }) => format!(
            "the {what} authority is being replaced, both are trusted; the new one signs {}",
            waits(
                *since,
                asked.before,
                "from then on,",
                "every node shows that it trusts both"
            )
        ),
        Some(Beside::Former { since, .. }) => format!(
            "the {what} authority is being replaced, the new one signs; {}",
            waits(
                *since,
                asked.after,
                "the former one is trusted no more",
                "no node shows a certificate by it"
            )
        ),
        None => return None,
    })
}
