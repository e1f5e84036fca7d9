//! Why the planner waits, for people and for machines. A closed list; nothing in it grows with the cluster.

use jiff::Timestamp;
use std::fmt;

/// Names shown of a long list.
pub const SHOWN: usize = 10;

/// The first names of a list, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Few {
    pub shown: Vec<String>,
    pub total: usize,
}

impl Few {
    pub(super) fn push(&mut self, name: impl FnOnce() -> String) {
        if self.shown.len() < SHOWN {
            self.shown.push(name());
        }
        self.total += 1;
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.total == 0
    }
}

impl fmt::Display for Few {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown.join(", "))?;
        match self.total.saturating_sub(self.shown.len()) {
            0 => Ok(()),
            more => write!(out, " and {more} more"),
        }
    }
}

/// Why not now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Would otherwise do what it says.
    Paused {
        would: String,
    },
    WindowClosed {
        nodes: Few,
        opens: Option<Timestamp>,
    },
    Unreachable,
    ViewIncomplete,
    /// Age in seconds; negative when the clock went back.
    ViewStale {
        age: i64,
        bound: i64,
    },
    ViewOlderThanPods,
    NoActiveController,
    PodNotReady {
        node: i32,
        state: String,
    },
    /// Ready, but its process ended lately.
    Unstable {
        node: i32,
        restarts: u32,
    },
    Recovering {
        node: i32,
        logs_left: u64,
    },
    RecoveryUnknown {
        node: i32,
    },
    /// Its pod runs what it should, or can't be replaced yet: wait for it to come up or fail.
    StillStarting {
        node: i32,
    },
    Unregistered {
        node: i32,
    },
    Fenced {
        node: i32,
    },
    OutOfSync {
        node: i32,
        partitions: Few,
    },
    NotCaughtUp {
        node: i32,
    },
    Soaking {
        node: i32,
        seconds: i64,
    },
    MinIsr {
        nodes: String,
        partitions: Few,
    },
    LastReplica {
        nodes: String,
        partitions: Few,
    },
    SingleReplica {
        nodes: String,
        partitions: Few,
    },
    Reassigning {
        nodes: String,
        partitions: Few,
    },
    Majority {
        node: i32,
        left: usize,
        voters: usize,
        needed: usize,
    },
    ActiveLast {
        node: i32,
    },
    OneController {
        nodes: String,
    },
    ControllersFirst {
        node: i32,
    },
    BatchShape {
        nodes: String,
        allowed: usize,
    },
    Refused {
        node: i32,
        message: String,
    },
    LeadersWait {
        partitions: Few,
    },
    /// A warning: the only controller restarts, metadata can't change meanwhile.
    SingleController {
        node: i32,
    },
    /// A warning: these partitions are unavailable meanwhile, as the policy allows.
    Unavailable {
        partitions: Few,
    },
}

