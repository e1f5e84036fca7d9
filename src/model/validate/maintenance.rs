//! When the operator may disturb the cluster: every window must be readable now, not at the hour when it's needed.

use super::Findings;
use crate::api::{HighAvailability, Maintenance};
use crate::model::{MaintenancePolicy, Schedule};

pub fn check(maintenance: &Maintenance, availability: &HighAvailability, findings: &mut Findings) -> MaintenancePolicy {
    for (index, window) in maintenance.windows.iter().enumerate() {
        if let Err(error) = Schedule::parse(window) {
            findings.add(format!("spec.maintenance.windows[{index}]"), error.to_string());
        }
    }
    MaintenancePolicy {
        paused: maintenance.paused,
        windows: maintenance.windows.clone(),
        single_replica: maintenance.single_replica_partitions,
        max_unavailable: usize::try_from(availability.max_unavailable).unwrap_or(1),
    }
}
