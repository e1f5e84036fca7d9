//! Controllers that have left stay registered in Kafka, with the feature levels that they once supported. From
//! `metadata.version` 33 on they're unregistered (KIP-1312). Before, Kafka raises no level that one of them doesn't know, though
//! none of them runs: then they're registered once more with the levels of those that do, as if they had been upgraded.
//!
//! While no controller has left and no level is refused, nothing is asked. It must not speak for a controller that runs or
//! votes.

use super::context::Context;
use super::error::PassError;
use super::identity;
use super::kafka::KafkaFacts;
use super::memory::Memory;
use crate::kafka::admin::Target;
use crate::kafka::errors::KafkaError;
use crate::kafka::views::{BrokerState, ControllerRegistration, FeatureLevels, VoterEndpoint};
use crate::kafka::{ErrorCode, KafkaAdmin};
use crate::model::version::METADATA;
use crate::model::{Cluster, Identity};
use crate::render::CONTROLLER_LISTENER;
use std::collections::{BTreeMap, BTreeSet};

/// `metadata.version` 4.4-IV2, the first that knows the removal of a registration.
const FORGETS: i16 = 33;

/// Registers those that have left with what the others support; how many those are.
pub async fn renew(
    cluster: &Cluster,
    admin: &dyn KafkaAdmin,
    facts: &KafkaFacts,
    controllers: &BTreeSet<i32>,
) -> Result<usize, PassError> {
    let failed = |source: KafkaError| PassError::Kafka {
        what: "renew the registration of controllers that have left",
        source: Box::new(source),
    };
    let Some(quorum) = &facts.quorum else {
        return Ok(0);
    };
    let (registered, features) = futures::future::join(
        admin.describe_controllers(Target::Controllers),
        admin.describe_features(Target::Controllers),
    )
    .await;
    let features = features.map_err(failed)?.supported;
    let voters: BTreeSet<i32> = quorum.voters.iter().map(|voter| voter.id).collect();
    let registered = registered.map_err(failed)?.brokers;
    let left = registered
        .iter()
        .filter(|one| !controllers.contains(&one.id) && !voters.contains(&one.id));
    let mut renewed = 0;
    for one in left {
        admin
            .register_controller(registration(one, &features))
            .await
            .map_err(failed)?;
        tracing::info!(cluster = %cluster.names.cluster, controller = one.id, "has left, and holds no feature level back any more");
        renewed += 1;
    }
    Ok(renewed)
}

fn registration(one: &BrokerState, features: &BTreeMap<String, FeatureLevels>) -> ControllerRegistration {
    ControllerRegistration {
        id: one.id,
        listeners: vec![VoterEndpoint {
            name: CONTROLLER_LISTENER.to_owned(),
            host: one.host.clone(),
            port: u16::try_from(one.port).unwrap_or_default(),
        }],
        features: features.clone(),
    }
}

/// Has Kafka forget those that have left, once it can. `alone`: no pods are left but those of nodes.
pub async fn forget(
    context: &Context,
    cluster: &Cluster,
    identity: Identity,
    (admin, facts, alone): (&dyn KafkaAdmin, &KafkaFacts, bool),
    memory: &mut Memory,
) -> Result<Identity, PassError> {
    let level = facts
        .features
        .as_ref()
        .and_then(|features| features.finalized.get(METADATA));
    let Some(quorum) = facts.quorum.as_ref().filter(|_| facts.problem.is_none()) else {
        return Ok(identity);
    };
    if !alone || level.is_none_or(|level| *level < FORGETS) || !context.leads() {
        return Ok(identity);
    }
    let votes = |id: &i32| quorum.voters.iter().any(|voter| voter.id == *id);
    let mut next = identity.clone();
    for id in identity.departed.iter().filter(|id| !votes(id)) {
        if let Err(source) = admin.unregister_controller(*id).await
            && !is_unknown(&source)
        {
            return Err(PassError::Kafka {
                what: "unregister a controller that has left",
                source: Box::new(source),
            });
        }
        next.departed.remove(id);
    }
    if next == identity {
        return Ok(identity);
    }
    identity::commit(context, &cluster.names, memory, next).await
}

fn is_unknown(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Broker { error, .. } if error.code == ErrorCode::CONTROLLER_ID_NOT_REGISTERED)
}
