//! A Kafka cluster in memory: disks and what they were formatted as, a quorum that leads when most of its voters run,
//! brokers, topics, credentials, access rights. It lives on when the operator dies.

use super::apiserver::Apiserver;
use super::call::Key;
use super::gate::Gate;
use super::oracles::voters;
use super::secrets::Credentials;
use crate::acl::AclDocument;
use crate::kafka::ScramMechanism;
use crate::kafka::{
    AclBinding, BrokerError, ErrorCode, QuotaEntity, QuotaValues, Reassignment, ScramUpsert, TopicPartition,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

/// What a disk was formatted as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    pub cluster: String,
    pub directory: String,
    /// Voters of the first day, if it was formatted as one of them.
    pub voters: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Topic {
    pub replicas: Vec<Vec<i32>>,
    pub config: BTreeMap<String, String>,
}

#[expect(clippy::struct_excessive_bools, reason = "independent troubles")]
#[derive(Default)]
pub struct KafkaState {
    /// By uid of the volume claim.
    pub disks: BTreeMap<String, Disk>,
    pub defaults: BTreeMap<String, String>,
    /// Every change of configuration that arrived.
    pub alterations: Vec<String>,
    pub topics: BTreeMap<String, Topic>,
    /// Topics that may be deleted.
    pub may_go: BTreeSet<String>,
    /// Kafka deletes no topic (`delete.topic.enable`).
    pub keeps_topics: bool,
    /// Topics of which no broker hears, though the controller has made them.
    pub unheard: BTreeSet<String>,
    /// How often a creation was answered with "exists already".
    pub already: usize,
    /// Finalised levels that were changed.
    pub features: BTreeMap<String, i16>,
    /// Brokers that Kafka knows, running or not.
    pub registered: BTreeSet<i32>,
    /// What is set for single brokers.
    pub broker_configs: BTreeMap<i32, BTreeMap<String, String>>,
    /// Reassignments under way, and for how many steps.
    pub moving: BTreeMap<TopicPartition, (Reassignment, usize)>,
    /// Reassignments that were ordered.
    pub moves: usize,
    /// Nodes whose machine is dead: their pods don't start.
    pub dead: BTreeSet<i32>,
    /// Nodes whose machine doesn't answer: their pods are never known to have ended.
    pub unreachable: BTreeSet<i32>,
    /// Copies don't come to an end.
    pub copies_stall: bool,
    pub quotas: BTreeMap<QuotaEntity, QuotaValues>,
    pub scram: BTreeMap<(String, ScramMechanism), ScramUpsert>,
    pub upserts: usize,
    pub acls: BTreeSet<AclBinding>,
    pub accusations: BTreeSet<String>,
    /// Voters that were added and removed since the first day, as node and directory.
    pub voters: Option<Vec<(i32, String)>>,
    /// Highest `metadata.version` that the software knows; `None`: 30.
    pub supports: Option<i16>,
    /// Controllers that ever registered, and the level that each said it knows.
    pub controllers: BTreeMap<i32, i16>,
    pub leader: Option<i32>,
    pub former_leader: Option<i32>,
    /// Length of the metadata log.
    pub records: i64,
    /// Changes of voters, in order.
    pub votes: Vec<String>,
    /// How often somebody asked for credentials, quotas or rights of everybody.
    pub access_looks: usize,
    /// How often somebody asked for all partitions.
    pub looks: usize,
    /// Brokers that don't catch up.
    pub lagging: BTreeSet<i32>,
    /// Brokers whose log directory has failed; another one has none.
    pub failed_disks: BTreeSet<i32>,
    /// Nodes that don't get ready.
    pub slow: BTreeSet<i32>,
    /// How many logs a node that doesn't get ready still has to recover.
    pub recovering: u64,
    /// Nobody outside reaches Kafka.
    pub cut_off: bool,
    /// Keys and certificates of client listeners, by broker: as the kubelet has brought them, and as Kafka has read them.
    pub mounted: BTreeMap<i32, Files>,
    pub read: BTreeMap<i32, Files>,
    /// What each node has between nodes, as Kafka has read it when it started.
    pub between_nodes: BTreeMap<i32, Credentials>,
    /// How often a broker was told to read its files again.
    pub told: usize,
    /// Nobody outside sees what listeners show.
    pub hidden: bool,
    /// Brokers that don't do it.
    pub deaf: BTreeSet<i32>,
    /// ACL Jobs can't do their work.
    pub jobs_fail: bool,
}

/// Serial number by file.
pub type Files = BTreeMap<String, String>;

/// A node whose process runs.
#[derive(Clone, Debug)]
pub struct Process {
    pub id: i32,
    pub broker: bool,
    pub controller: bool,
    pub disk: Disk,
}

pub struct Kafka {
    pub api: Arc<Apiserver>,
    pub gate: Arc<Gate>,
    state: Mutex<KafkaState>,
}

/// The claim of a pod's first disk, which holds the metadata.
pub fn metadata_claim(pod: &Value) -> Option<Key> {
    let volumes = pod["spec"]["volumes"].as_array()?;
    let first = volumes.iter().find(|volume| volume["name"] == "data-0")?;
    let name = first["persistentVolumeClaim"]["claimName"].as_str()?;
    Some(Key::new("persistentvolumeclaims", name))
}

impl KafkaState {
    /// Any change of a broker's own configuration does that.
    pub fn read_files_again(&mut self, id: i32) {
        self.told += 1;
        if let Some(mounted) = self.mounted.get(&id).filter(|_| !self.deaf.contains(&id)) {
            self.read.insert(id, mounted.clone());
        }
    }

    pub fn replicas_of(&mut self, id: &TopicPartition) -> &mut Vec<i32> {
        let topic = self.topics.get_mut(&id.topic).unwrap();
        &mut topic.replicas[usize::try_from(id.partition).unwrap()]
    }

    /// How many replicas each broker has.
    pub fn counts(&self) -> BTreeMap<i32, usize> {
        let mut counts = BTreeMap::new();
        for id in self.topics.values().flat_map(|topic| topic.replicas.iter().flatten()) {
            *counts.entry(*id).or_default() += 1;
        }
        counts
    }
}

impl Kafka {
    pub fn new(api: &Arc<Apiserver>, gate: &Arc<Gate>) -> Arc<Self> {
        Arc::new(Self {
            api: Arc::clone(api),
            gate: Arc::clone(gate),
            state: Mutex::default(),
        })
    }

    pub fn state(&self) -> MutexGuard<'_, KafkaState> {
        self.state.lock().unwrap()
    }

    /// Init container `format`: an empty disk becomes what the pod says and may be, another stays what it is. False: the
    /// container fails and is tried again.
    pub fn format(&self, pod: &Value, claim: &Value) -> bool {
        let uid = claim["metadata"]["uid"].as_str().unwrap().to_owned();
        let permit = self.permit(pod);
        let mut state = self.state();
        if let Some(disk) = state.disks.get(&uid).cloned() {
            drop(state);
            if environment(pod, "PK_SOLE_VOTER").is_some() {
                self.stand_alone(node_id(pod), &disk);
            }
            return true;
        }
        let id = node_id(pod).to_string();
        let own_uid = pod["metadata"]["uid"].as_str().unwrap();
        let voters = match (voters(pod), permit) {
            (Some(voters), Some(permit)) if permit == format!("{own_uid} Voter") => Some(voters.to_owned()),
            (Some(_), Some(permit)) if permit == format!("{own_uid} Observer") => None,
            (Some(_), _) => return false,
            (None, _) => None,
        };
        let own = voters
            .iter()
            .flat_map(|all| all.split(','))
            .find(|one| one.split('@').next() == Some(&id));
        let directory = own
            .and_then(|one| one.rsplit(':').next())
            .map_or_else(|| format!("later-{uid}"), str::to_owned);
        let cluster = environment(pod, "PK_CLUSTER_ID").unwrap_or_default().to_owned();
        let disk = Disk {
            cluster,
            directory,
            voters,
        };
        let accusations: Vec<String> = state
            .disks
            .values()
            .filter_map(|other| conflict(&disk, other))
            .collect();
        state.accusations.extend(accusations);
        state.disks.insert(uid, disk);
        true
    }

    /// What the container reads from the ConfigMap that it names, empty while it isn't there; `None`: it names none.
    fn permit(&self, pod: &Value) -> Option<String> {
        let containers = pod["spec"]["initContainers"].as_array().into_iter().flatten();
        let mut variables = containers.flat_map(|container| container["env"].as_array().into_iter().flatten());
        let variable = variables.find(|variable| variable["name"] == "PK_FIRST_FORMAT")?;
        let source = &variable["valueFrom"]["configMapKeyRef"];
        let api = self.api.state();
        let map = api.get(&Key::new("configmaps", source["name"].as_str().unwrap()));
        let text = map.and_then(|map| map["data"][source["key"].as_str().unwrap()].as_str());
        Some(text.unwrap_or_default().to_owned())
    }

    /// Brokers register, and the oldest copies come to an end.
    pub fn step(&self) {
        let running: Vec<i32> = self.brokers_up();
        let sets: Vec<String> = self
            .api
            .state()
            .list("statefulsets")
            .into_iter()
            .map(|(key, _)| key.name)
            .collect();
        let drained: Vec<i32> = serde_json::from_value(self.identity()["drained"].clone()).unwrap_or_default();
        let mut state = self.state();
        state.registered.extend(&running);
        let stall = state.copies_stall;
        let due = state
            .moving
            .iter()
            .filter(|(_, (one, steps))| !stall && *steps > 0 && one.adding.iter().all(|id| running.contains(id)));
        let due: Vec<TopicPartition> = due.map(|(id, _)| id.clone()).take(3).collect();
        for id in due {
            let (one, _) = state.moving.remove(&id).unwrap();
            let stays = |id: &i32| !one.removing.contains(id);
            *state.replicas_of(&id) = one.replicas.iter().copied().filter(stays).collect();
        }
        state.moving.values_mut().for_each(|(_, steps)| *steps += 1);
        let held: BTreeSet<i32> = state
            .topics
            .values()
            .flat_map(|topic| topic.replicas.iter().flatten().copied())
            .collect();
        for id in held.into_iter().filter(|id| drained.contains(id)) {
            if !sets.iter().any(|name| name.ends_with(&format!("-{id}"))) {
                state
                    .accusations
                    .insert(format!("broker {id} was taken away with its replicas"));
            }
        }
    }

    pub fn brokers_up(&self) -> Vec<i32> {
        self.processes()
            .iter()
            .filter(|one| one.broker)
            .map(|one| one.id)
            .collect()
    }

    /// `broker.rack` of each node.
    pub fn racks(&self) -> BTreeMap<i32, String> {
        serde_json::from_value(self.identity()["racks"].clone()).unwrap_or_default()
    }

    /// What the operator has committed about its nodes.
    fn identity(&self) -> Value {
        let api = self.api.state();
        let map = api.get(&Key::new("configmaps", "orders-identity"));
        let text = map
            .and_then(|map| map["data"]["identity.json"].as_str())
            .unwrap_or("{}");
        serde_json::from_str(text).unwrap()
    }

    /// Nodes whose process runs.
    pub fn processes(&self) -> Vec<Process> {
        let api = self.api.state();
        let state = self.state();
        let running = |pod: &Value| pod.pointer("/status/containerStatuses/0/state/running").is_some();
        let process = |(_, pod): (&Key, &Value)| {
            if !running(pod) {
                return None;
            }
            let claim = api.get(&metadata_claim(pod)?)?;
            let disk = state.disks.get(claim["metadata"]["uid"].as_str()?)?.clone();
            let is = |role: &str| pod["metadata"]["labels"][format!("productionkafka.dev/{role}")] == "true";
            Some(Process {
                id: node_id(pod),
                broker: is("broker"),
                controller: is("controller"),
                disk,
            })
        };
        api.of_kind("pods").filter_map(process).collect()
    }

    /// Voters as node and directory, and the leader if most of them run.
    pub fn quorum(&self) -> (Vec<(i32, String)>, Option<i32>) {
        let processes = self.processes();
        let first_day = processes
            .iter()
            .find_map(|process| process.disk.voters.clone())
            .unwrap_or_default();
        let changed = self.state().voters.clone();
        let voters = changed.unwrap_or_else(|| self::first_day(&first_day));
        let up: Vec<i32> = voters
            .iter()
            .filter(|(id, directory)| {
                processes
                    .iter()
                    .any(|process| process.controller && process.id == *id && process.disk.directory == *directory)
            })
            .map(|(id, _)| *id)
            .collect();
        let majority = up.len() * 2 > voters.len();
        let mut state = self.state();
        if let Some(gone) = state.leader.take_if(|leader| !up.contains(leader)) {
            state.former_leader = Some(gone);
        }
        if state.leader.is_none() && majority {
            // Whoever has just led is the last to be elected.
            let other = up.iter().find(|id| Some(**id) != state.former_leader);
            state.leader = other.or(up.first()).copied();
        }
        let leader = state.leader.filter(|_| majority);
        if leader.is_some() {
            let level = state.supports.unwrap_or(30);
            let running = processes.iter().filter(|process| process.controller);
            state.controllers.extend(running.map(|process| (process.id, level)));
        }
        drop(state);
        (voters, leader)
    }

    /// A voter's own disk is made that of the only one.
    fn stand_alone(&self, id: i32, disk: &Disk) {
        let own = (id, disk.directory.clone());
        let changed = self.state().voters.clone();
        let voters = changed.unwrap_or_else(|| first_day(disk.voters.as_deref().unwrap_or_default()));
        if voters.len() == 1 || !voters.contains(&own) {
            return;
        }
        let runs = self.processes();
        let former = runs
            .iter()
            .find(|one| voters.contains(&(one.id, one.disk.directory.clone())) && one.id != id);
        let mut state = self.state();
        if let Some(former) = former {
            let id = former.id;
            state.accusations.insert(format!(
                "controller {id} runs with a vote of a quorum that was given up"
            ));
        }
        state.voters = Some(vec![own]);
        state.leader = None;
        state.votes.push(format!("={id}"));
    }

    /// Every node's certificate is over: nobody who comes anew talks to any.
    pub fn shows_nothing_that_holds(&self) -> bool {
        let running = self.processes();
        let state = self.state();
        let mut known = running
            .iter()
            .filter_map(|process| state.between_nodes.get(&process.id))
            .peekable();
        known.peek().is_some() && known.all(Credentials::are_over)
    }

    /// Serial number that a broker shows at `host:port`, while it's ready.
    pub fn shown_at(&self, address: &str) -> Option<String> {
        if self.state().hidden {
            return None;
        }
        let (host, port) = address.rsplit_once(':')?;
        let id: i32 = host.rsplit('.').next()?.parse().ok()?;
        let api = self.api.state();
        let cluster = api.get(&Key::new("productionkafkas", "orders"))?;
        let listeners = cluster["spec"]["listeners"].as_array()?;
        let listener = listeners
            .iter()
            .find(|listener| listener["port"].as_i64() == port.parse().ok())?;
        let own = listener["certificate"].is_object();
        let file = if own {
            format!("{}.pem", listener["name"].as_str()?)
        } else {
            "server.pem".to_owned()
        };
        self.state().read.get(&id)?.get(&file).cloned()
    }

    /// What a controller exports of its log: those that vote have all of it, others nothing.
    pub fn raft_metrics(&self, address: &str) -> Option<String> {
        let id = address.split(':').next()?.rsplit('.').next()?.parse::<i32>().ok()?;
        let process = self.processes().into_iter().find(|one| one.id == id)?;
        let votes = self.quorum().0.contains(&(id, process.disk.directory));
        let end = if votes { self.state().records } else { 0 };
        let gauge = |(name, value): (&str, i64)| format!("kafka_server_raft_metrics_{name} {value}.0\n");
        let gauges = [
            ("current_epoch", i64::from(votes)),
            ("log_end_offset", end),
            ("high_watermark", end),
        ];
        Some(gauges.map(gauge).concat())
    }

    /// Controllers that run without a vote.
    pub fn observers(&self) -> Vec<(i32, String)> {
        let voters = self.quorum().0;
        let processes = self.processes().into_iter().filter(|process| process.controller);
        let known = processes.map(|process| (process.id, process.disk.directory));
        known.filter(|one| !voters.contains(one)).collect()
    }

    /// Changes the voters as a leader does; whoever is added must follow it already.
    pub fn change_voters(&self, id: i32, directory: &str, add: bool) -> Result<(), BrokerError> {
        let (mut voters, leader) = self.quorum();
        let refused = |code: ErrorCode| Err(BrokerError::new(code, None));
        let known = voters.iter().position(|(voter, _)| *voter == id);
        let one = (id, directory.to_owned());
        match (add, known) {
            (true, Some(_)) => return refused(ErrorCode::DUPLICATE_VOTER),
            (true, None) if !self.observers().contains(&one) => return refused(ErrorCode::REQUEST_TIMED_OUT),
            (true, None) => voters.push(one),
            (false, Some(at)) if voters[at] == one => drop(voters.remove(at)),
            (false, _) => return refused(ErrorCode::VOTER_NOT_FOUND),
        }
        voters.sort();
        let mut state = self.state();
        let sign = if add { '+' } else { '-' };
        state.votes.push(format!("{sign}{id}"));
        if !add && leader == Some(id) && voters.len() == 1 {
            state.accuse("one of two voters took its own vote away");
        }
        state.voters = Some(voters);
        Ok(())
    }

    /// What an ACL Job does: the difference to its documents, if its principal may.
    pub fn sync(&self, documents: &[String]) -> bool {
        let all = documents.iter().map(|text| AclDocument::parse(text.as_bytes()));
        let Ok(all) = all.collect::<Result<Vec<_>, _>>() else {
            return false;
        };
        let document = all.into_iter().fold(AclDocument::default(), AclDocument::and);
        if self.quorum().1.is_none() {
            return false;
        }
        let mut state = self.state();
        if !state
            .acls
            .iter()
            .any(|acl| acl.principal == "User:CN=kafka-acl-sync,O=productionkafka")
        {
            return false;
        }
        let diff = document.diff(&state.acls);
        state.acls.extend(diff.grant);
        state.acls.retain(|acl| !diff.revoke.contains(acl));
        true
    }
}

