//! Raises the finalised feature levels to those of the version, when the pure decision says so: one feature per pass,
//! validated by Kafka first. What Kafka refuses is said in its words and tried again later.

use super::context::Context;
use super::error::PassError;
use super::kafka::KafkaFacts;
use crate::api::UpgradeStatus;
use crate::kafka::KafkaAdmin;
use crate::kafka::errors::KafkaError;
use crate::kafka::features::{FeatureChange, FeatureUpgrade};
use crate::model::Cluster;
use crate::upgrade::{Decision, Raise, World, decide};
use jiff::{SignedDuration, Timestamp};

/// Where the upgrade stands, and whether a level was raised just now, so that it's worth looking again soon.
pub struct Finalized {
    pub status: Option<UpgradeStatus>,
    pub raised: bool,
}

/// One step. `settled`: every node runs the version and is ready. `last` is what the status holds.
pub async fn drive(
    context: &Context,
    cluster: &Cluster,
    (admin, facts): (&dyn KafkaAdmin, &KafkaFacts),
    settled: bool,
    last: Option<&UpgradeStatus>,
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
        settled,
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
            Some(words) => {
                let message = format!("Kafka refuses: {words}");
                (Some(stands(Some(next), message.chars().take(500).collect())), false)
            }
        },
    };
    Ok(Finalized { status, raised })
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
