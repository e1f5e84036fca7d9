//! Restarts, from facts to act: gathers what the pure planner wants to know, writes its intent, and carries it out. A
//! cluster whose pods run what they should costs nothing here.
//!
//! Order, each time: pods listed live, Kafka asked after that, decided, the replacement rehearsed, the intent written
//! against the very version of the resource that was read, and only then one act.

mod act;
mod pods;
mod view;

pub use act::Gone;
pub use pods::RESTART;

use super::apply::bounded;
use super::context::Context;
use super::error::PassError;
use super::stores::CLUSTER_LABEL;
use crate::api::{ProductionKafka, RolloutStatus, SingleReplicaPartitions};
use crate::kafka::KafkaAdmin;
use crate::kafka::partition::TopicPartition;
use crate::model::windows;
use crate::model::{Cluster, Identity, Node, Schedule, Window};
use crate::rollout::{
    self, Decision, KafkaView, Phase, Policy, Recovery, Restart, SingleReplica, Software, State, World,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use std::collections::BTreeMap;

/// Everything a roll of one cluster is about.
pub struct Roll<'a> {
    pub context: &'a Context,
    pub resource: &'a ProductionKafka,
    pub cluster: &'a Cluster,
    pub identity: &'a Identity,
    /// Revision that each StatefulSet asks for, by its name.
    pub revisions: &'a BTreeMap<String, String>,
    /// Serial of each node's current certificate.
    pub serials: &'a BTreeMap<i32, String>,
}

/// A decision with what must be written before it's carried out.
pub struct Planned {
    pub decision: Decision,
    pub status: Option<RolloutStatus>,
    /// Pods of nodes that are ready, by uid: those are evicted, others deleted.
    ready: Vec<String>,
}

impl Roll<'_> {
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
            Decision::Restart(restart) if self.refused(restart, &mut nodes).await? => {
                self.decide(&nodes, (pods_at, kafka.as_ref()), &state)
            }
            _ => first,
        };
        let ready = nodes.iter().filter_map(|node| node.pod.as_ref());
        let ready = ready.filter(|pod| matches!(pod.phase, Phase::Ready { .. }));
        Ok(Planned {
            decision,
            status: next.status(),
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

    /// Rehearses the replacements; true when one would be refused.
    async fn refused(&self, restart: &Restart, nodes: &mut [rollout::Node]) -> Result<bool, PassError> {
        let wanted = self.cluster.nodes(self.identity);
        let mut any = false;
        for victim in &restart.victims {
            let Some(node) = wanted.iter().find(|node| node.id == victim.node) else {
                continue;
            };
            let set = &node.names.stateful_set;
            let why = act::rehearse(self.context, &self.cluster.names.namespace, set).await?;
            any |= why.is_some();
            if let Some(node) = nodes.iter_mut().find(|node| node.id == victim.node) {
                node.refused = why;
            }
        }
        Ok(any)
    }

    /// Does what was decided, after it was written. `Some`: what Kubernetes has against it now.
    pub async fn act(&self, planned: &Planned, admin: Option<&dyn KafkaAdmin>) -> Result<Option<String>, PassError> {
        match (&planned.decision, admin) {
            (Decision::Restart(restart), _) => self.restart(restart, planned).await,
            (Decision::ElectPreferredLeaders { partitions }, Some(admin)) => {
                let partitions = partitions.iter();
                let asked = partitions
                    .map(|(topic, partition)| TopicPartition::new(topic.as_str(), *partition))
                    .collect();
                let outcomes = admin
                    .elect_preferred_leaders(Some(asked))
                    .await
                    .map_err(|source| PassError::Kafka {
                        what: "elect preferred leaders",
                        source: Box::new(source),
                    })?;
                let refusal = outcomes.into_values().find_map(Result::err);
                Ok(refusal.map(|error| format!("preferred leaders: {error}")))
            }
            _ => Ok(None),
        }
    }

    async fn restart(&self, restart: &Restart, planned: &Planned) -> Result<Option<String>, PassError> {
        let wanted = self.cluster.nodes(self.identity);
        for victim in &restart.victims {
            let Some(node) = wanted.iter().find(|node| node.id == victim.node) else {
                continue;
            };
            tracing::info!(cluster = %self.cluster.names.cluster, pod = %node.names.pod, %restart, "taking a pod away");
            let pod = (node.names.pod.as_str(), victim.uid.as_str());
            let serves = planned.ready.contains(&victim.uid);
            let gone = act::remove(self.context, &self.cluster.names.namespace, pod, serves).await?;
            if let Gone::NotNow(why) = gone {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    async fn pods(&self) -> Result<Vec<Pod>, PassError> {
        let (namespace, cluster) = (&self.cluster.names.namespace, &self.cluster.names.cluster);
        let api: Api<Pod> = Api::namespaced(self.context.client.clone(), namespace);
        let selector = format!("{CLUSTER_LABEL}={cluster},productionkafka.dev/node-id");
        let list = bounded(
            "list",
            "Pod",
            (namespace, cluster),
            api.list(&ListParams::default().labels(&selector)),
        )
        .await?;
        Ok(list.items)
    }

    fn nodes(&self, live: &[Pod]) -> Vec<rollout::Node> {
        let nodes = self.cluster.nodes(self.identity);
        nodes.iter().map(|node| self.node(node, live)).collect()
    }

    fn node(&self, node: &Node<'_>, live: &[Pod]) -> rollout::Node {
        let now = self.context.now();
        let pod = live.iter().find(|pod| pod.name_any() == node.names.pod);
        // Only a broker has logs that take long to recover; whether it does isn't known here.
        let recovery = if node.pool.roles.broker {
            Recovery::Unknown
        } else {
            Recovery::No
        };
        rollout::Node {
            id: node.id,
            pool: node.pool.name.clone(),
            rack: node.rack.map(str::to_owned),
            roles: node.pool.roles,
            leaving: false,
            pod: pod.map(|pod| pods::pod(pod, None, recovery, now)),
            wants: Software {
                revision: self
                    .revisions
                    .get(&node.names.stateful_set)
                    .cloned()
                    .unwrap_or_default(),
                image: self.cluster.image.clone(),
                certificate: self.serials.get(&node.id).cloned(),
            },
            also: Vec::new(),
            restart_asked: self.asked(pod),
            urgent: false,
            refused: None,
        }
    }

    /// When a person asked for a restart, of the whole cluster or of this pod.
    fn asked(&self, pod: Option<&Pod>) -> Option<Timestamp> {
        let of_all = self
            .resource
            .annotations()
            .get(RESTART)
            .and_then(|text| text.parse().ok());
        let made = pod
            .filter(|pod| pods::restart_asked(pod))
            .and_then(ResourceExt::creation_timestamp);
        let of_pod = made.and_then(|made| made.0.checked_add(SignedDuration::from_millis(1)).ok());
        of_all.into_iter().chain(of_pod).max()
    }

    fn policy(&self) -> Policy {
        let maintenance = &self.cluster.maintenance;
        let schedules: Vec<Schedule> = maintenance
            .windows
            .iter()
            .filter_map(|window| Schedule::parse(window).ok())
            .collect();
        let window = if maintenance.windows.is_empty() {
            Window::Always
        } else {
            windows::state(&schedules, self.context.now())
        };
        Policy {
            max_unavailable: maintenance.max_unavailable,
            paused: maintenance.paused,
            window,
            single_replica: match maintenance.single_replica {
                SingleReplicaPartitions::Wait => SingleReplica::Block,
                SingleReplicaPartitions::Restart => SingleReplica::Restart,
            },
            canary_soak: SignedDuration::ZERO,
        }
    }
}
