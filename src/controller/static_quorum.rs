//! A quorum whose voters stand in the configuration (`controller.quorum.voters`, `kraft.version` 0) becomes a dynamic one,
//! when a person asks for it: Kafka 4.1 and later can do that once, and never back (KIP-853).
//!
//! | step                                                        | done again, it is       |
//! |-------------------------------------------------------------|-------------------------|
//! | `kraft.version` is raised to 1, validated by Kafka first     | refused, or seen as done |
//! | the voters are known with their disks: the list is struck out | not done again          |
//! | nodes restart without the list, by the usual planner         |                         |
//!
//! While the quorum is static nothing else happens to its voters. It must not raise the level while a controller is away,
//! is behind, or runs another configuration than it's meant to.

use super::context::Context;
use super::error::PassError;
use super::identity;
use super::kafka::{FETCH_TIMEOUT_MS, KafkaFacts};
use super::memory::Memory;
use super::pods::PodFact;
use super::quorum::KRAFT;
use crate::kafka::KafkaAdmin;
use crate::kafka::features::{FeatureChange, FeatureUpgrade};
use crate::kafka::views::QuorumView;
use crate::model::{Cluster, Identity};
use std::collections::BTreeMap;

/// Asks for it; the value doesn't matter.
pub const ANNOTATION: &str = "productionkafka.dev/dynamic-quorum";
/// What Kafka says of a voter whose disk it doesn't know: 16 zero bytes as base64url.
const UNKNOWN: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// What is known of one cluster.
pub struct Static<'a> {
    pub context: &'a Context,
    pub cluster: &'a Cluster,
    pub pods: &'a [PodFact],
    /// Revision that each StatefulSet asks for, by its name.
    pub revisions: &'a BTreeMap<String, String>,
    pub facts: &'a KafkaFacts,
    pub asked: bool,
}

impl Static<'_> {
    /// One step; `Some`: what comes next or is waited for.
    pub async fn drive(
        &self,
        identity: Identity,
        admin: &dyn KafkaAdmin,
        memory: &mut Memory,
    ) -> Result<(Identity, Option<String>), PassError> {
        let (Some(quorum), Some(features)) = (&self.facts.quorum, &self.facts.features) else {
            return Ok((
                identity,
                self.asked.then(|| "wait: the quorum can't be asked".to_owned()),
            ));
        };
        if features.finalized.get(KRAFT).is_some_and(|level| *level >= 1) {
            return self.ended(identity, quorum, memory).await;
        }
        if !self.asked {
            return Ok((identity, None));
        }
        let waits = self.waits(&identity, quorum);
        if let Some(why) = waits {
            return Ok((identity, Some(format!("wait: the quorum becomes dynamic once {why}"))));
        }
        let said = self.raise(admin).await?;
        let next = said.map_or_else(
            || "go on: the quorum is made dynamic".to_owned(),
            |words| format!("retry: Kafka doesn't make the quorum dynamic: {words}"),
        );
        Ok((identity, Some(next)))
    }

    /// The voters' disks are known: from here on nobody needs the list.
    async fn ended(
        &self,
        identity: Identity,
        quorum: &QuorumView,
        memory: &mut Memory,
    ) -> Result<(Identity, Option<String>), PassError> {
        if let Some(voter) = quorum.voters.iter().find(|voter| voter.directory_id == UNKNOWN) {
            let next = format!("wait: Kafka doesn't know the disk of controller {} yet", voter.id);
            return Ok((identity, Some(next)));
        }
        let mut next = identity;
        next.static_voters.clear();
        let identity = identity::commit(self.context, &self.cluster.names, memory, next).await?;
        Ok((
            identity,
            Some("go on: nodes restart without the list of voters".to_owned()),
        ))
    }

    /// What's missing.
    fn waits(&self, identity: &Identity, quorum: &QuorumView) -> Option<String> {
        for node in self.cluster.nodes(identity) {
            let pod = self.pods.iter().find(|pod| pod.name == node.names.pod);
            let wanted = self.revisions.get(&node.names.stateful_set);
            if !pod.is_some_and(|pod| pod.runs(wanted)) {
                return Some(format!("node {} runs as the resource asks", node.id));
            }
        }
        let behind = |voter: &&crate::kafka::views::ReplicaState| {
            Some(voter.id) != quorum.leader_id && !quorum.is_caught_up(voter, FETCH_TIMEOUT_MS)
        };
        let behind = quorum.voters.iter().find(behind);
        behind.map(|voter| format!("controller {} is caught up", voter.id))
    }

    /// `None`: done. Otherwise why Kafka refuses.
    async fn raise(&self, admin: &dyn KafkaAdmin) -> Result<Option<String>, PassError> {
        if !self.context.leads() {
            return Err(PassError::NotLeading);
        }
        let change = FeatureChange {
            feature: KRAFT.to_owned(),
            level: 1,
            upgrade: FeatureUpgrade::Upgrade,
        };
        for validate_only in [true, false] {
            let asked = admin.update_features(vec![change.clone()], validate_only).await;
            let outcomes = asked.map_err(|source| PassError::Kafka {
                what: "make the quorum dynamic",
                source: Box::new(source),
            })?;
            if let Some(error) = outcomes.into_values().find_map(Result::err) {
                return Ok(Some(error.to_string()));
            }
        }
        tracing::info!(cluster = %self.cluster.names.cluster, "the quorum was made dynamic");
        Ok(None)
    }
}
