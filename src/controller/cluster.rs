//! One pass over a `ProductionKafka`: observe, validate, render, decide, apply, say. It never waits: what isn't there yet
//! is a status and a time to look again.

use super::accepted::Accepted;
use super::admission::{self, Admitted};
use super::apply::{self, Wish};
use super::context::Context;
use super::error::PassError;
use super::forming;
use super::found;
use super::identity;
use super::ledger::ObjectKey;
use super::memory::Memory;
use super::pods::PodFact;
use super::protection;
use super::prune;
use super::rendered::Rendered;
use super::report;
use super::status;
use super::stores::ClusterKey;
use super::trust;
use super::upkeep::{CALM, Upkeep};
use crate::api::{ProductionKafka, ProductionKafkaStatus};
use crate::model::{Cluster, Found, Identity};
use crate::render::{self, Child, Kind, Spare};
use crate::runtime::metrics::Outcome;
use kube::ResourceExt;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How a pass ended, and when to look again if nothing happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub outcome: Outcome,
    pub again: Duration,
}

/// Checks a refused resource again this often: what it lacks may have been created.
const STALLED: Duration = Duration::from_secs(30);

/// A resource that's held, or should be and isn't, is looked at this often.
const HELD: Duration = Duration::from_secs(5);

/// Runs one pass and writes the status it leads to.
pub async fn pass(context: &Context, resource: &ProductionKafka) -> Result<Ended, PassError> {
    let key = ClusterKey {
        namespace: resource.namespace().unwrap_or_default(),
        name: resource.name_any(),
    };
    let mut memory = context.memories.get(&key);
    let uid = resource.uid().unwrap_or_default();
    if memory.uid != uid {
        memory = Memory {
            uid,
            identity: memory.identity,
            trust: memory.trust,
            ..Memory::default()
        };
    }
    if !kept(context, resource, &mut memory).await? {
        return Ok(Ended {
            outcome: Outcome::Completed,
            again: CALM,
        });
    }
    memory.leaving = context.stores.leaving_claims(&key);
    let result = Box::pin(steps(context, resource, &key, &mut memory)).await;
    let result = result.map(|ended| Ended {
        again: again(ended.again, resource, &memory),
        ..ended
    });
    if let Err(error) = &result {
        let problem = error.chain();
        let status = status::failing(
            &problem,
            resource.metadata.generation,
            last(&memory, resource),
            context.now(),
        );
        let status = overlaid(status, resource, &memory, context.now());
        let written = report::write(context, resource, &mut memory, status).await;
        if let Err(second) = written {
            tracing::warn!(error = %second.chain(), "can't write the status");
        }
    }
    context.memories.put(key, memory);
    result
}

/// Whether the cluster is looked after; that its finalizer can't be set keeps nobody from that.
async fn kept(context: &Context, resource: &ProductionKafka, memory: &mut Memory) -> Result<bool, PassError> {
    match protection::keep(context, resource).await {
        Ok(served) => {
            memory.not_held = false;
            Ok(served)
        }
        Err(PassError::NotLeading) => Err(PassError::NotLeading),
        Err(problem) if protection::is_served(resource) => {
            tracing::warn!(error = %problem.chain(), "the finalizer of a protected cluster isn't as it should be");
            memory.not_held = true;
            Ok(true)
        }
        Err(problem) => Err(problem),
    }
}

/// Nobody tells of a finalizer that can be set by now, nor of the end of the namespace of a resource that's held in it.
fn again(calm: Duration, resource: &ProductionKafka, memory: &Memory) -> Duration {
    if memory.not_held || protection::is_held(resource) {
        calm.min(HELD)
    } else {
        calm
    }
}

pub(super) fn last<'a>(memory: &'a Memory, resource: &'a ProductionKafka) -> Option<&'a ProductionKafkaStatus> {
    memory.status.as_ref().or(resource.status.as_ref())
}

