//! The condition `Upgradeable`: whether a change of version can start now, and whether there's a reason for one.

use super::Observed;
use super::conditions::Verdict;
use crate::api::ConditionStatus;
use crate::model::version::CATALOGUE;
use crate::model::{KafkaVersion, vulnerabilities};

pub fn upgradeable(observed: &Observed<'_>) -> Verdict {
    if let Some(upgrade) = observed.upgrade {
        let next = upgrade.next.as_deref().unwrap_or("the feature levels");
        let what = upgrade.message.as_deref().unwrap_or_default();
        let message = format!("Kafka {} runs everywhere; {next}: {what}", upgrade.version);
        return (ConditionStatus::False, "LevelsNotFinalized", message);
    }
    let version = observed.cluster.version;
    let newer: Vec<KafkaVersion> = CATALOGUE.into_iter().filter(|other| *other > version).collect();
    let known = vulnerabilities::of(version);
    if !known.is_empty() {
        let cure = newer.iter().find(|other| vulnerabilities::of(**other).is_empty());
        let cure = cure.map_or_else(String::new, |cure| format!("; Kafka {cure} hasn't got them"));
        let message = format!(
            "published vulnerabilities of Kafka {version}: {}{cure}",
            known.join("; ")
        );
        return (ConditionStatus::True, "Vulnerable", message);
    }
    match newer.last() {
        Some(newest) => (
            ConditionStatus::True,
            "NewerVersion",
            format!("Kafka {newest} is available"),
        ),
        None => (
            ConditionStatus::True,
            "Newest",
            format!("Kafka {version} is the newest that this operator knows"),
        ),
    }
}
