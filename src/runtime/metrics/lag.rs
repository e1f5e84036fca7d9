//! How far consumer groups are behind, one gauge for each that's named. Groups that aren't named any more lose their series.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::ClusterLabels;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
struct GroupLabels {
    namespace: String,
    name: String,
    group: String,
}

#[derive(Clone)]
pub(super) struct LagMetrics {
    family: Family<GroupLabels, Gauge>,
    named: Arc<Mutex<Named>>,
}

/// Groups that have a series, by namespace and name of their cluster.
type Named = BTreeMap<(String, String), Vec<GroupLabels>>;

impl LagMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let family = Family::<GroupLabels, Gauge>::default();
        registry.register(
            "consumer_group_lag_records",
            "Records that a consumer group is behind, of the 100 furthest behind",
            family.clone(),
        );
        Self {
            family,
            named: Arc::default(),
        }
    }

    pub(super) fn set(&self, cluster: &ClusterLabels, groups: &[(String, u64)]) {
        let labels = |group: &str| GroupLabels {
            namespace: cluster.namespace.clone(),
            name: cluster.name.clone(),
            group: group.to_owned(),
        };
        let key = (cluster.namespace.clone(), cluster.name.clone());
        let now: Vec<GroupLabels> = groups.iter().map(|(group, _)| labels(group)).collect();
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in named
            .remove(&key)
            .into_iter()
            .flatten()
            .filter(|one| !now.contains(one))
        {
            self.family.remove(&gone);
        }
        for (labels, (_, lag)) in now.iter().zip(groups) {
            let lag = i64::try_from(*lag).unwrap_or(i64::MAX);
            self.family.get_or_create(labels).set(lag);
        }
        if !now.is_empty() {
            named.insert(key, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_is_not_named_any_more_has_no_series() {
        let mut registry = Registry::default();
        let lags = LagMetrics::register(&mut registry);
        let cluster = |name: &str| ClusterLabels {
            namespace: "kafka".into(),
            name: name.into(),
        };
        let groups = |all: &[(&str, u64)]| {
            all.iter()
                .map(|(group, lag)| ((*group).to_owned(), *lag))
                .collect::<Vec<_>>()
        };
        lags.set(&cluster("orders"), &groups(&[("a", 5), ("b", 7)]));
        lags.set(&cluster("audit"), &groups(&[("a", 1)]));
        lags.set(&cluster("orders"), &groups(&[("b", 8)]));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let series: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(series.len(), 2, "{text}");
        assert!(
            text.contains(r#"{namespace="kafka",name="orders",group="b"} 8"#),
            "{text}"
        );
        assert!(
            text.contains(r#"{namespace="kafka",name="audit",group="a"} 1"#),
            "{text}"
        );
        lags.set(&cluster("audit"), &[]);
        assert!(lags.named.lock().unwrap().len() == 1);
    }
}
