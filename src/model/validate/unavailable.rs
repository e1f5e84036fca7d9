//! Fields of the API that nothing acts on yet: refused, never ignored. A line goes when its behaviour comes.

use super::Findings;
use crate::api::ProductionKafkaSpec;

pub fn check(spec: &ProductionKafkaSpec, findings: &mut Findings) {
    let mut refuse = |asked: bool, path: String, instead: &str| {
        if asked {
            findings.add(
                path,
                format!("isn't available in this version of the operator: {instead}"),
            );
        }
    };
    let ha = &spec.high_availability;
    refuse(
        ha.unclean_leader_election,
        "spec.highAvailability.uncleanLeaderElection".into(),
        "leave it off: acknowledged writes would be lost",
    );
}
