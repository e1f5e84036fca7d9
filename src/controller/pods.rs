//! The few facts of a Kafka pod that decisions need, taken from the watch; the rest of the pod isn't kept.

use super::containers;
use crate::render::labels;
use k8s_openapi::api::core::v1::{ContainerState, Pod, PodSpec, PodStatus};
use kube::ResourceExt;

/// A Kafka pod.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as Kubernetes has them")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFact {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub cluster: Option<String>,
    pub node_id: Option<i32>,
    /// It was made for a node that is a controller and a broker.
    pub combined: bool,
    pub ip: Option<String>,
    /// Address of its machine.
    pub host_ip: Option<String>,
    /// Ports that Kafka listens on.
    pub ports: Vec<i32>,
    /// As the pod was made with.
    pub listener_files: Option<String>,
    pub delegation_key: Option<String>,
    /// When Kubernetes made it.
    pub created: Option<jiff::Timestamp>,
    /// A person asks for it to be replaced.
    pub restart_asked: bool,
    /// Its machine; from then on Kubernetes lets none of its volumes go (`pvc-protection`).
    pub machine: Option<String>,
    /// Condition `Ready`.
    pub ready: bool,
    /// The Kafka container runs (ready or not).
    pub running: bool,
    pub terminating: bool,
    /// By when it should have ended, if it's to: the time of its deletion and the time that it was given.
    pub ends: Option<jiff::Timestamp>,
    /// Hash of what a restart would change, as the pod was made with.
    pub revision: Option<String>,
    /// Serial of the node certificate, as the pod was made with.
    pub certificate: Option<String>,
    /// ConfigMaps it mounts.
    pub config_maps: Vec<String>,
    /// What it waits for, in Kubernetes' words: that comes by itself.
    pub waiting: Option<String>,
    /// Why it isn't running, in Kubernetes' words.
    pub trouble: Option<String>,
}

impl PodFact {
    pub fn of(pod: &Pod) -> Self {
        let annotation = |name: &str| pod.annotations().get(name).cloned();
        let status = pod.status.as_ref();
        let spec = pod.spec.as_ref();
        Self {
            namespace: pod.namespace().unwrap_or_default(),
            name: pod.name_any(),
            uid: pod.uid().unwrap_or_default(),
            cluster: pod.labels().get(super::stores::CLUSTER_LABEL).cloned(),
            node_id: pod.labels().get(labels::NODE_ID).and_then(|id| id.parse().ok()),
            combined: [labels::BROKER, labels::CONTROLLER]
                .iter()
                .all(|role| pod.labels().contains_key(*role)),
            ip: status.and_then(|status| status.pod_ip.clone()),
            host_ip: status.and_then(|status| status.host_ip.clone()),
            ports: spec.map(ports).unwrap_or_default(),
            listener_files: annotation(labels::LISTENER_FILES),
            delegation_key: annotation(labels::DELEGATION_KEY),
            created: pod.creation_timestamp().map(|time| time.0),
            restart_asked: super::rollout::restart_asked(pod),
            machine: spec.and_then(|spec| spec.node_name.clone()),
            ready: status.is_some_and(is_ready),
            running: status.is_some_and(is_running),
            terminating: pod.metadata.deletion_timestamp.is_some(),
            ends: pod.metadata.deletion_timestamp.as_ref().map(|time| time.0),
            revision: annotation(labels::REVISION),
            certificate: annotation(labels::CERTIFICATE),
            config_maps: spec
                .and_then(|spec| spec.volumes.as_ref())
                .into_iter()
                .flatten()
                .filter_map(|volume| Some(volume.config_map.as_ref()?.name.clone()))
                .collect(),
            waiting: status.and_then(unscheduled).filter(|why| is_on_its_way(why)),
            trouble: status.and_then(trouble),
        }
    }

    /// Some pod of the cluster is a controller and a broker: pods outlive what the resource asks of them.
    pub fn any_combined(pods: &[Self]) -> bool {
        pods.iter().any(|pod| pod.combined)
    }

    /// It's ready, stays, and was made with this revision.
    pub fn runs(&self, revision: Option<&String>) -> bool {
        self.ready && !self.terminating && self.revision.as_ref() == revision
    }

    /// Its address as it stands before a port (RFC 3986 §3.2.2: an IPv6 address in brackets).
    pub fn host(&self) -> Option<String> {
        let ip = self.ip.as_deref()?;
        Some(if ip.contains(':') {
            format!("[{ip}]")
        } else {
            ip.to_owned()
        })
    }
}

fn ports(spec: &PodSpec) -> Vec<i32> {
    let containers = spec.containers.iter().flat_map(|container| &container.ports);
    containers.flatten().map(|port| port.container_port).collect()
}

fn is_ready(status: &PodStatus) -> bool {
    status
        .conditions
        .iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn is_running(status: &PodStatus) -> bool {
    let running = |state: &Option<ContainerState>| state.as_ref().is_some_and(|state| state.running.is_some());
    status
        .container_statuses
        .iter()
        .flatten()
        .any(|container| running(&container.state))
}

/// Why the pod has no machine.
fn unscheduled(status: &PodStatus) -> Option<String> {
    let condition = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    condition.message.clone().or_else(|| condition.reason.clone())
}

/// The scheduler's words for a volume that is being made, which takes a provisioner a while.
fn is_on_its_way(why: &str) -> bool {
    let claim = why.contains("persistentvolumeclaim \"") && why.contains("not found");
    claim || why.contains("unbound immediate PersistentVolumeClaims")
}

/// The first reason why the pod doesn't run: unschedulable, a waiting container, a container that ended badly.
fn trouble(status: &PodStatus) -> Option<String> {
    if let Some(why) = unscheduled(status) {
        return Some(why).filter(|why| !is_on_its_way(why));
    }
    containers::failed(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn unscheduled_because(message: &str) -> PodFact {
        let condition =
            json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message});
        let pod = json!({"metadata": {"name": "p"}, "status": {"conditions": [condition]}});
        PodFact::of(&serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn a_volume_on_its_way_is_no_trouble() {
        for message in [
            "persistentvolumeclaim \"data-0-orders-brokers-100-0\" not found",
            "0/3 nodes are available: persistentvolumeclaim \"data-0-orders-brokers-100-0\" not found. preemption: ...",
            "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
        ] {
            let pod = unscheduled_because(message);
            assert_eq!((pod.trouble, pod.waiting.as_deref()), (None, Some(message)));
        }
        let message = "0/3 nodes are available: 3 Insufficient memory.";
        let pod = unscheduled_because(message);
        assert_eq!((pod.trouble.as_deref(), pod.waiting), (Some(message), None));
    }
}
