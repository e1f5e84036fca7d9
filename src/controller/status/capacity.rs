//! `CapacitySufficient` and `status.capacity`: what the stated workload lacks, and how full the volumes are. Numbers are coarse,
//! so that a cluster that fills evenly doesn't cost a write each minute.

use super::Observed;
use super::conditions::{Verdict, bounded};
use crate::api::{CapacityStatus, ConditionStatus, TopicShare};
use crate::capacity::{Supply, Usage, estimate};

/// A volume that's full in fewer days leaves no time to order a larger one.
const SOON: i32 = 7;

pub fn status(observed: &Observed<'_>) -> Option<CapacityStatus> {
    let usage = observed.fill.usage();
    let status = CapacityStatus {
        fullest_percent: usage.and_then(Usage::fullest).map(crate::capacity::Volume::percent),
        days_until_full: observed.fill.days,
        shortages: shortages(observed),
        largest_topics: usage.map(shares).unwrap_or_default(),
    };
    (status != CapacityStatus::default()).then_some(status)
}

/// Whole percent of all data, the largest first; what takes less than one percent isn't told.
fn shares(usage: &Usage) -> Vec<TopicShare> {
    let percent = |bytes: u64| u128::from(bytes) * 100 / u128::from(usage.data.0.max(1));
    let share = |topic: &crate::capacity::TopicSize| {
        let percent = i32::try_from(percent(topic.bytes.0))
            .ok()
            .filter(|percent| *percent > 0)?;
        Some(TopicShare {
            topic: topic.topic.clone(),
            percent,
        })
    };
    usage.topics.iter().filter_map(share).collect()
}

fn shortages(observed: &Observed<'_>) -> Vec<String> {
    let workload = observed.cluster.workload.as_ref();
    let estimate = workload.map(|workload| estimate(workload, &Supply::of(observed.cluster)));
    estimate.map(|estimate| estimate.shortages()).unwrap_or_default()
}

/// What's seen goes before what's calculated.
pub fn sufficient(observed: &Observed<'_>) -> Verdict {
    let fullest = observed.fill.usage().and_then(Usage::fullest);
    let limit = observed.cluster.thresholds.disk_critical_percent;
    if let Some(volume) = fullest.filter(|volume| volume.percent() >= limit) {
        let message = format!(
            "a volume of broker {} is {} % full ({} of {}), {limit} % is critical: raise its size, shorten retention or add brokers",
            volume.node,
            volume.percent(),
            volume.used,
            volume.total
        );
        return (ConditionStatus::False, "VolumeFull", message);
    }
    if let Some(days) = observed.fill.days.filter(|days| *days < SOON) {
        let message = format!("a volume will be full in {days} days, as it fills now");
        return (ConditionStatus::False, "VolumeFillsUp", message);
    }
    let shortages = shortages(observed);
    if !shortages.is_empty() {
        let message = format!("the stated workload needs more: {}", shortages.join("; "));
        return (ConditionStatus::False, "WorkloadTooLarge", bounded(&message));
    }
    let volumes = fullest.map(|_| format!("no volume is {limit} % full"));
    let workload = observed.cluster.workload.map(|_| "the stated workload fits".to_owned());
    let known: Vec<String> = volumes.into_iter().chain(workload).collect();
    if known.is_empty() {
        let message = "no workload is stated, and brokers haven't said how full their volumes are";
        return (ConditionStatus::Unknown, "NotObserved", message.to_owned());
    }
    (ConditionStatus::True, "Sufficient", known.join(", "))
}
