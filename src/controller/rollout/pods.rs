//! Pods as the rollout planner wants them, from a live list: what each was made from and how far it is.

use crate::controller::containers;
use crate::render::labels;
use crate::rollout::{Phase, Pod as RolloutPod, Recovery, Software};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::ResourceExt;

/// Annotation that asks for a restart: on the resource an RFC 3339 time, pods made before it are restarted; on a pod any
/// value.
pub const RESTART: &str = "productionkafka.dev/restart";
/// The container that runs Kafka.
const KAFKA: &str = "kafka";

/// A pod as the planner knows it. `lost`: why its Kubernetes node doesn't answer.
pub fn pod(pod: &Pod, lost: Option<String>, recovery: Recovery, now: Timestamp) -> RolloutPod {
    let created = pod.creation_timestamp().map_or(now, |time| time.0);
    RolloutPod {
        uid: pod.uid().unwrap_or_default(),
        created,
        runs: software(pod),
        phase: phase(pod, (lost, recovery), created),
    }
}

/// Whether a person asks for this very pod to be replaced.
pub fn restart_asked(pod: &Pod) -> bool {
    pod.annotations().contains_key(RESTART)
}

fn software(pod: &Pod) -> Software {
    let annotation = |name: &str| pod.annotations().get(name).cloned();
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let image = containers
        .filter(|container| container.name == KAFKA)
        .find_map(|container| container.image.clone());
    Software {
        revision: annotation(labels::REVISION).unwrap_or_default(),
        image: image.unwrap_or_default(),
        certificate: annotation(labels::CERTIFICATE),
    }
}

fn phase(pod: &Pod, (lost, recovery): (Option<String>, Recovery), created: Timestamp) -> Phase {
    if let Some(since) = &pod.metadata.deletion_timestamp {
        return Phase::Terminating { since: since.0 };
    }
    if let Some(why) = lost {
        return Phase::Lost { why };
    }
    let Some(status) = &pod.status else {
        return pending(created, "its status isn't known yet");
    };
    let kafka = status
        .container_statuses
        .iter()
        .flatten()
        .find(|status| status.name == KAFKA);
    let running = kafka.and_then(|status| Some((status, status.state.as_ref()?.running.as_ref()?)));
    match running {
        Some((container, running)) => match ready_since(status) {
            Some(since) => Phase::Ready {
                since,
                restarts: u32::try_from(container.restart_count).unwrap_or(0),
            },
            None => Phase::Starting {
                since: running.started_at.as_ref().map_or(created, |time| time.0),
                recovery,
            },
        },
        None => not_running(status, created),
    }
}

fn ready_since(status: &PodStatus) -> Option<Timestamp> {
    let ready = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "Ready")?;
    let since = ready.last_transition_time.as_ref().map(|time| time.0);
    (ready.status == "True").then_some(since).flatten()
}

/// A container that ended badly or that Kubernetes holds back fails; anything else is on its way.
fn not_running(status: &PodStatus, created: Timestamp) -> Phase {
    if let Some(why) = containers::failing(status) {
        return Phase::Failing { why };
    }
    let scheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled");
    let why = scheduled
        .filter(|condition| condition.status == "False")
        .and_then(|condition| condition.message.clone());
    pending(created, why.as_deref().unwrap_or("the pod is being started"))
}

fn pending(since: Timestamp, why: &str) -> Phase {
    Phase::Pending {
        since,
        why: why.to_owned(),
    }
}
