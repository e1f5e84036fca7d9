//! What keeps a pod that runs from being ready: its machine doesn't answer, or Kafka recovers its logs after an unclean
//! stop, which can take hours. Asked of Kubernetes and of the pod's own metrics, and only while a pod has been running for
//! a while without being ready.
//!
//! A look at the metrics costs a broker that starts on few cores seconds, so it's rare, and a start that takes no longer
//! than others isn't looked at. It must not judge: whether that holds up a roll is the planner's.

use super::apply::bounded;
use super::context::Context;
use super::pods::PodFact;
use crate::model::{Cluster, Identity, Node, ports};
use crate::rollout::Recovery;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Node as Machine;
use kube::api::Api;
use std::collections::BTreeMap;
use std::time::Duration;

/// A machine may be silent this long.
const SILENT: SignedDuration = SignedDuration::from_secs(10);
/// A start that takes no longer is nothing special.
const USUAL: SignedDuration = SignedDuration::from_mins(1);
/// What was found holds this long.
const HOLDS: SignedDuration = SignedDuration::from_secs(20);
/// Longest wait for the metrics of one pod.
const PATIENCE: Duration = Duration::from_secs(5);
/// Gauge of Kafka's `LogManager` (KIP-831), one for each log directory, as the exporter names it.
const LOGS: &str = "kafka_log_logmanager_remaininglogstorecover";

/// What is known of one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delay {
    /// When it was looked at, and which pod by uid.
    at: Timestamp,
    uid: String,
    /// Why its machine doesn't answer.
    pub lost: Option<String>,
    pub recovery: Recovery,
}

/// By name of the pod.
pub type Delays = BTreeMap<String, Delay>;

/// Looks at every pod that should be ready by now. `last`: what the look before has found.
pub async fn look(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    (pods, last): (&[PodFact], &Delays),
) -> Delays {
    let mut delays = Delays::new();
    let now = context.now();
    for node in cluster.nodes(identity) {
        let pod = pods.iter().find(|pod| pod.name == node.names.pod);
        let Some((pod, age)) = pod.and_then(|pod| Some((pod, now.duration_since(pod.created?)))) else {
            continue;
        };
        if !pod.running || pod.ready || pod.terminating || age < SILENT {
            continue;
        }
        let known = last
            .get(&pod.name)
            .filter(|known| known.uid == pod.uid && now.duration_since(known.at) < HOLDS);
        let delay = if let Some(known) = known {
            known.clone()
        } else {
            Delay {
                at: now,
                uid: pod.uid.clone(),
                lost: lost(context, pod).await,
                recovery: recovery(context, (cluster, &node), (pod, age)).await,
            }
        };
        delays.insert(pod.name.clone(), delay);
    }
    delays
}

/// What Kubernetes says of a machine whose kubelet doesn't report. An operator that may not read nodes doesn't know.
async fn lost(context: &Context, pod: &PodFact) -> Option<String> {
    let machine = pod.machine.as_deref()?;
    let api: Api<Machine> = Api::all(context.client.clone());
    let found = bounded("get", "Node", ("", machine), api.get(machine)).await.ok()?;
    unknown(&found).then(|| format!("machine {machine} doesn't answer"))
}

fn unknown(machine: &Machine) -> bool {
    let conditions = machine
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let mut ready = conditions.filter(|condition| condition.type_ == "Ready");
    ready.any(|condition| condition.status == "Unknown")
}

async fn recovery(
    context: &Context,
    (cluster, node): (&Cluster, &Node<'_>),
    (pod, age): (&PodFact, SignedDuration),
) -> Recovery {
    if !node.roles.broker {
        return Recovery::No;
    }
    let Some(host) = pod.host().filter(|_| cluster.jmx_exporter && age >= USUAL) else {
        return Recovery::Unknown;
    };
    let path = format!("/metrics?name[]={LOGS}");
    let text = context
        .connector
        .metrics(format!("{host}:{}", ports::METRICS), path, PATIENCE)
        .await;
    text.map_or(Recovery::Unknown, |text| read(&text))
}

/// What the gauges of all directories say; nothing while Kafka hasn't made them yet.
fn read(text: &str) -> Recovery {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(LOGS)?;
        let value = rest.starts_with(['{', ' ']).then(|| rest.rsplit_once(' '))??.1;
        value.trim().parse::<f64>().ok()
    });
    let logs = values.fold(None, |sum: Option<f64>, value| Some(sum.unwrap_or_default() + value));
    match logs {
        Some(logs) if logs > 0.0 => Recovery::Progressing { logs_left: whole(logs) },
        Some(_) => Recovery::No,
        None => Recovery::Unknown,
    }
}

/// A count that the exporter wrote as a floating-point number.
fn whole(count: f64) -> u64 {
    format!("{count:.0}").parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn gauges_of_all_directories_count() {
        let text = "# TYPE kafka_log_logmanager_remaininglogstorecover gauge\n\
            kafka_log_logmanager_remaininglogstorecover{dir=\"/var/lib/kafka/data-0/kafka-log\"} 12.0\n\
            kafka_log_logmanager_remaininglogstorecover{dir=\"/var/lib/kafka/data-1/kafka-log\"} 3.0\n\
            kafka_log_logmanager_remaininglogstorecover_other 99.0\n";
        assert_eq!(read(text), Recovery::Progressing { logs_left: 15 });
        assert_eq!(
            read("kafka_log_logmanager_remaininglogstorecover{dir=\"/d\"} 0.0"),
            Recovery::No
        );
        assert_eq!(read("jvm_info 1.0"), Recovery::Unknown);
    }

    #[test]
    fn a_machine_that_says_no_answers() {
        let machine = |status: &str| -> Machine {
            let conditions =
                json!([{"type": "MemoryPressure", "status": "Unknown"}, {"type": "Ready", "status": status}]);
            serde_json::from_value(json!({"metadata": {"name": "m"}, "status": {"conditions": conditions}})).unwrap()
        };
        assert!(unknown(&machine("Unknown")));
        assert!(!unknown(&machine("False")));
        assert!(!unknown(&machine("True")));
    }
}
