//! One line per Kafka node: what its pod does, and what it doesn't run yet.

use super::Observed;
use crate::api::{NodeStatus, VolumeStatus};
use crate::controller::pods::PodFact;
use crate::controller::rollout::doomed_volume;
use crate::model::{Disk, Node, names};
use crate::render;
use crate::rollout::Recovery;
use jiff::{SignedDuration, Timestamp};

/// Longer than this after its time, a pod hasn't ended: its machine doesn't answer. A kubelet reports within seconds.
const OVERDUE: SignedDuration = SignedDuration::from_secs(60);
/// Most nodes in a status.
const NAMED: usize = 100;

/// The nodes by id; with more than 100, those that don't run come first.
pub fn nodes(observed: &Observed<'_>) -> Vec<NodeStatus> {
    let wanted = observed.cluster.nodes(observed.identity);
    let mut nodes: Vec<NodeStatus> = wanted.iter().map(|node| one(observed, node)).collect();
    if nodes.len() > NAMED {
        nodes.sort_by_key(|node| (node.phase == "Running" && node.pending_reasons.is_empty(), node.id));
        nodes.truncate(NAMED);
    }
    nodes.sort_by_key(|node| node.id);
    nodes
}

fn one(observed: &Observed<'_>, node: &Node<'_>) -> NodeStatus {
    let pod = observed.pods.iter().find(|pod| pod.name == node.names.pod);
    let (phase, message) = phase(observed, node, pod);
    NodeStatus {
        id: node.id,
        pool: node.pool.name.clone(),
        roles: node.roles.display().to_owned(),
        rack: node.rack.map(str::to_owned),
        pod: node.names.pod.clone(),
        leaving: node.leaving,
        phase: phase.to_owned(),
        message,
        revision: pod.and_then(|pod| pod.revision.clone()),
        pending_reasons: pod.map(|pod| pending(observed, node, pod)).unwrap_or_default(),
        volumes: (0..node.disks.len())
            .map(|index| VolumeStatus {
                name: names::volume(index),
                used_percent: used(observed, node.id, index),
            })
            .collect(),
    }
}

fn used(observed: &Observed<'_>, node: i32, index: usize) -> Option<i32> {
    let path = render::log_dir(index);
    let mut volumes = observed.fill.usage()?.volumes.iter();
    let volume = volumes.find(|volume| volume.node == node && volume.path == path)?;
    Some(volume.percent())
}

fn phase(observed: &Observed<'_>, node: &Node<'_>, pod: Option<&PodFact>) -> (&'static str, Option<String>) {
    let Some(pod) = pod else {
        return ("Missing", Some("the pod doesn't exist yet".into()));
    };
    if pod.terminating {
        return match overdue(pod, observed.now) {
            Some(why) => ("Failing", Some(why)),
            None => ("Pending", Some("the pod is being deleted".into())),
        };
    }
    if !pod.running {
        if let Some(trouble) = &pod.trouble {
            return ("Failing", Some(trouble.clone()));
        }
        let waiting = pod.waiting.as_deref().unwrap_or("the pod is being started");
        return ("Pending", Some(waiting.to_owned()));
    }
    let (ready, kafka) = (pod.ready, observed.kafka);
    if !ready {
        return late(observed, pod);
    }
    if let Some(dirs) = kafka.and_then(|kafka| kafka.failed_dirs.get(&node.id)) {
        return ("Failing", Some(failed_disk(node, dirs)));
    }
    let fenced = kafka
        .and_then(|kafka| kafka.brokers.as_ref())
        .and_then(|view| view.brokers.iter().find(|broker| broker.id == node.id))
        .is_some_and(|broker| broker.fenced);
    if node.roles.broker && fenced {
        return ("Fenced", Some("Kafka doesn't let the broker serve yet".into()));
    }
    let leaving = node.disks.iter().find(|disk| observed.leaving.contains(&disk.claim));
    ("Running", leaving.map(|disk| doomed_volume(&disk.claim)))
}

/// A pod that runs and isn't ready.
fn late(observed: &Observed<'_>, pod: &PodFact) -> (&'static str, Option<String>) {
    let delay = observed.delays.get(&pod.name);
    if let Some(lost) = delay.and_then(|delay| delay.lost.clone()) {
        return ("Failing", Some(lost));
    }
    if let Some(Recovery::Progressing { logs_left }) = delay.map(|delay| delay.recovery) {
        let why = format!("Kafka recovers its logs after an unclean stop, {logs_left} to go");
        return ("Starting", Some(why));
    }
    let why = pod.trouble.as_deref().unwrap_or("Kafka is starting or not ready");
    ("Starting", Some(why.to_owned()))
}

/// Kafka goes on without a disk that fails, and doesn't take it up again before it's started anew.
fn failed_disk(node: &Node<'_>, dirs: &[String]) -> String {
    let claim = |dir: &String| {
        let on = |(index, _): &(usize, &Disk)| *dir == render::log_dir(*index);
        let disk = node.disks.iter().enumerate().find(on);
        disk.map_or_else(|| dir.clone(), |(_, disk)| format!("{dir} (claim {})", disk.claim))
    };
    let named: Vec<String> = dirs.iter().map(claim).collect();
    let which = if named.is_empty() {
        "a log directory".to_owned()
    } else {
        named.join(", ")
    };
    format!(
        "Kafka has given up {which}: its replicas are offline here, other disks serve. Once the disk is well, restart the pod; \
         for an empty one, delete the claim and then the pod"
    )
}

/// A pod is deleted by force only by Kubernetes itself, and only when its machine is known to be gone: two processes on one
/// disk, or two of one node id, are worse than one less.
fn overdue(pod: &PodFact, now: Timestamp) -> Option<String> {
    let late = now.duration_since(pod.ends?);
    let machine = pod.machine.as_deref().unwrap_or("its machine");
    (late > OVERDUE).then(|| {
        format!(
            "the pod should have ended and {machine} doesn't confirm it. If that machine is off for good, delete its Node or \
             taint it with node.kubernetes.io/out-of-service=nodeshutdown:NoExecute: nothing else frees the pod"
        )
    })
}

/// Why the pod doesn't run what the resource asks for, derived from the pod itself.
fn pending(observed: &Observed<'_>, node: &Node<'_>, pod: &PodFact) -> Vec<String> {
    let mut reasons = Vec::new();
    let wanted = observed.revisions.get(&node.names.stateful_set);
    if wanted.is_some() && pod.revision.as_ref() != wanted {
        reasons.push("the pod runs an older configuration".to_owned());
    }
    let runs = pod.certificate.as_deref();
    let serial = observed.running.wanted(node.id, runs, observed.now);
    if serial.is_some() && serial != runs {
        reasons.push("the pod was started with an older certificate".to_owned());
    }
    let disks = observed.identity.disks.get(&node.id);
    if disks.is_some_and(|disks| disks.differs(&node.pool.volumes)) {
        reasons.push("other disks are asked for".to_owned());
    }
    if pod.restart_asked {
        reasons.push("a restart of the pod was asked for".to_owned());
    }
    reasons
}
