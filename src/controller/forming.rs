//! The first quorum. A voter of the first day is made once per directory id: a second disk under the same id would vote
//! with an empty log, and nobody would notice.
//!
//! So a controller's pod formats an empty disk as nothing but what the operator permits that very pod, after its volume
//! was looked at: a voter if the volume is the first one that was ever seen for this controller, which is recorded with
//! the permission, else an observer. A volume isn't taken from a pod that has been scheduled, so what was looked at is
//! what it formats. Once the quorum leads nobody is permitted anything any more.

use super::context::Context;
use super::error::PassError;
use super::facts;
use super::identity;
use super::memory::Memory;
use super::pods::PodFact;
use crate::kafka::views::QuorumView;
use crate::model::identity::FirstFormat;
use crate::model::{Cluster, Identity, Node};
use std::collections::{BTreeMap, BTreeSet};

/// Records the volumes of controllers and permits their pods to format them. Returns the controllers whose volume isn't
/// the first one: from those the voters of the first day are withheld.
pub async fn permit(
    context: &Context,
    cluster: &Cluster,
    identity: Identity,
    pods: &[PodFact],
    memory: &mut Memory,
) -> Result<(Identity, BTreeSet<i32>), PassError> {
    let (wanted, withheld) = look(context, cluster, &identity, pods).await?;
    let identity = if wanted == identity {
        identity
    } else {
        identity::commit(context, &cluster.names, memory, wanted).await?
    };
    Ok((identity, withheld))
}

/// The identity as it's to be committed, and the controllers from which the voters are withheld.
pub async fn look(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    pods: &[PodFact],
) -> Result<(Identity, BTreeSet<i32>), PassError> {
    if identity.bootstrapped || pods.is_empty() {
        return Ok((identity.clone(), BTreeSet::new()));
    }
    let key = identity::cluster_key(&cluster.names);
    let claims = facts::claims(context, &key).await?;
    Ok(permitted(cluster, identity, pods, &claims))
}

/// The identity with what these pods may do, and the controllers whose volume isn't the first. Pure.
fn permitted(
    cluster: &Cluster,
    identity: &Identity,
    pods: &[PodFact],
    claims: &BTreeMap<String, String>,
) -> (Identity, BTreeSet<i32>) {
    let mut wanted = identity.clone();
    let mut withheld = BTreeSet::new();
    for node in controllers(cluster, identity) {
        let Some(claim) = claims.get(&node.names.claim(0, 0)) else {
            continue;
        };
        let pod = pods.iter().find(|pod| pod.name == node.names.pod);
        let pod = pod.filter(|pod| pod.machine.is_some() && !pod.terminating);
        if pod.is_some() {
            wanted.volumes.entry(node.id).or_insert_with(|| claim.clone());
        }
        let first = wanted.volumes.get(&node.id);
        let role = if first == Some(claim) {
            FirstFormat::Voter
        } else {
            FirstFormat::Observer
        };
        if first.is_some_and(|first| first != claim) {
            withheld.insert(node.id);
        }
        if let Some(pod) = pod {
            wanted.formats.insert(node.id, role.permit(&pod.uid));
        }
    }
    (wanted, withheld)
}

fn controllers<'a>(cluster: &'a Cluster, identity: &'a Identity) -> impl Iterator<Item = Node<'a>> {
    let nodes = cluster.nodes(identity).into_iter();
    nodes.filter(|node| node.roles.controller)
}

/// True when the quorum leads and every voter runs, for the first time. A leader needs a majority only; the others' disks
/// must be formatted too before the voters are taken away.
pub fn has_formed(cluster: &Cluster, identity: &Identity, quorum: Option<&QuorumView>, pods: &[PodFact]) -> bool {
    let voters = quorum.map(|quorum| quorum.voters.len()).unwrap_or_default();
    let leads = quorum.is_some_and(|quorum| quorum.leader_id.is_some());
    let wanted = usize::try_from(cluster.controllers()).unwrap_or(usize::MAX);
    !identity.bootstrapped
        && leads
        && voters >= wanted
        && controllers(cluster, identity).all(|node| pods.iter().any(|pod| pod.name == node.names.pod && pod.running))
}

/// From now on no disk is ever formatted as a voter of the first day again.
pub async fn end(
    context: &Context,
    cluster: &Cluster,
    mut identity: Identity,
    memory: &mut Memory,
) -> Result<Identity, PassError> {
    identity.bootstrapped = true;
    identity.formats.clear();
    let identity = identity::commit(context, &cluster.names, memory, identity).await?;
    tracing::info!(cluster = %cluster.names.cluster, "the quorum has formed");
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::identity::Plan;
    use crate::model::validate::tests::valid_cluster;

    fn world() -> (Cluster, Identity) {
        let cluster = valid_cluster();
        let plan = Plan {
            names: &cluster.names,
            pools: &cluster.pools,
            zones: &[],
        };
        let mut next = 0;
        let identity = plan.complete(None, &mut || {
            next += 1;
            [next; 16]
        });
        (cluster, identity)
    }

    fn pod(uid: &str, scheduled: bool) -> PodFact {
        PodFact {
            name: "orders-controllers-0-0".into(),
            uid: uid.into(),
            machine: scheduled.then(|| "machine".to_owned()),
            ..PodFact::default()
        }
    }

    fn claims(uid: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("data-0-orders-controllers-0-0".to_owned(), uid.to_owned())])
    }

    #[test]
    fn only_a_scheduled_pod_on_the_first_volume_makes_a_voter() {
        let (cluster, identity) = world();
        let (unscheduled, withheld) = permitted(&cluster, &identity, &[pod("p1", false)], &claims("v1"));
        assert_eq!(
            (&unscheduled, withheld.len()),
            (&identity, 0),
            "its volume may still change"
        );
        let (first, withheld) = permitted(&cluster, &identity, &[pod("p1", true)], &claims("v1"));
        assert_eq!(
            (first.volumes[&0].as_str(), first.formats[&0].as_str()),
            ("v1", "p1 Voter")
        );
        assert!(withheld.is_empty());
        let (again, _) = permitted(&cluster, &first, &[pod("p2", true)], &claims("v1"));
        assert_eq!(again.formats[&0], "p2 Voter");
        let (other, withheld) = permitted(&cluster, &first, &[pod("p2", true)], &claims("v2"));
        assert_eq!(
            (other.volumes[&0].as_str(), other.formats[&0].as_str()),
            ("v1", "p2 Observer")
        );
        assert_eq!(withheld, BTreeSet::from([0]));
        let (gone, withheld) = permitted(&cluster, &first, &[], &claims("v2"));
        assert_eq!((&gone, withheld), (&first, BTreeSet::from([0])));
    }
}
