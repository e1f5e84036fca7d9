//! Probes, all by the static binary that `prepare` copied: no JVM, no shell, no port that answers the kubelet.

use k8s_openapi::api::core::v1::{ExecAction, Probe};

/// Until Kafka serves. Polled often, because a roll waits for it; for up to a day, because killing a broker while it
/// recovers its logs starts the recovery from the beginning.
pub fn startup() -> Probe {
    Probe {
        initial_delay_seconds: Some(3),
        period_seconds: Some(2),
        timeout_seconds: Some(5),
        failure_threshold: Some(43_200),
        ..probe("startup")
    }
}

/// Whether clients should come here.
pub fn readiness() -> Probe {
    Probe {
        period_seconds: Some(5),
        timeout_seconds: Some(5),
        failure_threshold: Some(3),
        ..probe("ready")
    }
}

/// Whether the process is beyond help; never a matter of the cluster's state.
pub fn liveness() -> Probe {
    Probe {
        period_seconds: Some(30),
        timeout_seconds: Some(10),
        failure_threshold: Some(5),
        ..probe("live")
    }
}

fn probe(what: &str) -> Probe {
    let command = ["/opt/productionkafka/productionkafka", "probe", what];
    Probe {
        exec: Some(ExecAction {
            command: Some(command.map(str::to_owned).to_vec()),
        }),
        ..Probe::default()
    }
}
