//! Buffers that brokers take from their heap as soon as they're told: all of them at once, since these keys need no restart.
//! One that doesn't fit would end every broker with an `OutOfMemoryError` at the same moment.

use super::Findings;
use crate::model::Pool;
use std::collections::BTreeMap;

/// `log.cleaner.dedupe.buffer.size` and `log.cleaner.io.buffer.size`, shared by all threads of the cleaner.
const BUFFERS: [&str; 2] = ["log.cleaner.dedupe.buffer.size", "log.cleaner.io.buffer.size"];

pub fn check(pools: &[Pool], config: &BTreeMap<String, String>, findings: &mut Findings) {
    let brokers = pools.iter().filter(|pool| pool.roles.broker);
    let Some(heap) = brokers.map(|pool| pool.heap_mib).min() else {
        return;
    };
    let half = (heap << 20) / 2;
    for key in BUFFERS {
        let size = config.get(key).and_then(|value| value.trim().parse::<u64>().ok());
        if size.is_some_and(|size| size > half) {
            findings.add(
                format!("spec.tuning.config[{key}]"),
                format!(
                    "every broker takes it from its heap at once, and the smallest is {heap} MiB: at most {half}, or raise tuning.jvm.heap first"
                ),
            );
        }
    }
}
