//! A cluster that has passed validation: nothing here can make Kubernetes or Kafka refuse what is rendered from it.

use super::identity::BLOCK;
use super::workload::{BrokerLimits, Workload};
use super::{ClusterNames, Identity, KafkaVersion, NodeDisk, NodeNames, dynamic_keys, measure};
use crate::api::{
    Audit, Exposure, ExposureType, Finalize, Kerberos, KeyAlgorithm, MaintenanceWindow, NetworkPeer, OAuth, Plain,
    PodTemplate, Profile, Quotas, Reclaim, Resources, SingleReplicaPartitions, Thresholds, TlsVersion,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    pub names: ClusterNames,
    pub uid: String,
    pub generation: i64,
    pub version: KafkaVersion,
    pub upgrade: UpgradePolicy,
    pub maintenance: MaintenancePolicy,
    pub image: String,
    pub pools: Vec<Pool>,
    pub replication_factor: i32,
    pub min_in_sync_replicas: i32,
    /// Node label of the failure domain.
    pub topology_key: Option<String>,
    pub security: SecuritySettings,
    pub listeners: Vec<ClientListener>,
    /// Quotas of users that have none of their own; `None`: whatever Kafka has.
    pub default_user_quotas: Option<Quotas>,
    pub profile: Profile,
    /// Broker keys of the profile and the user's own, all allowed.
    pub config: BTreeMap<String, String>,
    pub jvm_options: Vec<String>,
    pub jmx_exporter: bool,
    /// Of each pod's own network, all safe.
    pub sysctls: BTreeMap<String, String>,
    /// `vm.max_map_count` that a machine must have.
    pub least_map_count: Option<i64>,
    /// What it's measured against.
    pub workload: Option<Workload>,
    pub broker_limits: BrokerLimits,
    pub thresholds: Thresholds,
}

/// When pods may be restarted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaintenancePolicy {
    pub paused: bool,
    /// Readable, every one.
    pub windows: Vec<MaintenanceWindow>,
    pub single_replica: SingleReplicaPartitions,
    /// Brokers of one rack, at least 1.
    pub max_unavailable: usize,
}

/// How an upgrade ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpgradePolicy {
    pub finalize: Finalize,
    /// How long every node runs the new version before levels are raised.
    pub soak: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    pub controller: bool,
    pub broker: bool,
}

impl Roles {
    /// `process.roles`, in Kafka's spelling.
    pub fn process_roles(self) -> &'static str {
        match (self.broker, self.controller) {
            (true, true) => "broker,controller",
            (false, true) => "controller",
            _ => "broker",
        }
    }

    /// For people: `Controller`, `Broker`, `Controller,Broker`.
    pub fn display(self) -> &'static str {
        match (self.broker, self.controller) {
            (true, true) => "Controller,Broker",
            (false, true) => "Controller",
            _ => "Broker",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    pub name: String,
    pub roles: Roles,
    pub replicas: i32,
    pub first_node_id: Option<i32>,
    /// Ids that no node of the pool may have.
    pub excluded: BTreeSet<i32>,
    pub volumes: Vec<VolumeClaim>,
    /// What becomes of volumes that none of the pool's nodes uses any more.
    pub reclaim: Reclaim,
    pub resources: Resources,
    pub heap_mib: u64,
    pub template: PodTemplate,
}

impl Pool {
    /// CPU of a node in whole cores, rounded up: the limit, else the request; 0 without either.
    pub fn cores(&self) -> u64 {
        let cpu = self.resources.limits.get("cpu").or(self.resources.requests.get("cpu"));
        let cores = cpu.and_then(measure::milli).unwrap_or(0).div_ceil(1_000);
        u64::try_from(cores).unwrap_or(u64::MAX)
    }

