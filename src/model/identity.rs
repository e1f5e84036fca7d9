//! The identity of a cluster: what must never be drawn twice. It's committed, in an object that survives the resource,
//! before the first node exists; deleting and creating the resource again adopts it and with it the data.

use super::{ClusterNames, KafkaId, NodeDisks, Pool, ports};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Key of the identity ConfigMap.
pub const KEY: &str = "identity.json";

/// Node ids of a pool: `first .. first + BLOCK`.
pub const BLOCK: i32 = 100;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    pub cluster_id: KafkaId,
    /// First node id of every pool there ever was.
    pub pools: BTreeMap<String, i32>,
    /// Directory ids of the voters of the first day, by node id. Never used again for an empty disk.
    pub directory_ids: BTreeMap<i32, KafkaId>,
    /// `--initial-controllers` of the first day: `id@host:port:directoryId,…`.
    pub initial_voters: String,
    /// Failure domain of each node.
    #[serde(default)]
    pub racks: BTreeMap<i32, String>,
    /// True from the first time the quorum was seen with a leader: from then on no disk is formatted as an initial voter.
    #[serde(default)]
    pub bootstrapped: bool,
    /// Uid of each controller's metadata volume claim as first seen: another one during bootstrap is a lost disk.
    #[serde(default)]
    pub volumes: BTreeMap<i32, String>,
    /// What each controller's pod may format its disk as while the quorum is formed. It's given to one pod, whose volume
    /// was looked at; a pod that comes after it has to be looked at again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub formats: BTreeMap<i32, String>,
    /// Nodes with the role `Controller`: those that are asked for, and those that haven't given up their vote yet.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub controllers: BTreeSet<i32>,
    /// Controllers that aren't asked for any more: they're kept as they are until it's committed that they have no vote.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub retiring: BTreeSet<i32>,
    /// Controllers that have left, and whose registration Kafka still holds: it forgets one only from 4.4 on (KIP-1312).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub departed: BTreeSet<i32>,
    /// When the last change of voters was asked for (RFC 3339), unless its answer has come: it may still take effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voting: Option<String>,
    /// The voters of a quorum that was formed with `controller.quorum.voters` and isn't dynamic yet (`kraft.version` 0).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub static_voters: BTreeSet<i32>,
    /// A person's decision to go on with one controller, while it's carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
    /// The last such decision that was carried out, as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered: Option<String>,
    /// Brokers that are to go: they're kept as they are until they're empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub leaving: BTreeSet<i32>,
    /// Brokers that were found empty and are being removed: from here there's no way back.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub drained: BTreeSet<i32>,
    /// Which claims the disks of each node are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub disks: BTreeMap<i32, NodeDisks>,
}

/// Going on with one controller after the others' disks were lost for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recovery {
    pub survivor: i32,
    /// Offset after the last record of its metadata log, which a person has seen.
    pub log_end: i64,
    /// Pods that were made before that are replaced (RFC 3339).
    pub since: String,
    /// The decision as it was written.
    pub asked: String,
}

impl Identity {
    /// Every other controller gets other disks: with the present ones and the voters of before they could form a second
    /// quorum.
    pub fn abandon_others(&mut self, recovery: &Recovery) {
        for (id, disks) in &mut self.disks {
            if *id != recovery.survivor && self.controllers.contains(id) {
                *disks = std::mem::take(disks).abandoned();
            }
        }
        self.voting = None;
        self.recovery = Some(recovery.clone());
    }

    /// Which nodes go: brokers that exist and that their pool doesn't ask for leave, and so do controllers, existing or not,
    /// since they may vote. One that's asked for again stays, unless it's being removed already.
    pub fn part(&mut self, pools: &[Pool], existing: impl IntoIterator<Item = i32>) {
        let known: BTreeSet<i32> = existing.into_iter().chain(self.leaving.iter().copied()).collect();
        let mut leaving = BTreeSet::new();
        for pool in pools.iter().filter(|pool| pool.roles.broker) {
            let Some(&first) = self.pools.get(&pool.name) else {
                continue;
            };
            let wanted: BTreeSet<i32> = pool.ids(first).collect();
            let surplus = known.range(first..first.saturating_add(BLOCK));
            leaving.extend(surplus.filter(|id| !wanted.contains(id) && !self.drained.contains(id)));
        }
        self.leaving = leaving;
        let wanted = self.wanted_controllers(pools);
        let surplus = self.controllers.difference(&wanted);
        self.retiring = surplus.filter(|id| !self.drained.contains(id)).copied().collect();
        self.controllers = wanted.union(&self.retiring).copied().collect();
        self.departed.retain(|id| !self.controllers.contains(id));
    }

