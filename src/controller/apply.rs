//! Carries wishes to the apiserver: server-side apply, only what differs, deletes only with the uid that was seen.
//!
//! Unchanged wish and unchanged object: nothing is sent. Otherwise the object is read live and compared, and only a
//! difference is written.

use super::compare;
use super::context::{Context, MANAGER};
use super::error::PassError;
use super::ledger::{Entry, ObjectKey, wish};
use super::stores::child_meta;
use crate::api::Quantity;
use crate::model::measure;
use crate::render::labels::{MANAGED_BY, OPERATOR};
use crate::render::{Child, Kind, hash_of};
use crate::runtime::metrics::Verb;
use futures::StreamExt;
use futures::stream;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;
use std::time::Duration;

/// Longest wait for one answer of the apiserver.
const CALL: Duration = Duration::from_secs(10);

/// Objects that are written at the same time.
const AT_ONCE: usize = 8;

/// Annotation with the hash of what was last applied.
pub const WISH: &str = "productionkafka.dev/wish";

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    Unchanged,
    Written,
}

/// The API of a child's kind in a namespace.
pub fn api(context: &Context, kind: Kind, namespace: &str) -> Api<DynamicObject> {
    let (group, version) = match kind.api_version().split_once('/') {
        Some((group, version)) => (group, version),
        None => ("", kind.api_version()),
    };
    let gvk = GroupVersionKind::gvk(group, version, kind.as_str());
    let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural());
    Api::namespaced_with(context.client.clone(), namespace, &resource)
}

/// The wish with its own hash: a live object that carries another hash may hold what isn't wanted any more.
fn stamped(child: &Child) -> Child {
    let mut stamped = child.clone();
    stamped.annotate(WISH, &hash_of(child.body.to_string().as_bytes()));
    stamped
}

pub fn key_of(namespace: &str, child: &Child) -> ObjectKey {
    ObjectKey::new(child.kind, namespace, &child.name)
}

/// A child with the hash of what is wanted, made once however often it's looked at.
#[derive(Clone, Debug)]
pub struct Wish {
    pub child: Child,
    pub hash: u64,
}

impl From<Child> for Wish {
    fn from(child: Child) -> Self {
        let hash = wish(&child.body);
        Self { child, hash }
    }
}

/// Brings one child to what is wanted.
pub async fn child(context: &Context, namespace: &str, child: &Child) -> Result<Applied, PassError> {
    let key = key_of(namespace, child);
    let wanted = wish(&child.body);
    if is_settled(context, &key, wanted) {
        return Ok(Applied::Unchanged);
    }
    bring(context, key, child, wanted).await
}

/// Brings children that don't depend on each other to what is wanted, several at a time. Each is tried, whatever becomes
/// of the others; the error is that of the first that failed.
pub async fn all(context: &Context, namespace: &str, wishes: &[Wish]) -> Result<(), PassError> {
    let unsettled = wishes.iter().filter_map(|wish| {
        let key = key_of(namespace, &wish.child);
        (!is_settled(context, &key, wish.hash)).then_some((key, wish))
    });
    let work: Vec<_> = unsettled
        .map(|(key, wish)| bring(context, key, &wish.child, wish.hash))
        .collect();
    side_by_side(work).await?;
    Ok(())
}

/// Ends every piece of work, `AT_ONCE` at a time; the results in their order, or the first error.
pub async fn side_by_side<T>(work: Vec<impl Future<Output = Result<T, PassError>>>) -> Result<Vec<T>, PassError> {
    let ended: Vec<Result<T, PassError>> = stream::iter(work).buffered(AT_ONCE).collect().await;
    ended.into_iter().collect()
}

/// Neither the wish nor the object has changed since it was last applied.
fn is_settled(context: &Context, key: &ObjectKey, wanted: u64) -> bool {
    let known = context.ledger.get(key);
    let seen = context.stores.child(key);
    known
        .zip(seen)
        .is_some_and(|(known, seen)| known.wish == wanted && known.uid == seen.uid && known.version == seen.version)
}

/// Reads live, refuses what isn't ours, writes what differs.
async fn bring(context: &Context, key: ObjectKey, child: &Child, wanted: u64) -> Result<Applied, PassError> {
    let look = look(context, &key, child).await?;
    if let Some(live) = look.live.as_ref().filter(|_| look.is_same()) {
        record(context, key, wanted, live);
        return Ok(Applied::Unchanged);
    }
    let live = patch(context, &key, &look.wanted).await?;
    record(context, key, wanted, &live);
    Ok(Applied::Written)
}

