//! From what a user wrote to what can exist. Reports every finding at once, each with the path of its field and what to
//! do; nothing after it can fail. Pure: what it needs to know of the world comes in as `Facts`.

mod availability;
mod buffers;
mod capacity;
mod changes;
mod config;
mod disks;
mod encryption;
mod jvm;
mod kubernetes_words;
pub mod listeners;
mod maintenance;
mod names;
mod node_ids;
mod pools;
mod requests;
mod security;
mod sysctls;
mod unavailable;
mod upgrade;

#[cfg(test)]
pub mod tests;

pub use requests::throttle;

use super::workload::{BrokerLimits, Workload};
use super::{ClientListener, Cluster, ClusterNames, Identity, KafkaVersion, MaintenancePolicy, Pool, UpgradePolicy};
use crate::api::ProductionKafka;
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

/// One thing that's wrong, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Field path, for example `spec.nodePools[brokers].replicas`.
    pub path: String,
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.message)
    }
}

/// Everything that's wrong, in the order of the resource's fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    pub(super) fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Finding {
            path: path.into(),
            message: message.into(),
        });
    }

    /// The findings in one text of at most `limit` bytes, for a condition's message.
    pub fn summary(&self, limit: usize) -> String {
        let mut text = String::new();
        for (index, finding) in self.0.iter().enumerate() {
            let line = shortened(finding.to_string(), limit.saturating_sub(24));
            if text.len() + line.len() + 24 > limit && index > 0 {
                let _ = write!(text, "; and {} more", self.0.len() - index);
                break;
            }
            if index > 0 {
                text.push_str("; ");
            }
            text.push_str(&line);
        }
        text
    }
}

/// Cut off at a character's end: a value that's quoted can be as long as somebody wrote it.
fn shortened(mut line: String, most: usize) -> String {
    if line.len() > most {
        line.truncate(line.floor_char_boundary(most.saturating_sub('…'.len_utf8())));
        line.push('…');
    }
    line
}

/// A `StorageClass` of the Kubernetes cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageClassFact {
    pub name: String,
    pub default: bool,
    /// `allowVolumeExpansion`.
    pub expands: bool,
    pub provisioner: String,
    pub parameters: BTreeMap<String, String>,
    /// Why a person says that its volumes are encrypted at rest, by annotation.
    pub vouched: Option<String>,
}

/// A node's StatefulSet that exists already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingNode {
    pub id: i32,
    pub pool: String,
    pub broker: bool,
}

/// A volume claim of the cluster that exists already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub name: String,
    /// As the resource asked for last; the claim itself may be larger.
    pub size: String,
    /// Class that it has.
    pub class: Option<String>,
}

/// What validation needs to know of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `None`: the operator may not list them, so nothing is said about them.
    pub storage_classes: Option<Vec<StorageClassFact>>,
    /// Failure domains of the Kubernetes nodes by the resource's topology key; `None`: unknown.
    pub zones: Option<Vec<String>>,
    pub existing: Vec<ExistingNode>,
    pub claims: Vec<Claim>,
    /// Keys of the Secrets that listeners name; one that isn't here doesn't exist. `None`: unknown.
    pub secrets: Option<BTreeMap<String, BTreeSet<String>>>,
    /// Why the certificate in a Secret can't be served, by Secret.
    pub unusable: BTreeMap<String, String>,
    pub identity: Option<Identity>,
    /// Finalised `metadata.version`, as last seen.
    pub metadata_version: Option<i32>,
    /// DNS domain of the Kubernetes cluster.
    pub cluster_domain: String,
    /// The operator was given the right to delete volume claims.
    pub may_delete_volumes: bool,
    /// An admission policy protects clusters from deletion.
    pub protects: bool,
}

