//! Pools: names, roles, ids, disks, memory, scheduling.

use super::kubernetes_words::{is_label_key, is_label_value};
use super::{Facts, Findings, disks};
use crate::api::{NodePool, ProductionKafkaSpec, Quantity, Resources, Role};
use crate::model::identity::BLOCK;
use crate::model::measure::{self, MIB};
use crate::model::{Pool, Roles, VolumeClaim};
use std::collections::BTreeSet;

/// Least memory of a Kafka container in bytes: heap of 128 MiB, metaspace, threads and direct buffers.
const LEAST_MEMORY: u64 = 512 * MIB;
/// Memory when a pool says nothing.
const DEFAULT_MEMORY: &str = "2Gi";
/// Largest heap that `auto` gives, in MiB: beyond it the page cache serves Kafka better.
const LARGEST_HEAP_MIB: u64 = 6 * 1024;

pub fn check(spec: &ProductionKafkaSpec, facts: &Facts, findings: &mut Findings) -> Vec<Pool> {
    let mut names = BTreeSet::new();
    for pool in &spec.node_pools {
        if !names.insert(&pool.name) {
            findings.add(
                format!("spec.nodePools[{}]", pool.name),
                "two pools have this name: rename one",
            );
        }
    }
    roles(spec, findings);
    spec.node_pools
        .iter()
        .map(|pool| one(pool, spec, facts, findings))
        .collect()
}

fn roles(spec: &ProductionKafkaSpec, findings: &mut Findings) {
    let pools = spec
        .node_pools
        .iter()
        .filter(|pool| pool.roles.contains(&Role::Controller));
    let controllers: i32 = pools.map(|pool| pool.replicas).sum();
    if !matches!(controllers, 1 | 3 | 5 | 7) {
        findings.add(
            "spec.nodePools",
            format!(
                "{controllers} controllers together: use 1, 3, 5 or 7; an even number tolerates no more failures than one fewer"
            ),
        );
    }
    if !spec.node_pools.iter().any(|pool| pool.roles.contains(&Role::Broker)) {
        findings.add("spec.nodePools", "no pool has the role Broker: add one");
    }
}

fn one(pool: &NodePool, spec: &ProductionKafkaSpec, facts: &Facts, findings: &mut Findings) -> Pool {
    let path = format!("spec.nodePools[{}]", pool.name);
    let roles = Roles {
        controller: pool.roles.contains(&Role::Controller),
        broker: pool.roles.contains(&Role::Broker),
    };
    counts(pool, &path, findings);
    template(pool, &path, findings);
    let resources = resources(&pool.resources, &path, findings);
    let memory = resources
        .limits
        .get("memory")
        .and_then(measure::bytes)
        .unwrap_or(LEAST_MEMORY);
    Pool {
        name: pool.name.clone(),
        roles,
        replicas: pool.replicas,
        first_node_id: pool.first_node_id,
        excluded: pool.excluded_node_ids.iter().copied().collect(),
        volumes: volumes(pool, &path, facts, findings),
        reclaim: disks::reclaim(pool, &path, facts, findings),
        heap_mib: heap(&spec.tuning.jvm.heap, memory, &path, findings),
        resources,
        template: pool.template.clone(),
    }
}

/// What the definition's schema says too; here for resources that haven't been to an apiserver.
fn counts(pool: &NodePool, path: &str, findings: &mut Findings) {
    if pool.roles.is_empty() {
        findings.add(format!("{path}.roles"), "is empty: use Controller, Broker or both");
    }
    if !(0..=BLOCK).contains(&pool.replicas) {
        findings.add(format!("{path}.replicas"), format!("isn't between 0 and {BLOCK}"));
    }
    let excluded: BTreeSet<i32> = pool.excluded_node_ids.iter().copied().collect();
    let nodes = usize::try_from(pool.replicas.min(BLOCK)).unwrap_or_default();
    if !excluded.is_empty() && nodes + excluded.len() > BLOCK.unsigned_abs() as usize {
        findings.add(
            format!("{path}.excludedNodeIds"),
            format!("leaves too few of the pool's {BLOCK} ids: take out those whose node is gone for good"),
        );
    }
    if pool.storage.volumes.is_empty() {
        findings.add(format!("{path}.storage.volumes"), "is empty: a Kafka node needs a disk");
    }
}

fn volumes(pool: &NodePool, path: &str, facts: &Facts, findings: &mut Findings) -> Vec<VolumeClaim> {
    let mut claims = Vec::new();
    for (index, volume) in pool.storage.volumes.iter().enumerate() {
        let at = format!("{path}.storage.volumes[{index}]");
        match measure::bytes(&volume.size) {
            None => findings.add(
                format!("{at}.size"),
                format!("{:?} isn't a size: write for example 100Gi", volume.size.0),
            ),
            Some(bytes) if bytes < 256 * MIB => {
                findings.add(
                    format!("{at}.size"),
                    format!("{} is too small: at least 256Mi", volume.size.0),
                );
            }
            Some(_) => {}
        }
        storage_class(volume.storage_class_name.as_deref(), &at, facts, findings);
        claims.push(VolumeClaim {
            size: volume.size.0.clone(),
            storage_class: volume.storage_class_name.clone(),
        });
    }
    claims
}

