//! Names of a user in Kafka, and its rights under each of them. Pure.

use super::memory::Held;
use crate::acl::wave::Right;
use crate::api::{KafkaUser, UserAuthenticationType};
use crate::controller::finalizers;
use crate::kafka::AclBinding;
use crate::user::principal_name;
use kube::ResourceExt;
use std::collections::BTreeSet;

pub const FINALIZER: &str = "productionkafka.dev/user";

pub fn has_finalizer(user: &KafkaUser) -> bool {
    finalizers::has(user, FINALIZER)
}

/// Name in Kafka, without `User:`; of a holder of certificates, of the first.
pub fn name_of(user: &KafkaUser) -> String {
    let given = user.spec.authentication.principal_name.clone();
    given.unwrap_or_else(|| user.name_any())
}

/// Name in Kafka in this generation of its credentials.
pub fn principal(user: &KafkaUser, generation: u32) -> String {
    match user.spec.authentication.kind {
        UserAuthenticationType::Mtls => principal_name(&user.name_any(), generation),
        _ => name_of(user),
    }
}

/// `name` is one that certificates of `user` have had.
pub fn mtls_names(name: &str, user: &str) -> bool {
    let generation = name.strip_prefix(user).and_then(|rest| rest.strip_prefix('~'));
    generation.is_some_and(|generation| generation.parse::<u32>().is_ok())
}

pub fn bindings_of(user: &KafkaUser, name: &str) -> BTreeSet<AclBinding> {
    crate::acl::rights::bindings(&user.spec, &format!("User:{name}"))
}

/// The user's rights under each of its names.
pub fn rights(user: &KafkaUser, held: &Held) -> Vec<Right> {
    let (with, without) = match &held.own {
        Some(own) if user.spec.authentication.kind == UserAuthenticationType::Mtls => own.rotation.generations(),
        _ => (vec![1], Vec::new()),
    };
    let full = with.into_iter().map(|generation| {
        let name = principal(user, generation);
        Right::of(&format!("User:{name}"), &bindings_of(user, &name))
    });
    let empty = without
        .into_iter()
        .map(|generation| Right::none(&format!("User:{}", principal(user, generation))));
    full.chain(empty).collect()
}
