//! What must never happen, looked at with every change that is committed. Accusations are collected, not raised, so that
//! a run shows all of them.

use super::call::Key;
use crate::model::Identity;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    Operator,
    /// Kubernetes' own controllers, the kubelet, and people.
    Other,
}

const IDENTITY: &str = "orders-identity";
const AUTHORITIES: [&str; 2] = ["orders-cluster-ca", "orders-clients-ca"];
const VOTERS: &str = "PK_INITIAL_VOTERS";

/// A volume that may be deleted, and that nothing mounts or would mount.
fn is_left_over(key: &Key, claim: &Value, all: &BTreeMap<Key, Value>) -> bool {
    let mounts = format!("\"claimName\":\"{}\"", key.name);
    let of = |plural: &str| plural == "pods" || plural == "statefulsets";
    let mut others = all.iter().filter(|(other, _)| of(&other.plural));
    claim["metadata"]["annotations"]["productionkafka.dev/reclaim"] == "Delete"
        && !others.any(|(_, object)| object.to_string().contains(&mounts))
}

#[derive(Default)]
pub struct Oracles {
    accusations: BTreeSet<String>,
    identity: Option<Identity>,
    authorities: BTreeMap<String, Value>,
    /// How often the operator created each object.
    created: BTreeMap<Key, usize>,
    deleted: BTreeSet<Key>,
    disrupted: BTreeMap<String, usize>,
}

impl Oracles {
    pub fn accuse(&mut self, what: String) {
        self.accusations.insert(what);
    }

    pub fn accusations(&self) -> &BTreeSet<String> {
        &self.accusations
    }

    /// Objects that the operator created more than once, and those that it deleted.
    pub fn repeated(&self) -> (Vec<String>, Vec<String>) {
        let twice = self
            .created
            .iter()
            .filter(|(_, times)| **times > 1)
            .map(|(key, times)| format!("{key}: {times}"));
        (twice.collect(), self.deleted.iter().map(Key::to_string).collect())
    }

    /// A change to be committed, and the objects before it.
    pub fn stored(
        &mut self,
        actor: Actor,
        key: &Key,
        (before, after): (Option<&Value>, &Value),
        all: &BTreeMap<Key, Value>,
    ) {
        if actor == Actor::Operator && before.is_none() {
            *self.created.entry(key.clone()).or_default() += 1;
        }
        match key.plural.as_str() {
            "configmaps" if key.name == IDENTITY => self.identity(after),
            "secrets" if AUTHORITIES.contains(&key.name.as_str()) => self.authority(&key.name, after),
            "statefulsets" if actor == Actor::Operator => self.stateful_set(key, before, after, all),
            _ => {}
        }
    }

    /// An object that went away.
    pub fn removed(&mut self, actor: Actor, key: &Key, object: &Value, all: &BTreeMap<Key, Value>) {
        if actor == Actor::Other {
            return;
        }
        self.deleted.insert(key.clone());
        if self.is_drained(key) {
            return;
        }
        if key.plural == "persistentvolumeclaims" && is_left_over(key, object, all) {
            return;
        }
        let precious = ["pods", "persistentvolumeclaims", "secrets", "statefulsets"].contains(&key.plural.as_str());
        if precious || key.name == IDENTITY {
            self.accuse(format!("the operator deleted {key}"));
        }
    }

    /// What was a broker's that was found empty.
    fn is_drained(&self, key: &Key) -> bool {
        let drained = self.identity.iter().flat_map(|identity| &identity.drained);
        let names = |id: &i32| match key.plural.as_str() {
            "statefulsets" => key.name.ends_with(&format!("-{id}")),
            "secrets" => [format!("-{id}-tls"), format!("-{id}-server-tls")]
                .iter()
                .any(|end| key.name.ends_with(end)),
            _ => false,
        };
        drained.into_iter().any(names)
    }

