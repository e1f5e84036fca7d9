//! What a plan says. Values only: how they're told to people is the command line's.

use serde::Serialize;

/// What would happen if a resource were applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub namespace: String,
    pub name: String,
    /// The resource is there already.
    pub exists: bool,
    /// What's wrong with the resource: with any of it, nothing of it is carried out.
    pub findings: Vec<Problem>,
    pub objects: Vec<ObjectChange>,
    /// Settings that Kafka takes over while it runs.
    pub settings: Vec<SettingChange>,
    /// Nodes and votes that come and go.
    pub nodes: Vec<NodeChange>,
    /// The quorum becomes a dynamic one.
    pub dynamic_quorum: bool,
    /// In the order in which they're taken.
    pub restarts: Vec<RestartStep>,
    /// Pods that should restart, and that nothing lets go.
    pub left: Vec<PodRestart>,
    /// Nodes that take up other disks afterwards, one after the other, each with a restart.
    pub disks: Vec<i32>,
    pub levels: Vec<LevelChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacityChange>,
    pub holds: Vec<Hold>,
    /// What can't be known from here.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Field path, for example `spec.nodePools[brokers].replicas`.
    pub path: String,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Action {
    Create,
    Change,
    Delete,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectChange {
    pub action: Action,
    pub kind: &'static str,
    pub name: String,
    /// Paths of the fields that change, never their values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingChange {
    pub key: String,
    /// `None`: it isn't set.
    pub old: Option<String>,
    pub new: Option<String>,
    /// Why the tuning profile sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
}

/// What the cluster can hold and carry, where that changes, and what its stated workload then lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CapacityChange {
    pub changes: Vec<SettingChange>,
    pub shortages: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeChange {
    pub node: i32,
    /// What happens to it, as a sentence about it.
    pub change: String,
}

/// Pods that go together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RestartStep {
    pub pods: Vec<PodRestart>,
    /// What it costs meanwhile.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PodRestart {
    pub node: i32,
    pub pod: String,
    /// Names of the planner's reasons, as in events and in `status.nodes[].pendingReasons`.
    pub reasons: Vec<&'static str>,
    /// Which part of the pod differs.
    pub parts: Vec<String>,
    /// What differs in `server.properties`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<SettingChange>,
}

/// A feature level that follows the version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LevelChange {
    pub feature: String,
    pub from: i16,
    pub to: i16,
    /// By the operator, after the soak; else by a person.
    pub automatic: bool,
}

/// Why not now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// The pod whose restart waits; absent when it's about something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    pub why: String,
}

/// A plan in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    Nothing,
    Changes,
    /// There are changes, and they wait or are refused.
    Held,
}

impl Plan {
    pub(super) fn of(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Something waits that isn't a pod.
    pub(super) fn hold(&mut self, why: impl Into<String>) {
        let (before, why) = (None, why.into());
        self.holds.push(Hold { before, why });
    }

    pub fn verdict(&self) -> Verdict {
        let changes = !self.objects.is_empty()
            || !self.settings.is_empty()
            || !self.nodes.is_empty()
            || !self.restarts.is_empty()
            || !self.left.is_empty()
            || !self.disks.is_empty()
            || self.dynamic_quorum
            || self.levels.iter().any(|level| level.automatic);
        if !self.findings.is_empty() || (changes && !self.holds.is_empty()) {
            Verdict::Held
        } else if changes {
            Verdict::Changes
        } else {
            Verdict::Nothing
        }
    }
}
