//! What the planner is told: pods, Kafka's answers, policy and what it remembered. Facts only, gathered by others.
//!
//! Two promises of whoever gathers them matter: before an act the pods are listed live, and Kafka is asked after that
//! (`World::pods_at`), so that whatever is ready here was ready before Kafka said who is in sync.

use super::state::State;
use crate::model::{Roles, Window};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Everything a decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    pub now: Timestamp,
    /// When reading the pods began, on the operator's clock.
    pub pods_at: Timestamp,
    /// `None`: Kafka can't be reached.
    pub kafka: Option<&'a KafkaView>,
    /// Every node that the resource asks for, and those that are still there though it doesn't any more.
    pub nodes: &'a [Node],
    pub policy: &'a Policy,
    /// What `status.rollout` holds.
    pub state: &'a State,
}

/// What people decided about restarts.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Brokers of one rack that may be down at once; at least 1.
    pub max_unavailable: usize,
    pub paused: bool,
    pub window: Window,
    pub single_replica: SingleReplica,
    /// How long the first node of a new target must stay ready before the next one; zero: its replicas in sync suffice.
    pub canary_soak: SignedDuration,
}

/// What to do with brokers that host partitions which no restart can keep writable: as many replicas as in-sync
/// replicas are required, or fewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SingleReplica {
    /// Wait until a person changes the topic or this policy.
    #[default]
    Block,
    /// Restart when all replicas there are are in sync; those partitions are unavailable meanwhile.
    Restart,
}

/// Kafka's answers, from one look.
#[derive(Clone, Debug)]
pub struct KafkaView {
    /// When the look began, on the operator's clock.
    pub taken_at: Timestamp,
    /// Quorum, brokers, all partitions and reassignments were answered without an error.
    pub complete: bool,
    pub quorum: Quorum,
    pub brokers: BTreeMap<i32, Broker>,
    pub partitions: Vec<Partition>,
}

/// The metadata quorum (`DescribeQuorum`).
#[derive(Clone, Debug, Default)]
pub struct Quorum {
    /// The active controller.
    pub leader: Option<i32>,
    pub voters: Vec<Voter>,
}

#[derive(Clone, Copy, Debug)]
pub struct Voter {
    pub id: i32,
    /// Caught up within `controller.quorum.fetch.timeout.ms` of the leader's clock.
    pub caught_up: bool,
}

/// A registered broker (`DescribeCluster` with fenced ones).
#[derive(Clone, Copy, Debug)]
pub struct Broker {
    pub fenced: bool,
}

/// One partition (`DescribeTopicPartitions`).
#[derive(Clone, Debug)]
pub struct Partition {
    pub topic: String,
    pub partition: i32,
    /// The preferred leader first.
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    /// Eligible leader replicas (KIP-966).
    pub elr: Vec<i32>,
    /// The topic's `min.insync.replicas`.
    pub min_isr: usize,
    pub leader: Option<i32>,
    pub reassigning: bool,
}

impl Partition {
    /// `topic-partition`, as Kafka's tools write it.
    pub fn name(&self) -> String {
        format!("{}-{}", self.topic, self.partition)
    }

    /// In-sync replicas needed for a write with `acks=all`.
    pub(super) fn required(&self) -> usize {
        self.min_isr.max(1)
    }

    pub(super) fn hosts_any(&self, ids: &[i32]) -> bool {
        self.replicas.iter().chain(&self.isr).any(|id| ids.contains(id))
    }
}

/// One Kafka node: a StatefulSet of one pod.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: i32,
    pub pool: String,
    /// `broker.rack`.
    pub rack: Option<String>,
    pub roles: Roles,
    /// The resource doesn't ask for it any more: another planner takes it away, this one never restarts it.
    pub leaving: bool,
    /// `None`: missing.
    pub pod: Option<Pod>,
    pub wants: Software,
    /// Reasons that `wants` can't show and that a restart takes away (a file system to be grown offline, for example).
    pub also: Vec<RestartReason>,
    /// A person's request to restart, by annotation: pods created before it are due.
    pub restart_asked: Option<Timestamp>,
    /// Not to wait for a maintenance window (a certificate about to end).
    pub urgent: bool,
    /// The certificate between nodes that its pod runs with is over: no new connection to or from it is accepted.
    pub ended: bool,
    /// Kubernetes refused a dry-run create of the replacement, in its own words.
    pub refused: Option<String>,
}

/// A pod as Kubernetes knows it.
#[derive(Clone, Debug)]
pub struct Pod {
    pub uid: String,
    pub created: Timestamp,
    pub runs: Software,
    pub phase: Phase,
}

/// What a pod was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Software {
    /// Hash of the pod template and configuration.
    pub revision: String,
    pub image: String,
    /// Serial of the node certificate; `None` in what's wanted when it needs no restart.
    pub certificate: Option<String>,
}

/// How far a pod is. Times are the kubelet's and used for reports, and for what can only make the planner wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Has a deletion timestamp.
    Terminating { since: Timestamp },
    /// Its Kafka process has never run: unscheduled, volumes, init containers.
    Pending { since: Timestamp, why: String },
    /// The Kafka process runs and isn't ready.
    Starting { since: Timestamp, recovery: Recovery },
    /// Restarts: how often its Kafka process ended and was started anew in this pod.
    Ready { since: Timestamp, restarts: u32 },
    /// Its Kafka process doesn't run and Kubernetes waits before the next try: crash loop, image that can't be had.
    Failing { why: String },
    /// Its Kubernetes node doesn't answer: what the process does isn't known.
    Lost { why: String },
}

/// Log recovery after an unclean stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// The node says so, or has no logs to recover.
    No,
    /// Log directories of partitions that haven't been checked yet.
    Progressing { logs_left: u64 },
    /// The node doesn't say.
    Unknown,
}

/// Why a pod doesn't run what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RestartReason {
    ImageChanged,
    ConfigChanged,
    CertificateRenewed,
    CertificateEnded,
    VolumeChanged,
    ManualRestart,
}

impl RestartReason {
    /// Stable, for events and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ImageChanged => "ImageChanged",
            Self::ConfigChanged => "ConfigChanged",
            Self::CertificateRenewed => "CertificateRenewed",
            Self::CertificateEnded => "CertificateEnded",
            Self::VolumeChanged => "VolumeChanged",
            Self::ManualRestart => "ManualRestart",
        }
    }
}

impl Node {
    pub(super) fn phase(&self) -> Option<&Phase> {
        self.pod.as_ref().map(|pod| &pod.phase)
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.phase(), Some(Phase::Ready { .. }))
    }
}

impl World<'_> {
    pub(super) fn node(&self, id: i32) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }
}
