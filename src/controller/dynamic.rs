//! Dynamic configuration: what differs from the resource, and nothing else. Setting `min.insync.replicas` again, even to the
//! same value, wipes the eligible leader replicas (KIP-966), so an equal value is never sent. Pure.
//!
//! The resource is the truth for the brokers' cluster-wide defaults: an override that it doesn't name is removed, be it one
//! that was taken out of the resource or one set by hand. What belongs to a single broker is left alone.

use crate::kafka::configs::{ConfigChange, ConfigEntry, ConfigOp, ConfigResource, ConfigSource};
use crate::model::{Cluster, dynamic_keys};
use std::collections::BTreeMap;

/// Overrides that reassignments set while they run, and that tools set cluster-wide.
const PASSING: [&str; 3] = [
    "follower.replication.throttled.rate",
    "leader.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
];

/// Settings of topics whose replicas move: they belong to who moves them.
const PASSING_OF_TOPICS: [&str; 2] = [
    "follower.replication.throttled.replicas",
    "leader.replication.throttled.replicas",
];

/// The edits that bring the brokers' defaults to what the cluster wants, one by one, in the order of keys; none when they
/// are. `current` is what the cluster-wide resource holds, `effective` what a broker runs with: thread pools are brought to
/// their size in steps.
pub fn edits(cluster: &Cluster, current: &[ConfigEntry], effective: &[ConfigEntry]) -> Vec<ConfigOp> {
    let wanted = cluster.dynamic_config();
    let set: BTreeMap<&str, Option<&str>> = current
        .iter()
        .filter(|entry| entry.source == ConfigSource::DynamicDefaultBroker)
        .map(|entry| (entry.name.as_str(), entry.value.as_deref()))
        .collect();
    let mut edits: Vec<ConfigOp> = wanted
        .iter()
        .map(|(name, value)| (name, stepped(name, value, effective)))
        .filter(|(name, value)| set.get(name.as_str()) != Some(&Some(value.as_str())))
        .map(|(name, value)| ConfigOp::Set {
            name: name.clone(),
            value,
        })
        .collect();
    let left_over = set
        .keys()
        .filter(|name| !wanted.contains_key(**name) && !PASSING.contains(name));
    edits.extend(left_over.map(|name| ConfigOp::Delete {
        name: (*name).to_owned(),
    }));
    edits
}

/// Whether a pool of threads is to change, so that its present size must be known.
pub fn needs_effective(cluster: &Cluster) -> bool {
    cluster.config.keys().any(|key| dynamic_keys::is_pool(key))
}

fn stepped(name: &str, wanted: &str, effective: &[ConfigEntry]) -> String {
    let size = |text: &str| text.trim().parse::<u32>().ok();
    let now = effective
        .iter()
        .find(|entry| entry.name == name)
        .and_then(|entry| entry.value.as_deref());
    match (dynamic_keys::is_pool(name), now.and_then(size), size(wanted)) {
        (true, Some(now), Some(wanted)) => dynamic_keys::step(now, wanted).to_string(),
        _ => wanted.to_owned(),
    }
}

/// The key that an edit is about.
pub fn key(edit: &ConfigOp) -> &str {
    match edit {
        ConfigOp::Set { name, .. } | ConfigOp::Delete { name } => name,
    }
}

/// Edits of the brokers' defaults as a request.
pub fn change(edits: Vec<ConfigOp>) -> ConfigChange {
    ConfigChange {
        resource: ConfigResource::ClusterDefault,
        ops: edits,
    }
}

