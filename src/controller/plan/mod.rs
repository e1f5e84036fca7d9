//! What would happen if a resource were applied: the operator's pass up to its decisions, with a report in place of acts.
//!
//! observe → validate → render → decide, each by the function that the operator uses; what a pass would write is compared
//! and told instead. It must not change anything: the client that it's given sends nothing but reads, the fence is one that
//! never holds, and Kafka is only asked to describe.

mod asked;
mod capacity;
mod live;
mod nodes;
mod objects;
mod removed;
mod restarts;
mod settings;
mod value;

pub use value::{
    Action, CapacityChange, Hold, LevelChange, NodeChange, ObjectChange, Plan, PodRestart, Problem, RestartStep,
    SettingChange, Verdict,
};

use super::admission;
use super::context::Context;
use super::error::PassError;
use super::facts;
use super::forming;
use super::found;
use super::identity;
use super::memory::Memory;
use super::pods::PodFact;
use super::protection;
use super::rendered::Rendered;
use super::stores::ClusterKey;
use super::trust::{self, Running, Stored};
use crate::api::ProductionKafka;
use crate::model::{Cluster, Facts, Finding, Found, Identity, validate};
use crate::render::Input;
use kube::ResourceExt;
use std::collections::BTreeSet;
use std::sync::Arc;

/// All that is known of one cluster, as it is and as it would be.
struct Draft<'a> {
    context: &'a Context,
    /// As the apiserver would have it.
    resource: &'a ProductionKafka,
    cluster: &'a Cluster,
    facts: &'a Facts,
    /// Which nodes there would be.
    identity: Identity,
    pods: Vec<PodFact>,
    /// `None`: the Secrets can't be read from here.
    certificates: Option<Stored>,
    found: Found,
    running: Running,
    withheld: BTreeSet<i32>,
    operator_image: String,
}

/// What would follow from this resource. `operator_image`: that of the operator which is meant, if it's another than the
/// one whose image the pods have.
pub async fn draft(
    context: &Context,
    given: &ProductionKafka,
    operator_image: Option<&str>,
) -> Result<Plan, PassError> {
    let key = ClusterKey {
        namespace: given.namespace().unwrap_or_default(),
        name: given.name_any(),
    };
    let (resource, before) = live::as_applied(context, given).await?;
    live::fill(context, &key).await?;
    let mut memory = Memory::default();
    let facts = facts::gather(context, &resource, &key, &mut memory).await?;
    let mut plan = Plan::of(&key.namespace, &key.name);
    plan.exists = resource.uid().is_some();
    if protection::is_held(&resource) {
        let note = "the resource was deleted and is held by deletionProtection: everything is done for it as before";
        plan.notes.push(note.to_owned());
    } else if resource.metadata.deletion_timestamp.is_some() {
        plan.hold("the resource is being deleted, so nothing is changed any more");
    }
    let cluster = match validate(&resource, &facts) {
        Ok(cluster) => cluster,
        Err(findings) => {
            plan.findings = findings.0.into_iter().map(problem).collect();
            return Ok(plan);
        }
    };
    let before = before.and_then(|before| validate(&before, &facts).ok());
    plan.capacity = capacity::change(before.as_ref(), &cluster);
    let draft = Draft::new(context, &resource, (&cluster, &facts), operator_image).await?;
    draft.fill(&mut plan, &mut memory).await?;
    Ok(plan)
}

fn problem(finding: Finding) -> Problem {
    Problem {
        path: finding.path,
        message: finding.message,
    }
}

impl<'a> Draft<'a> {
    async fn new(
        context: &'a Context,
        resource: &'a ProductionKafka,
        (cluster, facts): (&'a Cluster, &'a Facts),
        operator_image: Option<&str>,
    ) -> Result<Self, PassError> {
        let key = identity::cluster_key(&cluster.names);
        let pods = context.stores.pods_of(&key);
        let zones = admission::zones(resource, facts);
        let identity = identity::wanted(context, cluster, &zones, facts.identity.clone())?;
        let (identity, withheld) = forming::look(context, cluster, &identity, &pods).await?;
        let found = found::look(context, cluster, &identity, &pods).await?;
        let certificates = allowed(trust::read(context, resource, cluster, (&identity, &found)).await)?;
        let of_pods = || Running {
            serials: pods
                .iter()
                .filter_map(|pod| Some((pod.node_id?, pod.certificate.clone()?)))
                .collect(),
            ..Running::default()
        };
        let running = certificates.as_ref().map(|stored| stored.running.clone());
        let operator_image = match operator_image {
            Some(image) => image.to_owned(),
            None => live::operator_image(context, &key).await?,
        };
        Ok(Self {
            context,
            resource,
            cluster,
            facts,
            identity,
            running: running.unwrap_or_else(of_pods),
            pods,
            certificates,
            withheld,
            found,
            operator_image,
        })
    }

    /// Everything but findings.
    async fn fill(&self, plan: &mut Plan, memory: &mut Memory) -> Result<(), PassError> {
        let rendered = self.rendered(&self.identity);
        let roll = restarts::Rolling::look(self, &rendered).await?;
        let asked = asked::ask(self, memory).await;
        plan.settings = settings::changes(&asked);
        self.nodes(&asked, plan);
        roll.restarts(&asked, plan).await?;
        self.levels(&asked, plan);
        self.disks(roll.policy(), plan);
        self.objects(&rendered, plan).await?;
        let own = &self.resource.spec.tuning.config;
        settings::explain(plan.settings.iter_mut(), own);
        let pods = plan
            .restarts
            .iter_mut()
            .flat_map(|step| &mut step.pods)
            .chain(&mut plan.left);
        settings::explain(pods.flat_map(|pod| &mut pod.settings), own);
        asked.tell(self.resource, plan);
        Ok(())
    }

    fn rendered(&self, identity: &Identity) -> Arc<Rendered> {
        let input = Input {
            cluster: self.cluster,
            identity,
            operator_image: &self.operator_image,
            certificates: &self.running.serials,
            withhold_voters: &self.withheld,
            found: &self.found,
        };
        Rendered::of(&input, None)
    }

    /// The node's StatefulSet isn't there yet.
    fn is_new(&self, id: i32) -> bool {
        self.facts.existing.iter().all(|node| node.id != id)
    }
}

/// What RBAC forbids isn't known, and that is told.
fn allowed<T>(result: Result<T, PassError>) -> Result<Option<T>, PassError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.category() == "forbidden" => Ok(None),
        Err(error) => Err(error),
    }
}
