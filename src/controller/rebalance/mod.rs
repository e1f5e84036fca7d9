//! Moves replicas as the pure planner says: on request, and off brokers that leave. Nothing is remembered but the status:
//! each pass looks at Kafka anew, so whoever goes on after a crash does the same.
//!
//! | step                                                       | done again, it is            |
//! |------------------------------------------------------------|------------------------------|
//! | the status says that it begins                             | the same status              |
//! | brokers that leave are cordoned                            | seen, and not set again      |
//! | throttles for what moves and for the next wave             | seen, and not set again      |
//! | the wave is ordered                                        | under way, and not planned   |
//! | throttles that aren't needed are removed                   | seen, and not removed again  |
//! | all is where it should be: the status says that it's over  | the same status              |
//!
//! While nothing is asked for and nothing was begun, Kafka isn't asked anything.

mod ask;
pub mod brake;
mod look;
mod tell;

use self::ask::Asked;
use self::look::Seen;
use super::context::Context;
use super::error::PassError;
use crate::api::{ProductionKafka, REBALANCE, REBALANCE_THROTTLE, RebalanceGoal, RebalanceStatus};
use crate::kafka::configs::ConfigChange;
use crate::kafka::errors::KafkaError;
use crate::kafka::{KafkaAdmin, TopicPartition};
use crate::model::{Cluster, Identity, validate};
use crate::rebalance::{
    Goal, Limits, Move, Plan, Rules, Throttle, ThrottleChange, Work, needed_throttle, next_wave, plan,
    throttle_changes, under_way,
};
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};

/// What each broker may send and receive for moved replicas, in bytes per second, unless the resource says otherwise.
const RATE: u64 = 50 << 20;
/// What is copied at the same time.
const AT_ONCE: Limits = Limits {
    partitions: 20,
    bytes: 100 << 30,
};

/// Whose replicas move, and why.
pub struct Rebalance<'a> {
    pub context: &'a Context,
    pub resource: &'a ProductionKafka,
    pub cluster: &'a Cluster,
    pub identity: &'a Identity,
    /// Finalised `metadata.version`.
    pub metadata_version: Option<i16>,
    /// Topics that are to have so many replicas, and have others.
    pub resized: BTreeMap<String, usize>,
}

/// How far it is.
pub struct Driven {
    /// `None`: nothing has changed.
    pub status: Option<RebalanceStatus>,
    /// Something is on its way, so that it's worth looking again soon.
    pub open: bool,
    /// Every broker that leaves holds nothing, in Kafka's metadata and on its disks.
    pub drained: bool,
}

/// What one look led to.
#[derive(Default)]
struct Step {
    /// What is left to be copied, if that's known.
    left: Option<Work>,
    blocked: Vec<String>,
    moving: bool,
    over: bool,
    /// Brokers that leave or whose cordon hasn't been taken back yet.
    leaving: BTreeSet<i32>,
}

