//! Drives ACL Jobs: the rights of all users of a cluster are one content-hashed document, and each new document is carried
//! out by one Job. The ConfigMap of the document keeps the proof that it was, so that a new process starts nothing again.

use super::apply;
use super::context::Context;
use super::error::PassError;
use super::ledger::ObjectKey;
use super::memory::Memory;
use super::stores::ClusterKey;
use crate::acl;
use crate::kafka::acls::{AclBinding, AclFilter, AclOperation, AclPatternType, AclPermission, AclResourceType};
use crate::kafka::admin::KafkaAdmin;
use crate::model::{Cluster, Identity, ports};
use crate::render::{self, Kind};
use serde_json::Value;
use std::time::Duration;

/// Principal of ACL Jobs: the common name and organisation of their certificate, as Java prints them.
const JOB_PRINCIPAL: &str = "User:CN=kafka-acl-sync,O=productionkafka";

/// Annotation on the document's ConfigMap once a Job has carried it out.
pub const APPLIED: &str = "productionkafka.dev/applied";

/// Where the users' rights stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Kafka has exactly this document.
    Applied,
    /// A Job is on its way; look again after this long.
    Running(Duration),
    Failed(String),
}

/// Brings Kafka's ACLs to the users' rights.
pub async fn drive(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    admin: &dyn KafkaAdmin,
    memory: &mut Memory,
) -> Result<Progress, PassError> {
    let key = super::identity::cluster_key(&cluster.names);
    let document = acl::document(&context.stores.users_of(&key));
    let hash = document.content_hash();
    if memory.acls.as_ref() == Some(&hash) {
        return Ok(Progress::Applied);
    }
    let name = cluster.names.acl_job(&hash);
    let map = ObjectKey {
        kind: Kind::ConfigMap,
        namespace: key.namespace.clone(),
        name: name.clone(),
    };
    let seen = context.stores.child(&map);
    if seen.is_some_and(|meta| {
        meta.annotations
            .iter()
            .any(|(key, value)| key == APPLIED && value == "true")
    }) {
        memory.acls = Some(hash);
        return Ok(Progress::Applied);
    }
    let job = ObjectKey {
        kind: Kind::Job,
        ..map.clone()
    };
    if let Some(live) = apply::get(context, &job).await? {
        return finished(context, cluster, identity, (&document, &hash), &live.data, memory).await;
    }
    grant_job(admin).await?;
    if other_job_runs(context, &key, &name) {
        return Ok(Progress::Running(Duration::from_secs(2)));
    }
    for child in children(context, cluster, identity, &document, &hash, false) {
        apply::child(context, &key.namespace, &child).await?;
    }
    Ok(Progress::Running(Duration::from_secs(2)))
}

fn children(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    document: &acl::AclDocument,
    hash: &str,
    applied: bool,
) -> Vec<render::Child> {
    let bootstrap: Vec<String> = cluster
        .nodes(identity)
        .iter()
        .filter(|node| node.pool.roles.broker)
        .take(5)
        .map(|node| format!("{}:{}", node.names.host, ports::REPLICATION))
        .collect();
    let text = document.to_json();
    let image = &context.settings.operator_image;
    let mut children = render::acl_job(cluster, image, &bootstrap.join(","), hash, &text);
    if applied {
        children.retain(|child| child.kind == Kind::ConfigMap);
        for child in &mut children {
            child.annotate(APPLIED, "true");
        }
    }
    children
}

async fn finished(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    (document, hash): (&acl::AclDocument, &str),
    job: &Value,
    memory: &mut Memory,
) -> Result<Progress, PassError> {
    let condition = |kind: &str| {
        job.pointer("/status/conditions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|condition| {
                condition.get("type").and_then(Value::as_str) == Some(kind)
                    && condition.get("status").and_then(Value::as_str) == Some("True")
            })
    };
    if condition("Complete").is_some() {
        for child in children(context, cluster, identity, document, hash, true) {
            apply::child(context, &cluster.names.namespace, &child).await?;
        }
        memory.acls = Some(hash.to_owned());
        return Ok(Progress::Applied);
    }
    if let Some(failed) = condition("Failed") {
        let why = failed.get("message").and_then(Value::as_str).unwrap_or("no message");
        return Ok(Progress::Failed(format!(
            "Job {} failed: {why}; see its log",
            cluster.names.acl_job(hash)
        )));
    }
    Ok(Progress::Running(Duration::from_secs(2)))
}

/// One Job at a time: an older document's Job must be gone or done before the next starts.
fn other_job_runs(context: &Context, key: &ClusterKey, name: &str) -> bool {
    let jobs = context.stores.children_of(key);
    jobs.iter().any(|(job, meta)| {
        job.kind == Kind::Job
            && job.name != name
            && !meta.annotations.iter().any(|(key, _)| key == APPLIED)
            && context
                .stores
                .child(&ObjectKey {
                    kind: Kind::ConfigMap,
                    ..job.clone()
                })
                .is_some_and(|map| {
                    !map.annotations
                        .iter()
                        .any(|(key, value)| key == APPLIED && value == "true")
                })
    })
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
    let failed = |source| PassError::Kafka {
        what: "let ACL Jobs alter ACLs",
        source: Box::new(source),
    };
    if admin.describe_acls(filter).await.map_err(failed)?.contains(&wanted) {
        return Ok(());
    }
    let outcomes = admin.create_acls(vec![wanted]).await.map_err(failed)?;
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

/// The document that's in force or on its way, so that it isn't pruned.
pub fn current(context: &Context, key: &ClusterKey) -> Vec<render::Child> {
    let hash = acl::document(&context.stores.users_of(key)).content_hash();
    let hash = hash.get(..10).unwrap_or_default();
    let name = format!("{}-acl-{hash}", key.name);
    vec![render::Child {
        kind: Kind::ConfigMap,
        name,
        body: Value::Null,
    }]
}
