//! Whether the version can be run at all: on the metadata that the cluster has written, and under its policy on published
//! vulnerabilities.

use super::{Facts, Findings};
use crate::api::{KnownVulnerabilities, Upgrade};
use crate::model::{KafkaVersion, UpgradePolicy, measure, vulnerabilities};

pub fn check(
    upgrade: &Upgrade,
    version: Option<KafkaVersion>,
    facts: &Facts,
    findings: &mut Findings,
) -> Option<UpgradePolicy> {
    if let Some(version) = version {
        downgrade(version, facts.metadata_version, findings);
        if upgrade.known_vulnerabilities == KnownVulnerabilities::Refuse {
            vulnerable(version, findings);
        }
    }
    let Some(soak) = measure::duration(&upgrade.soak) else {
        findings.add("spec.upgrade.soak", "isn't a duration: write for example 24h");
        return None;
    };
    Some(UpgradePolicy {
        finalize: upgrade.finalize,
        soak,
    })
}

/// A release can't read metadata of a level above its own, and Kafka can't lower a level that changed metadata.
fn downgrade(version: KafkaVersion, level: Option<i32>, findings: &mut Findings) {
    let Some(level) = level.filter(|level| *level > i32::from(version.metadata_level())) else {
        return;
    };
    let lowest = KafkaVersion::reading(level).map_or_else(
        || "a newer operator and Kafka".to_owned(),
        |lowest| format!("{lowest} or newer"),
    );
    findings.add(
        "spec.version",
        format!(
            "metadata.version is finalised at {level}, which Kafka {version} can't read: stay at {lowest}; the way back \
             is open only until the levels are finalised (spec.upgrade)"
        ),
    );
}

fn vulnerable(version: KafkaVersion, findings: &mut Findings) {
    let known = vulnerabilities::of(version);
    if !known.is_empty() {
        findings.add(
            "spec.version",
            format!(
                "Kafka {version} has published vulnerabilities and spec.upgrade.knownVulnerabilities is Refuse: {}; \
                 choose a newer version",
                known.join("; ")
            ),
        );
    }
}