    /// Controllers that the resource asks for, less those whose former life isn't over yet.
    pub fn wanted_controllers(&self, pools: &[Pool]) -> BTreeSet<i32> {
        let pools = pools.iter().filter(|pool| pool.roles.controller);
        let ids = pools.filter_map(|pool| Some(pool.ids(*self.pools.get(&pool.name)?)));
        ids.flatten().filter(|id| !self.drained.contains(id)).collect()
    }

    /// A controller has given up its vote, and that is committed. A node that's asked for as a broker stays one; any other
    /// is removed.
    pub fn retire(&mut self, id: i32, pools: &[Pool]) {
        self.retiring.remove(&id);
        self.controllers.remove(&id);
        self.departed.insert(id);
        let asks = |pool: &&Pool| {
            self.pools
                .get(&pool.name)
                .is_some_and(|first| pool.ids(*first).any(|one| one == id))
        };
        if !pools.iter().any(|pool| asks(&pool)) && !self.leaving.contains(&id) {
            self.drained.insert(id);
        }
    }

    /// The pool that a node's id belongs to.
    pub fn pool_of(&self, id: i32) -> Option<&str> {
        let mut blocks = self.pools.iter();
        let found = blocks.find(|(_, first)| (**first..first.saturating_add(BLOCK)).contains(&id));
        found.map(|(pool, _)| pool.as_str())
    }
}

/// What the first format of a controller's disk makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstFormat {
    /// A voter of the first day, under the directory id that the others expect.
    Voter,
    /// The disk isn't the first one: under the old directory id it would vote with an empty log.
    Observer,
}

impl FirstFormat {
    const ALL: [(Self, &str); 2] = [(Self::Voter, "Voter"), (Self::Observer, "Observer")];

    /// Permission for the pod with this uid.
    pub fn permit(self, pod_uid: &str) -> String {
        let word = Self::ALL.iter().find(|(role, _)| *role == self).map(|(_, word)| *word);
        format!("{pod_uid} {}", word.unwrap_or_default())
    }

    /// What a permission allows the pod with this uid.
    pub fn permitted(permit: &str, pod_uid: &str) -> Option<Self> {
        let (uid, word) = permit.split_once(' ')?;
        let role = Self::ALL
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(role, _)| *role);
        role.filter(|_| !pod_uid.is_empty() && uid == pod_uid)
    }
}

/// Key of the identity ConfigMap with a node's permission.
pub fn format_key(node_id: i32) -> String {
    format!("format-{node_id}")
}

/// What a new identity is made of.
pub struct Plan<'a> {
    pub names: &'a ClusterNames,
    pub pools: &'a [Pool],
    /// Failure domains, in order; empty without racks.
    pub zones: &'a [String],
}

impl Plan<'_> {
    /// The identity that these pools need: `old` with what is missing added, or a new one. Nothing that `old` holds
    /// changes.
    pub fn complete(&self, old: Option<Identity>, random: &mut dyn FnMut() -> [u8; 16]) -> Identity {
        let mut identity = old.unwrap_or_else(|| self.first(random));
        for pool in self.pools {
            if !identity.pools.contains_key(&pool.name) {
                let first = first_node_id(pool, &identity.pools);
                identity.pools.insert(pool.name.clone(), first);
            }
        }
        self.assign_racks(&mut identity);
        self.add_disks(&mut identity);
        identity
    }

    fn first(&self, random: &mut dyn FnMut() -> [u8; 16]) -> Identity {
        let mut pools = BTreeMap::new();
        let mut directory_ids = BTreeMap::new();
        let mut voters = Vec::new();
        for pool in self.pools.iter().filter(|pool| pool.roles.controller) {
            let first = first_node_id(pool, &pools);
            pools.insert(pool.name.clone(), first);
            for id in pool.ids(first) {
                let directory = KafkaId::draw(random);
                let host = self.names.node(&pool.name, id).host;
                voters.push(format!("{id}@{host}:{}:{directory}", ports::CONTROLLER));
                directory_ids.insert(id, directory);
            }
        }
        Identity {
            cluster_id: KafkaId::draw(random),
            pools,
            directory_ids,
            initial_voters: voters.join(","),
            racks: BTreeMap::new(),
            bootstrapped: false,
            volumes: BTreeMap::new(),
            formats: BTreeMap::new(),
            controllers: BTreeSet::new(),
            retiring: BTreeSet::new(),
            departed: BTreeSet::new(),
            voting: None,
            static_voters: BTreeSet::new(),
            recovery: None,
            recovered: None,
            leaving: BTreeSet::new(),
            drained: BTreeSet::new(),
            disks: BTreeMap::new(),
        }
    }

    /// Gives every node the disks that it lacks.
    fn add_disks(&self, identity: &mut Identity) {
        for pool in self.pools {
            let Some(&first) = identity.pools.get(&pool.name) else {
                continue;
            };
            for id in pool.ids(first) {
                identity.disks.entry(id).or_default().extend(&pool.volumes);
            }
        }
    }

    /// Gives every node without a rack the least used zone of its pool; ties go to the earlier zone.
    fn assign_racks(&self, identity: &mut Identity) {
        for pool in self.pools {
            let Some(&first) = identity.pools.get(&pool.name) else {
                continue;
            };
            let ids: Vec<i32> = pool.ids(first).collect();
            for &id in &ids {
                if identity.racks.contains_key(&id) {
                    continue;
                }
                let used = |zone: &String| ids.iter().filter(|id| identity.racks.get(id) == Some(zone)).count();
                if let Some(zone) = self.zones.iter().min_by_key(|zone| used(zone)).cloned() {
                    identity.racks.insert(id, zone);
                }
            }
        }
    }
}

