//! Which spec a pass works with: the resource's own if validation accepts it, else the last one that it accepted. What
//! was accepted isn't judged again by a world that has changed around it; what would lose data still is.

use super::accepted;
use super::context::Context;
use super::error::PassError;
use super::facts;
use super::memory::Memory;
use super::stores::ClusterKey;
use crate::api::{EncryptionRequirement, ProductionKafka};
use crate::model::{Cluster, Facts, Findings, encryption, validate};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Checks a refused resource again this often: what it lacks may have been created.
pub const RECHECK: jiff::SignedDuration = jiff::SignedDuration::from_secs(30);

/// What a pass works with.
#[derive(Clone, Debug)]
pub struct Admitted {
    pub cluster: Arc<Cluster>,
    /// Failure domains to spread over.
    pub zones: Vec<String>,
}

/// A generation that validation refused.
#[derive(Clone, Debug)]
pub struct Refused {
    pub generation: i64,
    pub findings: Findings,
    at: jiff::Timestamp,
    /// What the cluster is kept as meanwhile, if anything was ever accepted.
    pub instead: Option<Admitted>,
}

/// What to work with; `None` when nothing was ever accepted. `memory.refused` says whether it's the resource's own.
pub async fn admit(
    context: &Context,
    resource: &ProductionKafka,
    key: &ClusterKey,
    memory: &mut Memory,
) -> Result<Option<Admitted>, PassError> {
    let generation = resource.metadata.generation.unwrap_or_default();
    let now = context.now();
    let known = memory
        .refused
        .as_ref()
        .filter(|known| known.generation == generation && now.duration_since(known.at) < RECHECK);
    if let Some(known) = known {
        return Ok(known.instead.clone());
    }
    let facts = match memory.facts.take().filter(|(of, _)| *of == generation) {
        Some((_, facts)) => facts,
        None => facts::gather(context, resource, key, memory).await?,
    };
    match validate(resource, &facts) {
        Ok(cluster) => {
            memory.refused = None;
            let zones = zones(resource, &facts);
            memory.at_rest = encryption::of_cluster(&cluster, &facts);
            memory.facts = Some((generation, facts));
            accepted::keep(context, &cluster, &resource.spec, memory).await?;
            let cluster = Arc::new(cluster);
            Ok(Some(Admitted { cluster, zones }))
        }
        Err(findings) => {
            let instead = instead(context, resource, key, memory).await?;
            memory.refused = Some(Refused {
                generation,
                findings,
                at: now,
                instead: instead.clone(),
            });
            Ok(instead)
        }
    }
}

async fn instead(
    context: &Context,
    resource: &ProductionKafka,
    key: &ClusterKey,
    memory: &mut Memory,
) -> Result<Option<Admitted>, PassError> {
    let Some(accepted) = accepted::resource(context, resource, memory).await? else {
        return Ok(None);
    };
    let facts = facts::gather(context, &accepted, key, memory).await?;
    let zones = zones(&accepted, &facts);
    let (lenient, unmoved) = unmoved(&accepted, facts.clone());
    match validate(&lenient, &unmoved) {
        Ok(cluster) => {
            memory.at_rest = encryption::of_cluster(&cluster, &facts);
            accepted::keep(context, &cluster, &accepted.spec, memory).await?;
            let cluster = Arc::new(cluster);
            Ok(Some(Admitted { cluster, zones }))
        }
        Err(findings) => {
            tracing::warn!(cluster = %key.name, findings = %findings.summary(500), "what was accepted before isn't acceptable any more");
            Ok(None)
        }
    }
}

/// Resource and facts as if the classes and failure domains that the cluster was accepted with were still there, as they were.
fn unmoved(accepted: &ProductionKafka, facts: Facts) -> (ProductionKafka, Facts) {
    let racks = facts
        .identity
        .iter()
        .flat_map(|identity| identity.racks.values().cloned());
    let rack = accepted.spec.high_availability.rack.as_ref();
    let named = rack.into_iter().flat_map(|rack| rack.zones.iter().cloned());
    let there = facts.zones.iter().flatten().cloned();
    let zones: BTreeSet<String> = racks.chain(named).chain(there).collect();
    let mut lenient = accepted.clone();
    lenient.spec.security.encryption_at_rest.requirement = EncryptionRequirement::Report;
    let facts = Facts {
        storage_classes: None,
        secrets: None,
        protects: true,
        zones: Some(zones.into_iter().collect()),
        ..facts
    };
    (lenient, facts)
}

/// Zones to spread over: those asked for, or those there are.
pub fn zones(resource: &ProductionKafka, facts: &Facts) -> Vec<String> {
    match &resource.spec.high_availability.rack {
        Some(rack) if rack.zones.is_empty() => facts.zones.clone().unwrap_or_default(),
        Some(rack) => rack.zones.clone(),
        None => Vec::new(),
    }
}
