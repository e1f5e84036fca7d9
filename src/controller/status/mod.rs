//! The status of a cluster from what was observed. Pure: same facts, same status; times of transitions are carried over.

mod capacity;
mod conditions;
mod held;
mod nodes;
mod quorum;
mod replication;
mod rolling;
mod secure;
mod upgradeable;

pub use conditions::{condition, merge};
pub use held::held;
pub use nodes::nodes;
pub use replication::replication;
pub use secure::of_objects;

use super::delays::Delays;
use super::fill::Fill;
use super::kafka::KafkaFacts;
use super::pods::PodFact;
use super::rollout::Planned;
use super::settings::Refused;
use super::survivors::Survivor;
use super::trust::Running;
use crate::api::{Condition, ConditionStatus, ListenerStatus, ProductionKafkaStatus, RebalanceStatus, UpgradeStatus};
use crate::model::encryption::AtRest;
use crate::model::{ClientListener, Cluster, Findings, Found, Identity};
use crate::render;
use crate::verify::Outcome;
use std::collections::BTreeSet;

/// The next action of a cluster that is as it should be.
pub const NOTHING_TO_DO: &str = "nothing to do";

/// Everything a status is made of.
pub struct Observed<'a> {
    pub cluster: &'a Cluster,
    pub identity: &'a Identity,
    /// What Kubernetes has assigned.
    pub assigned: &'a Found,
    pub pods: &'a [PodFact],
    pub kafka: Option<&'a KafkaFacts>,
    /// Pods that run and take long to get ready.
    pub delays: &'a Delays,
    /// What controllers have, while nobody leads.
    pub survivors: &'a [Survivor],
    /// Revision each node's StatefulSet asks for, by StatefulSet name.
    pub revisions: &'a std::collections::BTreeMap<String, String>,
    /// Certificates between nodes.
    pub running: &'a Running,
    /// What brokers don't show yet, and what replacements of authorities wait for.
    pub certificates: &'a [String],
    /// What's wrong with authorities that others should give.
    pub ungiven: &'a [String],
    pub certificates_until: Option<jiff::Timestamp>,
    pub upgrade: Option<&'a UpgradeStatus>,
    /// Replicas that are moved, as this process knows.
    pub rebalance: Option<&'a RebalanceStatus>,
    /// Why other disks aren't taken up yet.
    pub disks: Option<&'a str>,
    /// What comes next for the quorum's voters.
    pub voting: Option<&'a str>,
    /// Dynamic settings that Kafka refused.
    pub refused: &'a [Refused],
    /// What the rolling restart that is called for has decided.
    pub rollout: Option<&'a Planned>,
    /// A request that can't be read.
    pub unreadable: Option<&'a str>,
    /// What StorageClasses show of encryption at rest; `None`: they can't be read.
    pub at_rest: Option<&'a [AtRest]>,
    /// Names of volume claims that are being deleted.
    pub leaving: &'a BTreeSet<String>,
    /// Whether the resource is to be protected from deletion.
    pub protected: bool,
    /// Whether its finalizer is as it should be.
    pub held: bool,
    /// Security controls that fail by the rendered objects.
    pub weak: &'a [Outcome],
    /// How full the volumes are.
    pub fill: &'a Fill,
    /// What's wrong with the authorities, and what to do.
    pub losses: &'a [&'a str],
    pub now: jiff::Timestamp,
}

/// Status of a valid resource.
pub fn status(observed: &Observed<'_>, old: Option<&ProductionKafkaStatus>) -> ProductionKafkaStatus {
    let cluster = observed.cluster;
    let before = old.map(|old| old.nodes.as_slice()).unwrap_or_default();
    let nodes = capacity::steadied(nodes(observed), before);
    let replication = observed
        .kafka
        .and_then(|kafka| kafka.partitions.as_ref())
        .map(|partitions| replication(partitions, cluster.min_in_sync_replicas));
    let quorum = observed
        .kafka
        .and_then(|kafka| kafka.quorum.as_ref())
        .and_then(|view| quorum::status(view, observed))
        .or_else(|| quorum::without_leader(observed.survivors));
    let facts = conditions::Judged {
        observed,
        nodes: &nodes,
        replication: replication.as_ref(),
        quorum: quorum.as_ref(),
    };
    let (conditions, next_action) = conditions::judge(&facts);
    let features = observed.kafka.and_then(|kafka| kafka.features.as_ref());
    let ready = nodes
        .iter()
        .filter(|node| node.roles.contains("Broker") && node.phase == "Running" && !node.leaving)
        .count();
    ProductionKafkaStatus {
        observed_generation: Some(cluster.generation),
        cluster_id: Some(observed.identity.cluster_id.to_string()),
        kafka_version: Some(cluster.version.to_string()),
        metadata_version: features
            .and_then(|features| features.finalized.get("metadata.version"))
            .map(|level| i32::from(*level)),
        finalized_features: features
            .map(|features| {
                features
                    .finalized
                    .iter()
                    .map(|(name, level)| format!("{name}={level}"))
                    .collect()
            })
            .unwrap_or_default(),
        brokers: Some(format!("{ready}/{}", cluster.brokers())),
        conditions: merge(old.map(|old| old.conditions.as_slice()), conditions, observed.now),
        quorum,
        replication,
        nodes,
        listeners: listeners(cluster, observed.assigned),
        rollout: observed.rollout.and_then(|planned| planned.status.clone()),
        upgrade: observed.upgrade.cloned(),
        capacity: capacity::status(observed, old.and_then(|old| old.capacity.as_ref())),
        rebalance: observed
            .rebalance
            .or(old.and_then(|old| old.rebalance.as_ref()))
            .cloned(),
        next_action: Some(next_action),
    }
}