/// Topic configuration: sets what differs and removes what the resource doesn't name any more. `current` is the topic's own.
pub fn topic_edits(
    topic: &str,
    wanted: &BTreeMap<String, String>,
    current: &BTreeMap<String, String>,
) -> Option<ConfigChange> {
    let set = wanted.iter().filter(|(name, value)| current.get(*name) != Some(value));
    let mut ops: Vec<ConfigOp> = set
        .map(|(name, value)| ConfigOp::Set {
            name: name.clone(),
            value: value.clone(),
        })
        .collect();
    let left_over = current
        .keys()
        .filter(|name| !wanted.contains_key(*name) && !PASSING_OF_TOPICS.contains(&name.as_str()));
    ops.extend(left_over.map(|name| ConfigOp::Delete { name: name.clone() }));
    (!ops.is_empty()).then(|| ConfigChange {
        resource: ConfigResource::Topic(topic.to_owned()),
        ops,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::validate::tests::valid_cluster;

    const MIN_ISR: &str = "min.insync.replicas";

    fn entry(name: &str, value: &str, source: ConfigSource) -> ConfigEntry {
        ConfigEntry {
            name: name.into(),
            value: Some(value.into()),
            source,
            read_only: false,
            sensitive: false,
            synonyms: Vec::new(),
        }
    }

    fn set(name: &str, value: &str) -> ConfigOp {
        ConfigOp::Set {
            name: name.into(),
            value: value.into(),
        }
    }

    fn delete(name: &str) -> ConfigOp {
        ConfigOp::Delete { name: name.into() }
    }

    fn with(config: &[(&str, &str)]) -> Cluster {
        let mut cluster = valid_cluster();
        cluster.config = config.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        cluster
    }

    #[test]
    fn an_equal_value_is_never_sent_again() {
        let cluster = with(&[("log.retention.ms", "1000"), ("num.partitions", "3")]);
        let held = [
            entry(MIN_ISR, "2", ConfigSource::DynamicDefaultBroker),
            entry("log.retention.ms", "1000", ConfigSource::DynamicDefaultBroker),
        ];
        assert_eq!(edits(&cluster, &held, &[]), []);
        for current in [
            vec![],
            vec![entry(MIN_ISR, "1", ConfigSource::DynamicDefaultBroker)],
            vec![entry(MIN_ISR, "2", ConfigSource::StaticBroker)],
        ] {
            assert!(
                edits(&cluster, &current, &[]).contains(&set(MIN_ISR, "2")),
                "{current:?}"
            );
        }
    }

    #[test]
    fn what_the_resource_does_not_name_is_removed_but_for_throttles() {
        let held = [
            entry(MIN_ISR, "2", ConfigSource::DynamicDefaultBroker),
            entry("log.retention.ms", "1000", ConfigSource::DynamicDefaultBroker),
            entry(PASSING[0], "1000", ConfigSource::DynamicDefaultBroker),
            entry("num.io.threads", "8", ConfigSource::Default),
        ];
        assert_eq!(edits(&with(&[]), &held, &[]), [delete("log.retention.ms")]);
    }

    #[test]
    fn thread_pools_change_by_steps() {
        let cluster = with(&[("num.io.threads", "40")]);
        let held = |size: &str| {
            [
                entry(MIN_ISR, "2", ConfigSource::DynamicDefaultBroker),
                entry("num.io.threads", size, ConfigSource::DynamicDefaultBroker),
            ]
        };
        let runs = |size: &str| [entry("num.io.threads", size, ConfigSource::DynamicDefaultBroker)];
        assert_eq!(
            edits(&cluster, &held("8")[..1], &runs("8")),
            [set("num.io.threads", "16")]
        );
        assert_eq!(edits(&cluster, &held("32"), &runs("32")), [set("num.io.threads", "40")]);
        assert_eq!(edits(&cluster, &held("40"), &runs("40")), []);
        assert!(needs_effective(&cluster) && !needs_effective(&with(&[])));
    }

    #[test]
    fn topics_get_what_differs_and_lose_what_is_not_named() {
        let map = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
            all.iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let wanted = map(&[("a", "1"), ("b", "2")]);
        let current = map(&[("a", "1"), ("b", "9"), ("c", "3"), (PASSING_OF_TOPICS[0], "0:1")]);
        let ops = topic_edits("t", &wanted, &current).unwrap().ops;
        assert_eq!(ops, [set("b", "2"), delete("c")]);
        assert_eq!(topic_edits("t", &BTreeMap::new(), &BTreeMap::new()), None);
    }
}
