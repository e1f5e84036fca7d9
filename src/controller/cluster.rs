//! One pass over a `ProductionKafka`: observe, validate, render, decide, apply, say. It never waits: what isn't there yet
//! is a status and a time to look again.

use super::accepted::Accepted;
use super::acls;
use super::admission::{self, Admitted};
use super::apply;
use super::context::Context;
use super::dynamic;
use super::error::PassError;
use super::forming;
use super::identity;
use super::kafka::{self, KafkaFacts};
use super::memory::Memory;
use super::pods::PodFact;
use super::prune;
use super::rendered::Rendered;
use super::report;
use super::status::{self, Observed};
use super::stores::ClusterKey;
use super::trust::{self, Trust};
use crate::api::{ProductionKafka, ProductionKafkaStatus};
use crate::kafka::admin::KafkaAdmin;
use crate::kafka::configs::ConfigResource;
use crate::model::{Cluster, Identity};
use crate::render::{self, Child};
use crate::runtime::metrics::Outcome;
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How a pass ended, and when to look again if nothing happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub outcome: Outcome,
    pub again: Duration,
}

/// Looks again this soon while something is on its way.
const SOON: Duration = Duration::from_secs(2);
/// Looks at Kafka this often while everything is well.
const CALM: Duration = Duration::from_secs(30);
/// Checks a refused resource again this often: what it lacks may have been created.
const STALLED: Duration = Duration::from_secs(30);
/// Reads the brokers' dynamic defaults this often.
const DYNAMIC_CHECK: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// Runs one pass and writes the status it leads to.
pub async fn pass(context: &Context, resource: &ProductionKafka) -> Result<Ended, PassError> {
    let key = ClusterKey {
        namespace: resource.namespace().unwrap_or_default(),
        name: resource.name_any(),
    };
    if resource.metadata.deletion_timestamp.is_some() {
        return Ok(Ended {
            outcome: Outcome::Completed,
            again: CALM,
        });
    }
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
    let result = Box::pin(steps(context, resource, &key, &mut memory)).await;
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

fn last<'a>(memory: &'a Memory, resource: &'a ProductionKafka) -> Option<&'a ProductionKafkaStatus> {
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
    let trust = trust::ensure(context, &cluster, &identity, memory).await?;
    let pods = context.stores.pods_of(key);
    let (identity, withheld) = forming::permit(context, &cluster, identity, &pods, memory).await?;
    let input = render::Input {
        cluster: &cluster,
        identity: &identity,
        operator_image: &context.settings.operator_image,
        certificates: &trust.serials,
        withhold_voters: &withheld,
    };
    let rendered = Rendered::of(&input, memory.rendered.take());
    memory.rendered = Some(Arc::clone(&rendered));
    children(context, &cluster, &rendered, memory.accepted.as_ref()).await?;
    memory.cluster = Some(cluster.clone());
    let pass = Pass {
        context,
        cluster: &cluster,
        trust: &trust,
        pods: &pods,
        revisions: &rendered.revisions,
    };
    pass.look_and_say(resource, identity, memory).await
}

/// The status as it is while the current generation is refused; as it was otherwise.
fn overlaid(
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

/// Applies all children, what pods mount and what protects them before the pods; prunes what's left over.
async fn children(
    context: &Context,
    cluster: &Cluster,
    rendered: &Rendered,
    accepted: Option<&Accepted>,
) -> Result<(), PassError> {
    let key = identity::cluster_key(&cluster.names);
    for stage in [&rendered.before, &rendered.stateful_sets] {
        apply::all(context, &key.namespace, stage).await?;
    }
    let documents = acls::kept(context, &key);
    let accepted = accepted.map(Accepted::child);
    let kept: Vec<&Child> = rendered.children().chain(&documents).chain(accepted).collect();
    prune::run(context, &key, &cluster.uid, &kept, &context.stores.pods_of(&key)).await
}

struct Pass<'a> {
    context: &'a Context,
    cluster: &'a Cluster,
    trust: &'a Trust,
    pods: &'a [PodFact],
    revisions: &'a BTreeMap<String, String>,
}

impl Pass<'_> {
    /// Looks at Kafka, brings its own settings in line, writes the status.
    async fn look_and_say(
        &self,
        resource: &ProductionKafka,
        identity: Identity,
        memory: &mut Memory,
    ) -> Result<Ended, PassError> {
        let endpoints = kafka::endpoints(self.cluster, &identity, self.pods);
        let connector = self.context.connector.as_ref();
        let admin = kafka::client(connector, self.cluster, self.trust, endpoints, memory);
        let brokers_up =
            self.cluster.nodes(&identity).iter().any(|node| {
                node.pool.roles.broker && self.pods.iter().any(|pod| pod.name == node.names.pod && pod.ready)
            });
        let facts = match &admin {
            Some(admin) => Some(kafka::observe(admin.as_ref(), brokers_up, self.context.now()).await),
            None => None,
        };
        let facts = facts.map(|facts| kafka::steadied(facts, memory.kafka.as_deref()));
        memory.kafka = facts.clone().map(std::sync::Arc::new);
        let quorum = facts.as_ref().and_then(|facts| facts.quorum.as_ref());
        let (context, cluster) = (self.context, self.cluster);
        let identity = if forming::has_formed(cluster, &identity, quorum, self.pods) {
            forming::end(context, cluster, identity, memory).await?
        } else {
            identity
        };
        let mut waiting = None;
        if let (Some(admin), Some(facts)) = (&admin, &facts)
            && facts.partitions.is_some()
        {
            match self.settle(&identity, admin.as_ref(), memory).await? {
                acls::Progress::Applied => {}
                acls::Progress::Running(again) | acls::Progress::Failed(again) => waiting = Some(again),
            }
        }
        let mut status = self.say(resource, &identity, facts.as_ref(), memory);
        if let Some(failure) = &memory.acl_failure {
            let next = status.next_action.take().filter(|next| next != "nothing to do");
            let rights = format!("retry: access rights: {}", failure.why);
            status.next_action = Some(next.unwrap_or(rights));
        }
        let ready = status::is_true(&status.conditions, "Ready");
        let full = status::is_true(&status.conditions, "FullyReplicated");
        let refused = memory.refused.is_some();
        let status = overlaid(status, resource, memory, self.context.now());
        report::write(self.context, resource, memory, status).await?;
        let usual = if ready && full { CALM } else { SOON };
        let again = waiting.map_or(usual, |waiting| waiting.min(usual));
        let outcome = if refused {
            Outcome::Rejected
        } else if ready {
            Outcome::Completed
        } else {
            Outcome::Waiting
        };
        Ok(Ended { outcome, again })
    }

    /// Dynamic configuration and access rights.
    async fn settle(
        &self,
        identity: &Identity,
        admin: &dyn KafkaAdmin,
        memory: &mut Memory,
    ) -> Result<acls::Progress, PassError> {
        self.dynamic(admin, memory).await?;
        acls::drive(self.context, self.cluster, identity, admin, memory).await
    }

    async fn dynamic(&self, admin: &dyn KafkaAdmin, memory: &mut Memory) -> Result<(), PassError> {
        let now = self.context.now();
        if memory
            .dynamic_checked
            .is_some_and(|at| now.duration_since(at) < DYNAMIC_CHECK)
        {
            return Ok(());
        }
        let failed = |source| PassError::Kafka {
            what: "set min.insync.replicas",
            source: Box::new(source),
        };
        let described = admin
            .describe_configs(vec![ConfigResource::ClusterDefault])
            .await
            .map_err(failed)?;
        let Some(Ok(current)) = described.get(&ConfigResource::ClusterDefault) else {
            return Ok(());
        };
        if let Some(change) = dynamic::change(self.cluster, current) {
            tracing::info!(cluster = %self.cluster.names.cluster, value = self.cluster.min_in_sync_replicas, "setting min.insync.replicas");
            let outcomes = admin
                .incremental_alter_configs(vec![change], false)
                .await
                .map_err(failed)?;
            for (_, outcome) in outcomes {
                outcome.map_err(|error| PassError::Content {
                    kind: "dynamic configuration",
                    namespace: self.cluster.names.namespace.clone(),
                    name: self.cluster.names.cluster.clone(),
                    problem: error.to_string(),
                })?;
            }
        }
        memory.dynamic_checked = Some(now);
        Ok(())
    }

    fn say(
        &self,
        resource: &ProductionKafka,
        identity: &Identity,
        kafka: Option<&KafkaFacts>,
        memory: &Memory,
    ) -> ProductionKafkaStatus {
        let losses = self.trust.losses();
        let observed = Observed {
            losses: &losses,
            cluster: self.cluster,
            identity,
            pods: self.pods,
            kafka,
            revisions: self.revisions,
            serials: &self.trust.serials,
            certificates_until: self.trust.first_end(),
            now: self.context.now(),
        };
        status::status(&observed, last(memory, resource))
    }
}
