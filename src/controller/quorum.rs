//! Brings the voters of the quorum to what the resource asks for, one step of the pure planner at a time.
//!
//! | step                                                            | done again, it is                  |
//! |-----------------------------------------------------------------|------------------------------------|
//! | the time of the attempt is written to the identity              | written anew, and waited for       |
//! | `AddRaftVoter`, `RemoveRaftVoter`, or the leader's pod goes      | refused by Kafka, or seen as done  |
//! | the attempt is struck out once Kafka has answered               | struck out after its time          |
//! | a controller whose vote is gone for good isn't one any more     | seen, and not done again           |
//!
//! Whoever doesn't let the leader's pod go is heard, and asked again as seldom as for any other restart.
//!
//! While the voters are those that are asked for, nothing is asked and nothing is written.

use super::context::Context;
use super::error::PassError;
use super::identity;
use super::kafka::{FETCH_TIMEOUT_MS, KafkaFacts};
use super::memory::Memory;
use super::pods::PodFact;
use super::rollout::{self, Refusal};
use crate::kafka::ErrorCode;
use crate::kafka::KafkaAdmin;
use crate::kafka::admin::Target;
use crate::kafka::errors::KafkaError;
use crate::kafka::views::{QuorumView, ReplicaState, VoterEndpoint, VoterKey};
use crate::model::{Cluster, Identity, ports};
use crate::quorum::{self, Attempt, Replica, Seen, Step, VoterId, World};
use crate::render::CONTROLLER_LISTENER;
use std::collections::BTreeSet;

/// Feature by which a quorum can change its voters.
pub(super) const KRAFT: &str = "kraft.version";

/// What is known of one cluster's quorum.
pub struct Voting<'a> {
    pub context: &'a Context,
    pub cluster: &'a Cluster,
    pub pods: &'a [PodFact],
    pub facts: &'a KafkaFacts,
    /// What an earlier pass has seen.
    pub before: Option<&'a KafkaFacts>,
}

/// What a step has led to.
pub struct Voted {
    pub identity: Identity,
    /// Something happened to the quorum.
    pub acted: bool,
    /// What comes next or is waited for; `None`: the voters are those that are asked for.
    pub next: Option<String>,
}

impl Voting<'_> {
    /// One step.
    pub async fn drive(
        &self,
        identity: Identity,
        admin: &dyn KafkaAdmin,
        memory: &mut Memory,
    ) -> Result<Voted, PassError> {
        let wanted = identity.wanted_controllers(&self.cluster.pools);
        let seen = seen(self.facts);
        let before = self.before.and_then(seen_of);
        let at = identity.voting.as_ref().and_then(|at| at.parse().ok());
        let attempt = at.map(|at| Attempt { at });
        let world = World {
            now: self.context.now(),
            wanted: &wanted,
            seen: seen.as_ref(),
            before: before.as_ref(),
            attempt: attempt.as_ref(),
        };
        let retired: Vec<i32> = identity
            .retiring
            .iter()
            .copied()
            .filter(|id| quorum::may_go(&world, *id))
            .collect();
        if !retired.is_empty() {
            return self.retire(identity, &retired, memory).await;
        }
        let step = quorum::plan(&world);
        match &step {
            Step::Settled if identity.retiring.is_empty() => Ok(Voted {
                identity,
                acted: false,
                next: None,
            }),
            // Whether anything is to be done isn't known, and others say that Kafka can't be asked.
            Step::Hold(_) if seen.is_none() && identity.retiring.is_empty() => Ok(Voted {
                identity,
                acted: false,
                next: None,
            }),
            Step::Settled => Ok(waits(
                identity,
                "wait: the votes that were taken are being committed".into(),
            )),
            Step::Hold(_) => Ok(waits(identity, step.to_string())),
            _ => self.act(identity, &step, admin, memory).await,
        }
    }

    async fn retire(&self, identity: Identity, ids: &[i32], memory: &mut Memory) -> Result<Voted, PassError> {
        tracing::info!(cluster = %self.cluster.names.cluster, controllers = ?ids, "have no vote any more");
        let mut next = identity;
        for id in ids {
            next.retire(*id, &self.cluster.pools);
        }
        let identity = identity::commit(self.context, &self.cluster.names, memory, next).await?;
        Ok(Voted {
            identity,
            acted: true,
            next: Some("go on: controllers without a vote are removed".into()),
        })
    }

    /// Writes the attempt, carries it out, and strikes it out when it's answered.
    async fn act(
        &self,
        identity: Identity,
        step: &Step,
        admin: &dyn KafkaAdmin,
        memory: &mut Memory,
    ) -> Result<Voted, PassError> {
        if !self.context.leads() {
            return Err(PassError::NotLeading);
        }
        let (decision, now) = (step.to_string(), self.context.now());
        let former = memory.handover_refused.take();
        let former = former.filter(|former| former.is_of(&decision));
        if let Some(former) = former.as_ref().filter(|former| former.rests(now).is_some()) {
            memory.handover_refused = Some(former.clone());
            return Ok(waits(identity, former.to_string()));
        }
        let mut next = identity;
        next.voting = Some(now.to_string());
        let identity = identity::commit(self.context, &self.cluster.names, memory, next).await?;
        tracing::info!(cluster = %self.cluster.names.cluster, %step, "changing the quorum");
        match self.carry_out(&identity, step, admin).await? {
            Ok(None) => Ok(Voted {
                identity: self.answered(identity, memory).await?,
                acted: true,
                next: Some(decision),
            }),
            Ok(Some(words)) => {
                let refusal = Refusal::new(former.as_ref(), (decision, words), now);
                let next = refusal.to_string();
                memory.handover_refused = Some(refusal);
                Ok(waits(self.answered(identity, memory).await?, next))
            }
            Err(error) => self.unconfirmed(identity, step, &error, memory).await,
        }
    }

    async fn unconfirmed(
        &self,
        identity: Identity,
        step: &Step,
        error: &KafkaError,
        memory: &mut Memory,
    ) -> Result<Voted, PassError> {
        tracing::warn!(%step, %error, "the change wasn't confirmed: it's looked at again");
        let identity = if is_final(error) {
            self.answered(identity, memory).await?
        } else {
            identity
        };
        Ok(Voted {
            identity,
            acted: true,
            next: Some(format!("{step}: not confirmed: {error}")),
        })
    }

    async fn answered(&self, identity: Identity, memory: &mut Memory) -> Result<Identity, PassError> {
        let mut next = identity;
        next.voting = None;
        identity::commit(self.context, &self.cluster.names, memory, next).await
    }

    /// `Some`: why Kubernetes doesn't let the leader's pod go.
    async fn carry_out(
        &self,
        identity: &Identity,
        step: &Step,
        admin: &dyn KafkaAdmin,
    ) -> Result<Result<Option<String>, KafkaError>, PassError> {
        let cluster = identity.cluster_id.as_str().to_owned();
        match step {
            Step::Add(voter) => {
                let listeners = self.endpoint(identity, voter.id).into_iter().collect();
                Ok(admin
                    .add_raft_voter(Target::Controllers, cluster, key(voter), listeners)
                    .await
                    .map(|()| None))
            }
            Step::Remove { voter, .. } => {
                let removed = admin.remove_raft_voter(Target::Controllers, cluster, key(voter));
                Ok(removed.await.map(|()| None))
            }
            Step::Resign(voter) => {
                let pod = self
                    .node(identity, voter.id)
                    .and_then(|names| self.pods.iter().find(|pod| pod.name == names.pod && !pod.terminating));
                let Some(pod) = pod else { return Ok(Ok(None)) };
                let named = (self.cluster.names.namespace.as_str(), pod.name.as_str());
                rollout::take_away(self.context, named, &pod.uid).await.map(Ok)
            }
            Step::Settled | Step::Hold(_) => Ok(Ok(None)),
        }
    }

    fn node(&self, identity: &Identity, id: i32) -> Option<crate::model::NodeNames> {
        let mut nodes = self.cluster.nodes(identity).into_iter();
        nodes.find(|node| node.id == id).map(|node| node.names)
    }

    /// Exactly what the node advertises: anything else would be corrected over and over (KAFKA-20228).
    fn endpoint(&self, identity: &Identity, id: i32) -> Option<VoterEndpoint> {
        Some(VoterEndpoint {
            name: CONTROLLER_LISTENER.to_owned(),
            host: self.node(identity, id)?.host,
            port: u16::try_from(ports::CONTROLLER).ok()?,
        })
    }
}

