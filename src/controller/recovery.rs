//! A quorum that has lost its majority for good goes on with one controller, because a person has said so.
//!
//! | step                                                                      | done again, it is     |
//! |---------------------------------------------------------------------------|-----------------------|
//! | the decision is written to the identity: the other controllers get other disks | not done again   |
//! | the others' pods with the former disks are deleted                        | seen as done          |
//! | the survivor's pod is deleted; `node-init` makes it the only voter        | refused by `node-init` or seen as done |
//! | it leads alone: the decision is struck out                                | seen as done          |
//!
//! After that the quorum's planner gives votes to the others as to any new controller. Nothing here happens without the
//! annotation, and the annotation holds for one log at one place only. It must not touch the survivor before the others'
//! former disks can't come back: with their old voters they would be a second quorum.

use super::context::Context;
use super::error::PassError;
use super::identity;
use super::kafka::KafkaFacts;
use super::memory::Memory;
use super::pods::PodFact;
use super::rollout;
use super::survivors::Survivor;
use crate::model::identity::Recovery;
use crate::model::{Cluster, Identity, Node};
use crate::quorum::{Standing, Stranded, objections};
use std::collections::{BTreeMap, BTreeSet};

/// A person's decision: `controller=2 epoch=7 offset=4711`.
pub const ANNOTATION: &str = "productionkafka.dev/recover-quorum";

/// What is known of one cluster.
pub struct Recovering<'a> {
    pub context: &'a Context,
    pub cluster: &'a Cluster,
    pub pods: &'a [PodFact],
    /// Revision that each StatefulSet asks for, by its name.
    pub revisions: &'a BTreeMap<String, String>,
    pub facts: Option<&'a KafkaFacts>,
    pub survivors: &'a [Survivor],
    /// The annotation's text.
    pub asked: Option<&'a str>,
}

/// Where it stands.
pub struct Recovered {
    pub identity: Identity,
    /// What comes next; `None`: nothing is asked for, or it's over.
    pub next: Option<String>,
    /// Why nothing is done for the annotation.
    pub refused: Option<String>,
}

