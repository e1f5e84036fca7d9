//! PodDisruptionBudgets: drains take one broker and one controller at a time. A pod may be in one budget only (the
//! eviction API refuses otherwise), so with combined roles all nodes share one.

use super::labels::{self, BROKER, CONTROLLER, Component};
use super::{Child, Kind};
use crate::model::Cluster;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;

pub(super) fn budgets(cluster: &Cluster) -> Vec<Child> {
    let names = &cluster.names;
    if cluster
        .pools
        .iter()
        .any(|pool| pool.roles.broker && pool.roles.controller)
    {
        return vec![budget(cluster, "nodes", labels::nodes_selector(names))];
    }
    vec![
        budget(cluster, "controllers", labels::role_selector(names, CONTROLLER)),
        budget(cluster, "brokers", labels::role_selector(names, BROKER)),
    ]
}

fn budget(cluster: &Cluster, of: &str, selector: BTreeMap<String, String>) -> Child {
    let name = format!("{}-{of}", cluster.names.cluster);
    let object = PodDisruptionBudget {
        metadata: labels::owned(cluster, &name, labels::labels(&cluster.names, Component::Node)),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(labels::matching(selector)),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    };
    Child::new(Kind::PodDisruptionBudget, &name, &object)
}