    /// The ids that the pool asks for, in a block that starts at `first`.
    pub fn ids(&self, first: i32) -> impl Iterator<Item = i32> {
        let count = usize::try_from(self.replicas).unwrap_or_default();
        let block = first..first.saturating_add(BLOCK);
        block.filter(|id| !self.excluded.contains(id)).take(count)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeClaim {
    pub size: String,
    pub storage_class: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecuritySettings {
    pub authorities: GivenAuthorities,
    pub key_algorithm: KeyAlgorithm,
    pub leaf_lifetime: Duration,
    /// Of certificates between nodes.
    pub node_leaf_lifetime: Duration,
    /// How long clients have to follow when an authority is replaced.
    pub trust_overlap: Duration,
    pub ca_lifetime: Duration,
    pub renew_before: Duration,
    pub minimum_tls: TlsVersion,
    pub super_users: Vec<String>,
    /// ACLs of principals without a `KafkaUser` are removed.
    pub prune: bool,
    pub audit: Audit,
    pub network_policy: bool,
    /// `None`: no tokens.
    pub delegation_tokens: Option<TokenLifetimes>,
}

/// Secrets with the authorities that others make; `None`: the operator does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenAuthorities {
    pub cluster: Option<String>,
    pub clients: Option<String>,
}

/// Of delegation tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLifetimes {
    /// Without being renewed.
    pub expiry: Duration,
    pub max_lifetime: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ClientListener {
    pub name: String,
    pub port: i32,
    pub authentication: ClientAuth,
    pub exposure: Exposure,
    /// Secret with a server certificate of the user's own.
    pub certificate: Option<String>,
    pub allowed_peers: Vec<NetworkPeer>,
}

impl ClientListener {
    /// Brokers have addresses of their own beside those of their pods.
    pub fn is_exposed(&self) -> bool {
        self.exposure.kind != ExposureType::Internal
    }

    /// Kafka's name of the listener.
    pub fn kafka_name(&self) -> String {
        self.name.to_ascii_uppercase()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum ClientAuth {
    ScramSha512,
    Mtls,
    Plain(Plain),
    OAuth(OAuth),
    Kerberos(Kerberos),
}

/// One Kafka node: a pool's settings with an id, a rack and names.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    pub id: i32,
    pub pool: &'a Pool,
    /// Those of the pool; a controller keeps its role until its vote is gone.
    pub roles: Roles,
    pub rack: Option<&'a str>,
    pub names: NodeNames,
    /// The pool doesn't ask for it any more: it goes once it's empty and has no vote.
    pub leaving: bool,
    pub disks: Vec<Disk>,
}

/// A disk of a node, as its pod mounts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Name of the claim.
    pub claim: String,
    pub storage_class: Option<String>,
    /// What the resource asks for; `None` if it asks for another disk in its place, or for none.
    pub size: Option<String>,
}

impl Cluster {
    /// Every node, by ascending pool order and id: those that are asked for, and those that leave. A pool that the identity
    /// doesn't know yet has no nodes; an id whose former broker is still being removed isn't one yet.
    pub fn nodes<'a>(&'a self, identity: &'a Identity) -> Vec<Node<'a>> {
        let mut nodes = Vec::new();
        for pool in &self.pools {
            let Some(&first) = identity.pools.get(&pool.name) else {
                continue;
            };
            let stays = pool.ids(first).filter(|id| !identity.drained.contains(id));
            let stays: BTreeSet<i32> = stays.collect();
            let leaves = identity.leaving.union(&identity.retiring).copied();
            let leaves = leaves.filter(|id| (first..first.saturating_add(BLOCK)).contains(id));
            let ids: BTreeSet<i32> = stays.iter().copied().chain(leaves).collect();
            let one = |id: i32| self.one(identity, pool, id, !stays.contains(&id));
            nodes.extend(ids.into_iter().map(one));
        }
        nodes
    }

    fn one<'a>(&self, identity: &'a Identity, pool: &'a Pool, id: i32, leaving: bool) -> Node<'a> {
        let names = self.names.node(&pool.name, id);
        let disk = |(index, disk): (usize, &NodeDisk)| {
            let asked = pool
                .volumes
                .get(index)
                .filter(|asked| asked.storage_class == disk.class);
            Disk {
                claim: names.claim(index, disk.generation),
                storage_class: disk.class.clone(),
                size: asked.map(|asked| asked.size.clone()),
            }
        };
        let known = identity.disks.get(&id);
        Node {
            id,
            pool,
            rack: identity.racks.get(&id).map(String::as_str),
            leaving,
            roles: Roles {
                controller: pool.roles.controller || identity.retiring.contains(&id),
                ..pool.roles
            },
            disks: known
                .iter()
                .flat_map(|known| known.disks.iter().enumerate())
                .map(disk)
                .collect(),
            names,
        }
    }

    /// Cluster-wide dynamic configuration: what brokers take over while they run. `min.insync.replicas` is always part of
    /// it: with eligible leader replicas it may not be set per broker.
    pub fn dynamic_config(&self) -> BTreeMap<String, String> {
        let own = ("min.insync.replicas".to_owned(), self.min_in_sync_replicas.to_string());
        let given = self.config.iter().filter(|(key, _)| self.is_dynamic(key));
        given
            .map(|(key, value)| (key.clone(), value.clone()))
            .chain([own])
            .collect()
    }

    /// Whether brokers take this key of `config` over while they run; the others belong into `server.properties`.
    pub fn is_dynamic(&self, key: &str) -> bool {
        dynamic_keys::is_dynamic(key, self.version)
    }

    /// Number of brokers wanted.
    pub fn brokers(&self) -> i32 {
        self.pools
            .iter()
            .filter(|pool| pool.roles.broker)
            .map(|pool| pool.replicas)
            .sum()
    }

    /// Number of controllers wanted.
    pub fn controllers(&self) -> i32 {
        self.pools
            .iter()
            .filter(|pool| pool.roles.controller)
            .map(|pool| pool.replicas)
            .sum()
    }
}
