//! `CapacitySufficient` and `status.capacity`: what the stated workload lacks, and how full the volumes are. Numbers are coarse,
//! so that a cluster that fills evenly doesn't cost a write each minute.

use super::Observed;
use super::conditions::{Verdict, bounded};
use crate::api::{CapacityStatus, ConditionStatus, NodeStatus, TopicShare};
use crate::capacity::{Supply, Usage, estimate};
use std::collections::BTreeSet;

/// A volume that's full in fewer days leaves no time to order a larger one.
const SOON: i32 = 7;

/// A number that's shown stays until it's off by this many: a volume that fills costs a write now and then, not each minute.
const STEP: i32 = 3;

pub fn status(observed: &Observed<'_>, old: Option<&CapacityStatus>) -> Option<CapacityStatus> {
    let usage = observed.fill.usage();
    let old = old.cloned().unwrap_or_default();
    let status = CapacityStatus {
        fullest_percent: usage
            .and_then(Usage::fullest)
            .map(|volume| shown(volume.percent(), old.fullest_percent)),
        days_until_full: observed.fill.days.map(|days| match old.days_until_full {
            Some(before) if days > 2 && days.abs_diff(before) < 2 => before,
            _ => days,
        }),
        shortages: shortages(observed),
        largest_topics: usage
            .map(|usage| shares(usage, &old.largest_topics))
            .unwrap_or_default(),
    };
    (status != CapacityStatus::default()).then_some(status)
}

/// What's shown of a value, after what was shown before.
fn shown(now: i32, before: Option<i32>) -> i32 {
    before.filter(|before| (now - before).abs() < STEP).unwrap_or(now)
}

/// Volumes of the nodes as they're shown.
pub fn steadied(mut nodes: Vec<NodeStatus>, old: &[NodeStatus]) -> Vec<NodeStatus> {
    for node in &mut nodes {
        let before = old.iter().find(|before| before.id == node.id);
        for volume in &mut node.volumes {
            let before = before.and_then(|before| before.volumes.iter().find(|one| one.name == volume.name));
            let before = before.and_then(|before| before.used_percent);
            volume.used_percent = volume.used_percent.map(|now| shown(now, before));
        }
    }
    nodes
}

/// Whole percent of all volumes, the largest first; what takes less than one percent isn't told.
fn shares(usage: &Usage, old: &[TopicShare]) -> Vec<TopicShare> {
    let all = usage
        .volumes
        .iter()
        .map(|volume| u128::from(volume.total.0))
        .sum::<u128>()
        .max(1);
    let percent = |bytes: u64| u128::from(bytes) * 100 / all;
    let share = |topic: &crate::capacity::TopicSize| {
        let percent = i32::try_from(percent(topic.bytes.0)).ok()?;
        let before = old.iter().find(|before| before.topic == topic.topic);
        (percent > 0).then(|| TopicShare {
            topic: topic.topic.clone(),
            percent: shown(percent, before.map(|before| before.percent)),
        })
    };
    let mut shares: Vec<TopicShare> = usage.topics.iter().filter_map(share).collect();
    shares.sort_by(|one, other| other.percent.cmp(&one.percent).then(one.topic.cmp(&other.topic)));
    shares
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
    let full = observed.fill.usage().into_iter().flat_map(|usage| &usage.volumes);
    let full = full
        .filter(|volume| volume.percent() >= limit)
        .map(|volume| volume.node);
    let full: BTreeSet<i32> = full.collect();
    if !full.is_empty() {
        let named: Vec<String> = full.iter().take(10).map(ToString::to_string).collect();
        let message = format!(
            "volumes of broker {} are {limit} % full or fuller: raise their size, shorten retention or add brokers",
            named.join(", ")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::VolumeStatus;
    use crate::capacity::units::Bytes;
    use crate::capacity::{TopicSize, Volume};

    #[test]
    fn what_is_shown_follows_in_steps() {
        assert_eq!(shown(80, None), 80);
        assert_eq!(shown(81, Some(79)), 79);
        assert_eq!(shown(77, Some(79)), 79);
        assert_eq!(shown(82, Some(79)), 82);
        let node = |percent: i32| NodeStatus {
            id: 100,
            volumes: vec![VolumeStatus {
                name: "data-0".into(),
                used_percent: Some(percent),
            }],
            ..NodeStatus::default()
        };
        let percent = |nodes: Vec<NodeStatus>| nodes[0].volumes[0].used_percent;
        assert_eq!(percent(steadied(vec![node(80)], &[node(79)])), Some(79));
        assert_eq!(percent(steadied(vec![node(90)], &[node(79)])), Some(90));
        assert_eq!(percent(steadied(vec![node(80)], &[])), Some(80));
    }

    #[test]
    fn topics_of_about_the_same_size_keep_their_order() {
        let usage = |first: u64, second: u64| Usage {
            topics: [("a", first), ("b", second)]
                .map(|(topic, bytes)| TopicSize {
                    topic: topic.into(),
                    bytes: Bytes(bytes),
                })
                .into(),
            volumes: vec![Volume {
                node: 100,
                path: "/a".into(),
                total: Bytes(100),
                used: Bytes(99),
            }],
            ..Usage::default()
        };
        let first = shares(&usage(50, 49), &[]);
        assert_eq!(shares(&usage(49, 50), &first), first);
        assert_ne!(shares(&usage(40, 60), &first), first);
    }
}
