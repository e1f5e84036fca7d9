//! PodDisruptionBudgets: drains take one broker and one controller at a time, and none while Kafka couldn't spare it. A
//! pod may be in one budget only (the eviction API refuses otherwise), so with combined roles all nodes share one.

use super::labels::{self, BROKER, CONTROLLER, Component};
use super::{Child, Kind};
use crate::model::{Cluster, Roles};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;

/// Whether Kafka can spare a node now. A pod is ready long before its replicas have caught up, so counting ready pods
/// isn't enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spare {
    /// Every partition has all its replicas in sync.
    pub brokers: bool,
    /// Every voter is caught up.
    pub controllers: bool,
}

/// The budgets of the cluster. They change with what Kafka says, unlike everything else that is rendered. `combined`: a pod
/// of both roles is there still, whatever the resource asks for.
pub fn budgets(cluster: &Cluster, spare: Spare, combined: bool) -> Vec<Child> {
    let names = &cluster.names;
    let both = |roles: Roles| roles.broker && roles.controller;
    if combined || cluster.pools.iter().any(|pool| both(pool.roles)) {
        let spare = spare.brokers && spare.controllers;
        return vec![budget(cluster, "nodes", spare, labels::nodes_selector(names))];
    }
    vec![
        budget(
            cluster,
            "controllers",
            spare.controllers,
            labels::role_selector(names, CONTROLLER),
        ),
        budget(cluster, "brokers", spare.brokers, labels::role_selector(names, BROKER)),
    ]
}

fn budget(cluster: &Cluster, of: &str, spare: bool, selector: BTreeMap<String, String>) -> Child {
    let name = format!("{}-{of}", cluster.names.cluster);
    let object = PodDisruptionBudget {
        metadata: labels::owned(cluster, &name, labels::labels(&cluster.names, Component::Node)),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(i32::from(spare))),
            selector: Some(labels::matching(selector)),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    };
    Child::new(Kind::PodDisruptionBudget, &name, &object)
}
