//! TLSRoutes: kept as wanted, and whether their Gateway takes them. They aren't watched, since most clusters don't know the kind:
//! they are listed now and then while a listener needs them, and once per process to remove what a former listener left.

use super::apply::{self, Wish};
use super::context::Context;
use super::error::PassError;
use super::ledger::ObjectKey;
use super::stores::CLUSTER_LABEL;
use crate::model::{Cluster, Identity};
use crate::render::{self, Kind};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often routes that the Gateway has taken are looked at, and those that it hasn't.
const AGAIN: Duration = Duration::from_mins(1);
const SOON: Duration = Duration::from_secs(5);

/// What is remembered between passes.
#[derive(Clone, Debug, Default)]
pub struct Known {
    looked: Option<Timestamp>,
    /// Names with the hash of what was wanted then.
    wanted: BTreeMap<String, u64>,
    accepted: BTreeSet<String>,
}

impl Known {
    fn is_current(&self, wanted: &BTreeMap<String, u64>, now: Timestamp) -> bool {
        let settled = self.accepted.len() == wanted.len();
        let limit = if settled { AGAIN } else { SOON };
        let age = self.looked.map(|looked| now.duration_since(looked));
        let is_new = age.is_some_and(|age| Duration::try_from(age).is_ok_and(|age| age < limit));
        self.wanted == *wanted && (wanted.is_empty() || is_new) && self.looked.is_some()
    }
}

/// Brings all of them to what is wanted; returns the names of those that the Gateway has taken. `None`: Kubernetes doesn't know
/// the kind.
pub async fn ensure(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
    known: &mut Known,
) -> Result<Option<BTreeSet<String>>, PassError> {
    let wishes: Vec<Wish> = render::routes(cluster, identity).into_iter().map(Wish::from).collect();
    let wanted = wishes.iter().map(|wish| (wish.child.name.clone(), wish.hash)).collect();
    if known.is_current(&wanted, context.now()) {
        return Ok(Some(known.accepted.clone()));
    }
    let Some(live) = list(context, cluster).await? else {
        known.looked = wanted.is_empty().then(|| context.now());
        known.wanted = wanted;
        return Ok(None);
    };
    for wish in &wishes {
        let there = live.iter().find(|route| route.name_any() == wish.child.name);
        if !there.is_some_and(|route| apply::is_as_wanted(route, &wish.child)) {
            apply::unwatched(context, &cluster.names.namespace, wish).await?;
        }
    }
    for route in live.iter().filter(|route| is_left_over(route, cluster, &wanted)) {
        let key = ObjectKey::new(Kind::TLSRoute, &cluster.names.namespace, &route.name_any());
        tracing::info!(name = %key.name, "removing a TLSRoute that isn't needed any more");
        apply::delete(context, &key, &route.uid().unwrap_or_default()).await?;
    }
    *known = Known {
        looked: Some(context.now()),
        accepted: accepted(&live, &wanted),
        wanted,
    };
    Ok(Some(known.accepted.clone()))
}

/// Looks, and changes nothing.
pub async fn look(
    context: &Context,
    cluster: &Cluster,
    identity: &Identity,
) -> Result<Option<BTreeSet<String>>, PassError> {
    let routes = render::routes(cluster, identity);
    if routes.is_empty() {
        return Ok(Some(BTreeSet::new()));
    }
    let wanted = routes.into_iter().map(|route| (route.name, 0)).collect();
    let live = list(context, cluster).await?;
    Ok(live.map(|live| accepted(&live, &wanted)))
}

/// Names of those that no listener needs any more.
pub async fn left_over(context: &Context, cluster: &Cluster, identity: &Identity) -> Result<Vec<String>, PassError> {
    let routes = render::routes(cluster, identity);
    let wanted = routes.into_iter().map(|route| (route.name, 0)).collect();
    let live = list(context, cluster).await?.unwrap_or_default();
    let gone = live.iter().filter(|route| is_left_over(route, cluster, &wanted));
    Ok(gone.map(ResourceExt::name_any).collect())
}

async fn list(context: &Context, cluster: &Cluster) -> Result<Option<Vec<DynamicObject>>, PassError> {
    let namespace = &cluster.names.namespace;
    let api = apply::api(context, Kind::TLSRoute, namespace);
    let parameters = ListParams::default().labels(&format!("{CLUSTER_LABEL}={}", cluster.names.cluster));
    match apply::bounded("list", "TLSRoute", (namespace, ""), api.list(&parameters)).await {
        Ok(list) => Ok(Some(list.items)),
        // An installation may leave the right to them out; nothing of the kind is there then.
        Err(error) if error.is_unknown_kind() || error.category() == "forbidden" => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_left_over(route: &DynamicObject, cluster: &Cluster, wanted: &BTreeMap<String, u64>) -> bool {
    let own = route.owner_references().iter().any(|owner| owner.uid == cluster.uid);
    own && !wanted.contains_key(&route.name_any())
}

fn accepted(live: &[DynamicObject], wanted: &BTreeMap<String, u64>) -> BTreeSet<String> {
    let taken = live.iter().filter(|route| is_accepted(&route.data));
    let names = taken.map(ResourceExt::name_any);
    names.filter(|name| wanted.contains_key(name)).collect()
}

/// Some parent says `Accepted`.
fn is_accepted(route: &Value) -> bool {
    let parents = route.pointer("/status/parents").and_then(Value::as_array);
    let conditions = parents
        .into_iter()
        .flatten()
        .filter_map(|parent| parent.get("conditions"));
    let mut all = conditions.filter_map(Value::as_array).flatten();
    all.any(|condition| {
        condition.get("type") == Some(&"Accepted".into()) && condition.get("status") == Some(&"True".into())
    })
}
