//! What the planner is told of nodes and policy, from the resource, the pods and what is rendered now.

use super::{RESTART, Roll, pods};
use crate::api::{RolloutStatus, SingleReplicaPartitions};
use crate::controller::pods::PodFact;
use crate::model::{Node, Schedule, Window, windows};
use crate::rollout::{self, Policy, Recovery, RestartReason, SingleReplica, Software};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

impl Roll<'_> {
    /// The same question that the planner asks of live pods, of what the watch knows: it may only err to yes.
    pub(super) fn is_outdated(&self, node: &Node<'_>, pod: &PodFact, last: Option<&RolloutStatus>) -> bool {
        let revision = self.revisions.get(&node.names.stateful_set);
        let runs = pod.certificate.as_deref();
        let serial = self.running.wanted(node.id, runs, self.context.now());
        let differs = |wanted: Option<&String>, runs: &Option<String>| wanted.is_some() && wanted != runs.as_ref();
        let answers = last.into_iter().flat_map(|last| &last.answered);
        let mut answers = answers.filter(|answer| answer.node == node.id);
        let asked_anew = |asked: Timestamp| {
            asked <= self.context.now()
                && pod.created.is_some_and(|created| asked > created)
                && !answers.any(|answer| {
                    answer
                        .asked
                        .parse::<Timestamp>()
                        .is_ok_and(|answered| answered == asked)
                })
        };
        differs(revision, &pod.revision)
            || serial.is_some() && serial != runs
            || self.running.has_ended(node.id, runs, self.context.now())
            || self.deaf.contains(&pod.uid)
            || pod.restart_asked
            || self.asked_of_all().is_some_and(asked_anew)
    }

    /// Every node with its pod.
    pub fn nodes(&self, live: &[Pod]) -> Vec<rollout::Node> {
        let nodes = self.cluster.nodes(self.identity);
        nodes.iter().map(|node| self.node(node, live)).collect()
    }

    fn node(&self, node: &Node<'_>, live: &[Pod]) -> rollout::Node {
        let now = self.context.now();
        let found = live.iter().find(|pod| pod.name_any() == node.names.pod);
        let delay = self.delays.get(&node.names.pod);
        // Only a broker has logs that take long to recover.
        let usual = if node.roles.broker {
            Recovery::Unknown
        } else {
            Recovery::No
        };
        let recovery = delay.map_or(usual, |delay| delay.recovery);
        let lost = delay.and_then(|delay| delay.lost.clone());
        let revision = self.revisions.get(&node.names.stateful_set).cloned();
        let pod = found.map(|pod| pods::pod(pod, lost.clone(), recovery, now));
        let runs = pod.as_ref().and_then(|pod| pod.runs.certificate.as_deref());
        let certificate = self.running.wanted(node.id, runs, now).map(str::to_owned);
        let is_deaf = pod.as_ref().is_some_and(|pod| self.deaf.contains(&pod.uid));
        rollout::Node {
            id: node.id,
            pool: node.pool.name.clone(),
            rack: node.rack.map(str::to_owned),
            roles: node.roles,
            leaving: node.leaving,
            wants: Software {
                revision: revision.unwrap_or_default(),
                image: self.cluster.image.clone(),
                certificate,
            },
            ended: self.running.has_ended(node.id, runs, now),
            urgent: self.running.is_pressing(node.id, runs, now),
            also: is_deaf
                .then_some(RestartReason::CertificateRenewed)
                .into_iter()
                .collect(),
            pod,
            restart_asked: self.asked_of_all().into_iter().chain(asked_of(found)).max(),
            refused: None,
        }
    }

    /// When a person asked for a restart of the whole cluster.
    fn asked_of_all(&self) -> Option<Timestamp> {
        self.resource.annotations().get(RESTART)?.parse().ok()
    }

    /// What is wrong with a request that can't be read; it restarts nothing.
    pub fn unreadable_request(&self) -> Option<String> {
        let text = self.resource.annotations().get(RESTART)?;
        let unreadable = text.parse::<Timestamp>().is_err();
        unreadable.then(|| {
            format!("metadata.annotations[{RESTART}]: {text:?} isn't a time such as 2026-01-31T12:00:00Z: nothing is restarted")
        })
    }

    pub fn policy(&self) -> Policy {
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
            // Whoever says stop is heard, even if the resource is refused for something else in it.
            paused: maintenance.paused || self.resource.spec.maintenance.paused,
            window,
            single_replica: match maintenance.single_replica {
                SingleReplicaPartitions::Wait => SingleReplica::Block,
                SingleReplicaPartitions::Restart => SingleReplica::Restart,
            },
            canary_soak: SignedDuration::ZERO,
        }
    }
}

/// A request by annotation on the pod itself is of this pod, whenever it was made.
fn asked_of(pod: Option<&Pod>) -> Option<Timestamp> {
    let pod = pod.filter(|pod| pods::restart_asked(pod))?;
    let made = pod.creation_timestamp()?.0;
    made.checked_add(SignedDuration::from_millis(1)).ok()
}