impl Rebalance<'_> {
    /// One step, if anything is asked for.
    pub async fn drive(&self, admin: &dyn KafkaAdmin, last: Option<&RebalanceStatus>) -> Result<Driven, PassError> {
        let given = self.resource.annotations().get(REBALANCE);
        let request = given.and_then(|text| text.parse().ok());
        let now = self.context.now();
        let Some(asked) = ask::asked((request, !self.resized.is_empty()), self.identity, last, now) else {
            return Ok(Driven {
                status: None,
                open: false,
                drained: false,
            });
        };
        if !asked.is_begun(last) {
            return Ok(Driven {
                status: Some(tell::begun(&asked, last, now)),
                open: true,
                drained: false,
            });
        }
        if !self.context.leads() {
            return Err(PassError::NotLeading);
        }
        let step = match self.step(admin, &asked, last).await {
            Ok(step) => step,
            Err(error) => Step {
                blocked: vec![tell::words(&error)],
                leaving: last
                    .map(|last| last.leaving.iter().copied().collect())
                    .unwrap_or_default(),
                ..Step::default()
            },
        };
        let drained = step.over && asked.goal == Some(RebalanceGoal::Drain);
        let status = tell::stands(&asked, &step, last, now);
        Ok(Driven {
            open: !step.over,
            drained,
            status: Some(status),
        })
    }

    async fn step(
        &self,
        admin: &dyn KafkaAdmin,
        asked: &Asked,
        last: Option<&RebalanceStatus>,
    ) -> Result<Step, KafkaError> {
        let former: BTreeSet<i32> = last.into_iter().flat_map(|last| &last.leaving).copied().collect();
        let seen = look::look(admin, &asked.leaving, &self.identity.drained).await?;
        let mut step = Step {
            leaving: self.marked(asked, &seen, &former),
            moving: !seen.world.ongoing.is_empty(),
            ..Step::default()
        };
        let cordons = brake::cordons(&seen.cordoned, &self.closed(asked), &former, &seen.up);
        if !seen.unknown.is_empty() || !cordons.is_empty() {
            step.blocked.extend(seen.unknown);
            step.blocked.extend(alter(admin, cordons).await?);
            return Ok(step);
        }
        let (planned, mut waits) = self.planned(&seen, asked);
        let left = [planned.work(), under_way(&seen.world)].into_iter().sum();
        step.left = Some(left).filter(|_| waits.is_empty());
        waits.extend(self.absent(&seen));
        let wave = if waits.is_empty() {
            next_wave(&planned, &seen.world, AT_ONCE)
        } else {
            Vec::new()
        };
        let changes = self.brakes(&seen, &wave);
        step.blocked.extend(waits);
        step.blocked.extend(held(&planned, &seen));
        step.moving |= !wave.is_empty();
        let quiet = planned.is_empty() && seen.world.ongoing.is_empty() && changes.is_empty();
        step.over = quiet && step.blocked.is_empty();
        let resizes = asked.goal == Some(RebalanceGoal::ReplicationFactor);
        let refused = carry_out(admin, &changes, (&wave, resizes)).await?;
        step.blocked.extend(refused);
        Ok(step)
    }

    /// Brokers to cordon; earlier versions of the metadata don't know of it.
    fn closed(&self, asked: &Asked) -> BTreeSet<i32> {
        let known = self.metadata_version.is_some_and(|level| level >= brake::CORDON_SINCE);
        let leaving = asked.leaving.iter().copied();
        leaving.filter(|_| known).collect()
    }

    /// Brokers that leave, and those that stay after all and may still be cordoned.
    fn marked(&self, asked: &Asked, seen: &Seen, former: &BTreeSet<i32>) -> BTreeSet<i32> {
        let stays = |id: &&i32| self.brokers().any(|stays| stays == **id);
        let open = |id: &&i32| seen.up.contains(id) && !seen.cordoned.contains(id);
        let back = former.iter().filter(stays).filter(|id| !open(id)).copied();
        asked.leaving.iter().copied().chain(back).collect()
    }

    /// Brokers that stay.
    fn brokers(&self) -> impl Iterator<Item = i32> {
        let nodes = self.cluster.nodes(self.identity).into_iter();
        nodes
            .filter(|node| node.roles.broker && !node.leaving)
            .map(|node| node.id)
    }

    /// What is left to be ordered, or why nothing can be.
    fn planned(&self, seen: &Seen, asked: &Asked) -> (Plan, Vec<String>) {
        let goals = match asked.goal {
            Some(RebalanceGoal::Spread) => vec![Goal::Spread],
            Some(RebalanceGoal::Drain) => vec![Goal::Drain(asked.leaving.clone())],
            Some(RebalanceGoal::ReplicationFactor) => resizes(&self.resized),
            None => Vec::new(),
        };
        let (mut all, mut waits) = (Plan::default(), Vec::new());
        for goal in goals {
            match plan(&seen.world, &goal, Rules::default()) {
                Ok(plan) => {
                    all.moves.extend(plan.moves);
                    all.held.extend(plan.held);
                }
                Err(findings) => waits.extend(findings.iter().map(ToString::to_string)),
            }
        }
        (all, waits)
    }

    /// Nothing is moved while a broker that stays doesn't serve: it may be back soon, and what it holds is one replica
    /// fewer already.
    fn absent(&self, seen: &Seen) -> Vec<String> {
        let absent = self.brokers().filter(|id| !seen.up.contains(id));
        absent.map(|id| format!("broker {id} doesn't serve")).collect()
    }

    /// From the brake as it is to what the wave needs, of brokers that can be told.
    fn brakes(&self, seen: &Seen, wave: &[&Move]) -> Vec<ThrottleChange> {
        let given = self.resource.annotations().get(REBALANCE_THROTTLE);
        let rate = given.and_then(|text| validate::throttle(text)).unwrap_or(RATE);
        let mut needed: Throttle = needed_throttle(&seen.world, wave, rate);
        needed.brokers.retain(|id, _| seen.up.contains(id));
        throttle_changes(&seen.set, &needed)
    }
}

/// Each topic by itself, since they share no partition.
fn resizes(topics: &BTreeMap<String, usize>) -> Vec<Goal> {
    let goal = |(topic, replicas): (&String, &usize)| Goal::ReplicationFactor {
        topic: topic.clone(),
        replicas: *replicas,
    };
    topics.iter().map(goal).collect()
}

/// Partitions that nothing can be copied from, and replicas that are gone for Kafka but not yet from the disk.
fn held(planned: &Plan, seen: &Seen) -> Vec<String> {
    let held = planned
        .held
        .iter()
        .map(|id| format!("none of the in-sync replicas of {id} runs"));
    let disks = (planned.is_empty() && seen.world.ongoing.is_empty() && seen.left > 0)
        .then(|| format!("{} replicas are still on the disks of brokers that leave", seen.left));
    held.chain(disks).collect()
}

/// The brake first, then what it's for. What Kafka refuses ends it here, in Kafka's words.
async fn carry_out(
    admin: &dyn KafkaAdmin,
    changes: &[ThrottleChange],
    (wave, resizes): (&[&Move], bool),
) -> Result<Vec<String>, KafkaError> {
    for request in brake::requests(changes) {
        let refused = alter(admin, request).await?;
        if !refused.is_empty() {
            return Ok(refused);
        }
    }
    if wave.is_empty() {
        return Ok(Vec::new());
    }
    let target = |next: &&Move| {
        let id = TopicPartition::new(next.id.topic.clone(), next.id.partition);
        (id, Some(next.to.clone()))
    };
    let targets: BTreeMap<TopicPartition, Option<Vec<i32>>> = wave.iter().map(target).collect();
    tracing::info!(partitions = targets.len(), "ordering reassignments");
    let outcomes = admin.alter_partition_reassignments(targets, resizes).await?;
    let refused = outcomes
        .into_iter()
        .filter_map(|(id, outcome)| Some((id, outcome.err()?)));
    Ok(refused.map(|(id, error)| format!("{id}: {error}")).collect())
}

/// Changes settings; what Kafka refuses comes back in its words.
async fn alter(admin: &dyn KafkaAdmin, changes: Vec<ConfigChange>) -> Result<Vec<String>, KafkaError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    tracing::info!(?changes, "changing settings of a rebalance");
    let outcomes = admin.incremental_alter_configs(changes, false).await?;
    let refused = outcomes
        .into_iter()
        .filter_map(|(of, outcome)| Some((of, outcome.err()?)));
    Ok(refused.map(|(of, error)| format!("{of:?}: {error}")).collect())
}
