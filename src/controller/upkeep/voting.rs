//! What a pass does about the quorum: a person's decision after a lost majority, voters that come and go, a static quorum
//! that becomes dynamic, registrations of controllers that have left. One of them at a time.

use super::super::error::PassError;
use super::super::kafka::KafkaFacts;
use super::super::memory::Memory;
use super::super::{quorum, recovery, registrations, static_quorum};
use super::{Look, Upkeep};
use crate::kafka::admin::KafkaAdmin;
use crate::model::Identity;
use kube::ResourceExt;

/// What became of the quorum in this pass.
#[derive(Clone, Copy, Default)]
pub(super) struct Vote {
    /// Something happened to it, so nothing else is taken away in this pass.
    pub acted: bool,
    /// Something is left to do.
    pub open: bool,
}

impl Upkeep<'_> {
    /// The one case in which a quorum is changed without a leader: a person has decided it.
    pub(super) async fn recover(
        &self,
        identity: Identity,
        look: &Look,
        memory: &mut Memory,
    ) -> Result<(Identity, Vote), PassError> {
        let recovering = recovery::Recovering {
            context: self.context,
            cluster: self.cluster,
            pods: self.pods,
            revisions: self.revisions,
            facts: look.facts.as_ref(),
            survivors: &look.survivors.found,
            asked: self
                .resource
                .annotations()
                .get(recovery::ANNOTATION)
                .map(String::as_str),
        };
        let recovery::Recovered {
            identity,
            next,
            refused,
        } = recovering.drive(identity, memory).await?;
        memory.recovery_refused = refused;
        if next.is_none() {
            return self.vote(identity, look, memory).await;
        }
        memory.voting = next;
        let vote = Vote {
            acted: true,
            open: true,
        };
        Ok((identity, vote))
    }

    /// Controllers that come and go, and those whose disk is another one. Costs nothing while all vote that should.
    async fn vote(&self, identity: Identity, look: &Look, memory: &mut Memory) -> Result<(Identity, Vote), PassError> {
        let (Some(admin), Some(facts)) = (&look.admin, &look.facts) else {
            return Ok((identity, Vote::default()));
        };
        if !identity.bootstrapped {
            return Ok((identity, Vote::default()));
        }
        if !identity.static_voters.is_empty() {
            return self.make_dynamic(identity, (admin.as_ref(), facts), memory).await;
        }
        let voting = quorum::Voting {
            context: self.context,
            cluster: self.cluster,
            pods: self.pods,
            facts,
            before: look.before.as_deref(),
        };
        let voted = Box::pin(voting.drive(identity, admin.as_ref(), memory)).await?;
        let vote = Vote {
            acted: voted.acted,
            open: voted.next.is_some(),
        };
        memory.voting = voted.next;
        if vote.acted || vote.open || voted.identity.departed.is_empty() {
            return Ok((voted.identity, vote));
        }
        let seen = (admin.as_ref(), facts, self.is_alone(&voted.identity));
        let identity = registrations::forget(self.context, self.cluster, voted.identity, seen, memory).await?;
        Ok((identity, vote))
    }

    /// A quorum that was formed with a list of voters changes in no other way.
    async fn make_dynamic(
        &self,
        identity: Identity,
        (admin, facts): (&dyn KafkaAdmin, &KafkaFacts),
        memory: &mut Memory,
    ) -> Result<(Identity, Vote), PassError> {
        let quorum = static_quorum::Static {
            context: self.context,
            cluster: self.cluster,
            pods: self.pods,
            revisions: self.revisions,
            facts,
            asked: self.resource.annotations().contains_key(static_quorum::ANNOTATION),
        };
        let (identity, next) = quorum.drive(identity, admin, memory).await?;
        let open = next.is_some();
        memory.voting = next;
        Ok((identity, Vote { acted: false, open }))
    }

    /// No pods but those of nodes are there, each as the resource asks.
    fn is_alone(&self, identity: &Identity) -> bool {
        let pods = self.pods.iter().filter(|pod| pod.node_id.is_some());
        self.settled(identity) && pods.count() == self.cluster.nodes(identity).len()
    }
}
