//! Brokers that come and go: replicas move off those that leave, and what's empty is taken out of the cluster. Decides
//! nothing; the steps are in `rebalance` and `removal`.

use super::error::PassError;
use super::identity;
use super::kafka::KafkaFacts;
use super::memory::Memory;
use super::rebalance::Rebalance;
use super::removal::{self, Removal, Stage};
use super::topics::decide;
use super::topics::look::Look;
use super::upkeep::Upkeep;
use crate::api::{KafkaTopic, RebalanceStatus};
use crate::kafka::KafkaAdmin;
use crate::model::Identity;
use crate::model::version::METADATA;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One step. Returns the identity as it is then, and whether it's worth looking again soon.
pub async fn drive(
    upkeep: &Upkeep<'_>,
    identity: Identity,
    (admin, facts): (&dyn KafkaAdmin, &KafkaFacts),
    last: Option<RebalanceStatus>,
    memory: &mut Memory,
) -> Result<(Identity, bool), PassError> {
    let features = facts.features.as_ref();
    let rebalance = Rebalance {
        context: upkeep.context,
        resource: upkeep.resource,
        cluster: upkeep.cluster,
        identity: &identity,
        resized: resized(upkeep, facts),
        metadata_version: features.and_then(|features| features.finalized.get(METADATA).copied()),
    };
    let driven = rebalance.drive(admin, last.as_ref()).await?;
    memory.rebalance = driven.status.or(last);
    let mut next = identity.clone();
    if driven.drained {
        // Nodes of both roles keep their place until their vote is gone, too.
        let free: BTreeSet<i32> = identity.leaving.difference(&identity.retiring).copied().collect();
        removal::forget_settings(&free, admin).await;
        next.leaving.retain(|id| !free.contains(id));
        next.drained.extend(free);
        tracing::info!(cluster = %upkeep.cluster.names.cluster, brokers = ?next.drained, "brokers are empty");
    } else if !identity.drained.is_empty() {
        let removal = Removal {
            context: upkeep.context,
            cluster: upkeep.cluster,
            identity: &identity,
            pods: upkeep.pods,
        };
        for (id, stage) in removal.drive(admin).await? {
            match stage {
                Stage::Going => {}
                Stage::Gone => drop(next.drained.remove(&id)),
                Stage::Holds => drop(next.drained.remove(&id) && next.leaving.insert(id)),
            }
        }
    }
    if next != identity {
        let committed = identity::commit(upkeep.context, &upkeep.cluster.names, memory, next).await?;
        return Ok((committed, true));
    }
    let busy = driven.open || !identity.drained.is_empty();
    Ok((identity, busy))
}

/// Topics whose resource names another number of replicas than they have; none that's refused or that's going.
fn resized(upkeep: &Upkeep<'_>, facts: &KafkaFacts) -> BTreeMap<String, usize> {
    let topics = upkeep
        .context
        .stores
        .topics_of(&identity::cluster_key(&upkeep.cluster.names));
    let named = |topic: &Arc<KafkaTopic>| topic.spec.replication_factor.is_some() && !decide::is_going(topic);
    if !topics.iter().any(named) {
        return BTreeMap::new();
    }
    let owners = decide::owners(&topics);
    let mut look = Look::default();
    look.take_in(facts.partitions.iter().flat_map(|view| &view.partitions), facts.at);
    let wanted = topics.iter().filter(|topic| named(topic)).filter_map(|topic| {
        decide::refusal(topic, upkeep.cluster, &owners)
            .is_none()
            .then_some(())?;
        let name = decide::name_of(topic);
        let factor = decide::other_factor(topic, look.topics.get(&name)?)?;
        Some((name, usize::try_from(factor).ok()?))
    });
    wanted.collect()
}
