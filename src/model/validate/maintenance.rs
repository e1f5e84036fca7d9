//! When the operator may disturb the cluster: every window must be readable now, not at the hour when it's needed, and a
//! number of brokers that may go together must be able to mean something.

use super::{Facts, Findings};
use crate::api::ProductionKafkaSpec;
use crate::api::Role;
use crate::model::{MaintenancePolicy, Schedule};

pub fn check(spec: &ProductionKafkaSpec, facts: &Facts, findings: &mut Findings) -> MaintenancePolicy {
    let maintenance = &spec.maintenance;
    if maintenance.deletion_protection && !facts.protects {
        findings.add(
            "spec.maintenance.deletionProtection",
            "does nothing without admission policies: install the operator's chart with admissionPolicies.enabled=true, or leave it out",
        );
    }
    for (index, window) in maintenance.windows.iter().enumerate() {
        if let Err(error) = Schedule::parse(window) {
            findings.add(format!("spec.maintenance.windows[{index}]"), error.to_string());
        }
    }
    together(spec, findings);
    MaintenancePolicy {
        paused: maintenance.paused,
        windows: maintenance.windows.clone(),
        single_replica: maintenance.single_replica_partitions,
        max_unavailable: usize::try_from(spec.high_availability.max_unavailable).unwrap_or(1),
    }
}

/// Only brokers of one rack go together, and no node that is a controller, too.
fn together(spec: &ProductionKafkaSpec, findings: &mut Findings) {
    if spec.high_availability.max_unavailable <= 1 {
        return;
    }
    let path = "spec.highAvailability.maxUnavailable";
    if spec.high_availability.rack.is_none() {
        findings.add(
            path,
            "more than 1 needs highAvailability.rack: only brokers of one rack restart together; set rack.topologyKey or 1",
        );
    }
    let brokers_only = |roles: &[Role]| roles.contains(&Role::Broker) && !roles.contains(&Role::Controller);
    if !spec.node_pools.iter().any(|pool| brokers_only(&pool.roles)) {
        findings.add(
            path,
            "more than 1 needs a pool with the role Broker alone: nodes that are controllers, too, restart one at a time; set 1",
        );
    }
}
