//! Brokers that come and go: replicas move off those that leave, and what's empty is taken out of the cluster. Decides
//! nothing; the steps are in `rebalance` and `removal`.

use super::error::PassError;
use super::identity;
use super::kafka::KafkaFacts;
use super::memory::Memory;
use super::rebalance::Rebalance;
use super::removal::{self, Removal, Stage};
use super::upkeep::Upkeep;
use crate::api::RebalanceStatus;
use crate::kafka::KafkaAdmin;
use crate::model::Identity;
use crate::model::version::METADATA;
use std::collections::BTreeSet;

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