/// An object as it is, and as it's wanted.
pub struct Look {
    pub live: Option<DynamicObject>,
    /// With its stamp, and what of the live object stays whatever is wanted.
    pub wanted: Value,
}

impl Look {
    /// Nothing would be written.
    pub fn is_same(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live_says(live, &self.wanted))
    }
}

/// Reads live, and refuses what isn't ours; changes nothing.
pub async fn look(context: &Context, key: &ObjectKey, child: &Child) -> Result<Look, PassError> {
    let mut child = stamped(child);
    let live = get(context, key).await?;
    if let Some(live) = &live {
        refuse_foreign(key, live, &child.body)?;
        if key.kind == Kind::PersistentVolumeClaim {
            keep_size(live, &mut child.body);
        }
    }
    let wanted = child.body;
    Ok(Look { live, wanted })
}

/// Brings an object that isn't watched to what is wanted: always read live first.
pub async fn unwatched(context: &Context, namespace: &str, wish: &Wish) -> Result<Applied, PassError> {
    let key = key_of(namespace, &wish.child);
    bring(context, key, &wish.child, wish.hash).await
}

/// Makes an object that a live read in this very pass has shown to be absent.
pub async fn absent(context: &Context, namespace: &str, wish: &Wish) -> Result<(), PassError> {
    let key = key_of(namespace, &wish.child);
    let live = patch(context, &key, &stamped(&wish.child).body).await?;
    record(context, key, wish.hash, &live);
    Ok(())
}

