//! Which pods would restart, in the order of the planner, and why: what differs between the pod that runs and the template
//! that would be. Whatever the planner says to the live partitions and quorum is what holds.

use super::asked::Asked;
use super::settings;
use super::{Draft, Hold, Plan, PodRestart, RestartStep, SettingChange};
use crate::controller::apply;
use crate::controller::compare;
use crate::controller::delays::{self, Delays};
use crate::controller::error::PassError;
use crate::controller::ledger::ObjectKey;
use crate::controller::rendered::Rendered;
use crate::controller::rollout::Roll;
use crate::render::{Child, Kind, PREPARE, labels};
use crate::rollout::{
    Broker, Foreseen, KafkaView, Node, Phase, Pod as RolloutPod, Policy, RestartReason, State, Victim, World, foresee,
    unseen,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The roll of one cluster, before Kafka is asked.
pub(super) struct Rolling<'a> {
    draft: &'a Draft<'a>,
    rendered: &'a Rendered,
    policy: Policy,
    nodes: Vec<Node>,
    pods_at: Timestamp,
    live: Vec<Pod>,
    unreadable: Option<String>,
}

impl<'a> Rolling<'a> {
    /// Lists the pods, and what keeps them from being ready.
    pub async fn look(draft: &'a Draft<'a>, rendered: &'a Rendered) -> Result<Self, PassError> {
        let context = draft.context;
        let delays = delays::look(context, draft.cluster, &draft.identity, (&draft.pods, &Delays::new())).await;
        let roll = Roll {
            context,
            resource: draft.resource,
            cluster: draft.cluster,
            identity: &draft.identity,
            delays: &delays,
            revisions: &rendered.revisions,
            running: &draft.running,
            deaf: BTreeSet::new(),
        };
        let pods_at = context.now();
        let live = roll.pods().await?;
        Ok(Self {
            draft,
            rendered,
            policy: roll.policy(),
            nodes: roll.nodes(&live),
            pods_at,
            live,
            unreadable: roll.unreadable_request(),
        })
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Fills in restarts and what holds them.
    pub async fn restarts(&self, asked: &Asked, plan: &mut Plan) -> Result<(), PassError> {
        let last = self
            .draft
            .resource
            .status
            .as_ref()
            .and_then(|status| status.rollout.as_ref());
        let foreseen = self.foresee(self.nodes.clone(), asked, &State::read(last));
        self.tell(&foreseen, plan).await?;
        if self.draft.becomes_dynamic() {
            let nodes = self.without_list(foreseen.nodes);
            let next = self.foresee(nodes, asked, &State::default());
            self.tell(&next, plan).await?;
        }
        if let Some(why) = &self.unreadable {
            plan.hold(why.clone());
        }
        Ok(())
    }

    fn foresee(&self, mut nodes: Vec<Node>, asked: &Asked, state: &State) -> Foreseen {
        let now = self.draft.context.now();
        let new: Vec<i32> = nodes
            .iter()
            .map(|node| node.id)
            .filter(|id| self.draft.is_new(*id))
            .collect();
        for node in nodes.iter_mut().filter(|node| new.contains(&node.id)) {
            node.pod = Some(come(node, now));
        }
        let mut kafka = match &asked.view {
            Some(view) => view.clone(),
            None => unseen(&nodes, self.leader(), now),
        };
        register(&mut kafka, &nodes, &new);
        foresee(&World {
            now,
            pods_at: self.pods_at,
            kafka: Some(&kafka),
            nodes: &nodes,
            policy: &self.policy,
            state,
        })
    }

    /// As the status has it.
    fn leader(&self) -> Option<i32> {
        self.draft.resource.status.as_ref()?.quorum.as_ref()?.leader_id
    }

    /// The nodes as they're wanted once the quorum is a dynamic one.
    fn without_list(&self, mut nodes: Vec<Node>) -> Vec<Node> {
        let mut identity = self.draft.identity.clone();
        identity.static_voters.clear();
        let rendered = self.draft.rendered(&identity);
        for node in &mut nodes {
            let revision = self.set_name(node.id).and_then(|set| rendered.revisions.get(&set));
            node.wants.revision = revision.cloned().unwrap_or_default();
        }
        nodes
    }

    fn set_name(&self, id: i32) -> Option<String> {
        let nodes = self.draft.cluster.nodes(&self.draft.identity);
        nodes
            .into_iter()
            .find(|node| node.id == id)
            .map(|node| node.names.stateful_set)
    }

    async fn tell(&self, foreseen: &Foreseen, plan: &mut Plan) -> Result<(), PassError> {
        let first = plan.restarts.len();
        for step in &foreseen.steps {
            let mut pods = Vec::new();
            for victim in &step.victims {
                pods.push(self.restart(victim).await?);
            }
            let warnings = step.warnings.iter().map(ToString::to_string).collect();
            plan.restarts.push(RestartStep { pods, warnings });
        }
        for held in &foreseen.holds {
            let step = plan.restarts.get(first + held.after);
            let before = step.and_then(|step| step.pods.first()).map(|pod| pod.pod.clone());
            let why = held.decision.to_string();
            plan.holds.push(Hold { before, why });
        }
        for victim in &foreseen.left {
            plan.left.push(self.restart(victim).await?);
        }
        Ok(())
    }

    async fn restart(&self, victim: &Victim) -> Result<PodRestart, PassError> {
        let set = self.set_name(victim.node).unwrap_or_default();
        let pod = format!("{set}-0");
        let live = self.live.iter().find(|live| live.name_any() == pod);
        let wanted = self.rendered.stateful_sets.iter().find(|wish| wish.child.name == set);
        let template = wanted.and_then(|wish| wish.child.body.pointer("/spec/template"));
        let differs = match (live, template) {
            (Some(live), Some(template)) => {
                let live = serde_json::to_value(live).unwrap_or_default();
                compare::differences(&live, template)
            }
            _ => Vec::new(),
        };
        let settings = match (live, template) {
            (Some(live), Some(template)) => self.settings(live, template, &differs).await?,
            _ => Vec::new(),
        };
        Ok(PodRestart {
            node: victim.node,
            pod,
            reasons: victim.why.iter().map(|why| why.name()).collect(),
            parts: parts(&victim.why, &differs),
            settings,
        })
    }

    /// What differs in `server.properties`, if the pod's ConfigMap does.
    async fn settings(
        &self,
        live: &Pod,
        template: &Value,
        differs: &[String],
    ) -> Result<Vec<SettingChange>, PassError> {
        let Some(volume) = differs.iter().find_map(|path| volume_of(path)) else {
            return Ok(Vec::new());
        };
        let volumes = live.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let mut maps = volumes
            .filter(|one| one.name == volume)
            .filter_map(|one| one.config_map.as_ref());
        let Some(old) = maps.next().map(|map| map.name.clone()) else {
            return Ok(Vec::new());
        };
        let key = ObjectKey::new(Kind::ConfigMap, &self.draft.cluster.names.namespace, &old);
        let old = apply::get(self.draft.context, &key).await?;
        let old = old.and_then(|old| properties(&old.data).map(str::to_owned));
        let new = self.config_map(template, volume).and_then(|map| properties(&map.body));
        Ok(match (old, new) {
            (Some(old), Some(new)) => settings::of_files(&old, new),
            _ => Vec::new(),
        })
    }

    fn config_map(&self, template: &Value, volume: &str) -> Option<&Child> {
        let volumes = template.pointer("/spec/volumes")?.as_array()?;
        let is = |one: &&Value| one.get("name").and_then(Value::as_str) == Some(volume);
        let name = volumes.iter().find(is)?.pointer("/configMap/name")?.as_str()?;
        let mut all = self.rendered.children();
        all.find(|child| child.kind == Kind::ConfigMap && child.name == name)
    }
}

fn properties(map: &Value) -> Option<&str> {
    map.pointer("/data/server.properties")?.as_str()
}

/// The volume whose ConfigMap is another one.
fn volume_of(path: &str) -> Option<&str> {
    path.strip_prefix("spec.volumes[")?.strip_suffix("].configMap.name")
}

/// A pod that comes before anything else happens.
fn come(node: &Node, now: Timestamp) -> RolloutPod {
    let since = now.checked_sub(SignedDuration::from_hours(1)).unwrap_or(now);
    RolloutPod {
        uid: "to come".to_owned(),
        created: now,
        runs: node.wants.clone(),
        phase: Phase::Ready { since, restarts: 0 },
    }
}

/// Nothing restarts before brokers that come are there.
fn register(kafka: &mut KafkaView, nodes: &[Node], new: &[i32]) {
    let brokers = nodes.iter().filter(|node| node.roles.broker && new.contains(&node.id));
    let registered: BTreeMap<i32, Broker> = brokers.map(|node| (node.id, Broker { fenced: false })).collect();
    kafka.brokers.extend(registered);
}

/// The parts of a pod that differ, in words, each once.
fn parts(why: &[RestartReason], differs: &[String]) -> Vec<String> {
    let told = why.iter().filter_map(|reason| match reason {
        RestartReason::ImageChanged => Some("image"),
        RestartReason::CertificateRenewed | RestartReason::CertificateEnded => Some("certificate"),
        RestartReason::VolumeChanged => Some("volume"),
        RestartReason::ManualRestart => Some("asked for"),
        RestartReason::ConfigChanged => None,
    });
    // A new image says nothing of what changes beside it.
    let changed = [RestartReason::ConfigChanged, RestartReason::ImageChanged];
    let is_compared = why.iter().any(|reason| changed.contains(reason));
    let found = differs.iter().filter(|_| is_compared).filter_map(|path| part(path));
    let mut parts: Vec<String> = Vec::new();
    for one in told.map(str::to_owned).chain(found) {
        if !parts.contains(&one) {
            parts.push(one);
        }
    }
    if parts.is_empty() {
        parts.push("template".to_owned());
    }
    parts
}

/// Which part a path belongs to; `None`: one that restarts nothing.
fn part(path: &str) -> Option<String> {
    let annotation = |name: &str| format!("metadata.annotations.{name}");
    let prepare = format!("spec.initContainers[{PREPARE}].image");
    if path == annotation(labels::REVISION) || path == annotation(labels::CERTIFICATE) || path == prepare {
        return None;
    }
    if volume_of(path).is_some() {
        return Some("configuration".to_owned());
    }
    if path.ends_with("].image") {
        return Some("image".to_owned());
    }
    Some(format!("template ({path})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_explained_by_what_differs() {
        let paths = |all: &[&str]| -> Vec<String> { all.iter().map(|path| (*path).to_owned()).collect() };
        let (config, image) = (RestartReason::ConfigChanged, RestartReason::ImageChanged);
        let revision = "metadata.annotations.productionkafka.dev/revision";
        for (why, differs, expected) in [
            (
                vec![config],
                paths(&[revision, "spec.volumes[config].configMap.name"]),
                paths(&["configuration"]),
            ),
            (
                vec![image],
                paths(&["spec.containers[kafka].image", "spec.initContainers[format].image"]),
                paths(&["image"]),
            ),
            (
                vec![config],
                paths(&["spec.containers[kafka].resources.limits.memory"]),
                paths(&["template (spec.containers[kafka].resources.limits.memory)"]),
            ),
            (vec![config], paths(&[revision]), paths(&["template"])),
            (
                vec![RestartReason::CertificateRenewed],
                paths(&["spec.initContainers[prepare].image"]),
                paths(&["certificate"]),
            ),
            (vec![RestartReason::ManualRestart], paths(&[]), paths(&["asked for"])),
        ] {
            assert_eq!(parts(&why, &differs), expected, "{why:?} {differs:?}");
        }
    }
}
