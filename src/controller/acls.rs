//! Drives ACL Jobs: the rights of all users of a cluster are one content-hashed document, and each new document is carried
//! out by one Job. The ConfigMap of the document keeps the proof that it was, so that a new process starts nothing again.

use super::apply;
use super::context::Context;
use super::error::PassError;
use super::ledger::ObjectKey;
use super::memory::Memory;
use super::stores::{CLUSTER_LABEL, ClusterKey};
use crate::acl;
use crate::kafka::acls::{AclBinding, AclFilter, AclOperation, AclPatternType, AclPermission, AclResourceType};
use crate::kafka::admin::KafkaAdmin;
use crate::model::{Cluster, Identity, ports};
use crate::render::labels::{COMPONENT, Component};
use crate::render::{self, Kind};
use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

/// Principal of ACL Jobs: the common name and organisation of their certificate, as Java prints them.
const JOB_PRINCIPAL: &str = "User:CN=kafka-acl-sync,O=productionkafka";

const FIRST_RETRY: Duration = Duration::from_secs(10);
const LONGEST_RETRY: Duration = Duration::from_mins(5);

/// Annotation on the document's ConfigMap once a Job has carried it out.
pub const APPLIED: &str = "productionkafka.dev/applied";

/// Where the users' rights stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Kafka has exactly this document.
    Applied,
    /// A Job is on its way; look again after this long.
    Running(Duration),
    /// The Job failed; it's tried again after this long.
    Failed(Duration),
}

/// A document that Kafka couldn't be brought to yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub hash: String,
    pub why: String,
    /// Uid of the last Job that failed.
    job: String,
    /// Jobs that failed.
    count: u32,
    at: jiff::Timestamp,
}

impl Failure {
    /// When the next Job may start: 10 s after the first failure, then twice as long each time, at most 5 minutes.
    fn wait(&self, now: jiff::Timestamp) -> Duration {
        let doubled = FIRST_RETRY.saturating_mul(1 << self.count.saturating_sub(1).min(10));
        let passed = Duration::try_from(now.duration_since(self.at)).unwrap_or_default();
        doubled.min(LONGEST_RETRY).saturating_sub(passed)
    }
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
    let name = cluster.names.acl_job(&hash);
    let map = ObjectKey::new(Kind::ConfigMap, &key.namespace, &name);
    let work = Work {
        context,
        cluster,
        identity,
        document: &document,
        hash: &hash,
    };
    if memory.acls.as_ref() == Some(&hash) {
        if context.stores.child(&map).is_none() {
            work.mark().await?;
        }
        return Ok(Progress::Applied);
    }
    // Whatever was in force is so no longer: until this document is known to be in Kafka, none is.
    memory.acls = None;
    if is_applied(apply::get(context, &map).await?.as_ref()) {
        memory.acls = Some(hash.clone());
        memory.acl_failure = None;
        return Ok(Progress::Applied);
    }
    memory.acl_failure.take_if(|failure| failure.hash != hash);
    let job = ObjectKey {
        kind: Kind::Job,
        ..map.clone()
    };
    if let Some(live) = apply::get(context, &job).await? {
        return work.finished(&job, &live, memory).await;
    }
    grant_job(admin).await?;
    if !supersede(context, &key, &name).await? {
        return Ok(Progress::Running(Duration::from_secs(2)));
    }
    for child in work.children(false) {
        apply::child(context, &key.namespace, &child).await?;
    }
    Ok(Progress::Running(Duration::from_secs(2)))
}

/// One document on its way to Kafka.
struct Work<'a> {
    context: &'a Context,
    cluster: &'a Cluster,
    identity: &'a Identity,
    document: &'a acl::AclDocument,
    hash: &'a str,
}

