//! What follows once the objects are there: look at Kafka, bring its own settings in line, end upgrades, say what is so.
//! One look serves everything that decides.

mod voting;

use super::apply::{self, Wish};
use super::cluster::{Ended, last, overlaid};
use super::context::Context;
use super::delays::{self, Delays};
use super::disks;
use super::error::PassError;
use super::finalize;
use super::forming;
use super::identity;
use super::kafka::{self, KafkaFacts};
use super::measured;
use super::memory::Memory;
use super::pods::PodFact;
use super::reclaim;
use super::reload;
use super::report;
use super::rollout::{self, Planned, Refusal, Roll};
use super::scale;
use super::settings;
use super::status::{self, Observed};
use super::survivors::{self, Survivors};
use super::trust::{Requests, Trust};
use crate::api::{ProductionKafka, ProductionKafkaStatus};
use crate::kafka::admin::KafkaAdmin;
use crate::model::{Cluster, Identity};
use crate::render::{self, Spare};
use crate::runtime::metrics::Outcome;
use crate::verify;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Looks again this soon while something is on its way.
const SOON: Duration = Duration::from_secs(2);
/// Looks at Kafka this often while everything is well.
pub const CALM: Duration = Duration::from_secs(30);

/// A valid cluster whose objects are as wanted.
pub struct Upkeep<'a> {
    pub context: &'a Context,
    pub resource: &'a ProductionKafka,
    pub cluster: &'a Cluster,
    pub trust: &'a Trust,
    pub pods: &'a [PodFact],
    /// Revision that each StatefulSet asks for, by its name.
    pub revisions: &'a BTreeMap<String, String>,
    /// Security controls that fail by the rendered objects.
    pub weak: &'a [verify::Outcome],
}

/// What a pass has seen of Kafka.
struct Look {
    admin: Option<Arc<dyn KafkaAdmin>>,
    facts: Option<KafkaFacts>,
    /// What an earlier pass has seen.
    before: Option<Arc<KafkaFacts>>,
    /// Pods that run and take long to get ready.
    delays: Delays,
    /// What controllers have, while nobody leads.
    survivors: Survivors,
    /// What brokers don't show yet.
    reloading: Option<String>,
    /// Uids of pods that don't take up what they should show.
    deaf: BTreeSet<String>,
}

