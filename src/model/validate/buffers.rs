//! Buffers that brokers take from their heap as soon as they're told: all of them at once, since these keys need no restart.
//! What doesn't fit would end every broker with an `OutOfMemoryError` at the same moment.

use super::Findings;
use crate::model::Pool;
use std::collections::BTreeMap;

/// Both shared by all threads of the cleaner.
const BUFFERS: [&str; 2] = ["log.cleaner.dedupe.buffer.size", "log.cleaner.io.buffer.size"];

pub fn check(pools: &[Pool], config: &BTreeMap<String, String>, findings: &mut Findings) {
    let brokers = pools.iter().filter(|pool| pool.roles.broker);
    let Some(heap) = brokers.map(|pool| pool.heap_mib).min() else {
        return;
    };
    let half = (heap << 20) / 2;
    let size = |key: &&str| config.get(*key).and_then(|value| value.trim().parse::<u64>().ok());
    let together: u64 = BUFFERS.iter().filter_map(size).fold(0, u64::saturating_add);
    if together <= half {
        return;
    }
    // The larger one is what there's something to gain from.
    let largest = BUFFERS.iter().max_by_key(|key| size(key));
    if let Some(key) = largest {
        findings.add(
            format!("spec.tuning.config[{key}]"),
            format!(
                "every broker takes {together} bytes for {} from its heap at once, and the smallest is {heap} MiB: at most {half} together, or raise tuning.jvm.heap first",
                BUFFERS.join(" and ")
            ),
        );
    }
}