fn first_node_id(pool: &Pool, taken: &BTreeMap<String, i32>) -> i32 {
    if let Some(first) = pool.first_node_id {
        return first;
    }
    let start = if pool.roles.controller && !taken.values().any(|first| *first < BLOCK) {
        0
    } else {
        BLOCK
    };
    (start..)
        .step_by(100)
        .find(|block| taken.values().all(|first| (first - block).abs() >= BLOCK))
        .unwrap_or(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::validate::tests::valid_cluster;

    fn counter() -> impl FnMut() -> [u8; 16] {
        let mut next = 0_u8;
        move || {
            next += 1;
            [next; 16]
        }
    }

    #[test]
    fn a_first_identity_names_every_controller_as_voter() {
        let cluster = valid_cluster();
        let plan = Plan {
            names: &cluster.names,
            pools: &cluster.pools,
            zones: &["a".into(), "b".into()],
        };
        let identity = plan.complete(None, &mut counter());
        assert_eq!(
            identity.pools,
            BTreeMap::from([("controllers".into(), 0), ("brokers".into(), 100)])
        );
        assert_eq!(identity.directory_ids.keys().copied().collect::<Vec<_>>(), [0, 1, 2]);
        assert!(
            identity
                .initial_voters
                .starts_with("0@orders-controllers-0-0.orders-nodes.kafka.svc:9090:")
        );
        assert_eq!(identity.racks[&100], "a");
        assert_eq!(identity.racks[&101], "b");
        assert_eq!(identity.racks[&102], "a");
        assert!(!identity.bootstrapped);
    }

    #[test]
    fn what_an_identity_holds_never_changes() {
        let mut cluster = valid_cluster();
        let plan = Plan {
            names: &cluster.names,
            pools: &cluster.pools,
            zones: &[],
        };
        let first = plan.complete(None, &mut counter());
        let mut more = cluster.pools[1].clone();
        more.name = "more".into();
        cluster.pools.insert(0, more);
        let plan = Plan {
            names: &cluster.names,
            pools: &cluster.pools,
            zones: &["z".into()],
        };
        let second = plan.complete(Some(first.clone()), &mut counter());
        assert_eq!(second.cluster_id, first.cluster_id);
        assert_eq!(second.directory_ids, first.directory_ids);
        assert_eq!(second.initial_voters, first.initial_voters);
        assert_eq!(second.pools["brokers"], 100);
        assert_eq!(second.pools["more"], 200);
    }

    #[test]
    fn a_permission_is_for_one_pod() {
        for role in [FirstFormat::Voter, FirstFormat::Observer] {
            let permit = role.permit("uid-1");
            assert_eq!(FirstFormat::permitted(&permit, "uid-1"), Some(role));
            assert_eq!(FirstFormat::permitted(&permit, "uid-2"), None);
        }
        for text in ["", "uid-1", "uid-1 Leader", " Voter"] {
            assert_eq!(FirstFormat::permitted(text, "uid-1"), None, "{text}");
        }
        assert_eq!(FirstFormat::permitted(" Voter", ""), None);
    }

    #[test]
    fn a_broker_that_is_not_asked_for_leaves_until_it_is_asked_for_again() {
        let mut cluster = valid_cluster();
        let complete = |cluster: &crate::model::Cluster, old| {
            let plan = Plan {
                names: &cluster.names,
                pools: &cluster.pools,
                zones: &["a".into(), "b".into(), "c".into()],
            };
            plan.complete(old, &mut counter())
        };
        let ids = |cluster: &crate::model::Cluster, identity: &Identity| -> Vec<(i32, bool)> {
            let nodes = cluster.nodes(identity).into_iter();
            nodes
                .filter(|node| node.id >= 100)
                .map(|node| (node.id, node.leaving))
                .collect()
        };
        let mut identity = complete(&cluster, None);
        let existing = [0, 1, 2, 100, 101, 102];
        identity.part(&cluster.pools, existing);
        assert_eq!(identity.leaving, BTreeSet::new());
        cluster.pools[1].excluded = BTreeSet::from([101]);
        let mut identity = complete(&cluster, Some(identity));
        identity.part(&cluster.pools, existing);
        assert_eq!(
            ids(&cluster, &identity),
            [(100, false), (101, true), (102, false), (103, false)]
        );
        assert_eq!(identity.racks[&103], "b", "its successor takes its rack");
        cluster.pools[1].replicas = 1;
        identity.part(&cluster.pools, []);
        assert_eq!(
            identity.leaving,
            BTreeSet::from([101]),
            "what never existed needn't leave"
        );
        identity.part(&cluster.pools, [102]);
        assert_eq!(identity.leaving, BTreeSet::from([101, 102]));
        cluster.pools[1].replicas = 2;
        identity.part(&cluster.pools, [102]);
        assert_eq!(ids(&cluster, &identity), [(100, false), (101, true), (102, false)]);
        identity.leaving.clear();
        identity.drained = BTreeSet::from([101, 102]);
        identity.part(&cluster.pools, existing);
        assert_eq!(
            ids(&cluster, &identity),
            [(100, false)],
            "removed first, made again after that"
        );
        cluster.pools[1].excluded.clear();
        assert_eq!(identity.pool_of(102), Some("brokers"));
    }

    #[test]
    fn a_controller_stays_one_until_its_vote_is_gone() {
        let mut cluster = valid_cluster();
        let complete = |cluster: &crate::model::Cluster, old| {
            let plan = Plan {
                names: &cluster.names,
                pools: &cluster.pools,
                zones: &[],
            };
            let mut identity = plan.complete(old, &mut counter());
            identity.part(&cluster.pools, [0, 1, 2, 100, 101, 102]);
            identity
        };
        let identity = complete(&cluster, None);
        assert_eq!((identity.controllers.len(), identity.retiring.len()), (3, 0));
        cluster.pools[0].replicas = 1;
        let mut identity = complete(&cluster, Some(identity));
        assert_eq!(identity.retiring, BTreeSet::from([1, 2]));
        let nodes = |cluster: &crate::model::Cluster, identity: &Identity| -> Vec<(i32, bool)> {
            let nodes = cluster.nodes(identity).into_iter().filter(|node| node.roles.controller);
            nodes.map(|node| (node.id, node.leaving)).collect()
        };
        assert_eq!(nodes(&cluster, &identity), [(0, false), (1, true), (2, true)]);
        identity.retire(2, &cluster.pools);
        assert_eq!(
            (identity.retiring.len(), identity.drained.clone()),
            (1, BTreeSet::from([2]))
        );
        assert_eq!(nodes(&cluster, &identity), [(0, false), (1, true)]);
        // Asked for again, one stays; the other is removed first.
        cluster.pools[0].replicas = 3;
        let identity = complete(&cluster, Some(identity));
        assert_eq!(nodes(&cluster, &identity), [(0, false), (1, false)]);
    }

    #[test]
    fn a_node_of_both_roles_can_go_on_as_a_broker() {
        let mut cluster = valid_cluster();
        cluster.pools[1].roles.controller = true;
        cluster.pools[0].replicas = 0;
        let plan = Plan {
            names: &cluster.names,
            pools: &cluster.pools,
            zones: &[],
        };
        let mut identity = plan.complete(None, &mut counter());
        identity.part(&cluster.pools, [100, 101, 102]);
        assert_eq!(identity.controllers, BTreeSet::from([100, 101, 102]));
        cluster.pools[1].roles.controller = false;
        cluster.pools[0].replicas = 3;
        identity.part(&cluster.pools, [100, 101, 102]);
        assert_eq!(identity.retiring, BTreeSet::from([100, 101, 102]));
        let roles = |cluster: &crate::model::Cluster, identity: &Identity| {
            let nodes = cluster.nodes(identity);
            let node = nodes.iter().find(|node| node.id == 101).unwrap();
            (node.roles.display(), node.leaving)
        };
        assert_eq!(roles(&cluster, &identity), ("Controller,Broker", false));
        identity.retire(101, &cluster.pools);
        assert_eq!(roles(&cluster, &identity), ("Broker", false));
        assert!(identity.drained.is_empty());
    }

    #[test]
    fn an_identity_survives_its_own_text_form() {
        let cluster = valid_cluster();
        let plan = Plan {
            names: &cluster.names,
            pools: &cluster.pools,
            zones: &["a".into()],
        };
        let identity = plan.complete(None, &mut counter());
        let text = serde_json::to_string(&identity).unwrap();
        assert_eq!(serde_json::from_str::<Identity>(&text).unwrap(), identity);
    }
}