impl Reason {
    /// Stable, for events and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Paused { .. } => "Paused",
            Self::WindowClosed { .. } => "WindowClosed",
            Self::Unreachable => "KafkaUnreachable",
            Self::ViewIncomplete => "ViewIncomplete",
            Self::ViewStale { .. } => "ViewStale",
            Self::ViewOlderThanPods => "ViewOlderThanPods",
            Self::NoActiveController => "NoActiveController",
            Self::PodNotReady { .. } => "PodNotReady",
            Self::Unstable { .. } => "PodUnstable",
            Self::Recovering { .. } => "LogRecovery",
            Self::RecoveryUnknown { .. } => "LogRecoveryUnknown",
            Self::StillStarting { .. } => "StillStarting",
            Self::Unregistered { .. } => "BrokerUnregistered",
            Self::Fenced { .. } => "BrokerFenced",
            Self::OutOfSync { .. } => "ReplicasOutOfSync",
            Self::NotCaughtUp { .. } => "ControllerNotCaughtUp",
            Self::Soaking { .. } => "CanarySoaking",
            Self::MinIsr { .. } => "WouldBreakMinIsr",
            Self::LastReplica { .. } => "LastEligibleReplica",
            Self::SingleReplica { .. } => "SingleReplica",
            Self::Reassigning { .. } => "Reassigning",
            Self::Majority { .. } => "WouldBreakMajority",
            Self::ActiveLast { .. } => "ActiveControllerLast",
            Self::OneController { .. } => "OneControllerAtATime",
            Self::ControllersFirst { .. } => "ControllersFirst",
            Self::BatchShape { .. } => "BatchTooLarge",
            Self::Refused { .. } => "ReplacementRefused",
            Self::LeadersWait { .. } => "LeadersWaitForSync",
            Self::SingleController { .. } => "SingleController",
            Self::Unavailable { .. } => "PartitionsUnavailable",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused { would } => write!(out, "paused by spec.maintenance.paused; would {would}"),
            Self::WindowClosed { nodes, opens } => {
                write!(out, "node {nodes} waits for a maintenance window")?;
                opens.map_or(Ok(()), |opens| write!(out, ", the next opens at {opens}"))
            }
            Self::Unreachable => out.write_str("Kafka can't be reached, so nothing that runs is touched"),
            Self::ViewIncomplete => out.write_str("Kafka's answer is incomplete"),
            Self::ViewStale { age, bound } => {
                write!(out, "Kafka's answer is {age} s old, at most {bound} s are accepted")
            }
            Self::ViewOlderThanPods => out.write_str("Kafka's answer is older than what is known of the pods"),
            Self::NoActiveController => out.write_str("the metadata quorum has no active controller"),
            Self::PodNotReady { node, state } => write!(out, "pod of node {node} is {state}"),
            Self::Unstable { node, restarts } => {
                write!(
                    out,
                    "node {node} is ready, but its process ended {restarts} times, lately"
                )
            }
            Self::Recovering { node, logs_left } => {
                write!(
                    out,
                    "broker {node} recovers its logs after an unclean stop, {logs_left} to go"
                )
            }
            Self::RecoveryUnknown { node } => write!(
                out,
                "broker {node} starts and doesn't say whether it recovers its logs; ask for its restart to replace it anyway"
            ),
            Self::StillStarting { node } => write!(out, "node {node} is starting"),
            Self::Unregistered { node } => write!(out, "broker {node} isn't registered"),
            Self::Fenced { node } => write!(out, "broker {node} is fenced"),
            Self::OutOfSync { node, partitions } => {
                write!(out, "broker {node} isn't in sync yet: {partitions}")
            }
            Self::NotCaughtUp { node } => write!(out, "controller {node} isn't a voter that has caught up"),
            Self::Soaking { node, seconds } => {
                write!(
                    out,
                    "node {node} is the first of its kind: its first {seconds} s are watched"
                )
            }
            _ => self.fmt_of_a_batch(out),
        }
    }
}

impl Reason {
    fn fmt_of_a_batch(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinIsr { nodes, partitions } => write!(out, "restarting {nodes} would leave {partitions}"),
            Self::LastReplica { nodes, partitions } => {
                write!(out, "{nodes} holds the last replica that may lead: {partitions}")
            }
            Self::SingleReplica { nodes, partitions } => write!(
                out,
                "restarting {nodes} makes partitions unavailable that have no replica to spare: {partitions}"
            ),
            Self::Reassigning { nodes, partitions } => {
                write!(out, "partitions of {nodes} are being reassigned: {partitions}")
            }
            Self::Majority {
                node,
                left,
                voters,
                needed,
            } => write!(
                out,
                "restarting controller {node} would leave {left} of {voters} voters caught up (majority {needed})"
            ),
            Self::ActiveLast { node } => write!(out, "controller {node} is the active one and goes last"),
            Self::OneController { nodes } => write!(out, "{nodes}: controllers restart one at a time"),
            Self::ControllersFirst { node } => {
                write!(out, "broker {node} gets its new version after the controllers")
            }
            Self::BatchShape { nodes, allowed } => {
                write!(
                    out,
                    "{nodes} may not restart together: brokers of one rack, at most {allowed}"
                )
            }
            Self::Refused { node, message } => {
                write!(out, "Kubernetes would refuse the new pod of node {node}: {message}")
            }
            Self::LeadersWait { partitions } => {
                write!(
                    out,
                    "preferred leaders are restored when all replicas are in sync: {partitions}"
                )
            }
            Self::SingleController { node } => {
                write!(
                    out,
                    "controller {node} is the only one: metadata can't change while it restarts"
                )
            }
            Self::Unavailable { partitions } => {
                write!(
                    out,
                    "unavailable during the restart, as the policy allows: {partitions}"
                )
            }
            _ => out.write_str(self.name()),
        }
    }
}

/// Reasons without repetition: at most ten, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasons {
    pub shown: Vec<Reason>,
    pub total: usize,
}

impl Reasons {
    pub(super) fn push(&mut self, reason: Reason) {
        if self.shown.contains(&reason) {
            return;
        }
        if self.shown.len() < SHOWN {
            self.shown.push(reason);
        }
        self.total += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    pub(super) fn add(&mut self, others: Self) {
        let unseen = others.total.saturating_sub(others.shown.len());
        for reason in others.shown {
            self.push(reason);
        }
        self.total += unseen;
    }

    pub(super) fn of(reason: Reason) -> Self {
        Self {
            shown: vec![reason],
            total: 1,
        }
    }

    /// A line each, the last one counts what isn't shown.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.shown.iter().map(ToString::to_string).collect();
        let more = self.total.saturating_sub(self.shown.len());
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines
    }
}
