//! The workload and the limits of a broker: numbers that can be calculated with.

use super::Findings;
use crate::api::{Capacity, Quantity, Thresholds, Workload as Stated};
use crate::model::measure;
use crate::model::workload::{BrokerLimits, Workload};

/// Percent kept free without a word on it.
const HEADROOM: u64 = 20;

pub fn check(
    capacity: &Capacity,
    thresholds: &Thresholds,
    findings: &mut Findings,
) -> (Option<Workload>, BrokerLimits) {
    let workload = capacity.workload.as_ref();
    let workload = workload.and_then(|stated| workload_of(stated, findings));
    let mut rate = |name: &str, quantity: &Option<Quantity>| {
        positive(&format!("spec.capacity.broker.{name}"), quantity.as_ref(), findings)
    };
    let limits = BrokerLimits {
        disk: rate("diskThroughput", &capacity.broker.disk_throughput),
        network: rate("networkThroughput", &capacity.broker.network_throughput),
    };
    ordered(thresholds, findings);
    (workload, limits)
}

fn workload_of(stated: &Stated, findings: &mut Findings) -> Option<Workload> {
    let at = |name: &str| format!("spec.capacity.workload.{name}");
    let message_bytes = positive(&at("messageBytes"), Some(&stated.message_bytes), findings);
    let retention = measure::duration(&stated.retention).filter(|retention| !retention.is_zero());
    if retention.is_none() {
        findings.add(at("retention"), "isn't a duration above zero: write for example 7d");
    }
    let producer = stated.producer_partition_throughput.as_ref();
    let producer_partition = positive(&at("producerPartitionThroughput"), producer, findings);
    let consumer = stated.consumer_partition_throughput.as_ref();
    let consumer_partition = positive(&at("consumerPartitionThroughput"), consumer, findings);
    let headroom = stated.headroom.as_deref().map_or(Some(HEADROOM), percent);
    if headroom.is_none() {
        findings.add(at("headroom"), "isn't a percentage: write for example 20%");
    }
    let messages_per_second = u64::try_from(stated.messages_per_second).ok().filter(|rate| *rate > 0);
    if messages_per_second.is_none() {
        findings.add(
            at("messagesPerSecond"),
            "isn't above zero: write the rate at the busiest time",
        );
    }
    Some(Workload {
        messages_per_second: messages_per_second?,
        message_bytes: message_bytes?,
        retention: retention?,
        consumer_groups: stated
            .consumer_groups
            .map_or(1, |groups| u64::from(groups.max(0).unsigned_abs())),
        partitions: stated.partitions.and_then(|count| u64::try_from(count).ok()),
        producer_partition,
        consumer_partition,
        headroom: headroom?,
    })
}

fn percent(text: &str) -> Option<u64> {
    text.strip_suffix('%')?.parse().ok()
}

/// `None` without a quantity, and for one that's wrong.
fn positive(path: &str, quantity: Option<&Quantity>, findings: &mut Findings) -> Option<u64> {
    let quantity = quantity?;
    let bytes = measure::bytes(quantity).filter(|bytes| *bytes > 0);
    if bytes.is_none() {
        findings.add(
            path,
            format!(
                "{:?} isn't a number of bytes above zero: write for example 10Mi",
                quantity.0
            ),
        );
    }
    bytes
}

fn ordered(thresholds: &Thresholds, findings: &mut Findings) {
    let pairs = [
        (
            "disk",
            "Percent",
            i64::from(thresholds.disk_warning_percent),
            i64::from(thresholds.disk_critical_percent),
        ),
        (
            "consumerLag",
            "",
            thresholds.consumer_lag_warning,
            thresholds.consumer_lag_critical,
        ),
    ];
    for (what, unit, warning, critical) in pairs {
        if warning >= critical {
            findings.add(
                format!("spec.monitoring.thresholds.{what}Warning{unit}"),
                format!("{warning} isn't below {what}Critical{unit}, {critical}: the warning would come too late"),
            );
        }
    }
}
