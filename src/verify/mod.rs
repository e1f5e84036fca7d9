//! What a reviewer would check of a running cluster, as code: 46 controls, each with what was looked at, what was found and what to
//! do. Judged from live objects, never from what the operator meant to write. A control that can't be judged from objects says how a
//! person checks it; it is never passed over in silence. Pure: whoever asks brings the objects.

mod configuration;
mod list;
mod pods;
mod surroundings;
#[cfg(test)]
mod tests;

pub use list::CONTROLS;

use serde_json::Value;
use std::collections::BTreeMap;

/// Live objects, as the API server has them.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The `ProductionKafka` with its status.
    pub resource: Value,
    pub namespace: Value,
    /// Pods of Kafka nodes.
    pub pods: Vec<Value>,
    /// Data of the ConfigMaps that those pods mount, by name.
    pub files: BTreeMap<String, BTreeMap<String, String>>,
    pub claims: Vec<Value>,
    pub budgets: Vec<Value>,
    pub policies: Vec<Value>,
    /// Names of admission policies that are bound; `None`: they can't be read.
    pub admission: Option<Vec<String>>,
    /// Rules of the operator's account in the namespace; `None`: asking in its name isn't allowed.
    pub rules: Option<Vec<Rule>>,
}

/// What an account may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    pub groups: Vec<String>,
    pub resources: Vec<String>,
    pub verbs: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Fail,
    /// The cluster has nothing that it is about.
    NotApplicable,
    /// Not from here; the advice says how.
    NotChecked,
}

impl Verdict {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::NotApplicable => "n/a",
            Self::NotChecked => "not checked",
        }
    }
}

/// A verdict with its evidence.
pub type Judged = (Verdict, String);

/// One control.
#[derive(Clone, Copy)]
pub struct Control {
    /// Stable: 1 to 46.
    pub id: u8,
    pub title: &'static str,
    /// `None`: not from objects.
    pub check: Option<fn(&Seen) -> Judged>,
    /// What to do when it fails, or how to check it.
    pub advice: &'static str,
}

/// What came of one control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub id: u8,
    pub title: &'static str,
    pub verdict: Verdict,
    pub evidence: String,
    /// Empty where there's nothing to do.
    pub advice: &'static str,
}

/// Controls that pods, their configuration and network policies show.
pub const OF_OBJECTS: [u8; 21] = [
    2, 3, 4, 6, 7, 8, 23, 24, 25, 26, 29, 32, 33, 34, 35, 37, 39, 40, 41, 42, 44,
];
/// Controls that the resource and its status show.
pub const OF_RESOURCE: [u8; 6] = [11, 21, 22, 31, 38, 43];

/// Those of some controls that fail.
pub fn failing(seen: &Seen, ids: &[u8]) -> Vec<Outcome> {
    let wanted = CONTROLS.iter().filter(|control| ids.contains(&control.id));
    wanted
        .map(|control| outcome(control, seen))
        .filter(|one| one.verdict == Verdict::Fail)
        .collect()
}

/// All controls, in their order.
pub fn judge(seen: &Seen) -> Vec<Outcome> {
    CONTROLS.iter().map(|control| outcome(control, seen)).collect()
}

fn outcome(control: &Control, seen: &Seen) -> Outcome {
    let (verdict, evidence) = match control.check {
        Some(check) => check(seen),
        None => (Verdict::NotChecked, "no object shows it".to_owned()),
    };
    let settled = matches!(verdict, Verdict::Pass | Verdict::NotApplicable);
    Outcome {
        id: control.id,
        title: control.title,
        verdict,
        evidence,
        advice: if settled { "" } else { control.advice },
    }
}

/// Passes if nothing speaks against it; names the first few that do.
fn unless(against: &[String], fine: String) -> Judged {
    if against.is_empty() {
        return (Verdict::Pass, fine);
    }
    let more = against.len().saturating_sub(3);
    let mut text = against.iter().take(3).cloned().collect::<Vec<_>>().join("; ");
    if more > 0 {
        text = format!("{text}; and {more} more");
    }
    (Verdict::Fail, text)
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    object.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}
