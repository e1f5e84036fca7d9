//! Which pods don't run what is wanted, why, and in which order they go. Derived from the pods themselves: a pod that
//! runs what is wanted is never due, unless a person asks for it anew.

use super::sight::Sight;
use super::state::State;
use super::world::{Node, Phase, Pod, Recovery, RestartReason, World};
use jiff::{SignedDuration, Timestamp};

/// A pod on its way longer than this is reported as one that doesn't come back. It never makes a running log recovery
/// or a serving node a victim.
pub const STUCK: SignedDuration = SignedDuration::from_mins(5);

/// A pod that should be replaced.
#[derive(Clone, Debug)]
pub(super) struct Due<'a> {
    pub node: &'a Node,
    pub pod: &'a Pod,
    pub why: Vec<RestartReason>,
}

impl Due<'_> {
    /// Wanted by a person, or not to wait for a window for another reason.
    pub fn is_urgent(&self) -> bool {
        self.node.urgent || self.is_manual()
    }

    pub fn is_manual(&self) -> bool {
        self.why.contains(&RestartReason::ManualRestart)
    }

    /// Whether the hour is right.
    pub fn may_begin(&self, world: &World<'_>) -> bool {
        world.policy.window.is_open() || self.is_urgent()
    }
}

/// All pods that are due, in the order in which they should go: what isn't well first, then controllers (the active one
/// last), then brokers.
pub(super) fn due<'a>(sight: &Sight<'a>, state: &State) -> Vec<Due<'a>> {
    let world = sight.world;
    let mut found: Vec<Due<'a>> = world
        .nodes
        .iter()
        .filter(|node| !node.leaving)
        .filter_map(|node| {
            let pod = node.pod.as_ref()?;
            let why = reasons(world.now, node, pod, state);
            let replaceable = !why.is_empty() && !matches!(pod.phase, Phase::Terminating { .. });
            replaceable.then_some(Due { node, pod, why })
        })
        .collect();
    found.sort_by_key(|due| (rank(sight, due), due.node.id));
    found
}

fn rank(sight: &Sight<'_>, due: &Due<'_>) -> u8 {
    let active = sight.world.kafka.and_then(|kafka| kafka.quorum.leader) == Some(due.node.id);
    match due.node {
        node if !node.is_ready() => u8::from(!node.roles.controller),
        node if node.roles.controller => 3 + u8::from(active),
        node if sight.behind(node.id) => 2,
        _ => 5,
    }
}

/// Why `pod` isn't what the resource asks for; empty when it is.
pub fn reasons(now: Timestamp, node: &Node, pod: &Pod, state: &State) -> Vec<RestartReason> {
    let mut why = node.also.clone();
    if node.wants.image != pod.runs.image {
        why.push(RestartReason::ImageChanged);
    } else if node.wants.revision != pod.runs.revision {
        why.push(RestartReason::ConfigChanged);
    }
    if node.wants.certificate.is_some() && node.wants.certificate != pod.runs.certificate {
        why.push(RestartReason::CertificateRenewed);
    }
    if node.ended {
        why.push(RestartReason::CertificateEnded);
    }
    if asked_anew(now, node, pod, state) {
        why.push(RestartReason::ManualRestart);
    }
    why.sort_unstable();
    why.dedup();
    why
}

/// A request counts once per pod, and never before its time: a date in the future would restart pods again and again.
fn asked_anew(now: Timestamp, node: &Node, pod: &Pod, state: &State) -> bool {
    let answered = state.answered.get(&node.id).copied();
    node.restart_asked
        .is_some_and(|asked| asked > pod.created && asked <= now && answered.is_none_or(|answered| asked > answered))
}

/// The pod's Kafka process doesn't run, so replacing the pod takes nothing away.
pub(super) const fn is_dead(phase: &Phase) -> bool {
    matches!(phase, Phase::Failing { .. } | Phase::Pending { .. })
}

/// On its way for long, and not because its logs are being recovered.
pub(super) fn is_stuck(now: Timestamp, phase: &Phase) -> bool {
    match phase {
        Phase::Starting {
            recovery: Recovery::Progressing { .. },
            ..
        } => false,
        Phase::Starting { since, .. } | Phase::Pending { since, .. } => now.duration_since(*since) > STUCK,
        _ => false,
    }
}

/// Fingerprint of what all nodes together should run (FNV-1a, 64 bits: the same in every build).
pub(super) fn target(nodes: &[Node]) -> String {
    let mut wanted: Vec<&Node> = nodes.iter().filter(|node| !node.leaving).collect();
    wanted.sort_by_key(|node| node.id);
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for node in wanted {
        let certificate = node.wants.certificate.as_deref().unwrap_or_default();
        let line = format!(
            "{} {} {} {certificate}\n",
            node.id, node.wants.revision, node.wants.image
        );
        for byte in line.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
