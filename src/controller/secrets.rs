//! Secrets, which the operator may get but never list or watch. So that a deleted Secret is noticed all the same, each has
//! a sentinel: an empty ConfigMap that the Secret owns. When the Secret goes, Kubernetes' garbage collector takes the
//! sentinel with it, and that is watched.

use super::apply::{self, Wish};
use super::context::Context;
use super::error::PassError;
use super::ledger::ObjectKey;
use super::stores::ChildMeta;
use super::trust::{SecretData, secret_key};
use crate::model::ClusterNames;
use crate::render::{self, Kind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// The Secret's data as text, read live; `None` when there's no such Secret. What isn't text is empty.
pub async fn read(context: &Context, namespace: &str, name: &str) -> Result<Option<SecretData>, PassError> {
    Ok(encoded(context, namespace, name).await?.map(decoded))
}

/// The Secret's data in base64, read live: whatever it holds.
pub async fn encoded(context: &Context, namespace: &str, name: &str) -> Result<Option<SecretData>, PassError> {
    let object = apply::get(context, &secret_key(namespace, name)).await?;
    let data = |object: kube::core::DynamicObject| {
        let data = object.data.get("data").and_then(Value::as_object);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let data = data.into_iter().flatten();
        SecretData(data.map(|(key, value)| (key.clone(), text(value))).collect())
    };
    Ok(object.map(data))
}

fn decoded(SecretData(data): SecretData) -> SecretData {
    let text = |value: &str| String::from_utf8(STANDARD.decode(value).unwrap_or_default()).unwrap_or_default();
    SecretData(data.iter().map(|(key, value)| (key.clone(), text(value))).collect())
}

/// 32 random bytes as 43 characters.
pub fn random_text(context: &Context) -> Result<String, PassError> {
    let mut bytes = [0_u8; 32];
    if (context.world.random)(&mut bytes) {
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    } else {
        Err(PassError::Randomness)
    }
}

/// Keeps a Secret as wanted. Nothing is read while the wish hasn't changed and the sentinel stands.
pub async fn keep(context: &Context, names: &ClusterNames, wish: &Wish) -> Result<(), PassError> {
    let namespace = &names.namespace;
    let secret = &wish.child;
    let key = secret_key(namespace, &secret.name);
    let sentinel = ObjectKey {
        kind: Kind::ConfigMap,
        namespace: namespace.clone(),
        name: render::sentinel_name(&secret.name),
    };
    let seen = context.stores.child(&sentinel);
    if let (Some(known), Some(seen)) = (context.ledger.get(&key), &seen)
        && known.wish == wish.hash
        && seen.owner_uid.as_ref() == Some(&known.uid)
    {
        return Ok(());
    }
    apply::unwatched(context, namespace, wish).await?;
    watch_over(context, names, (&key, &sentinel), seen).await
}

/// Makes a Secret that was just looked for and isn't there.
pub async fn make(context: &Context, names: &ClusterNames, wish: &Wish) -> Result<(), PassError> {
    apply::absent(context, &names.namespace, wish).await?;
    let key = secret_key(&names.namespace, &wish.child.name);
    let sentinel = ObjectKey::new(
        Kind::ConfigMap,
        &names.namespace,
        &render::sentinel_name(&wish.child.name),
    );
    let seen = context.stores.child(&sentinel);
    watch_over(context, names, (&key, &sentinel), seen).await
}

/// Empties a Secret of the cluster's own that nothing mounts any more: what it holds is of no use but to a thief, and the operator
/// has no right to delete Secrets. `empty`: the same without data. Looked for once in a process; `is_empty` remembers it.
pub async fn retire(
    context: &Context,
    names: &ClusterNames,
    empty: &Wish,
    is_empty: &mut bool,
) -> Result<(), PassError> {
    if *is_empty {
        return Ok(());
    }
    let name = &empty.child.name;
    if read(context, &names.namespace, name)
        .await?
        .is_some_and(|SecretData(data)| !data.is_empty())
    {
        tracing::info!(name, "emptying a Secret that isn't needed any more");
        apply::unwatched(context, &names.namespace, empty).await?;
    }
    *is_empty = true;
    Ok(())
}

/// Sees to it that the Secret that was just written has its sentinel.
async fn watch_over(
    context: &Context,
    names: &ClusterNames,
    (key, sentinel): (&ObjectKey, &ObjectKey),
    seen: Option<ChildMeta>,
) -> Result<(), PassError> {
    let namespace = &names.namespace;
    let uid = context.ledger.get(key).map(|known| known.uid).unwrap_or_default();
    if seen
        .as_ref()
        .is_some_and(|seen| seen.owner_uid.as_deref() == Some(uid.as_str()))
    {
        return Ok(());
    }
    let child = render::sentinel(names, &key.name, &uid);
    // It's never changed, so who wrote which field of it is of no account.
    if seen.is_none() && apply::create(context, namespace, &child).await?.is_some() {
        return Ok(());
    }
    apply::child(context, &sentinel.namespace, &child).await.map(drop)
}
