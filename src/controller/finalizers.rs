//! Finalizers: set by server-side apply, taken off by a patch of the very version that was read.
//!
//! Taking off must not depend on who set it. A resource that was restored from a backup, or applied as it was exported, brings
//! its finalizer along, and then others own it, too: server-side apply takes away only what it alone has set, and such a
//! resource would never go.

use super::apply::bounded;
use super::context::{Context, MANAGER};
use super::error::PassError;
use super::resource::{AT_ONCE, Written, place};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use std::sync::Arc;

/// What's to become of a finalizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grip {
    Hold,
    LetGo,
}

pub fn has<K: ResourceExt>(object: &K, finalizer: &str) -> bool {
    object.finalizers().iter().any(|one| one == finalizer)
}

/// Sets the finalizer; whatever else the object has stays.
pub async fn hold<K: Written>(context: &Context, object: &K, finalizer: &str) -> Result<(), PassError> {
    let (api, namespace, name) = place(context, object)?;
    let body = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": name, "uid": object.uid(), "finalizers": [finalizer]},
    });
    let parameters = PatchParams::apply(MANAGER).force();
    let patch = Patch::Apply(&body);
    let call = api.patch(&name, &parameters, &patch);
    bounded("set the finalizer of", K::named_kind(), (&namespace, &name), call).await?;
    Ok(())
}

/// Takes the finalizer off. An error, if the object isn't any more what was read.
pub async fn take_off<K: Written>(context: &Context, object: &K, finalizer: &str) -> Result<(), PassError> {
    let (api, namespace, name) = place(context, object)?;
    let rest: Vec<&String> = object.finalizers().iter().filter(|one| *one != finalizer).collect();
    let body = json!({"metadata": {
        "uid": object.uid(), "resourceVersion": object.resource_version(), "finalizers": rest,
    }});
    let parameters = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(&body);
    let call = api.patch(&name, &parameters, &patch);
    bounded("take the finalizer off", K::named_kind(), (&namespace, &name), call).await?;
    Ok(())
}

/// So many of those that still have to be held or let go: who was never tried comes first, and then who was tried in vain
/// longest ago, so that those who can't be keep nobody waiting.
pub fn next<K>(all: impl Iterator<Item = (Option<Timestamp>, K)>, bound: usize) -> Vec<K> {
    let mut all: Vec<(Option<Timestamp>, K)> = all.collect();
    all.sort_by_key(|(failed, _)| *failed);
    all.into_iter().take(bound).map(|(_, object)| object).collect()
}

/// One finalizer of many objects, side by side; what becomes of one is no other's concern. An error: this process leads no more.
pub async fn of_each<K: Written>(
    context: &Context,
    finalizer: &'static str,
    all: Vec<(Arc<K>, Grip)>,
) -> Result<Vec<(Arc<K>, Result<(), PassError>)>, PassError> {
    let one = |(object, grip): (Arc<K>, Grip)| async move {
        let ended = match grip {
            Grip::Hold => hold(context, object.as_ref(), finalizer).await,
            Grip::LetGo => take_off(context, object.as_ref(), finalizer).await,
        };
        (object, ended)
    };
    let work: Vec<_> = all.into_iter().map(one).collect();
    let ended: Vec<(Arc<K>, Result<(), PassError>)> = stream::iter(work).buffered(AT_ONCE).collect().await;
    for (object, problem) in &ended {
        match problem {
            Ok(()) => {}
            Err(PassError::NotLeading) => return Err(PassError::NotLeading),
            Err(problem) => tracing::warn!(
                kind = K::named_kind(),
                name = object.name_any(),
                error = problem.chain(),
                "a resource can't be held or let go; the others go on"
            ),
        }
    }
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cannot_be_held_keeps_nobody_waiting() {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        let all = [(at(20), "a"), (at(10), "b"), (None, "c"), (None, "d"), (at(30), "e")];
        assert_eq!(next(all.into_iter(), 3), ["c", "d", "b"]);
        assert_eq!(next(all.into_iter(), 9), ["c", "d", "b", "a", "e"]);
    }
}
