//! What a change does to what the cluster can hold and carry, before and after. Pure.

use super::{CapacityChange, SettingChange};
use crate::capacity::units::{Bytes, Rate};
use crate::capacity::{Supply, estimate};
use crate::model::Cluster;

/// `None`: nothing of it changes and nothing lacks.
pub(super) fn change(before: Option<&Cluster>, after: &Cluster) -> Option<CapacityChange> {
    let supply = Supply::of(after);
    let (old, new) = (before.map(|cluster| numbers(&Supply::of(cluster))), numbers(&supply));
    let old = old.unwrap_or_default();
    let changed = new.into_iter().filter_map(|(what, value)| {
        let known = old.iter().find(|(known, _)| *known == what);
        let differs = before.is_some() && known.is_none_or(|(_, before)| *before != value);
        differs.then(|| SettingChange {
            key: what.to_owned(),
            old: known.map(|(_, before)| before.clone()),
            new: Some(value),
            why: None,
        })
    });
    let workload = after.workload.as_ref();
    let change = CapacityChange {
        changes: changed.collect(),
        shortages: workload
            .map(|workload| estimate(workload, &supply).shortages())
            .unwrap_or_default(),
    };
    (change != CapacityChange::default()).then_some(change)
}

fn numbers(supply: &Supply) -> Vec<(&'static str, String)> {
    let rate = |what: &'static str, rate: Option<Rate>| rate.map(|rate| (what, rate.to_string()));
    let size = |what: &'static str, size: Bytes| Some((what, size.to_string()));
    let known = [
        Some(("brokers", supply.brokers.to_string())),
        size("disk, all brokers", supply.disk * supply.brokers),
        size("memory of a broker", supply.memory),
        size("heap of a broker", supply.heap),
        rate("disk throughput, stated", supply.disk_rate),
        rate("network throughput, stated", supply.network),
    ];
    known.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::validate::tests::valid_cluster;
    use crate::model::workload::Workload;
    use std::time::Duration;

    #[test]
    fn more_brokers_and_what_still_lacks_are_told() {
        let before = valid_cluster();
        let mut after = before.clone();
        assert_eq!(change(Some(&before), &after), None);
        after.pools[1].replicas += 2;
        after.workload = Some(Workload {
            messages_per_second: 1_000_000,
            message_bytes: 1_000,
            retention: Duration::from_hours(1),
            consumer_groups: 1,
            partitions: None,
            producer_partition: None,
            consumer_partition: None,
            headroom: 20,
        });
        let told = change(Some(&before), &after).unwrap();
        let one = |key: &str| told.changes.iter().find(|change| change.key == key);
        let brokers = one("brokers").unwrap();
        assert_eq!((brokers.old.as_deref(), brokers.new.as_deref()), (Some("3"), Some("5")));
        assert!(one("disk, all brokers").is_some() && one("memory of a broker").is_none());
        assert!(
            told.shortages
                .iter()
                .any(|lack| lack.starts_with("disk, all brokers: "))
        );
        let new = change(None, &after).unwrap();
        assert!(new.changes.is_empty() && new.shortages == told.shortages);
    }
}
