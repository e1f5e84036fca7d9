//! What users and topics share: a verdict, its conditions, and the one way to write a status.

use super::apply::bounded;
use super::cluster::Ended;
use super::context::{Context, STATUS_MANAGER};
use super::error::PassError;
use super::protection;
use super::status::{self, condition, merge};
use super::stores::ClusterKey;
use crate::api::{Condition, ConditionStatus, ProductionKafka};
use crate::runtime::metrics::{Outcome, Verb};
use kube::api::{Api, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Requests to the apiserver at the same time.
pub const AT_ONCE: usize = 16;

/// Where a resource stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    stage: Stage,
    reason: &'static str,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Ready,
    Waiting,
    Refused,
}

impl Verdict {
    pub fn ready(message: &str) -> Self {
        Self {
            stage: Stage::Ready,
            reason: "Ready",
            message: message.to_owned(),
        }
    }

    /// Something else must happen first.
    pub fn waiting(reason: &'static str, message: &str) -> Self {
        Self {
            stage: Stage::Waiting,
            reason,
            message: message.to_owned(),
        }
    }

    /// The resource must be corrected.
    pub fn refused(reason: &'static str, message: &str) -> Self {
        Self {
            stage: Stage::Refused,
            reason,
            message: message.to_owned(),
        }
    }

    pub const fn reason(&self) -> &'static str {
        self.reason
    }

    pub fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    pub fn is_refused(&self) -> bool {
        self.stage == Stage::Refused
    }

    /// kstatus conditions of this verdict.
    pub fn conditions(&self, old: &[Condition], generation: Option<i64>, now: jiff::Timestamp) -> Vec<Condition> {
        let is = |flag: bool| {
            if flag {
                ConditionStatus::True
            } else {
                ConditionStatus::False
            }
        };
        let of = |kind, flag| condition(kind, is(flag), self.reason, &self.message, generation);
        let new = vec![
            of("Ready", self.stage == Stage::Ready),
            of("Reconciling", self.stage == Stage::Waiting),
            of("Stalled", self.stage == Stage::Refused),
        ];
        merge(Some(old), new, now)
    }

    /// The end of a pass with this verdict.
    pub fn ended(&self, soon: Duration, calm: Duration) -> Ended {
        match self.stage {
            Stage::Ready => Ended {
                outcome: Outcome::Completed,
                again: calm,
            },
            Stage::Waiting => Ended {
                outcome: Outcome::Waiting,
                again: soon,
            },
            Stage::Refused => Ended {
                outcome: Outcome::Rejected,
                again: calm,
            },
        }
    }
}

/// A resource of this operator.
pub trait Written:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug + Send + Sync
{
    fn named_kind() -> &'static str {
        match Self::kind(&()) {
            Cow::Borrowed(kind) => kind,
            Cow::Owned(_) => "resource",
        }
    }
}

impl<K> Written for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug + Send + Sync
{
}

/// There's no cluster to do anything in.
pub fn without_cluster(key: &ClusterKey) -> Verdict {
    let message = format!(
        "ProductionKafka {} doesn't exist or no broker of it serves yet",
        key.name
    );
    Verdict::waiting("ClusterNotReady", &message)
}

/// Longer ago than that, or never.
pub fn is_older(at: Option<jiff::Timestamp>, than: Duration, now: jiff::Timestamp) -> bool {
    let age = at.and_then(|at| Duration::try_from(now.duration_since(at)).ok());
    age.is_none_or(|age| age >= than)
}

/// That a cluster which exists serves nobody is told when it lasts this long: right after a start it isn't known yet, and of
/// thousands of resources each such status would be a write.
const BRIEF: Duration = Duration::from_secs(5);

/// Since when there's been no cluster to do anything in.
#[derive(Debug, Default)]
pub struct Nowhere(Option<jiff::Timestamp>);

impl Nowhere {
    /// Whether it's worth telling.
    pub fn lasts(&mut self, is_there: bool, now: jiff::Timestamp) -> bool {
        let since = *self.0.get_or_insert(now);
        !is_there || is_older(Some(since), BRIEF, now)
    }

    pub fn ended(&mut self) {
        self.0 = None;
    }
}

/// Nothing is made for a resource that can't be held: it could go before what was made for it.
pub fn not_held(problem: &PassError) -> Verdict {
    Verdict::waiting("NotHeld", &format!("the finalizer can't be set: {}", problem.chain()))
}

/// All that the resource asks for as it is now was said to be in place.
pub fn is_ready((observed, generation): (Option<i64>, Option<i64>), conditions: &[Condition]) -> bool {
    observed == generation && status::is_true(conditions, "Ready")
}

/// A status by its hash, without times: one that's said again has other ones.
pub fn hash_of<S: Serialize>(status: &S) -> u64 {
    let mut status = serde_json::to_value(status).unwrap_or_default();
    let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
        condition.remove("lastTransitionTime");
    }
    let mut hasher = DefaultHasher::new();
    status.to_string().hash(&mut hasher);
    hasher.finish()
}

/// An object's API, namespace and name, for a write; an error: this process leads no more.
pub(super) fn place<K: Written>(context: &Context, object: &K) -> Result<(Api<K>, String, String), PassError> {
    if !context.leads() {
        return Err(PassError::NotLeading);
    }
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    Ok((Api::namespaced(context.client.clone(), &namespace), namespace, name))
}

/// Writes the status of a user or topic.
pub async fn write_status<K: Written, S: Serialize>(
    context: &Context,
    object: &K,
    status: &S,
) -> Result<(), PassError> {
    let kind = K::named_kind();
    let (api, namespace, name) = place(context, object)?;
    let body = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": name, "uid": object.uid()},
        "status": status,
    });
    let parameters = PatchParams::apply(STATUS_MANAGER).force();
    let patch = Patch::Apply(&body);
    bounded(
        "write status of",
        kind,
        (&namespace, &name),
        api.patch_status(&name, &parameters, &patch),
    )
    .await?;
    context.metrics.kube_write(kind, Verb::Status);
    Ok(())
}

/// Is there a cluster of this name, read live?
pub async fn cluster_exists(context: &Context, key: &ClusterKey) -> Result<bool, PassError> {
    let api: Api<ProductionKafka> = Api::namespaced(context.client.clone(), &key.namespace);
    let found = bounded(
        "get",
        "ProductionKafka",
        (&key.namespace, &key.name),
        api.get_opt(&key.name),
    )
    .await?;
    Ok(found.as_ref().is_some_and(protection::is_served))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_was_just_missed_is_told_when_it_lasts_and_one_that_is_gone_at_once() {
        let at = |second| jiff::Timestamp::from_second(second).unwrap();
        let mut nowhere = Nowhere::default();
        assert!(!nowhere.lasts(true, at(10)), "the operator has just started");
        assert!(!nowhere.lasts(true, at(14)));
        assert!(nowhere.lasts(false, at(14)), "there's no such cluster");
        assert!(nowhere.lasts(true, at(15)));
        nowhere.ended();
        assert!(!nowhere.lasts(true, at(16)), "it was there in between");
    }
}