/// An object of the same name that somebody else made, or that belongs to another resource, is never taken over.
fn refuse_foreign(key: &ObjectKey, live: &DynamicObject, wanted: &Value) -> Result<(), PassError> {
    let ours = live.labels().get(MANAGED_BY).is_some_and(|manager| manager == OPERATOR);
    let owner = live
        .owner_references()
        .iter()
        .find(|owner| owner.controller == Some(true));
    let wanted_owner = wanted
        .pointer("/metadata/ownerReferences/0/uid")
        .and_then(Value::as_str);
    let wanted_owner_name = wanted
        .pointer("/metadata/ownerReferences/0/name")
        .and_then(Value::as_str);
    let is_child = owner.is_some_and(|owner| Some(owner.uid.as_str()) == wanted_owner);
    if is_child || ours && owner.is_none() {
        return Ok(());
    }
    if owner.is_some_and(|owner| Some(owner.name.as_str()) == wanted_owner_name && owner.kind == "ProductionKafka") {
        return Err(PassError::Former {
            kind: key.kind.as_str(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
        });
    }
    Err(PassError::Foreign {
        kind: key.kind.as_str(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        owner: owner.map_or_else(|| "nobody".into(), |owner| format!("{} {}", owner.kind, owner.name)),
    })
}

/// What a claim has beyond what's wanted stays: volumes can't shrink, and others may grow them.
fn keep_size(live: &DynamicObject, wanted: &mut Value) {
    const SIZE: &str = "/spec/resources/requests/storage";
    let bytes = |size: &Value| measure::bytes(&Quantity(size.as_str()?.to_owned()));
    let live = live.data.pointer(SIZE);
    if let (Some(live), Some(wanted)) = (live, wanted.pointer_mut(SIZE))
        && bytes(live) > bytes(wanted)
    {
        *wanted = live.clone();
    }
}

/// Whether an object that was just read says all that is wanted.
pub fn is_as_wanted(live: &DynamicObject, child: &Child) -> bool {
    live_says(live, &stamped(child).body)
}

fn live_says(live: &DynamicObject, wanted: &Value) -> bool {
    let live = serde_json::to_value(live).unwrap_or(Value::Null);
    let hash = |value: &Value| {
        value
            .pointer("/metadata/annotations/productionkafka.dev~1wish")
            .cloned()
    };
    hash(&live) == hash(wanted) && compare::says(&live, wanted)
}

fn record(context: &Context, key: ObjectKey, wish: u64, live: &DynamicObject) {
    let meta = child_meta(key.kind, &live.metadata);
    context.ledger.record(
        key,
        Entry {
            wish,
            uid: meta.uid,
            version: meta.version,
        },
    );
}

/// Reads an object live; `None` when there's none.
pub async fn get(context: &Context, key: &ObjectKey) -> Result<Option<DynamicObject>, PassError> {
    let api = api(context, key.kind, &key.namespace);
    call("get", key, api.get_opt(&key.name)).await
}

/// Whether there's a pod of this name, live.
pub async fn pod_exists(context: &Context, namespace: &str, name: &str) -> Result<bool, PassError> {
    let api: Api<Pod> = Api::namespaced(context.client.clone(), namespace);
    let found = bounded("get", "Pod", (namespace, name), api.get_metadata_opt(name)).await?;
    Ok(found.is_some())
}

/// Server-side apply of a whole wish.
async fn patch(context: &Context, key: &ObjectKey, body: &Value) -> Result<DynamicObject, PassError> {
    guard(context)?;
    let api = api(context, key.kind, &key.namespace);
    let parameters = PatchParams::apply(MANAGER).force();
    let patch = Patch::Apply(body);
    let written = call("apply", key, api.patch(&key.name, &parameters, &patch)).await?;
    context.metrics.kube_write(key.kind.as_str(), Verb::Apply);
    Ok(written)
}

/// Creates an object that must never be overwritten; `None` when it exists already.
pub async fn create(context: &Context, namespace: &str, child: &Child) -> Result<Option<DynamicObject>, PassError> {
    guard(context)?;
    let child = &stamped(child);
    let key = key_of(namespace, child);
    let object = object_of(&key, &child.body)?;
    let api = api(context, child.kind, namespace);
    let parameters = PostParams {
        field_manager: Some(MANAGER.into()),
        ..PostParams::default()
    };
    match call("create", &key, api.create(&parameters, &object)).await {
        Ok(created) => {
            context.metrics.kube_write(key.kind.as_str(), Verb::Create);
            Ok(Some(created))
        }
        Err(PassError::Kubernetes { source, .. }) if is_code(&source, 409) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces an object that nobody else has changed since `resource_version`.
pub async fn replace(
    context: &Context,
    namespace: &str,
    child: &Child,
    resource_version: &str,
) -> Result<DynamicObject, PassError> {
    guard(context)?;
    let child = &stamped(child);
    let key = key_of(namespace, child);
    let mut object = object_of(&key, &child.body)?;
    object.metadata.resource_version = Some(resource_version.to_owned());
    let api = api(context, child.kind, namespace);
    let parameters = PostParams {
        field_manager: Some(MANAGER.into()),
        ..PostParams::default()
    };
    let written = call("replace", &key, api.replace(&key.name, &parameters, &object)).await?;
    context.metrics.kube_write(key.kind.as_str(), Verb::Apply);
    Ok(written)
}

/// Deletes the object with exactly this uid; gone already is fine.
pub async fn delete(context: &Context, key: &ObjectKey, uid: &str) -> Result<(), PassError> {
    guard(context)?;
    let api = api(context, key.kind, &key.namespace);
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        }),
        propagation_policy: Some(kube::api::PropagationPolicy::Background),
        ..DeleteParams::default()
    };
    let result = call("delete", key, api.delete(&key.name, &parameters)).await;
    context.ledger.forget(key);
    match result {
        Ok(_) => {
            context.metrics.kube_write(key.kind.as_str(), Verb::Delete);
            Ok(())
        }
        Err(PassError::Kubernetes { source, .. }) if is_code(&source, 404) || is_code(&source, 409) => Ok(()),
        Err(error) => Err(error),
    }
}

fn object_of(key: &ObjectKey, body: &Value) -> Result<DynamicObject, PassError> {
    serde_json::from_value(body.clone()).map_err(|error| PassError::Content {
        kind: key.kind.as_str(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        problem: error.to_string(),
    })
}

fn guard(context: &Context) -> Result<(), PassError> {
    if context.leads() {
        Ok(())
    } else {
        Err(PassError::NotLeading)
    }
}

fn is_code(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

async fn call<T>(
    verb: &'static str,
    key: &ObjectKey,
    future: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, PassError> {
    bounded(verb, key.kind.as_str(), (&key.namespace, &key.name), future).await
}

/// Any request to the apiserver, with a bound on the wait and its subject in the error.
pub async fn bounded<T>(
    verb: &'static str,
    kind: &'static str,
    (namespace, name): (&str, &str),
    future: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, PassError> {
    let (namespace, name) = (namespace.to_owned(), name.to_owned());
    match tokio::time::timeout(CALL, future).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(PassError::Kubernetes {
            verb,
            kind,
            namespace,
            name,
            source: Box::new(source),
        }),
        Err(_) => Err(PassError::Timeout {
            verb,
            kind,
            namespace,
            name,
        }),
    }
}