fn storage_class(name: Option<&str>, at: &str, facts: &Facts, findings: &mut Findings) {
    let Some(classes) = &facts.storage_classes else { return };
    let known = || {
        classes
            .iter()
            .map(|class| class.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match name {
        Some(name) if !classes.iter().any(|class| class.name == name) => findings.add(
            format!("{at}.storageClassName"),
            format!(
                "there's no StorageClass {name}: create it or choose one of: {}",
                known()
            ),
        ),
        None if !classes.iter().any(|class| class.default) => findings.add(
            format!("{at}.storageClassName"),
            format!("there's no default StorageClass: name one of: {}", known()),
        ),
        _ => {}
    }
}

/// Memory limit and request as they'll be: a pool that names only one gets both.
fn resources(given: &Resources, path: &str, findings: &mut Findings) -> Resources {
    for (kind, list) in [("requests", &given.requests), ("limits", &given.limits)] {
        for (name, quantity) in list {
            if measure::milli(quantity).is_none() {
                let at = format!("{path}.resources.{kind}.{name}");
                findings.add(
                    at,
                    format!("{:?} isn't a quantity: write for example 500m or 4Gi", quantity.0),
                );
            }
        }
    }
    let mut resources = given.clone();
    let memory = given.limits.get("memory").or(given.requests.get("memory")).cloned();
    let memory = memory.unwrap_or_else(|| Quantity(DEFAULT_MEMORY.into()));
    resources
        .limits
        .entry("memory".into())
        .or_insert_with(|| memory.clone());
    resources.requests.entry("memory".into()).or_insert(memory);
    resources
        .requests
        .entry("cpu".into())
        .or_insert_with(|| Quantity("500m".into()));
    for (name, limit) in &resources.limits {
        let request = resources.requests.get(name).and_then(measure::milli);
        if let (Some(request), Some(limit)) = (request, measure::milli(limit))
            && request > limit
        {
            findings.add(
                format!("{path}.resources.requests.{name}"),
                "is above the limit: lower it or raise the limit",
            );
        }
    }
    if resources
        .limits
        .get("memory")
        .and_then(measure::bytes)
        .is_some_and(|bytes| bytes < LEAST_MEMORY)
    {
        findings.add(
            format!("{path}.resources.limits.memory"),
            "is too little for a Kafka node: at least 512Mi",
        );
    }
    resources
}

/// Heap in MiB: a quarter of the memory (at least 256 MiB, at most 6 GiB), or what is asked for, up to three quarters.
fn heap(text: &str, memory: u64, path: &str, findings: &mut Findings) -> u64 {
    let memory_mib = memory / MIB;
    if text == "auto" {
        return (memory_mib / 4).clamp(256, LARGEST_HEAP_MIB);
    }
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let factor = if unit == "g" { 1024 } else { 1 };
    let asked = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .unwrap_or(0);
    if asked < 128 || asked > memory_mib / 4 * 3 {
        let at = if path.is_empty() {
            "spec.tuning.jvm.heap".into()
        } else {
            format!("spec.tuning.jvm.heap ({path})")
        };
        findings.add(
            at,
            format!("{text} doesn't fit: between 128m and three quarters of the {memory_mib} MiB memory limit"),
        );
    }
    asked
}

fn template(pool: &NodePool, path: &str, findings: &mut Findings) {
    let owned = |key: &str| {
        [
            "productionkafka.dev/",
            "app.kubernetes.io/",
            "pod-security.kubernetes.io/",
            "statefulset.kubernetes.io/",
            // They can loosen the profile that the pod is meant to have.
            "container.apparmor.security.beta.kubernetes.io/",
            "container.seccomp.security.alpha.kubernetes.io/",
            "seccomp.security.alpha.kubernetes.io/",
        ]
        .iter()
        .any(|prefix| key.starts_with(prefix))
    };
    for (kind, map) in [
        ("labels", &pool.template.labels),
        ("annotations", &pool.template.annotations),
    ] {
        for key in map.keys().filter(|key| owned(key)) {
            findings.add(
                format!("{path}.template.{kind}[{key}]"),
                "is set by the operator: choose another key",
            );
        }
    }
    let template = &pool.template;
    for (kind, map) in [("labels", &template.labels), ("nodeSelector", &template.node_selector)] {
        for (key, _) in map.iter().filter(|(_, value)| !is_label_value(value)) {
            findings.add(
                format!("{path}.template.{kind}[{key}]"),
                "isn't a label value: at most 63 of A-Z, a-z, 0-9, '-', '_', '.', alphanumeric at both ends",
            );
        }
    }
    // Of annotation keys the apiserver looks at the lower-cased text.
    let annotations = template.annotations.keys().map(|key| key.to_ascii_lowercase());
    let keys = [
        ("labels", template.labels.keys().cloned().collect::<Vec<_>>()),
        ("annotations", annotations.collect()),
        ("nodeSelector", template.node_selector.keys().cloned().collect()),
    ];
    for (kind, keys) in keys {
        for key in keys.iter().filter(|key| !is_label_key(key)) {
            findings.add(
                format!("{path}.template.{kind}[{key}]"),
                "isn't a Kubernetes key: write name or example.com/name",
            );
        }
    }
}