fn conflict(disk: &Disk, other: &Disk) -> Option<String> {
    if disk.cluster != other.cluster {
        return Some(format!("two cluster ids: {} and {}", disk.cluster, other.cluster));
    }
    if disk.voters.is_some() && other.voters.is_some() && disk.voters != other.voters {
        return Some(format!("two sets of voters: {:?} and {:?}", disk.voters, other.voters));
    }
    (disk.directory == other.directory).then(|| format!("two disks are the voter {}", disk.directory))
}

pub fn node_id(pod: &Value) -> i32 {
    pod["metadata"]["labels"]["productionkafka.dev/node-id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

/// `id@host:port:directory,…` as node and directory.
fn first_day(voters: &str) -> Vec<(i32, String)> {
    let voter = |one: &str| {
        let (id, rest) = one.split_once('@')?;
        Some((id.parse().ok()?, rest.rsplit(':').next()?.to_owned()))
    };
    voters.split(',').filter_map(voter).collect()
}

fn environment<'a>(pod: &'a Value, name: &str) -> Option<&'a str> {
    let containers = pod["spec"]["initContainers"].as_array().into_iter().flatten();
    let mut variables = containers.flat_map(|container| container["env"].as_array().into_iter().flatten());
    variables.find(|variable| variable["name"] == name)?["value"].as_str()
}
