//! Users that can't be carried out as they're written, and rights in Kafka that nobody shall have. Pure.
//!
//! Whoever is refused keeps what it had: neither more nor less.

use super::ground::Ground;
use super::look::Look;
use super::memory::Held;
use super::names::{has_finalizer, mtls_names, name_of};
use super::{credentials, rights};
use crate::api::KafkaUser;
use crate::controller::resource::Verdict;
use kube::ResourceExt;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Users that can't be carried out as they're written, and why.
pub fn of(staying: &[Arc<KafkaUser>], ground: &Ground) -> HashMap<String, Verdict> {
    let mut oldest: HashMap<String, &Arc<KafkaUser>> = HashMap::new();
    let age = |user: &KafkaUser| (user.creation_timestamp(), user.name_any());
    for user in staying {
        let first = oldest.entry(name_of(user)).or_insert(user);
        if age(user) < age(first) {
            *first = user;
        }
    }
    let judge = |user: &Arc<KafkaUser>| {
        let name = user.name_any();
        let other = oldest.get(&name_of(user)).filter(|first| first.name_any() != name);
        if let Some(other) = other {
            let message = format!(
                "KafkaUser {} manages {} already: remove one",
                other.name_any(),
                name_of(user)
            );
            return Some((name, Verdict::refused("NameTaken", &message)));
        }
        let finding = crate::acl::rights::finding(&user.spec, ground.metadata_version);
        let finding = finding.or_else(|| credentials::finding(user))?;
        Some((name, Verdict::refused("Invalid", &finding)))
    };
    staying.iter().filter_map(judge).collect()
}

/// Principals with rights that nobody shall have: of users that are leaving, of certificates that are no more, and, if that's
/// asked for, of all whom no user stands for.
pub fn strays(
    (staying, leaving): (&[Arc<KafkaUser>], &[Arc<KafkaUser>]),
    (look, users): (&Look, &HashMap<String, Held>),
    prunes: bool,
) -> Vec<String> {
    let held = users
        .values()
        .flat_map(|held| &held.rights)
        .map(|right| right.principal.as_str());
    let wanted: HashSet<&str> = held.collect();
    let stays: HashSet<String> = staying.iter().map(|user| name_of(user)).collect();
    let leaves: HashSet<String> = leaving
        .iter()
        .filter(|user| has_finalizer(user))
        .map(|user| name_of(user))
        .collect();
    let is_stray = |principal: &&String| {
        let Some(name) = principal.strip_prefix("User:") else {
            return prunes;
        };
        let base = name
            .split_once('~')
            .filter(|(base, _)| mtls_names(name, base))
            .map(|(base, _)| base);
        let is_known = |names: &HashSet<String>| names.contains(name) || base.is_some_and(|base| names.contains(base));
        if principal.as_str() == rights::JOB_PRINCIPAL {
            return false;
        }
        if stays.contains(name) {
            // Its own, or left alone because what it asks for is refused.
            return false;
        }
        if base.is_some_and(|base| stays.contains(base)) {
            return !wanted.contains(principal.as_str());
        }
        is_known(&leaves) || prunes
    };
    look.principals.iter().filter(is_stray).cloned().collect()
}
