//! Drives ACL Jobs: the rights that aren't known to be in Kafka go into content-hashed documents, and one Job at a time carries
//! them out. What a Job has done is known from it, everything else from a look at Kafka: a new process starts nothing again.
//!
//! It must not start a Job while another may still run, whoever started it: the older document could be carried out last.

use super::ground::Ground;
use super::look::failed;
use super::memory::Access;
use super::names::{bindings_of, name_of};
use crate::acl::wave::{DOCUMENT, Right};
use crate::acl::{AclDocument, SyncReport};
use crate::api::KafkaUser;
use crate::controller::apply;
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::controller::ledger::ObjectKey;
use crate::controller::stores::{CLUSTER_LABEL, ClusterKey};
use crate::kafka::acls::{AclBinding, AclFilter, AclOperation, AclPatternType, AclPermission, AclResourceType};
use crate::kafka::admin::KafkaAdmin;
use crate::model::{ClusterNames, ports};
use crate::render::labels::{COMPONENT, Component};
use crate::render::{self, Kind};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use kube::core::DynamicObject;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Principal of ACL Jobs: the common name and organisation of their certificate, as Java prints them.
pub const JOB_PRINCIPAL: &str = "User:CN=kafka-acl-sync,O=productionkafka";

/// A Job's end is an event; this is for one that's missed.
const RUNNING: Duration = Duration::from_secs(2);

/// A Job that was started, or found.
#[derive(Clone, Debug)]
pub struct Running {
    pub name: String,
    /// The rights that it carries out; empty when an earlier process started it.
    pub rights: Vec<Right>,
}

/// Looks after the Job that runs. Afterwards `access.job` is `None` if none does.
pub async fn follow(context: &Context, ground: &Ground, access: &mut Access) -> Result<(), PassError> {
    if !access.is_alone {
        let jobs = documents(context, &ground.key, Kind::Job).await?;
        let runs = jobs.iter().find(|job| ended(&job.data).is_none());
        access.job = runs.map(|job| Running {
            name: job.name_any(),
            rights: Vec::new(),
        });
        access.is_alone = true;
    }
    let Some(running) = access.job.clone() else {
        return Ok(());
    };
    let key = ObjectKey::new(Kind::Job, &ground.key.namespace, &running.name);
    let Some(job) = apply::get(context, &key).await? else {
        // Taken away by somebody: how far it came is for a look to say.
        over(access);
        return Ok(());
    };
    match ended(&job.data) {
        None => return Ok(()),
        Some(End::Complete) if !running.rights.is_empty() => {
            for right in &running.rights {
                access.known.brought(right);
            }
            access.job = None;
        }
        Some(End::Complete) => over(access),
        Some(End::Failed(why)) => {
            let report = report(context, &ground.key.namespace, &running.name).await?;
            blame(context, access, &running, (&why, report.as_ref()));
            over(access);
        }
    }
    Ok(())
}

/// What Kafka has is to be looked at anew.
fn over(access: &mut Access) {
    access.job = None;
    access.look = None;
}

/// Notes who couldn't be brought to their rights and why. Those that the report says went well aren't blamed.
fn blame(context: &Context, access: &mut Access, running: &Running, (why, report): (&str, Option<&SyncReport>)) {
    let own = |principal: &str| report.and_then(|report| report.per_principal.get(principal)?.error.as_deref());
    let anyone = report.is_some_and(|report| report.per_principal.values().any(|one| one.error.is_some()));
    let general = report.and_then(|report| report.error.as_deref());
    for right in &running.rights {
        let text = match own(&right.principal) {
            Some(text) => text.to_owned(),
            None if anyone => continue,
            None => format!("Job {} failed: {}", running.name, general.unwrap_or(why)),
        };
        access.known.failed(right, &text, context.now());
    }
    tracing::warn!(
        job = running.name,
        why,
        error = general,
        "access rights aren't in place"
    );
}