/// Why the current generation is refused, and what the cluster runs with meanwhile.
pub struct Stalled<'a> {
    pub findings: &'a Findings,
    pub generation: Option<i64>,
    /// Generation that the cluster is kept as; `None` when none was ever accepted.
    pub running: Option<i64>,
}

/// `status`, with what a refused resource must say: it must be corrected, whatever the cluster does meanwhile. The
/// conditions about the cluster itself keep the generation that they were judged by.
pub fn stalled(
    stalled: &Stalled<'_>,
    mut status: ProductionKafkaStatus,
    old: Option<&ProductionKafkaStatus>,
    now: jiff::Timestamp,
) -> ProductionKafkaStatus {
    let of = |kind, value, message: &str| condition(kind, value, "InvalidSpec", message, stalled.generation);
    let runs = stalled
        .running
        .map(|generation| format!("the cluster keeps running with generation {generation}"));
    let ready = match &runs {
        Some(runs) => format!("the resource as it is was refused; {runs}"),
        None => "the resource was refused".to_owned(),
    };
    let reconciling = match (&runs, status.conditions.iter().find(|c| c.kind == "Reconciling")) {
        (Some(runs), Some(condition)) if condition.status == ConditionStatus::True => {
            format!("{runs}; {}", condition.message)
        }
        (Some(runs), _) => runs.clone(),
        (None, _) => "nothing is done before the resource is corrected".to_owned(),
    };
    let new = vec![
        of("Ready", ConditionStatus::False, &ready),
        of("Reconciling", ConditionStatus::False, &reconciling),
        of("Stalled", ConditionStatus::True, &stalled.findings.summary(1_000)),
    ];
    let mut conditions = merge(old.map(|old| old.conditions.as_slice()), new, now);
    let others = status.conditions.drain(..);
    conditions.extend(others.filter(|c| !["Ready", "Reconciling", "Stalled"].contains(&c.kind.as_str())));
    status.conditions = conditions;
    status.observed_generation = stalled.generation;
    let wait = format!("wait: correct the resource: {}", stalled.findings.summary(300));
    status.next_action = Some(match runs {
        Some(runs) => format!("{wait}; {runs}"),
        None => wait,
    });
    status
}

/// Status of a pass that failed: what was known stays, `Reconciling` says what fails.
pub fn failing(
    problem: &str,
    generation: Option<i64>,
    old: Option<&ProductionKafkaStatus>,
    now: jiff::Timestamp,
) -> ProductionKafkaStatus {
    let mut status = old.cloned().unwrap_or_default();
    let text: String = problem.chars().take(800).collect();
    let mut new = vec![condition(
        "Reconciling",
        ConditionStatus::True,
        "Failing",
        &text,
        generation,
    )];
    if !status.conditions.iter().any(|c| c.kind == "Ready") {
        new.insert(
            0,
            condition(
                "Ready",
                ConditionStatus::False,
                "Failing",
                "the operator can't do its work, see Reconciling",
                generation,
            ),
        );
    }
    let replaced: Vec<String> = new.iter().map(|c| c.kind.clone()).collect();
    let mut conditions = merge(Some(&status.conditions), new, now);
    conditions.extend(
        status
            .conditions
            .iter()
            .filter(|c| !replaced.contains(&c.kind))
            .cloned(),
    );
    status.conditions = conditions;
    status.next_action = Some(format!("retry: {text}"));
    status
}

fn listeners(cluster: &Cluster, found: &Found) -> Vec<ListenerStatus> {
    cluster
        .listeners
        .iter()
        .map(|listener| ListenerStatus {
            name: listener.name.clone(),
            bootstrap_servers: render::bootstrap_servers(cluster, listener, found),
            certificate_authority: authority(cluster, listener, found),
        })
        .collect()
}

/// The Secret whose `ca.crt` clients trust.
fn authority(cluster: &Cluster, listener: &ClientListener, found: &Found) -> String {
    let own = listener.certificate.clone();
    own.filter(|_| found.authorities.contains_key(&listener.name))
        .unwrap_or_else(|| cluster.names.cluster_ca_cert())
}

/// True when a condition of this type is true.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    conditions
        .iter()
        .any(|condition| condition.kind == kind && condition.status == ConditionStatus::True)
}
