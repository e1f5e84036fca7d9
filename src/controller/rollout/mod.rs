//! Restarts, from facts to act: gathers what the pure planner wants to know, and carries out what it decides. A cluster
//! whose pods run what they should costs no request here.
//!
//! Order, each time: pods listed live, Kafka asked after that, decided, the replacement rehearsed, the intent written
//! against the very version of the resource that was read (by whoever writes the status), and only then one act.

mod act;
mod facts;
mod news;
mod pods;
mod refusal;
mod view;
mod volumes;

pub use news::news;
pub use pods::{RESTART, restart_asked};
pub use refusal::Refusal;
pub use view::look;
pub use volumes::why as doomed_volume;

use super::apply::bounded;
use super::context::Context;
use super::delays::Delays;
use super::error::PassError;
use super::pods::PodFact;
use super::trust::Running;
use crate::api::{ProductionKafka, RolloutPhase, RolloutStatus};
use crate::kafka::KafkaAdmin;
use crate::kafka::partition::TopicPartition;
use crate::model::{Cluster, Identity};
use crate::render::labels;
use crate::rollout::{self, Decision, KafkaView, Phase, Restart, State, World};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Everything a roll of one cluster is about.
pub struct Roll<'a> {
    pub context: &'a Context,
    pub resource: &'a ProductionKafka,
    pub cluster: &'a Cluster,
    pub identity: &'a Identity,
    /// Pods that run and take long to get ready.
    pub delays: &'a Delays,
    /// Revision that each StatefulSet asks for, by its name.
    pub revisions: &'a BTreeMap<String, String>,
    /// Certificates between nodes.
    pub running: &'a Running,
    /// Uids of pods that don't take up what they should show to clients.
    pub deaf: BTreeSet<String>,
}

/// A decision with what must be written before it's carried out.
pub struct Planned {
    pub decision: Decision,
    pub status: Option<RolloutStatus>,
    /// Nodes whose pods were being replaced when this was planned; the watch may still see them coming.
    former: Vec<i32>,
    /// Uids of pods that are ready and in sync: those are evicted, others deleted. The budgets are closed while a broker
    /// lags, so it could never be evicted itself.
    ready: Vec<String>,
}

impl Planned {
    /// Something happens to the cluster if it's carried out.
    pub const fn is_act(&self) -> bool {
        matches!(
            self.decision,
            Decision::Restart(_) | Decision::ElectPreferredLeaders { .. }
        )
    }

    pub fn phase(&self) -> RolloutPhase {
        self.status.as_ref().map(|status| status.phase).unwrap_or_default()
    }

    /// Nodes whose pods are being replaced.
    pub fn current(&self) -> Vec<i32> {
        self.status.as_ref().map(ids).unwrap_or_default()
    }

    /// Nodes whose pods are being replaced, or have just been.
    pub fn under_way(&self) -> Vec<i32> {
        let mut nodes = self.current();
        nodes.extend(&self.former);
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    /// When to look again; `None`: nothing is on its way.
    pub fn again(&self) -> Option<Duration> {
        let again = match &self.decision {
            Decision::Settled => return None,
            Decision::Hold { again, .. } | Decision::Halted { again, .. } => *again,
            Decision::Restart(_) | Decision::ElectPreferredLeaders { .. } => return Some(Duration::from_millis(500)),
        };
        Some(Duration::try_from(again).unwrap_or(Duration::from_secs(5)))
    }
}

impl Roll<'_> {
    /// Whether there's anything to look into, from what is known without a request.
    pub fn is_called_for(&self, pods: &[PodFact], last: Option<&RolloutStatus>) -> bool {
        last.is_some_and(|last| last.phase != RolloutPhase::Settled || last.restore_leaders)
            || self.cluster.nodes(self.identity).iter().any(|node| {
                let pod = pods.iter().find(|pod| pod.name == node.names.pod);
                pod.is_some_and(|pod| self.is_outdated(node, pod, last))
            })
    }

    /// What to do, and the status that says so.
    pub async fn plan(
        &self,
        admin: Option<&dyn KafkaAdmin>,
        last: Option<&RolloutStatus>,
    ) -> Result<Planned, PassError> {
        let pods_at = self.context.now();
        let live = self.pods().await?;
        let kafka = match admin {
            Some(admin) => view::look(admin, self.context.now()).await,
            None => None,
        };
        let mut nodes = self.nodes(&live);
        let state = State::read(last);
        let first = self.decide(&nodes, (pods_at, kafka.as_ref()), &state);
        let (decision, next) = match &first.0 {
            Decision::Restart(restart) if self.refused(restart, &live, &mut nodes).await? => {
                self.decide(&nodes, (pods_at, kafka.as_ref()), &state)
            }
            _ => first,
        };
        // Without an answer nobody is known to serve, and the budgets are closed.
        let serves = |node: &&rollout::Node| kafka.as_ref().is_some_and(|kafka| !lags(kafka, node.id));
        let ready = nodes.iter().filter(serves).filter_map(|node| node.pod.as_ref());
        let ready = ready.filter(|pod| matches!(pod.phase, Phase::Ready { .. }));
        Ok(Planned {
            decision,
            status: next.status(),
            former: last.map(ids).unwrap_or_default(),
            ready: ready.map(|pod| pod.uid.clone()).collect(),
        })
    }