impl Recovering<'_> {
    /// One step.
    pub async fn drive(&self, identity: Identity, memory: &mut Memory) -> Result<Recovered, PassError> {
        match identity.recovery.clone() {
            Some(recovery) => self.go_on(identity, &recovery, memory).await,
            None => self.begin(identity, memory).await,
        }
    }

    async fn begin(&self, identity: Identity, memory: &mut Memory) -> Result<Recovered, PassError> {
        let Some(asked) = self.asked.filter(|asked| identity.recovered.as_deref() != Some(asked)) else {
            return Ok(nothing(identity, None));
        };
        let Some(chosen) = asked.parse::<Standing>().ok() else {
            let why =
                format!("metadata.annotations[{ANNOTATION}]: {asked:?} isn't like `controller=2 epoch=7 offset=4711`");
            return Ok(nothing(identity, Some(why)));
        };
        let against = self.against(&identity, &chosen);
        if !against.is_empty() {
            let why = format!("metadata.annotations[{ANNOTATION}]: {}", against.join("; "));
            return Ok(nothing(identity, Some(why)));
        }
        tracing::warn!(cluster = %self.cluster.names.cluster, controller = chosen.id, "going on with one controller");
        let recovery = Recovery {
            survivor: chosen.id,
            log_end: chosen.log_end,
            since: self.context.now().to_string(),
            asked: asked.to_owned(),
        };
        let mut next = identity;
        next.abandon_others(&recovery);
        let identity = identity::commit(self.context, &self.cluster.names, memory, next).await?;
        Ok(told(identity, "go on: the other controllers get other disks"))
    }

    fn against(&self, identity: &Identity, chosen: &Standing) -> Vec<String> {
        let controllers: Vec<Node<'_>> = self.controllers(identity);
        let both = controllers.iter().filter(|node| node.roles.broker).map(|node| node.id);
        let may_run = |node: &&Node<'_>| self.pod(node).is_some_and(|pod| pod.machine.is_some());
        let running = controllers.iter().filter(may_run).map(|node| node.id);
        let standing = |one: &Survivor| Standing {
            id: one.id,
            epoch: one.epoch,
            log_end: one.log_end,
        };
        let stranded = Stranded {
            leaderless: self.facts.is_some_and(|facts| facts.leaderless),
            controllers: &identity.controllers,
            brokers: &both.collect(),
            running: &running.collect::<BTreeSet<i32>>(),
            standing: &self.survivors.iter().map(standing).collect::<Vec<_>>(),
        };
        objections(&stranded, chosen).iter().map(ToString::to_string).collect()
    }

    fn controllers<'s>(&'s self, identity: &'s Identity) -> Vec<Node<'s>> {
        let nodes = self.cluster.nodes(identity).into_iter();
        nodes.filter(|node| node.roles.controller).collect()
    }

    fn pod(&self, node: &Node<'_>) -> Option<&PodFact> {
        self.pods.iter().find(|pod| pod.name == node.names.pod)
    }

    async fn go_on(
        &self,
        identity: Identity,
        recovery: &Recovery,
        memory: &mut Memory,
    ) -> Result<Recovered, PassError> {
        if self.leads_alone(recovery.survivor) {
            let mut next = identity;
            next.recovered = Some(recovery.asked.clone());
            next.recovery = None;
            let identity = identity::commit(self.context, &self.cluster.names, memory, next).await?;
            return Ok(told(identity, "go on: the other controllers join again"));
        }
        let controllers = self.controllers(&identity);
        let former = controllers
            .iter()
            .filter(|node| node.id != recovery.survivor)
            .filter_map(|node| {
                let pod = self.pod(node)?;
                (pod.revision.as_ref() != self.revisions.get(&node.names.stateful_set)).then_some(pod)
            });
        let former: Vec<&PodFact> = former.collect();
        for pod in former.iter().filter(|pod| !pod.terminating) {
            if let Some(why) = self.delete(pod).await? {
                return Ok(told(identity, &why));
            }
        }
        if let Some(pod) = former.first() {
            let next = format!("wait: pod {} with its former disk is being deleted", pod.name);
            return Ok(told(identity, &next));
        }
        let survivor = controllers.iter().find(|node| node.id == recovery.survivor);
        let since = recovery.since.parse().ok();
        let pod = survivor.and_then(|node| self.pod(node));
        if let Some(pod) = pod.filter(|pod| !pod.terminating && pod.created < since)
            && let Some(why) = self.delete(pod).await?
        {
            return Ok(told(identity, &why));
        }
        let next = format!("wait: controller {} becomes the only voter", recovery.survivor);
        Ok(told(identity, &next))
    }

    /// `Some`: what is waited for, since somebody doesn't let the pod go.
    async fn delete(&self, pod: &PodFact) -> Result<Option<String>, PassError> {
        let refusal = rollout::delete(self.context, (&pod.namespace, &pod.name), &pod.uid).await?;
        Ok(refusal.map(|words| format!("wait: delete pod {}: {words}", pod.name)))
    }

    fn leads_alone(&self, survivor: i32) -> bool {
        let quorum = self.facts.and_then(|facts| facts.quorum.as_ref());
        let voters =
            |quorum: &crate::kafka::views::QuorumView| quorum.voters.iter().map(|voter| voter.id).collect::<Vec<_>>();
        quorum.is_some_and(|quorum| quorum.leader_id == Some(survivor) && voters(quorum) == [survivor])
    }
}

fn nothing(identity: Identity, refused: Option<String>) -> Recovered {
    Recovered {
        identity,
        next: None,
        refused,
    }
}

fn told(identity: Identity, next: &str) -> Recovered {
    Recovered {
        identity,
        next: Some(next.to_owned()),
        refused: None,
    }
}