impl Upkeep<'_> {
    /// The rest of the pass, and when the next one is due.
    pub async fn run(&self, identity: Identity, memory: &mut Memory) -> Result<Ended, PassError> {
        let look = self.look(&identity, memory).await;
        let identity = self.formed(identity, &look, memory).await?;
        let waiting = self.settle(&identity, &look, memory).await?;
        self.reclaim(&identity, &look).await?;
        let (identity, voting) = self.recover(identity, &look, memory).await?;
        let (identity, scaling) = self.scale(identity, &look, memory).await?;
        let (identity, replacing) = self.disks(identity, &look, memory).await?;
        let waiting = waiting
            .into_iter()
            .chain((scaling || replacing || voting.open).then_some(SOON))
            .chain(look.reloading.is_some().then_some(reload::AGAIN))
            .min();
        let planned = self.plan(&identity, &look, memory).await?;
        let mut status = self.say(&identity, &look, planned.as_ref(), memory);
        let key = identity::cluster_key(&self.cluster.names);
        if let Some(trouble) = self.context.access.trouble(&key) {
            let next = status.next_action.take().filter(|next| next != status::NOTHING_TO_DO);
            let rights = format!("retry: access rights: {trouble}");
            status.next_action = Some(next.unwrap_or(rights));
        }
        if let Some(lacks) = memory.assigned.missing(self.cluster, &identity).into_values().next() {
            status.next_action = Some(format!("wait: {lacks}"));
        }
        self.budgets(&status).await?;
        let ready = status::is_true(&status.conditions, "Ready");
        let full = status::is_true(&status.conditions, "FullyReplicated");
        let status = overlaid(status, self.resource, memory, self.context.now());
        // One thing at a time: what happens to the quorum is looked at before anything else is taken away.
        let planned = planned.filter(|planned| !(voting.acted && planned.is_act()));
        let rolling = if let Some(planned) = &planned {
            self.carry_out(&identity, &look, (planned, status), memory).await?
        } else {
            report::write(self.context, self.resource, memory, status).await?;
            None
        };
        let usual = rolling.unwrap_or(if ready && full { CALM } else { SOON });
        let outcome = if memory.refused.is_some() {
            Outcome::Rejected
        } else if ready {
            Outcome::Completed
        } else {
            Outcome::Waiting
        };
        Ok(Ended {
            outcome,
            again: waiting.map_or(usual, |waiting| waiting.min(usual)),
        })
    }

    async fn look(&self, identity: &Identity, memory: &mut Memory) -> Look {
        let endpoints = kafka::endpoints(self.cluster, identity, self.pods);
        let controllers: Vec<i32> = endpoints.controllers.iter().filter_map(|one| one.node_id).collect();
        let connector = self.context.connector.as_ref();
        let admin = kafka::client(connector, self.cluster, self.trust, endpoints, memory);
        let brokers_up = kafka::brokers_up(self.cluster, identity, self.pods);
        let facts = match &admin {
            Some(admin) => Some(kafka::observe(admin.as_ref(), (brokers_up, &controllers), self.context.now()).await),
            None => None,
        };
        let facts = facts.map(|facts| kafka::steadied(facts, memory.kafka.as_deref()));
        let before = std::mem::replace(&mut memory.kafka, facts.clone().map(Arc::new));
        let told = self
            .resource
            .status
            .as_ref()
            .and_then(|status| status.capacity.as_ref());
        memory.fill.resume(told.and_then(|told| told.days_until_full));
        memory.fill.look(self.context, admin.as_deref(), facts.as_ref()).await;
        if memory.lags.look(self.context, admin.as_deref(), facts.as_ref()).await {
            measured::lags(self.context, self.resource, &memory.lags);
        }
        memory.certificates_until = self.trust.first_end(self.pods);
        let last = std::mem::take(&mut memory.delays);
        let delays = delays::look(self.context, self.cluster, identity, (self.pods, &last)).await;
        memory.delays.clone_from(&delays);
        let last = std::mem::take(&mut memory.survivors);
        let survivors = if facts.as_ref().is_some_and(|facts| facts.leaderless) {
            survivors::look(self.context, self.cluster, identity, (self.pods, last)).await
        } else {
            Survivors::default()
        };
        memory.survivors.clone_from(&survivors);
        let asked = reload::Asked {
            context: self.context,
            cluster: self.cluster,
            identity,
            trust: self.trust,
            pods: self.pods,
        };
        let (reloading, deaf) = asked
            .drive(admin.as_deref(), (&memory.assigned, &mut memory.reloads))
            .await;
        Look {
            admin,
            facts,
            before,
            delays,
            survivors,
            reloading,
            deaf,
        }
    }

    /// Once the quorum has a leader, no disk is ever formatted as a voter of the first day again.
    async fn formed(&self, identity: Identity, look: &Look, memory: &mut Memory) -> Result<Identity, PassError> {
        let quorum = look.facts.as_ref().and_then(|facts| facts.quorum.as_ref());
        if forming::has_formed(self.cluster, &identity, quorum, self.pods) {
            return forming::end(self.context, self.cluster, identity, memory).await;
        }
        Ok(identity)
    }

    /// Dynamic configuration and feature levels: what is Kafka's own. Returns when to look again.
    async fn settle(
        &self,
        identity: &Identity,
        look: &Look,
        memory: &mut Memory,
    ) -> Result<Option<Duration>, PassError> {
        let (Some(admin), Some(facts)) = (&look.admin, &look.facts) else {
            return Ok(None);
        };
        if facts.partitions.is_none() {
            return Ok(None);
        }
        let admin = admin.as_ref();
        let stepping = self.dynamic(admin, facts, memory).await?;
        let raised = self.levels(identity, (admin, facts), memory).await?;
        Ok((stepping || raised).then_some(SOON))
    }

    /// Brokers that come and go. Costs nothing while none does.
    async fn scale(&self, identity: Identity, look: &Look, memory: &mut Memory) -> Result<(Identity, bool), PassError> {
        match (&look.admin, &look.facts) {
            (Some(admin), Some(facts)) if facts.partitions.is_some() => {
                let last = last(memory, self.resource).and_then(|status| status.rebalance.clone());
                scale::drive(self, identity, (admin.as_ref(), facts), last, memory).await
            }
            _ => Ok((identity, false)),
        }
    }

    /// Other disks for brokers, one after the other. Costs nothing while all are as the resource asks.
    async fn disks(&self, identity: Identity, look: &Look, memory: &mut Memory) -> Result<(Identity, bool), PassError> {
        let Some(admin) = look.admin.as_ref().filter(|_| look.facts.is_some()) else {
            return Ok((identity, false));
        };
        let policy = self.roll(&identity, look).policy();
        let sight = disks::Sight {
            cluster: self.cluster,
            identity: &identity,
            policy: &policy,
            settled: self.settled(&identity),
        };
        let (next, waits) = disks::drive(self.context, &sight, admin.as_ref()).await?;
        let open = next.is_some() || waits.is_some();
        memory.disks = waits;
        if let Some(next) = next {
            let committed = identity::commit(self.context, &self.cluster.names, memory, next).await?;
            return Ok((committed, true));
        }
        Ok((identity, open))
    }

    /// Volumes that other disks have replaced. Before anything of this pass changes the identity: the pods' revisions were
    /// rendered from this one.
    async fn reclaim(&self, identity: &Identity, look: &Look) -> Result<(), PassError> {
        match &look.admin {
            Some(admin) if self.settled(identity) => {
                reclaim::replaced(self.context, self.cluster, identity, admin.as_ref()).await
            }
            _ => Ok(()),
        }
    }

    async fn dynamic(
        &self,
        admin: &dyn KafkaAdmin,
        facts: &KafkaFacts,
        memory: &mut Memory,
    ) -> Result<bool, PassError> {
        let last = memory.settings.as_ref();
        let settings = settings::drive(self.context, self.cluster, admin, facts.serving(), last).await?;
        let on_the_way = settings.on_the_way;
        memory.settings = Some(settings);
        Ok(on_the_way)
    }

    async fn levels(
        &self,
        identity: &Identity,
        kafka: (&dyn KafkaAdmin, &KafkaFacts),
        memory: &mut Memory,
    ) -> Result<bool, PassError> {
        let old = last(memory, self.resource).and_then(|status| status.upgrade.clone());
        let settled = self.settled(identity);
        let nodes = finalize::Nodes {
            settled,
            controllers: &identity.controllers,
        };
        let said = (old.as_ref(), &mut memory.renewed);
        let finalized = finalize::drive(self.context, self.cluster, kafka, nodes, said).await?;
        memory.upgrade = finalized.status;
        Ok(finalized.raised)
    }

    /// Every node's pod is ready and runs what the resource asks for.
    fn settled(&self, identity: &Identity) -> bool {
        self.cluster.nodes(identity).iter().all(|node| {
            let pod = self.pods.iter().find(|pod| pod.name == node.names.pod);
            let wanted = self.revisions.get(&node.names.stateful_set);
            pod.is_some_and(|pod| pod.runs(wanted))
        })
    }

    /// Drains are let in only while Kafka can spare a node; before the act of a roll, which is subject to them, too.
    async fn budgets(&self, status: &ProductionKafkaStatus) -> Result<(), PassError> {
        let spare = Spare {
            brokers: status::is_true(&status.conditions, "FullyReplicated"),
            controllers: status::is_true(&status.conditions, "QuorumHealthy"),
        };
        let budgets = render::budgets(self.cluster, spare, PodFact::any_combined(self.pods)).into_iter();
        let wishes: Vec<Wish> = budgets.map(Wish::from).collect();
        apply::all(self.context, &self.cluster.names.namespace, &wishes).await
    }

    fn roll<'r>(&'r self, identity: &'r Identity, look: &'r Look) -> Roll<'r> {
        Roll {
            context: self.context,
            resource: self.resource,
            cluster: self.cluster,
            identity,
            delays: &look.delays,
            revisions: self.revisions,
            running: &self.trust.running,
            deaf: look.deaf.clone(),
        }
    }

    /// What the rollout planner decides, if there's anything to decide.
    async fn plan(&self, identity: &Identity, look: &Look, memory: &Memory) -> Result<Option<Planned>, PassError> {
        let roll = self.roll(identity, look);
        let before = last(memory, self.resource).and_then(|status| status.rollout.as_ref());
        if !roll.is_called_for(self.pods, before) {
            return Ok(None);
        }
        roll.plan(look.admin.as_deref(), before).await.map(Some)
    }

    /// Says what was decided, and does it once that is written. Returns when to look again.
    async fn carry_out(
        &self,
        identity: &Identity,
        look: &Look,
        (planned, mut status): (&Planned, ProductionKafkaStatus),
        memory: &mut Memory,
    ) -> Result<Option<Duration>, PassError> {
        let (decision, now) = (planned.decision.to_string(), self.context.now());
        let former = memory.restart_refused.take();
        let former = former.filter(|former| planned.is_act() && former.is_of(&decision));
        let rest = former.as_ref().and_then(|former| former.rests(now));
        if rest.is_some() {
            // The intent of the last attempt stands.
            status.rollout = last(memory, self.resource).and_then(|last| last.rollout.clone());
        }
        if let Some(former) = &former {
            status.next_action = Some(former.to_string());
            if let Some(rollout) = &mut status.rollout {
                rollout.blocked_by = vec![former.why()];
            }
        }
        if let Some(rest) = rest {
            memory.restart_refused = former;
            report::write(self.context, self.resource, memory, status).await?;
            return Ok(Some(rest));
        }
        let events = rollout::news(planned, memory);
        if planned.is_act() {
            if !report::intend(self.context, self.resource, memory, status).await? {
                return Ok(Some(SOON));
            }
            let refused = self.roll(identity, look).act(planned, look.admin.as_deref()).await?;
            memory.restart_refused = refused.map(|words| Refusal::new(former.as_ref(), (decision, words), now));
        } else {
            report::write(self.context, self.resource, memory, status).await?;
        }
        if memory.restart_refused.is_some() {
            return Ok(planned.again());
        }
        for (kind, reason, note) in events {
            report::say(self.context, self.resource, (kind, reason), &note).await;
        }
        Ok(planned.again())
    }

    fn say(
        &self,
        identity: &Identity,
        look: &Look,
        planned: Option<&Planned>,
        memory: &Memory,
    ) -> ProductionKafkaStatus {
        let unreadable = self.roll(identity, look).unreadable_request();
        let unreadable = unreadable.or_else(|| Requests::unreadable(self.resource));
        let losses = self.trust.losses();
        let certificates: Vec<String> = look.reloading.iter().chain(&self.trust.replacing).cloned().collect();
        let settings = memory.settings.as_ref();
        let observed = Observed {
            losses: &losses,
            at_rest: memory.at_rest.as_deref(),
            rollout: planned,
            unreadable: unreadable.as_deref().or(memory.recovery_refused.as_deref()),
            cluster: self.cluster,
            identity,
            assigned: &memory.assigned,
            pods: self.pods,
            kafka: look.facts.as_ref(),
            delays: &look.delays,
            survivors: &look.survivors.found,
            revisions: self.revisions,
            running: &self.trust.running,
            certificates_until: memory.certificates_until,
            protected: self.resource.spec.maintenance.deletion_protection,
            held: !memory.not_held,
            leaving: &memory.leaving,
            weak: self.weak,
            fill: &memory.fill,
            certificates: &certificates,
            ungiven: &self.trust.ungiven,
            upgrade: memory.upgrade.as_ref(),
            rebalance: memory.rebalance.as_ref(),
            disks: memory.disks.as_deref(),
            voting: memory.voting.as_deref(),
            refused: settings.map_or(&[], |settings| settings.refused.as_slice()),
            now: self.context.now(),
        };
        status::status(&observed, last(memory, self.resource))
    }
}
