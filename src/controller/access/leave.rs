//! Users that are being deleted: credential, quotas and rights go first, all of them in the same requests, then the finalizer.
//! Where the cluster is gone there's nothing to take away, and nobody is held.

use super::Change;
use super::look::Look;
use super::memory::Access;
use super::names::{FINALIZER, has_finalizer, mtls_names, name_of};
use super::scram;
use crate::acl::wave::Right;
use crate::api::{KafkaUser, UserAuthenticationType};
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::controller::finalizers::{self, Grip};
use crate::controller::resource;
use crate::controller::stores::ClusterKey;
use crate::user::quotas;
use kube::ResourceExt;
use std::collections::HashSet;
use std::sync::Arc;

/// The cluster can't be asked: users of one that doesn't exist any more, or that never was, go at once.
pub async fn without_ground(context: &Context, key: &ClusterKey, leaving: &[Arc<KafkaUser>]) -> Result<(), PassError> {
    let held = leaving.iter().filter(|user| has_finalizer(user));
    let all: Vec<_> = held.map(|user| (Arc::clone(user), Grip::LetGo)).collect();
    if all.is_empty() || resource::cluster_exists(context, key).await? {
        return Ok(());
    }
    first_problem(finalizers::of_each(context, FINALIZER, all).await?)
}

/// Each was tried.
fn first_problem(ended: Vec<(Arc<KafkaUser>, Result<(), PassError>)>) -> Result<(), PassError> {
    ended.into_iter().try_for_each(|(_, ended)| ended)
}

/// Names under which a user may have something in Kafka.
pub fn names(user: &KafkaUser, look: &Look) -> Vec<String> {
    let own = name_of(user);
    if user.spec.authentication.kind != UserAuthenticationType::Mtls {
        return vec![own];
    }
    let others = look
        .principals
        .iter()
        .filter_map(|principal| principal.strip_prefix("User:"));
    let others = others.filter(|name| mtls_names(name, &own)).map(str::to_owned);
    std::iter::once(own.clone()).chain(others).collect()
}

/// What of the user is still in Kafka.
pub fn change(user: &KafkaUser, look: &Look) -> Change {
    let mut change = Change::default();
    for name in names(user, look) {
        let entity = quotas::entity(&name);
        let actual = look.quotas.get(&entity);
        change.quotas.extend(quotas::change(entity, None, actual));
        change.scram.deletions.extend(scram::removal(&name, look));
    }
    change
}

/// Nothing of the user is left in Kafka.
pub fn is_gone(user: &KafkaUser, access: &Access) -> bool {
    let Some(look) = &access.look else { return false };
    let has_rights = |name: &String| !access.known.has(&Right::none(&format!("User:{name}")));
    let change = change(user, look);
    change.scram.is_empty() && change.quotas.is_empty() && !names(user, look).iter().any(has_rights)
}

/// Lets those go of whom nothing is left, and those whose name is another's; one that Kubernetes doesn't let go holds up no other.
pub async fn let_go(
    context: &Context,
    access: &mut Access,
    (leaving, others): (&[Arc<KafkaUser>], &HashSet<String>),
) -> Result<bool, PassError> {
    let held = leaving.iter().filter(|user| has_finalizer(user));
    let (free, kept): (Vec<_>, Vec<_>) =
        held.partition(|user| others.contains(&name_of(user)) || is_gone(user, access));
    let free = free.into_iter().map(|user| (Arc::clone(user), Grip::LetGo)).collect();
    let ended = finalizers::of_each(context, FINALIZER, free).await?;
    for (user, _) in ended.iter().filter(|(_, ended)| ended.is_ok()) {
        access.users.remove(&user.name_any());
    }
    first_problem(ended).map(|()| kept.is_empty())
}