/// Starts the next Job if rights are open and none runs. Returns when to look again.
pub async fn drive(
    context: &Context,
    ground: &Ground,
    access: &mut Access,
    (wanted, bindings): (&[&Right], impl Fn(&Right) -> BTreeSet<AclBinding>),
) -> Result<Option<Duration>, PassError> {
    if access.job.is_some() {
        return Ok(Some(RUNNING));
    }
    let (next, wait) = access.known.next(wanted.iter().copied(), context.now());
    if next.is_empty() {
        if wanted.is_empty() && !access.is_clean {
            // A deletion that Kubernetes didn't take is seen by the next pass.
            access.is_clean = remove_documents(context, &ground.key, None).await? == 0;
        }
        return Ok(wait);
    }
    access.is_clean = false;
    let rights: Vec<Right> = next.into_iter().cloned().collect();
    let documents = in_documents(&rights, bindings);
    let texts: Vec<String> = documents.iter().map(AclDocument::to_json).collect();
    let hash = documents
        .into_iter()
        .fold(AclDocument::default(), AclDocument::and)
        .content_hash();
    let name = ground.cluster.names.acl_job(&hash);
    if !clear(context, &ground.key, &name).await? {
        access.is_alone = false;
        return Ok(Some(RUNNING));
    }
    grant_job(ground.admin.as_ref()).await?;
    for child in children(context, ground, &hash, &texts) {
        if let Err(error) = apply::child(context, &ground.key.namespace, &child).await {
            // It may have been taken all the same, and be over before the next pass.
            access.is_alone = false;
            over(access);
            return Err(error);
        }
    }
    for right in &rights {
        access.known.changing(right);
    }
    access.job = Some(Running { name, rights });
    Ok(Some(RUNNING))
}

/// The rights in documents of a bounded size, each principal in one.
fn in_documents(rights: &[Right], bindings: impl Fn(&Right) -> BTreeSet<AclBinding>) -> Vec<AclDocument> {
    let mut all = vec![AclDocument::default()];
    for right in rights {
        let is_full = all
            .last()
            .is_some_and(|last| !last.managed_principals.is_empty() && last.bindings.len() + right.size > DOCUMENT);
        if is_full {
            all.push(AclDocument::default());
        }
        if let Some(last) = all.last_mut() {
            last.managed_principals.insert(right.principal.clone());
            last.bindings.extend(bindings(right));
        }
    }
    all
}

fn children(context: &Context, ground: &Ground, hash: &str, texts: &[String]) -> Vec<render::Child> {
    let nodes = ground.cluster.nodes(&ground.identity);
    let brokers = nodes.iter().filter(|node| node.roles.broker).take(5);
    let bootstrap: Vec<String> = brokers
        .map(|node| format!("{}:{}", node.names.host, ports::REPLICATION))
        .collect();
    let image = &context.settings.operator_image;
    render::acl_job(&ground.cluster, image, &bootstrap.join(","), hash, texts)
}

/// Documents and Job of the first rights in a new cluster.
pub fn first(names: &ClusterNames, users: &[Arc<KafkaUser>]) -> Vec<(Kind, String)> {
    let bindings = |user: &KafkaUser| bindings_of(user, &name_of(user));
    let all = users
        .iter()
        .map(|user| (format!("User:{}", name_of(user)), bindings(user)));
    let all: BTreeMap<String, BTreeSet<AclBinding>> = all.filter(|(_, bindings)| !bindings.is_empty()).collect();
    if all.is_empty() {
        return Vec::new();
    }
    let rights: Vec<Right> = all
        .iter()
        .map(|(principal, bindings)| Right::of(principal, bindings))
        .collect();
    let documents = in_documents(&rights, |right| all.get(&right.principal).cloned().unwrap_or_default());
    let count = documents.len();
    let hash = documents
        .into_iter()
        .fold(AclDocument::default(), AclDocument::and)
        .content_hash();
    let maps = (0..count).map(|index| (Kind::ConfigMap, names.acl_document(&hash, index)));
    maps.chain([(Kind::Job, names.acl_job(&hash))]).collect()
}

enum End {
    Complete,
    Failed(String),
}