/// Kafka has said that it won't do it; anything else may be done yet.
fn is_final(error: &KafkaError) -> bool {
    let KafkaError::Broker { error, .. } = error else {
        return false;
    };
    [
        ErrorCode::DUPLICATE_VOTER,
        ErrorCode::VOTER_NOT_FOUND,
        ErrorCode::INVALID_REQUEST,
        ErrorCode::UNSUPPORTED_VERSION,
    ]
    .contains(&error.code)
}

fn waits(identity: Identity, why: String) -> Voted {
    Voted {
        identity,
        acted: false,
        next: Some(why),
    }
}

fn key(voter: &VoterId) -> VoterKey {
    VoterKey {
        id: voter.id,
        directory_id: voter.directory.clone(),
    }
}

/// A look that stands in for one that failed is no look.
fn seen(facts: &KafkaFacts) -> Option<Seen> {
    seen_of(facts).filter(|_| facts.problem.is_none())
}

fn seen_of(facts: &KafkaFacts) -> Option<Seen> {
    let quorum = facts.quorum.as_ref()?;
    let leader = quorum.leader_id?;
    let features = facts.features.as_ref()?;
    let log_end = quorum.voters.iter().find(|voter| voter.id == leader)?.log_end_offset;
    Some(Seen {
        at: facts.at,
        leader,
        epoch: quorum.leader_epoch,
        high_watermark: quorum.high_watermark,
        log_end,
        dynamic: features.finalized.get(KRAFT).is_some_and(|level| *level >= 1),
        voters: replicas(quorum, &quorum.voters, (leader, log_end)),
        observers: replicas(quorum, &quorum.observers, (leader, log_end)),
    })
}

fn replicas(view: &QuorumView, replicas: &[ReplicaState], (leader, log_end): (i32, i64)) -> Vec<Replica> {
    let voters: BTreeSet<i32> = view.voters.iter().map(|voter| voter.id).collect();
    let replica = |one: &ReplicaState| Replica {
        voter: VoterId {
            id: one.id,
            directory: one.directory_id.clone(),
        },
        caught_up: view.is_caught_up(one, FETCH_TIMEOUT_MS) || (one.id == leader && voters.contains(&one.id)),
        lag: log_end - one.log_end_offset,
    };
    replicas.iter().map(replica).collect()
}
