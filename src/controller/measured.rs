//! What the metrics say of a cluster: the status in numbers, what was seen beside it, and what alerts compare with.

use super::context::Context;
use super::lag::Lags;
use super::memory::Memory;
use super::status;
use crate::api::{
    ConditionStatus, NodeStatus, ProductionKafka, ProductionKafkaStatus, QuorumStatus, ReplicationStatus, RolloutPhase,
};
use crate::capacity::{Usage, Volume};
use crate::runtime::metrics::{ClusterLabels, ClusterReport, Thresholds};
use kube::ResourceExt;

/// Replaces the cluster's gauges.
pub fn tell(context: &Context, resource: &ProductionKafka, wanted: &ProductionKafkaStatus, memory: &Memory) {
    context
        .metrics
        .set_cluster(&labels(resource), &report(resource, wanted, memory));
}

/// Replaces what's said of its consumer groups.
pub fn lags(context: &Context, resource: &ProductionKafka, lags: &Lags) {
    context.metrics.set_lags(&labels(resource), &lags.groups);
}

fn labels(resource: &ProductionKafka) -> ClusterLabels {
    ClusterLabels {
        namespace: resource.namespace().unwrap_or_default(),
        name: resource.name_any(),
    }
}

fn report(resource: &ProductionKafka, wanted: &ProductionKafkaStatus, memory: &Memory) -> ClusterReport {
    let replication = |of: fn(&ReplicationStatus) -> i32| whole(of(wanted.replication.as_ref()?));
    let quorum = |of: fn(&QuorumStatus) -> i32| whole(of(wanted.quorum.as_ref()?));
    let nodes = |role: &str, only: fn(&NodeStatus) -> bool| {
        let of_role = wanted.nodes.iter().filter(|node| node.roles.contains(role));
        u64::try_from(of_role.filter(|node| only(node)).count()).ok()
    };
    let runs = |node: &NodeStatus| node.phase == "Running";
    let look = memory.kafka.as_deref();
    let lag = look.and_then(|look| look.quorum.as_ref()?.max_lag());
    let usage = memory.fill.usage();
    let rolls = wanted
        .rollout
        .as_ref()
        .filter(|rollout| rollout.phase != RolloutPhase::Settled);
    let since = rolls.and_then(|rollout| rollout.since.as_ref()?.parse::<jiff::Timestamp>().ok());
    ClusterReport {
        ready: status::is_true(&wanted.conditions, "Ready"),
        stalled: status::is_true(&wanted.conditions, "Stalled"),
        deletion_held: status::is_true(&wanted.conditions, "DeletionHeld"),
        leaving_volumes: u64::try_from(memory.leaving.len()).unwrap_or(u64::MAX),
        certificates_valid: known(wanted, "CertificatesValid"),
        capacity_sufficient: known(wanted, "CapacitySufficient"),
        partitions: replication(|all| all.partitions),
        under_replicated_partitions: replication(|all| all.under_replicated),
        offline_partitions: replication(|all| all.offline),
        under_min_isr_partitions: replication(|all| all.under_min_isr),
        brokers_ready: nodes("Broker", runs),
        brokers_desired: nodes("Broker", |_| true),
        controllers_ready: nodes("Controller", runs),
        controllers_desired: nodes("Controller", |_| true),
        quorum_leader: quorum(|quorum| quorum.leader_id.unwrap_or(-1)),
        quorum_voters: quorum(|quorum| {
            i32::try_from(quorum.voters.len())
                .ok()
                .filter(|all| *all > 0)
                .unwrap_or(-1)
        }),
        quorum_tolerates: quorum(|quorum| quorum.tolerates),
        quorum_epoch: quorum(|quorum| quorum.leader_epoch),
        quorum_max_lag: lag.and_then(|lag| u64::try_from(lag).ok()),
        certificate_expiry: memory.certificates_until.and_then(second),
        observed: look.map(|look| look.at).and_then(second),
        disk_used_percent: usage.and_then(Usage::fullest).map(Volume::percent).and_then(whole),
        days_until_full: memory.fill.days.and_then(whole),
        data_bytes: usage.map(|usage| usage.data.0),
        rollout_waiting: Some(rolls.map_or(0, |rollout| whole(rollout.waiting).unwrap_or_default())),
        rollout_since: since.and_then(second),
        thresholds: thresholds(resource, memory),
    }
}

fn thresholds(resource: &ProductionKafka, memory: &Memory) -> Thresholds {
    let stated = &resource.spec.monitoring.thresholds;
    let records = |value: i64| u64::try_from(value).ok();
    Thresholds {
        disk_warning_percent: whole(stated.disk_warning_percent),
        disk_critical_percent: whole(stated.disk_critical_percent),
        consumer_lag_warning: records(stated.consumer_lag_warning),
        consumer_lag_critical: records(stated.consumer_lag_critical),
        network_percent: whole(stated.network_percent),
        network_limit: memory
            .cluster
            .as_ref()
            .and_then(|cluster| cluster.broker_limits.network),
        request_p99_milliseconds: whole(stated.request_p99_milliseconds),
    }
}

/// `None`: the condition is `Unknown`, or isn't there.
fn known(status: &ProductionKafkaStatus, kind: &str) -> Option<bool> {
    let condition = status.conditions.iter().find(|condition| condition.kind == kind)?;
    match condition.status {
        ConditionStatus::True => Some(true),
        ConditionStatus::False => Some(false),
        ConditionStatus::Unknown => None,
    }
}

fn whole(value: i32) -> Option<u64> {
    u64::try_from(value).ok()
}

fn second(at: jiff::Timestamp) -> Option<u64> {
    u64::try_from(at.as_second()).ok()
}