/// How a Job ended, if it has.
fn ended(job: &Value) -> Option<End> {
    let conditions = job.pointer("/status/conditions")?.as_array()?;
    let text = |condition: &Value, field: &str| {
        condition
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    conditions
        .iter()
        .filter(|condition| text(condition, "status") == "True")
        .find_map(|condition| match text(condition, "type").as_str() {
            "Complete" => Some(End::Complete),
            "Failed" => Some(End::Failed(text(condition, "message"))),
            _ => None,
        })
}

/// What the Job's last pod said when it ended.
async fn report(context: &Context, namespace: &str, job: &str) -> Result<Option<SyncReport>, PassError> {
    let api: Api<Pod> = Api::namespaced(context.client.clone(), namespace);
    let parameters = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
    let mut pods = apply::bounded("list", "Pod", (namespace, ""), api.list(&parameters))
        .await?
        .items;
    pods.sort_by_key(kube::ResourceExt::creation_timestamp);
    let message = |pod: &Pod| {
        let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
        let ended = containers.first()?.state.as_ref()?.terminated.as_ref()?;
        serde_json::from_str(ended.message.as_deref()?).ok()
    };
    Ok(pods.iter().rev().find_map(message))
}

/// Takes away what is left of Jobs that have ended; `false` if one runs, or if the next one's name is only now being freed. Read
/// live.
async fn clear(context: &Context, key: &ClusterKey, next: &str) -> Result<bool, PassError> {
    let jobs = documents(context, key, Kind::Job).await?;
    if jobs.iter().any(|job| ended(&job.data).is_none()) {
        return Ok(false);
    }
    let is_free = jobs.iter().all(|job| job.name_any() != next);
    for job in jobs {
        let gone = ObjectKey::new(Kind::Job, &key.namespace, &job.name_any());
        apply::delete(context, &gone, &job.uid().unwrap_or_default()).await?;
    }
    remove_documents(context, key, Some(next)).await?;
    Ok(is_free)
}

/// Removes the documents of Jobs that are over; those of the next one stay. Returns how many there were.
async fn remove_documents(context: &Context, key: &ClusterKey, next: Option<&str>) -> Result<usize, PassError> {
    let is_next = |name: &str| next.is_some_and(|next| name.starts_with(&format!("{next}-")));
    let mut count = 0;
    for map in documents(context, key, Kind::ConfigMap).await? {
        if is_next(&map.name_any()) {
            continue;
        }
        let gone = ObjectKey::new(Kind::ConfigMap, &key.namespace, &map.name_any());
        apply::delete(context, &gone, &map.uid().unwrap_or_default()).await?;
        count += 1;
    }
    Ok(count)
}

/// Jobs or ConfigMaps of this cluster's documents.
async fn documents(context: &Context, key: &ClusterKey, kind: Kind) -> Result<Vec<DynamicObject>, PassError> {
    let selector = format!(
        "{CLUSTER_LABEL}={},{COMPONENT}={}",
        key.name,
        Component::AclSync.as_str()
    );
    let api = apply::api(context, kind, &key.namespace);
    let parameters = ListParams::default().labels(&selector);
    let list = apply::bounded("list", kind.as_str(), (&key.namespace, ""), api.list(&parameters)).await?;
    Ok(list.items)
}

/// Lets the Job's principal alter ACLs, and nothing else.
async fn grant_job(admin: &dyn KafkaAdmin) -> Result<(), PassError> {
    let wanted = AclBinding {
        principal: JOB_PRINCIPAL.into(),
        resource_type: AclResourceType::Cluster,
        resource_name: "kafka-cluster".into(),
        pattern_type: AclPatternType::Literal,
        operation: AclOperation::Alter,
        permission: AclPermission::Allow,
        host: "*".into(),
    };
    let filter = AclFilter {
        principal: Some(JOB_PRINCIPAL.into()),
        ..AclFilter::default()
    };
    let what = "let ACL Jobs alter ACLs";
    let known = admin
        .describe_acls(filter)
        .await
        .map_err(|source| failed(what, source))?;
    if known.contains(&wanted) {
        return Ok(());
    }
    let outcomes = admin
        .create_acls(vec![wanted])
        .await
        .map_err(|source| failed(what, source))?;
    for (_, outcome) in outcomes {
        outcome.map_err(|error| PassError::Content {
            kind: "ACL",
            namespace: String::new(),
            name: JOB_PRINCIPAL.into(),
            problem: error.to_string(),
        })?;
    }
    Ok(())
}