    fn decide(
        &self,
        nodes: &[rollout::Node],
        (pods_at, kafka): (Timestamp, Option<&KafkaView>),
        state: &State,
    ) -> (Decision, State) {
        rollout::plan(&World {
            now: self.context.now(),
            pods_at,
            kafka,
            nodes,
            policy: &self.policy(),
            state,
        })
    }

    /// Rehearses the replacements; true when one would be refused, or would start without what its node holds.
    async fn refused(&self, restart: &Restart, live: &[Pod], nodes: &mut [rollout::Node]) -> Result<bool, PassError> {
        let wanted = self.cluster.nodes(self.identity);
        let mut any = false;
        for victim in &restart.victims {
            let Some(node) = wanted.iter().find(|node| node.id == victim.node) else {
                continue;
            };
            let pod = live.iter().find(|pod| pod.name_any() == node.names.pod);
            let namespace = self.cluster.names.namespace.as_str();
            let doomed = match pod {
                Some(pod) => volumes::doomed(self.context, namespace, (node, pod)).await?,
                None => None,
            };
            let why = match doomed {
                Some(why) => Some(why),
                None => act::rehearse(self.context, (namespace, &node.names.stateful_set), pod).await?,
            };
            any |= why.is_some();
            if let Some(node) = nodes.iter_mut().find(|node| node.id == victim.node) {
                node.refused = why;
            }
        }
        Ok(any)
    }

    /// Does what was decided, after it was written. `Some`: what speaks against it now, in the words of who said no.
    pub async fn act(&self, planned: &Planned, admin: Option<&dyn KafkaAdmin>) -> Result<Option<String>, PassError> {
        match (&planned.decision, admin) {
            (Decision::Restart(restart), _) => self.restart(restart, planned).await,
            (Decision::ElectPreferredLeaders { partitions }, Some(admin)) => elect(admin, partitions).await,
            _ => Ok(None),
        }
    }

    /// The first pod that serves is evicted, so that budgets and other people's drains are heard. It uses up the budget,
    /// so its mates, which were judged together with it, are deleted.
    async fn restart(&self, restart: &Restart, planned: &Planned) -> Result<Option<String>, PassError> {
        let wanted = self.cluster.nodes(self.identity);
        let mut others = planned.current().len().saturating_sub(restart.victims.len());
        for victim in &restart.victims {
            let Some(node) = wanted.iter().find(|node| node.id == victim.node) else {
                continue;
            };
            let (cluster, pod) = (&self.cluster.names.cluster, node.names.pod.as_str());
            let evict = others == 0 && planned.ready.contains(&victim.uid);
            tracing::info!(%cluster, pod, evict, %restart, "taking a pod away");
            let named = (self.cluster.names.namespace.as_str(), pod);
            let refusal = act::remove(self.context, named, &victim.uid, evict).await?;
            if refusal.is_some() {
                return Ok(refusal);
            }
            others += 1;
        }
        Ok(None)
    }

    /// The pods of all nodes, live.
    pub async fn pods(&self) -> Result<Vec<Pod>, PassError> {
        let (namespace, cluster) = (&self.cluster.names.namespace, &self.cluster.names.cluster);
        let api: Api<Pod> = Api::namespaced(self.context.client.clone(), namespace);
        let selector = format!("{}={cluster},{}", labels::CLUSTER, labels::NODE_ID);
        let parameters = ListParams::default().labels(&selector);
        let list = bounded("list", "Pod", (namespace, cluster), api.list(&parameters)).await?;
        Ok(list.items)
    }
}

/// Evicts exactly this pod, for whoever has judged it by other rules than a roll's. `Some`: why Kubernetes says no.
pub async fn take_away(
    context: &Context,
    (namespace, pod): (&str, &str),
    uid: &str,
) -> Result<Option<String>, PassError> {
    act::remove(context, (namespace, pod), uid, true).await
}

/// Deletes exactly this pod, whatever a budget says: for one that no roll could judge. `Some`: why Kubernetes says no.
pub async fn delete(context: &Context, (namespace, pod): (&str, &str), uid: &str) -> Result<Option<String>, PassError> {
    act::remove(context, (namespace, pod), uid, false).await
}

fn ids(status: &RolloutStatus) -> Vec<i32> {
    status.current.iter().map(|pod| pod.node).collect()
}

fn lags(kafka: &KafkaView, id: i32) -> bool {
    let lacks = |partition: &rollout::Partition| partition.replicas.contains(&id) && !partition.isr.contains(&id);
    kafka.partitions.iter().any(lacks)
}

async fn elect(admin: &dyn KafkaAdmin, partitions: &[(String, i32)]) -> Result<Option<String>, PassError> {
    let partitions = partitions.iter();
    let asked = partitions.map(|(topic, partition)| TopicPartition::new(topic.as_str(), *partition));
    let outcomes = admin
        .elect_preferred_leaders(Some(asked.collect()))
        .await
        .map_err(|source| PassError::Kafka {
            what: "elect preferred leaders",
            source: Box::new(source),
        })?;
    let refusal = outcomes.into_values().find_map(Result::err);
    Ok(refusal.map(|error| format!("preferred leaders: {error}")))
}
