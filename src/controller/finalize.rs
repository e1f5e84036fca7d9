//! Raises the finalised feature levels to those of the version, when the pure decision says so: one feature per pass,
//! validated by Kafka first. What Kafka refuses is said in its words and tried again later.

use super::context::Context;
use super::error::PassError;
use super::kafka::KafkaFacts;
use super::registrations;
use crate::api::UpgradeStatus;
use crate::kafka::KafkaAdmin;
use crate::kafka::errors::KafkaError;
use crate::kafka::features::{FeatureChange, FeatureUpgrade};
use crate::model::Cluster;
use crate::upgrade::{Decision, Raise, World, decide};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// A level that's refused for another reason isn't a reason to register anyone again and again.
const RENEW_AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// Where the upgrade stands, and whether a level was raised just now, so that it's worth looking again soon.
pub struct Finalized {
    pub status: Option<UpgradeStatus>,
    pub raised: bool,
}

/// The cluster's nodes.
pub struct Nodes<'a> {
    /// Every node runs the version and is ready.
    pub settled: bool,
    /// Those with the role `Controller`.
    pub controllers: &'a BTreeSet<i32>,
}

/// One step. `last` is what the status holds; `renewed`, for what and when controllers that have left were last
/// registered anew.
pub async fn drive(
    context: &Context,
    cluster: &Cluster,
    (admin, facts): (&dyn KafkaAdmin, &KafkaFacts),
    nodes: Nodes<'_>,
    (last, renewed): (Option<&UpgradeStatus>, &mut Option<(String, Timestamp)>),
) -> Result<Finalized, PassError> {
    let now = context.now();
    let version = cluster.version.to_string();
    let last = last.filter(|status| status.version == version);
    let supported = facts.features.as_ref().map(|features| {
        let levels = features.supported.iter();
        levels.map(|(name, levels)| (name.clone(), levels.max)).collect()
    });
    let decision = decide(&World {
        now,
        version: cluster.version,
        settled: nodes.settled,
        finalized: facts.features.as_ref().map(|features| &features.finalized),
        supported: &supported.unwrap_or_default(),
        policy: cluster.upgrade.finalize,
        soak: SignedDuration::try_from(cluster.upgrade.soak).unwrap_or(SignedDuration::MAX),
        since: last.and_then(|status| status.since.parse().ok()),
    });
    let stands = |next: Option<&Raise>, message: String| UpgradeStatus {
        version: version.clone(),
        since: last.map_or_else(|| text(now), |status| status.since.clone()),
        next: next.map(ToString::to_string),
        message: Some(message),
    };
    let (status, raised) = match &decision {
        Decision::Current => (None, false),
        Decision::NotYet => (last.cloned(), false),
        Decision::Remember => (Some(stands(None, "every node runs the version".into())), true),
        Decision::Soak { until, next } => {
            let message = format!(
                "raised after the soak, at {}; until then the way back is open",
                text(*until)
            );
            (Some(stands(Some(next), message)), false)
        }
        Decision::Manual { next } => {
            let message = "spec.upgrade.finalize is Manual: raise it with kafka-features.sh, or choose Automatic";
            (Some(stands(Some(next), message.into())), false)
        }
        Decision::Raise(next) => match raise(cluster, admin, next).await? {
            None => (Some(stands(Some(next), "raised".into())), true),
            Some(_) if renew(cluster, (admin, facts), nodes.controllers, (next, now, renewed)).await? => {
                let message = "controllers that have left are registered with the levels of the others";
                (Some(stands(Some(next), message.into())), true)
            }
            Some(words) => {
                let message = format!("Kafka refuses: {words}");
                (Some(stands(Some(next), message.chars().take(500).collect())), false)
            }
        },
    };
    Ok(Finalized { status, raised })
}

/// What has left may hold a level back; whether it's worth trying again.
async fn renew(
    cluster: &Cluster,
    (admin, facts): (&dyn KafkaAdmin, &KafkaFacts),
    controllers: &BTreeSet<i32>,
    (raise, now, last): (&Raise, Timestamp, &mut Option<(String, Timestamp)>),
) -> Result<bool, PassError> {
    let raise = raise.to_string();
    let is_recent = |(done, at): &(String, Timestamp)| *done == raise && now.duration_since(*at) < RENEW_AGAIN;
    if last.as_ref().is_some_and(is_recent) {
        return Ok(false);
    }
    let renewed = registrations::renew(cluster, admin, facts, controllers).await?;
    *last = Some((raise, now));
    Ok(renewed > 0)
}

/// `None`: done. Otherwise why Kafka refuses.
async fn raise(cluster: &Cluster, admin: &dyn KafkaAdmin, raise: &Raise) -> Result<Option<String>, PassError> {
    let failed = |source: KafkaError| PassError::Kafka {
        what: "raise a feature level",
        source: Box::new(source),
    };
    let change = FeatureChange {
        feature: raise.feature.to_owned(),
        level: raise.to,
        upgrade: FeatureUpgrade::Upgrade,
    };
    for validate_only in [true, false] {
        let outcomes = admin
            .update_features(vec![change.clone()], validate_only)
            .await
            .map_err(failed)?;
        if let Some(error) = outcomes.into_values().find_map(Result::err) {
            return Ok(Some(error.to_string()));
        }
    }
    tracing::info!(cluster = %cluster.names.cluster, %raise, "a feature level was raised");
    Ok(None)
}

fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
