//! The brake on copying (KIP-73): which dynamic settings hold it, and which must go once it is not needed.
//!
//! A broker's two rates limit only replicas that the topics' two lists name: those copied from, and those copied to.
//! Callers pass as set only what is ours: a rate that a user asked for is none of it, a list of `*` never is.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Move;
use super::world::{PartitionId, World};

const LEADER_RATE: &str = "leader.replication.throttled.rate";
const FOLLOWER_RATE: &str = "follower.replication.throttled.rate";
const LEADER_REPLICAS: &str = "leader.replication.throttled.replicas";
const FOLLOWER_REPLICAS: &str = "follower.replication.throttled.replicas";
/// All replicas of a topic; we name each.
const EVERYTHING: &str = "*";

/// Replicas of one topic by partition and broker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicThrottle {
    /// Copied from.
    pub leaders: BTreeSet<(i32, i32)>,
    /// Copied to.
    pub followers: BTreeSet<(i32, i32)>,
}

/// The brake as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Throttle {
    /// Bytes per second of each broker, for what it sends and for what it receives.
    pub brokers: BTreeMap<i32, u64>,
    pub topics: BTreeMap<String, TopicThrottle>,
}

/// Where a setting belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ThrottleTarget {
    Broker(i32),
    Topic(String),
}

/// One setting to write; `None` removes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ThrottleChange {
    pub target: ThrottleTarget,
    pub key: &'static str,
    pub value: Option<String>,
}

impl Throttle {
    /// What is set, from the dynamic settings of brokers and topics.
    pub fn observed<'a>(settings: impl IntoIterator<Item = (ThrottleTarget, &'a str, &'a str)>) -> Self {
        let mut throttle = Self::default();
        let mut rates: BTreeMap<i32, [u64; 2]> = BTreeMap::new();
        for (target, key, value) in settings {
            match (target, key) {
                (ThrottleTarget::Broker(id), LEADER_RATE) => {
                    rates.entry(id).or_default()[0] = value.trim().parse().unwrap_or_default();
                }
                (ThrottleTarget::Broker(id), FOLLOWER_RATE) => {
                    rates.entry(id).or_default()[1] = value.trim().parse().unwrap_or_default();
                }
                (ThrottleTarget::Topic(name), LEADER_REPLICAS) if value.trim() != EVERYTHING => {
                    throttle.topics.entry(name).or_default().leaders = listed(value);
                }
                (ThrottleTarget::Topic(name), FOLLOWER_REPLICAS) if value.trim() != EVERYTHING => {
                    throttle.topics.entry(name).or_default().followers = listed(value);
                }
                _ => {}
            }
        }
        // Half a brake equals none that is needed, so that it is written again or removed.
        let whole = |[leader, follower]: [u64; 2]| if leader == follower { leader } else { 0 };
        throttle.brokers = rates.into_iter().map(|(id, both)| (id, whole(both))).collect();
        throttle
    }

    fn copy(&mut self, id: &PartitionId, sources: &[i32], targets: &[i32], rate: u64) {
        let topic = self.topics.entry(id.topic.clone()).or_default();
        topic
            .leaders
            .extend(sources.iter().map(|broker| (id.partition, *broker)));
        topic
            .followers
            .extend(targets.iter().map(|broker| (id.partition, *broker)));
        self.brokers
            .extend(sources.iter().chain(targets).map(|broker| (*broker, rate)));
    }
}

fn listed(value: &str) -> BTreeSet<(i32, i32)> {
    let pair = |item: &str| {
        let (partition, broker) = item.trim().split_once(':')?;
        Some((partition.parse().ok()?, broker.parse().ok()?))
    };
    value.split(',').filter_map(pair).collect()
}

fn list(replicas: &BTreeSet<(i32, i32)>) -> String {
    let items: Vec<String> = replicas
        .iter()
        .map(|(partition, broker)| format!("{partition}:{broker}"))
        .collect();
    items.join(",")
}

/// The brake for what is under way and for the `wave` about to be ordered, at `rate` bytes per second and broker
/// (0 counts as 1). Nothing is braked when nothing is copied.
pub fn needed_throttle(world: &World, wave: &[&Move], rate: u64) -> Throttle {
    let rate = rate.max(1);
    let mut throttle = Throttle::default();
    for partition in &world.partitions {
        if let Some(ongoing) = world.ongoing.get(&partition.id).filter(|it| !it.adding.is_empty()) {
            let is_source = |id: &i32| !ongoing.adding.contains(id);
            let sources: Vec<i32> = partition.replicas.iter().copied().filter(is_source).collect();
            throttle.copy(&partition.id, &sources, &ongoing.adding, rate);
        }
    }
    for next in wave.iter().filter(|next| next.work().replicas > 0) {
        let targets: Vec<i32> = next.adding().collect();
        throttle.copy(&next.id, &next.from, &targets, rate);
    }
    throttle
}

/// From what is set to what is needed: rates first and lists after them, then what must go, lists before rates, so that
/// no replica is ever listed on a broker without a rate of ours.
pub fn throttle_changes(set: &Throttle, needed: &Throttle) -> Vec<ThrottleChange> {
    let mut changes = Vec::new();
    for (id, rate) in needed
        .brokers
        .iter()
        .filter(|(id, rate)| set.brokers.get(id) != Some(rate))
    {
        changes.extend(rates(*id, Some(*rate)));
    }
    let nothing = TopicThrottle::default();
    let names: BTreeSet<&String> = set.topics.keys().chain(needed.topics.keys()).collect();
    let mut removals = Vec::new();
    for name in names {
        let (was, is) = (set.topics.get(name), needed.topics.get(name));
        let (was, is) = (was.unwrap_or(&nothing), is.unwrap_or(&nothing));
        for (key, was, is) in [
            (LEADER_REPLICAS, &was.leaders, &is.leaders),
            (FOLLOWER_REPLICAS, &was.followers, &is.followers),
        ] {
            let change = ThrottleChange {
                target: ThrottleTarget::Topic(name.clone()),
                key,
                value: (!is.is_empty()).then(|| list(is)),
            };
            match (was == is, is.is_empty()) {
                (true, _) => {}
                (false, false) => changes.push(change),
                (false, true) => removals.push(change),
            }
        }
    }
    changes.extend(removals);
    for id in set.brokers.keys().filter(|id| !needed.brokers.contains_key(id)) {
        changes.extend(rates(*id, None));
    }
    changes
}

fn rates(broker: i32, rate: Option<u64>) -> [ThrottleChange; 2] {
    [LEADER_RATE, FOLLOWER_RATE].map(|key| ThrottleChange {
        target: ThrottleTarget::Broker(broker),
        key,
        value: rate.map(|rate| rate.to_string()),
    })
}