impl Work<'_> {
    /// The document's ConfigMap and its Job; once applied, the ConfigMap with its mark alone.
    fn children(&self, applied: bool) -> Vec<render::Child> {
        let nodes = self.cluster.nodes(self.identity);
        let brokers = nodes.iter().filter(|node| node.roles.broker).take(5);
        let bootstrap: Vec<String> = brokers
            .map(|node| format!("{}:{}", node.names.host, ports::REPLICATION))
            .collect();
        let image = &self.context.settings.operator_image;
        let text = self.document.to_json();
        let mut children = render::acl_job(self.cluster, image, &bootstrap.join(","), self.hash, &text);
        if applied {
            children.retain(|child| child.kind == Kind::ConfigMap);
            for child in &mut children {
                child.annotate(APPLIED, "true");
            }
        }
        children
    }

    /// Notes at the document that Kafka has it.
    async fn mark(&self) -> Result<(), PassError> {
        for child in self.children(true) {
            apply::child(self.context, &self.cluster.names.namespace, &child).await?;
        }
        Ok(())
    }

    async fn finished(&self, key: &ObjectKey, job: &DynamicObject, memory: &mut Memory) -> Result<Progress, PassError> {
        if job.metadata.deletion_timestamp.is_some() {
            return Ok(Progress::Running(Duration::from_secs(2)));
        }
        if condition(&job.data, "Complete").is_some() {
            self.mark().await?;
            memory.acls = Some(self.hash.to_owned());
            memory.acl_failure = None;
            return Ok(Progress::Applied);
        }
        let Some(failed) = condition(&job.data, "Failed") else {
            return Ok(Progress::Running(Duration::from_secs(2)));
        };
        let failure = self.failure(job, failed, memory.acl_failure.take());
        let wait = failure.wait(self.context.now());
        memory.acl_failure = Some(failure);
        if !wait.is_zero() {
            return Ok(Progress::Failed(wait));
        }
        // The next one is started once this one is gone: they have one name.
        apply::delete(self.context, key, &job.uid().unwrap_or_default()).await?;
        Ok(Progress::Running(Duration::from_secs(1)))
    }

    /// This failure, counted once.
    fn failure(&self, job: &DynamicObject, failed: &Value, known: Option<Failure>) -> Failure {
        let uid = job.uid().unwrap_or_default();
        let count = match known {
            Some(known) if known.job == uid => return known,
            Some(known) => known.count.saturating_add(1),
            None => 1,
        };
        let text = |field: &str| failed.get(field).and_then(Value::as_str);
        let name = job.name_any();
        let mut why = format!("Job {name} failed: {}", text("message").unwrap_or("no message"));
        let pods = self
            .context
            .stores
            .pods_of(&super::identity::cluster_key(&self.cluster.names));
        let of_job = pods.iter().filter(|pod| pod.name.starts_with(&format!("{name}-")));
        if let Some(trouble) = of_job.filter_map(|pod| pod.trouble.as_ref()).next_back() {
            let _ = write!(why, ": {trouble}");
        }
        tracing::warn!(cluster = %self.cluster.names.cluster, why, count, "access rights aren't in place");
        Failure {
            hash: self.hash.to_owned(),
            why,
            job: uid,
            count,
            at: text("lastTransitionTime")
                .and_then(|at| at.parse().ok())
                .unwrap_or_else(|| self.context.now()),
        }
    }
}

fn condition<'a>(job: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = job.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|condition| {
        condition.get("type").and_then(Value::as_str) == Some(kind)
            && condition.get("status").and_then(Value::as_str) == Some("True")
    })
}

fn is_applied(map: Option<&DynamicObject>) -> bool {
    map.is_some_and(|map| map.annotations().get(APPLIED).is_some_and(|value| value == "true"))
}

/// Removes what is left of older documents, once no Job of theirs runs any more. Without this, going back to an older
/// document would find its mark or its finished Job and be taken for applied while Kafka holds a newer one. Read live: a
/// mark that the cache doesn't show yet counts too.
async fn supersede(context: &Context, key: &ClusterKey, name: &str) -> Result<bool, PassError> {
    for kind in [Kind::Job, Kind::ConfigMap] {
        for old in documents(context, key, kind).await? {
            let runs = condition(&old.data, "Complete")
                .or(condition(&old.data, "Failed"))
                .is_none();
            if old.name_any() == name {
                continue;
            }
            if kind == Kind::Job && runs {
                return Ok(false);
            }
            let uid = old.uid().unwrap_or_default();
            let key = ObjectKey::new(kind, &key.namespace, &old.name_any());
            apply::delete(context, &key, &uid).await?;
        }
    }
    Ok(true)
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

/// Documents aren't pruned: a Job that runs reads its own, and `supersede` removes those that are over.
pub fn kept(context: &Context, key: &ClusterKey) -> Vec<render::Child> {
    let prefix = format!("{}-acl-", key.name);
    let is_document = |name: &str| {
        name.strip_prefix(&prefix)
            .is_some_and(|hash| hash.len() == 10 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    let children = context.stores.children_of(key);
    let maps = children
        .into_iter()
        .filter(|(child, _)| child.kind == Kind::ConfigMap && is_document(&child.name));
    maps.map(|(child, _)| render::Child {
        kind: Kind::ConfigMap,
        name: child.name,
        body: Value::Null,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_come_later_and_later_and_never_stop() {
        let at = jiff::Timestamp::from_second(1_000).unwrap();
        let wait = |count, passed| {
            let failure = Failure {
                hash: String::new(),
                why: String::new(),
                job: String::new(),
                count,
                at,
            };
            failure.wait(at + jiff::SignedDuration::from_secs(passed)).as_secs()
        };
        let waits: Vec<u64> = [1, 2, 3, 4, 5, 6, 100].map(|count| wait(count, 0)).to_vec();
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
        assert_eq!((wait(2, 15), wait(2, 20), wait(2, 500)), (5, 0, 0));
        assert_eq!(wait(1, -5), 10, "a clock that goes back doesn't make it longer");
    }
}