async fn steps(
    context: &Context,
    resource: &ProductionKafka,
    key: &ClusterKey,
    memory: &mut Memory,
) -> Result<Ended, PassError> {
    let admitted = admission::admit(context, resource, key, memory).await?;
    let Some(Admitted { cluster, zones }) = admitted else {
        let status = last(memory, resource).cloned().unwrap_or_default();
        let status = overlaid(status, resource, memory, context.now());
        report::write(context, resource, memory, status).await?;
        return Ok(Ended {
            outcome: Outcome::Rejected,
            again: STALLED,
        });
    };
    let identity = identity::ensure(context, &cluster, &zones, memory).await?;
    let pods = context.stores.pods_of(key);
    let found = found::ensure(context, &cluster, &identity, (&pods, memory)).await?;
    memory.assigned.clone_from(&found);
    let trust = trust::ensure(context, resource, (&cluster, &identity), memory).await?;
    let (identity, withheld) = forming::permit(context, &cluster, identity, &pods, memory).await?;
    let input = render::Input {
        cluster: &cluster,
        identity: &identity,
        operator_image: &context.settings.operator_image,
        certificates: &trust.running.serials,
        withhold_voters: &withheld,
        found: &found,
    };
    let rendered = Rendered::of(&input, memory.rendered.take());
    memory.rendered = Some(Arc::clone(&rendered));
    let unborn = unborn(context, &cluster, &identity, &found);
    children(context, &cluster, (&rendered, &unborn), memory.accepted.as_ref()).await?;
    memory.cluster = Some(cluster.clone());
    let upkeep = Upkeep {
        context,
        resource,
        cluster: &cluster,
        trust: &trust,
        pods: &pods,
        revisions: &rendered.revisions,
        weak: &rendered.weak,
    };
    upkeep.run(identity, memory).await
}

/// The status with what's to be said of a resource that's held or refused; as it was otherwise.
pub(super) fn overlaid(
    status: ProductionKafkaStatus,
    resource: &ProductionKafka,
    memory: &Memory,
    now: jiff::Timestamp,
) -> ProductionKafkaStatus {
    let deleted = resource.metadata.deletion_timestamp.as_ref();
    let held = deleted.filter(|_| protection::is_held(resource)).map(|since| since.0);
    status::held(
        refused(status, resource, memory, now),
        held,
        last(memory, resource),
        now,
    )
}

fn refused(
    status: ProductionKafkaStatus,
    resource: &ProductionKafka,
    memory: &Memory,
    now: jiff::Timestamp,
) -> ProductionKafkaStatus {
    let generation = resource.metadata.generation;
    let refused = memory.refused.as_ref();
    let Some(refused) = refused.filter(|refused| Some(refused.generation) == generation) else {
        return status;
    };
    let stalled = status::Stalled {
        findings: &refused.findings,
        generation,
        running: refused.instead.as_ref().map(|instead| instead.cluster.generation),
    };
    status::stalled(&stalled, status, last(memory, resource), now)
}

/// StatefulSets of brokers that have never run and have no address yet: they wait for it. One that runs goes on without the
/// listener until the address is there.
fn unborn(context: &Context, cluster: &Cluster, identity: &Identity, found: &Found) -> BTreeSet<String> {
    let missing = found.missing(cluster, identity);
    let nodes = cluster.nodes(identity).into_iter();
    let waiting = nodes
        .filter(|node| missing.contains_key(&node.id))
        .map(|node| node.names.stateful_set);
    let is_new = |name: &String| {
        let key = ObjectKey::new(Kind::StatefulSet, &cluster.names.namespace, name);
        !context.stores.has_child(&key)
    };
    waiting.filter(is_new).collect()
}

/// Applies all children, what pods mount and what protects them before the pods; prunes what's left over.
async fn children(
    context: &Context,
    cluster: &Cluster,
    (rendered, unborn): (&Rendered, &BTreeSet<String>),
    accepted: Option<&Accepted>,
) -> Result<(), PassError> {
    let key = identity::cluster_key(&cluster.names);
    let sets = rendered.stateful_sets.iter();
    let sets: Vec<Wish> = sets
        .filter(|wish| !unborn.contains(&wish.child.name))
        .cloned()
        .collect();
    for stage in [&rendered.before, &sets] {
        apply::all(context, &key.namespace, stage).await?;
    }
    let accepted = accepted.map(Accepted::child);
    let pods = context.stores.pods_of(&key);
    // What they say is decided once Kafka was asked; that they are wanted is known now.
    let spare = Spare {
        brokers: true,
        controllers: true,
    };
    let budgets = render::budgets(cluster, spare, PodFact::any_combined(&pods));
    let all = rendered.children().chain(&budgets);
    let kept: Vec<&Child> = all.chain(accepted).collect();
    prune::run(context, &key, &cluster.uid, &kept, &pods).await
}
