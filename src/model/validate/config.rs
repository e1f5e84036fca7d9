//! Broker keys a user may set: not those the operator owns, not those that load code or weaken the cluster.

use super::{Findings, Pool};
use crate::api::Tuning;
use crate::api::refused::{OWNED_KEYS, OWNED_PREFIXES};
use crate::tuning::{self, Machine};
use std::collections::BTreeMap;

/// Settings of the profile, under the user's own.
pub fn check(tuning: &Tuning, pools: &[Pool], findings: &mut Findings) -> BTreeMap<String, String> {
    for (key, value) in &tuning.config {
        if let Some(message) = problem(key, value, tuning.flush.acknowledge_cost) {
            findings.add(format!("spec.tuning.config[{key}]"), message);
        }
    }
    let machine = Machine {
        cores: cores(pools),
        flushes: tuning.flush.acknowledge_cost,
    };
    let mut all = tuning::brokers(tuning.profile, machine);
    all.extend(tuning.config.clone());
    all
}

/// Of the smallest broker.
fn cores(pools: &[Pool]) -> u64 {
    let brokers = pools.iter().filter(|pool| pool.roles.broker);
    brokers.map(Pool::cores).min().unwrap_or_default()
}

fn problem(key: &str, value: &str, flush_acknowledged: bool) -> Option<String> {
    let plain = key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.len() <= 128
        && key
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c));
    if !plain {
        return Some("isn't a Kafka key: lower case letters, digits, '.', '_' and '-'".into());
    }
    if value.len() > 4096 || value.contains(['\n', '\r', '\0']) || value.contains("${") {
        return Some("its value has a line break, a ${…} reference or more than 4096 characters".into());
    }
    if let Some((_, field)) = OWNED_KEYS.iter().find(|(owned, _)| *owned == key) {
        return Some(format!("is set by the operator: use {field}"));
    }
    if OWNED_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
        return Some("belongs to the operator: it follows from listeners, nodePools and security".into());
    }
    if key.contains(".class")
        || key.ends_with("reporters")
        || key.ends_with("interceptors")
        || key.starts_with("plugin.")
    {
        return Some("loads code into the broker, which isn't allowed: remove it".into());
    }
    if key.contains("password") || key.contains("secret") {
        return Some("is a secret, and configuration can be read by all who can read ConfigMaps: remove it".into());
    }
    if key.starts_with("unstable.") {
        return Some("lets in metadata that no released Kafka can read: remove it".into());
    }
    // The scheduler's interval alone stands in for log.flush.interval.ms.
    let flush = key.starts_with("log.flush.interval") || key.starts_with("log.flush.scheduler");
    if flush && !flush_acknowledged {
        return Some(
            "each flush blocks appends to its partition while replication already keeps acknowledged writes: \
             remove it, or set tuning.flush.acknowledgeCost"
                .into(),
        );
    }
    None
}
