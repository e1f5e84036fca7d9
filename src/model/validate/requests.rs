//! Requests that are made by annotation: one that can't be read is refused, never ignored.

use super::Findings;
use crate::api::{ProductionKafka, Quantity, REBALANCE, REBALANCE_THROTTLE};
use crate::model::measure;
use kube::ResourceExt;

/// Slower than that a copy may never catch up with its leader.
const SLOWEST: u64 = 1024 * 1024;

pub fn check(resource: &ProductionKafka, findings: &mut Findings) {
    let given = |key: &str| resource.annotations().get(key);
    if let Some(text) = given(REBALANCE).filter(|text| text.parse::<jiff::Timestamp>().is_err()) {
        findings.add(
            format!("metadata.annotations[{REBALANCE}]"),
            format!("{text:?} isn't a time: write the time of the request, for example 2026-11-23T12:00:00Z"),
        );
    }
    let too_slow = |text: &&String| throttle(text).is_none_or(|rate| rate < SLOWEST);
    if let Some(text) = given(REBALANCE_THROTTLE).filter(too_slow) {
        findings.add(
            format!("metadata.annotations[{REBALANCE_THROTTLE}]"),
            format!("{text:?} isn't a rate of at least 1Mi: write bytes per second and broker, for example 50Mi"),
        );
    }
}

/// Bytes per second.
pub fn throttle(text: &str) -> Option<u64> {
    measure::bytes(&Quantity(text.to_owned()))
}
