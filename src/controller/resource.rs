//! What users and topics share: a verdict, its conditions, and the one way to write a status.

use super::apply::bounded;
use super::cluster::Ended;
use super::context::{Context, STATUS_MANAGER};
use super::error::PassError;
use super::status::{condition, merge};
use super::stores::ClusterKey;
use crate::api::{Condition, ConditionStatus, ProductionKafka};
use crate::runtime::metrics::{Outcome, Verb};
use kube::api::{Api, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use std::time::Duration;

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

/// Writes the status of a user or topic.
pub async fn write_status<K, S>(context: &Context, object: &K, kind: &'static str, status: &S) -> Result<(), PassError>
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
    S: Serialize,
{
    if !context.leads() {
        return Err(PassError::NotLeading);
    }
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let api: Api<K> = Api::namespaced(context.client.clone(), &namespace);
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
    Ok(found.is_some_and(|cluster| cluster.metadata.deletion_timestamp.is_none()))
}
