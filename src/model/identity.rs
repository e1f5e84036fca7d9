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

impl Identity {
    /// Which brokers leave, of those that exist: all that their pool doesn't ask for. One that it asks for again stays,
    /// unless it's being removed already.
    pub fn part(&mut self, pools: &[Pool], existing: impl IntoIterator<Item = i32>) {
        let known: BTreeSet<i32> = existing.into_iter().chain(self.leaving.iter().copied()).collect();
        let mut leaving = BTreeSet::new();
        for pool in pools.iter().filter(|pool| !pool.roles.controller) {
            let Some(&first) = self.pools.get(&pool.name) else {
                continue;
            };
            let wanted: BTreeSet<i32> = pool.ids(first).collect();
            let surplus = known.range(first..first.saturating_add(BLOCK));
            leaving.extend(surplus.filter(|id| !wanted.contains(id) && !self.drained.contains(id)));
        }
        self.leaving = leaving;
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
        cluster.pools[0].replicas = 1;
        identity.part(&cluster.pools, existing);
        assert_eq!(identity.leaving, BTreeSet::new(), "controllers don't leave");
        assert_eq!(identity.pool_of(102), Some("brokers"));
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