/// The validated cluster, or everything that stands in its way.
pub fn validate(resource: &ProductionKafka, facts: &Facts) -> Result<Cluster, Findings> {
    let mut findings = Findings::default();
    let spec = &resource.spec;
    unavailable::check(spec, &mut findings);
    let version = version(resource, &mut findings);
    let upgrade = upgrade::check(&spec.upgrade, version, facts, &mut findings);
    let maintenance = maintenance::check(spec, facts, &mut findings);
    image(resource, &mut findings);
    names::check(resource, &mut findings);
    requests::check(resource, &mut findings);
    let pools = pools::check(spec, facts, &mut findings);
    encryption::check(spec, facts, &mut findings);
    availability::check(spec, facts, &mut findings);
    let security = security::check(&spec.security, &spec.listeners, &mut findings);
    let listeners = listeners::check(&spec.listeners, facts, &mut findings);
    sysctls::check(&spec.tuning.os, &mut findings);
    let config = config::check(&spec.tuning, &pools, &mut findings);
    buffers::check(&pools, &config, &mut findings);
    let (workload, broker_limits) = capacity::check(&spec.capacity, &spec.monitoring.thresholds, &mut findings);
    let jvm_options = jvm::check(&spec.tuning.jvm.options, &mut findings);
    node_ids::check(&cluster_names(resource, facts), &pools, facts, &mut findings);
    changes::check(&pools, &cluster_names(resource, facts), facts, &mut findings);
    let (Some(version), Some(security), Some(upgrade)) = (version, security, upgrade) else {
        return Err(findings);
    };
    if !findings.0.is_empty() {
        return Err(findings);
    }
    Ok(build(
        resource,
        facts,
        Parts {
            version,
            upgrade,
            maintenance,
            security,
            pools,
            listeners,
            config,
            jvm_options,
            workload,
            broker_limits,
        },
    ))
}

struct Parts {
    version: KafkaVersion,
    upgrade: UpgradePolicy,
    maintenance: MaintenancePolicy,
    security: super::SecuritySettings,
    pools: Vec<Pool>,
    listeners: Vec<ClientListener>,
    config: BTreeMap<String, String>,
    jvm_options: Vec<String>,
    workload: Option<Workload>,
    broker_limits: BrokerLimits,
}

fn build(resource: &ProductionKafka, facts: &Facts, parts: Parts) -> Cluster {
    let spec = &resource.spec;
    let image = spec
        .image
        .clone()
        .unwrap_or_else(|| format!("docker.io/apache/kafka:{}", parts.version));
    Cluster {
        names: cluster_names(resource, facts),
        uid: resource.uid().unwrap_or_default(),
        generation: resource.metadata.generation.unwrap_or_default(),
        version: parts.version,
        upgrade: parts.upgrade,
        maintenance: parts.maintenance,
        image,
        pools: parts.pools,
        replication_factor: spec.high_availability.replication_factor,
        min_in_sync_replicas: spec.high_availability.min_in_sync_replicas,
        topology_key: spec
            .high_availability
            .rack
            .as_ref()
            .map(|rack| rack.topology_key.clone()),
        security: parts.security,
        listeners: parts.listeners,
        default_user_quotas: spec.default_user_quotas.clone(),
        profile: spec.tuning.profile,
        config: parts.config,
        jvm_options: parts.jvm_options,
        jmx_exporter: spec.monitoring.jmx_exporter,
        sysctls: spec.tuning.os.sysctls.clone(),
        least_map_count: spec.tuning.os.require_max_map_count,
        workload: parts.workload,
        broker_limits: parts.broker_limits,
        thresholds: spec.monitoring.thresholds.clone(),
    }
}

fn cluster_names(resource: &ProductionKafka, facts: &Facts) -> ClusterNames {
    ClusterNames {
        cluster: resource.name_any(),
        namespace: resource.namespace().unwrap_or_default(),
        domain: facts.cluster_domain.clone(),
    }
}

fn version(resource: &ProductionKafka, findings: &mut Findings) -> Option<KafkaVersion> {
    let text = &resource.spec.version;
    let version = KafkaVersion::parse(text);
    if version.is_none() {
        findings.add(
            "spec.version",
            format!(
                "Kafka {text} isn't in this operator's catalogue: choose one of {}",
                KafkaVersion::known()
            ),
        );
    }
    version
}

fn image(resource: &ProductionKafka, findings: &mut Findings) {
    if let Some(image) = &resource.spec.image
        && (image.contains(char::is_whitespace) || !image.contains(['/', ':', '@']))
    {
        findings.add(
            "spec.image",
            format!("{image:?} isn't an image reference: write registry/repository@sha256:…"),
        );
    }
}
