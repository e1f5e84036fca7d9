//! What ails the containers of a pod, read in one place: for the status, and for the planner of restarts.
//!
//! It must not judge: whether a failing pod halts a roll is the planner's.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, PodStatus};

/// A container that waits for one of these comes up by itself.
const ON_ITS_WAY: [&str; 2] = ["ContainerCreating", "PodInitializing"];
/// Ended by SIGTERM: it was asked to.
const ASKED_TO: i32 = 143;

/// Why a container doesn't run: it ended badly, or Kubernetes holds it back.
pub fn failing(status: &PodStatus) -> Option<String> {
    all(status).find_map(|container| failing_now(container, container.state.as_ref()?))
}

/// Like [`failing`]; else how a container ended that runs again.
pub fn failed(status: &PodStatus) -> Option<String> {
    let before = |container: &ContainerStatus| ended_badly(container, container.last_state.as_ref()?);
    failing(status).or_else(|| all(status).find_map(before))
}

fn all(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    let init = status.init_container_statuses.iter().flatten();
    init.chain(status.container_statuses.iter().flatten())
}

/// One that's held back after it ended badly is told by its end: that's the cause.
fn failing_now(container: &ContainerStatus, state: &ContainerState) -> Option<String> {
    let Some(waiting) = &state.waiting else {
        return ended_badly(container, state);
    };
    let reason = waiting
        .reason
        .as_deref()
        .filter(|reason| !ON_ITS_WAY.contains(reason))?;
    let before = container
        .last_state
        .as_ref()
        .and_then(|last| ended_badly(container, last));
    let message = waiting.message.as_deref().unwrap_or_default();
    Some(before.map_or_else(
        || bounded(&format!("{}: {reason}: {message}", container.name)),
        |ended| format!("{ended} ({reason})"),
    ))
}

fn ended_badly(container: &ContainerStatus, state: &ContainerState) -> Option<String> {
    let bad = |ended: &&ContainerStateTerminated| ended.exit_code != 0 && ended.exit_code != ASKED_TO;
    let ended = state.terminated.as_ref().filter(bad)?;
    let why = ended.message.as_deref().or(ended.reason.as_deref()).unwrap_or_default();
    Some(format!(
        "{} ended with {}: {}",
        container.name,
        ended.exit_code,
        bounded(why)
    ))
}

/// A container's last words can be 4096 bytes.
fn bounded(text: &str) -> String {
    text.trim().trim_end_matches(':').chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn status(state: &Value, last: &Value) -> PodStatus {
        let container = json!({"name": "kafka", "image": "", "imageID": "", "ready": false, "restartCount": 1,
            "state": state, "lastState": last});
        serde_json::from_value(json!({"containerStatuses": [container]})).unwrap()
    }

    fn ended(code: i32) -> Value {
        json!({"terminated": {"exitCode": code, "message": "no such option"}})
    }

    fn waiting(reason: &str) -> Value {
        json!({"waiting": {"reason": reason, "message": "back-off"}})
    }

    #[test]
    fn what_ails_a_container() {
        let running = json!({"running": {}});
        let crashed = "kafka ended with 1: no such option";
        let held = format!("{crashed} (CrashLoopBackOff)");
        let none = json!({});
        for (state, last, now, once) in [
            (&running, &none, None, None),
            (&waiting("ContainerCreating"), &none, None, None),
            (
                &waiting("ErrImagePull"),
                &none,
                Some("kafka: ErrImagePull: back-off"),
                None,
            ),
            (&ended(1), &none, Some(crashed), None),
            (&ended(143), &none, None, None),
            (&ended(0), &none, None, None),
            (&waiting("CrashLoopBackOff"), &ended(1), Some(held.as_str()), None),
            (&running, &ended(1), None, Some(crashed)),
            (&running, &ended(143), None, None),
        ] {
            let status = status(state, last);
            assert_eq!(failing(&status).as_deref(), now, "{state} {last}");
            assert_eq!(failed(&status).as_deref(), now.or(once), "{state} {last}");
        }
    }
}