    /// The operator took a pod away, while so many were down.
    pub fn disrupted(&mut self, key: &Key, was_up: bool, down: usize) {
        *self.disrupted.entry(key.name.clone()).or_default() += 1;
        // A person has given the others up.
        let alone = self.identity.iter().any(|identity| identity.recovery.is_some());
        if was_up && down > 0 && !alone {
            self.accuse(format!("the operator took {key} away while {down} others were down"));
        }
    }

    /// How often the operator took each pod away.
    pub const fn disruptions(&self) -> &BTreeMap<String, usize> {
        &self.disrupted
    }

    fn identity(&mut self, after: &Value) {
        let text = after["data"]["identity.json"].as_str().unwrap_or_default();
        let Ok(new) = serde_json::from_str::<Identity>(text) else {
            return self.accuse(format!("an identity that can't be read: {text}"));
        };
        if let Some(old) = self.identity.take() {
            let kept = old.cluster_id == new.cluster_id
                && old.directory_ids == new.directory_ids
                && old.initial_voters == new.initial_voters
                && old.pools.iter().all(|(pool, first)| new.pools.get(pool) == Some(first))
                && old.racks.iter().all(|(node, rack)| new.racks.get(node) == Some(rack))
                && old
                    .volumes
                    .iter()
                    .all(|(node, volume)| new.volumes.get(node) == Some(volume));
            if !kept {
                self.accuse(format!("the identity changed: {old:?} became {new:?}"));
            }
            if old.bootstrapped && !new.bootstrapped {
                self.accuse("the identity forgot that the cluster has formed".into());
            }
        }
        self.identity = Some(new);
    }

    fn authority(&mut self, name: &str, after: &Value) {
        let now = after["data"].clone();
        let before = self.authorities.insert(name.to_owned(), now.clone());
        // It may be certified anew with its own key, and followed by one that was beside it.
        let goes_on =
            before.is_none_or(|before| before["ca.key"] == now["ca.key"] || before["next.key"] == now["ca.key"]);
        if !goes_on {
            self.accuse(format!("the authority {name} was replaced"));
        }
    }

    fn stateful_set(&mut self, key: &Key, before: Option<&Value>, after: &Value, all: &BTreeMap<Key, Value>) {
        if !all.contains_key(&Key::new("configmaps", IDENTITY)) {
            self.accuse(format!("{key} stands without an identity"));
        }
        let pod = &after["spec"]["template"]["spec"];
        for volume in pod["volumes"].as_array().into_iter().flatten() {
            let mounted = [
                ("configmaps", &volume["configMap"]["name"]),
                ("secrets", &volume["secret"]["secretName"]),
            ];
            for (plural, name) in mounted {
                if name
                    .as_str()
                    .is_some_and(|name| !all.contains_key(&Key::new(plural, name)))
                {
                    self.accuse(format!("{key} mounts {plural}/{name}, which doesn't exist"));
                }
            }
        }
        if all.keys().all(|key| key.plural != "networkpolicies") {
            self.accuse(format!("{key} stands before any network policy"));
        }
        let Some(voters) = voters(after) else { return };
        let Some(identity) = &self.identity else { return };
        let is_back = before.is_none_or(|before| self::voters(before).is_none());
        let wrong = (voters != identity.initial_voters).then(|| format!("{key} has other voters: {voters}"));
        let late = (identity.bootstrapped && is_back).then(|| format!("{key} got voters after the cluster had formed"));
        wrong.into_iter().chain(late).for_each(|what| self.accuse(what));
    }
}

/// Voters of the first day in a StatefulSet's or a pod's `format` container.
pub fn voters(object: &Value) -> Option<&str> {
    let pod = object.pointer("/spec/template/spec").unwrap_or(&object["spec"]);
    let containers = pod["initContainers"].as_array().into_iter().flatten();
    let variables = containers.flat_map(|container| container["env"].as_array().into_iter().flatten());
    variables.into_iter().find(|variable| variable["name"] == VOTERS)?["value"].as_str()
}
