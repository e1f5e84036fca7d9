//! Cluster-wide dynamic configuration: what differs from the resource, and nothing else. Setting `min.insync.replicas`
//! again, even to the same value, wipes the eligible leader replicas (KIP-966), so an equal value is never sent. Pure.

use crate::kafka::configs::{ConfigChange, ConfigEntry, ConfigOp, ConfigResource, ConfigSource};
use crate::model::Cluster;

const MIN_ISR: &str = "min.insync.replicas";

/// The change that brings the brokers' defaults to what the cluster wants; `None` when they are.
pub fn change(cluster: &Cluster, current: &[ConfigEntry]) -> Option<ConfigChange> {
    let wanted = cluster.min_in_sync_replicas.to_string();
    let set = current
        .iter()
        .find(|entry| entry.name == MIN_ISR && entry.source == ConfigSource::DynamicDefaultBroker)
        .and_then(|entry| entry.value.as_ref());
    (set != Some(&wanted)).then(|| ConfigChange {
        resource: ConfigResource::ClusterDefault,
        ops: vec![ConfigOp::Set {
            name: MIN_ISR.into(),
            value: wanted,
        }],
    })
}

/// Topic configuration: sets what differs and removes what the resource doesn't name any more.
pub fn topic_change(
    topic: &str,
    wanted: &std::collections::BTreeMap<String, String>,
    current: &[ConfigEntry],
) -> Option<ConfigChange> {
    let own = |entry: &&ConfigEntry| entry.source == ConfigSource::DynamicTopic;
    let mut ops: Vec<ConfigOp> = wanted
        .iter()
        .filter(|(name, value)| {
            !current
                .iter()
                .filter(own)
                .any(|entry| entry.name == **name && entry.value.as_ref() == Some(value))
        })
        .map(|(name, value)| ConfigOp::Set {
            name: name.clone(),
            value: value.clone(),
        })
        .collect();
    ops.extend(
        current
            .iter()
            .filter(own)
            .filter(|entry| !wanted.contains_key(&entry.name))
            .map(|entry| ConfigOp::Delete {
                name: entry.name.clone(),
            }),
    );
    (!ops.is_empty()).then(|| ConfigChange {
        resource: ConfigResource::Topic(topic.to_owned()),
        ops,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::validate::tests::valid_cluster;
    use std::collections::BTreeMap;

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

    #[test]
    fn an_equal_value_is_never_sent_again() {
        let cluster = valid_cluster();
        assert_eq!(
            change(&cluster, &[entry(MIN_ISR, "2", ConfigSource::DynamicDefaultBroker)]),
            None
        );
        for current in [
            vec![],
            vec![entry(MIN_ISR, "1", ConfigSource::DynamicDefaultBroker)],
            vec![entry(MIN_ISR, "2", ConfigSource::StaticBroker)],
        ] {
            assert!(change(&cluster, &current).is_some(), "{current:?}");
        }
    }

    #[test]
    fn topics_get_what_differs_and_lose_what_is_not_named() {
        let wanted = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        let current = [
            entry("a", "1", ConfigSource::DynamicTopic),
            entry("b", "9", ConfigSource::DynamicTopic),
            entry("c", "3", ConfigSource::DynamicTopic),
            entry("d", "4", ConfigSource::Default),
        ];
        let ops = topic_change("t", &wanted, &current).unwrap().ops;
        let expected = [
            ConfigOp::Set {
                name: "b".into(),
                value: "2".into(),
            },
            ConfigOp::Delete { name: "c".into() },
        ];
        assert_eq!(ops, expected);
        assert_eq!(
            topic_change("t", &BTreeMap::new(), &[entry("d", "4", ConfigSource::StaticBroker)]),
            None
        );
    }
}
