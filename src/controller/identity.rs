//! Loads and commits the identity of a cluster. It's created once and never overwritten blindly: every change carries the
//! resourceVersion that was read.

use super::apply;
use super::context::Context;
use super::error::PassError;
use super::ledger::ObjectKey;
use super::memory::Memory;
use super::stores::ClusterKey;
use crate::model::identity::{KEY, Plan};
use crate::model::{Cluster, ClusterNames, Identity};
use crate::render::{self, Kind};
use kube::ResourceExt;
use kube::core::DynamicObject;

fn key_of(names: &ClusterNames) -> ObjectKey {
    ObjectKey::new(Kind::ConfigMap, &names.namespace, &names.identity())
}

/// The identity as the apiserver has it, from memory while its ConfigMap hasn't changed.
pub async fn load(context: &Context, names: &ClusterNames, memory: &mut Memory) -> Result<Option<Identity>, PassError> {
    let key = key_of(names);
    let seen = context.stores.child(&key).map(|meta| meta.resource_version);
    if let (Some((version, identity)), Some(seen)) = (&memory.identity, &seen)
        && version == seen
    {
        return Ok(Some(identity.clone()));
    }
    let live = apply::get(context, &key).await?;
    match live {
        Some(object) => {
            let identity = read(&key, &object)?;
            memory.identity = Some((object.resource_version().unwrap_or_default(), identity.clone()));
            Ok(Some(identity))
        }
        // Deleted by hand while this process runs: what's remembered is put back.
        None => match memory.identity.take() {
            Some((_, identity)) => Ok(Some(commit(context, names, memory, identity).await?)),
            None => Ok(None),
        },
    }
}

fn read(key: &ObjectKey, object: &DynamicObject) -> Result<Identity, PassError> {
    let content = |problem: String| PassError::Content {
        kind: "ConfigMap",
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        problem,
    };
    let text = object
        .data
        .pointer(&format!("/data/{KEY}"))
        .and_then(serde_json::Value::as_str);
    let text = text.ok_or_else(|| content(format!("the key {KEY} is missing; restore the ConfigMap from a backup")))?;
    serde_json::from_str(text).map_err(|error| content(format!("{error}; restore the ConfigMap from a backup")))
}

/// The identity completed for the cluster's pools, committed before anything is built on it.
pub async fn ensure(
    context: &Context,
    cluster: &Cluster,
    zones: &[String],
    memory: &mut Memory,
) -> Result<Identity, PassError> {
    let old = load(context, &cluster.names, memory).await?;
    let wanted = wanted(context, cluster, zones, old.clone())?;
    if old.as_ref() == Some(&wanted) {
        return Ok(wanted);
    }
    commit(context, &cluster.names, memory, wanted).await
}

/// The identity that the cluster's pools need, from the one that there is.
pub fn wanted(
    context: &Context,
    cluster: &Cluster,
    zones: &[String],
    old: Option<Identity>,
) -> Result<Identity, PassError> {
    let mut failed = false;
    let mut draw = || {
        let mut bytes = [0_u8; 32];
        failed |= !(context.world.random)(&mut bytes);
        let mut half = [0_u8; 16];
        half.copy_from_slice(bytes.split_at(16).0);
        half
    };
    let plan = Plan {
        names: &cluster.names,
        pools: &cluster.pools,
        zones,
    };
    let mut wanted = plan.complete(old, &mut draw);
    wanted.part(&cluster.pools, existing(context, cluster));
    if failed {
        return Err(PassError::Randomness);
    }
    Ok(wanted)
}

/// Ids of the nodes whose StatefulSet is there, as far as the watch knows: one that it doesn't know yet is looked at with
/// the event that tells of it.
fn existing(context: &Context, cluster: &Cluster) -> Vec<i32> {
    let children = context.stores.children_of(&cluster_key(&cluster.names));
    let own = children.iter().filter(|(child, meta)| {
        child.kind == Kind::StatefulSet && meta.owner_uid.as_deref() == Some(cluster.uid.as_str())
    });
    own.filter_map(|(child, _)| child.name.rsplit_once('-')?.1.parse().ok())
        .collect()
}

/// Writes an identity: creates it, or replaces the very version that was read.
pub async fn commit(
    context: &Context,
    names: &ClusterNames,
    memory: &mut Memory,
    identity: Identity,
) -> Result<Identity, PassError> {
    let child = render::identity_config_map(names, &identity);
    let key = key_of(names);
    let written = if let Some((version, _)) = &memory.identity {
        apply::replace(context, &names.namespace, &child, version).await?
    } else {
        let Some(created) = apply::create(context, &names.namespace, &child).await? else {
            return adopt(context, &key, memory).await;
        };
        created
    };
    memory.identity = Some((written.resource_version().unwrap_or_default(), identity.clone()));
    Ok(identity)
}

/// Somebody else created the identity first: theirs holds.
async fn adopt(context: &Context, key: &ObjectKey, memory: &mut Memory) -> Result<Identity, PassError> {
    let live = apply::get(context, key).await?;
    let problem = "appeared and vanished while it was created".to_owned();
    let (kind, namespace, name) = ("ConfigMap", key.namespace.clone(), key.name.clone());
    let live = live.ok_or(PassError::Content {
        kind,
        namespace,
        name,
        problem,
    })?;
    let theirs = read(key, &live)?;
    memory.identity = Some((live.resource_version().unwrap_or_default(), theirs.clone()));
    Ok(theirs)
}

/// Key of a cluster's passes.
pub fn cluster_key(names: &ClusterNames) -> ClusterKey {
    ClusterKey {
        namespace: names.namespace.clone(),
        name: names.cluster.clone(),
    }
}
