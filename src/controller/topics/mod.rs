//! One pass over all `KafkaTopic`s of a cluster: what Kafka has is looked at once, what's missing is made for many at once, and
//! what Kafka refuses of one holds up no other.
//!
//! It must not delete a topic that no resource asks to be deleted, nor one that belongs to an older resource.

mod carry_out;
pub mod decide;
mod leave;
pub mod look;
mod say;

use super::cluster::Ended;
use super::context::Context;
use super::error::PassError;
use super::finalizers::{self, Grip};
use super::memory::Memory;
use super::resource::{self, AT_ONCE, Nowhere, Verdict};
use super::stores::ClusterKey;
use crate::api::KafkaTopic;
use crate::kafka::KafkaAdmin;
use crate::model::Cluster;
use crate::runtime::metrics::Outcome;
use decide::{FINALIZER, goes_with_it, has_finalizer, is_going, name_of};
use kube::ResourceExt;
use look::Look;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(3);
/// While Kafka is making what was asked of it.
const PENDING: Duration = Duration::from_secs(1);
const CALM: Duration = Duration::from_secs(20);
/// Statuses and finalizers that one pass writes; what's left comes at once in the next.
const CHUNK: usize = 400;
/// Topics that one pass makes or changes, and as many that it deletes: a controller makes about a hundred in the time that a
/// request has, and takes fewer than 10 000 records at once.
const AT_MOST: usize = 200;
/// A finalizer that was just set counts as set until the watch has brought it, at most this long.
const HELD: Duration = Duration::from_secs(10);

/// What's remembered of a cluster's topics between passes; all of it can be lost.
#[derive(Default)]
pub struct Topics {
    look: Look,
    /// Something was asked of Kafka that it hasn't shown yet, or something is waited for.
    pending: bool,
    nowhere: Nowhere,
    /// Topics whose deletion Kafka has taken, until they're gone.
    deleted: HashSet<String>,
    /// Resources that stay, by name.
    resources: HashMap<String, Remembered>,
}

impl Topics {
    fn of(&mut self, topic: &KafkaTopic) -> &mut Remembered {
        self.resources.entry(topic.name_any()).or_default()
    }
}

/// What's remembered of one resource; of one that was made again under the same name, nothing.
#[derive(Default)]
struct Remembered {
    uid: String,
    /// Whether it was held or let go, and when, while the watch hasn't brought it.
    held: Option<(bool, jiff::Timestamp)>,
    /// When that was last tried in vain.
    unheld: Option<jiff::Timestamp>,
    /// Something was asked for it that Kafka hasn't shown yet.
    asked: bool,
    /// The last status written, by its hash: the watch may not have brought it yet.
    said: Option<u64>,
    /// Its generation when it needed nothing.
    settled: Option<i64>,
    /// What Kafka refused.
    refused: Option<Refused>,
}

/// A step that Kafka didn't take.
struct Refused {
    generation: Option<i64>,
    problem: String,
    count: u32,
    retry: jiff::Timestamp,
}

#[derive(Default)]
pub struct AllTopics(Mutex<HashMap<ClusterKey, Topics>>);

impl AllTopics {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ClusterKey, Topics>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs one pass; `None`: there are no topics.
pub async fn pass(context: &Context, key: &ClusterKey) -> Option<Result<Ended, PassError>> {
    let topics = context.stores.topics_of(key);
    if topics.is_empty() {
        context.topics.lock().remove(key);
        return None;
    }
    let mut known = context.topics.lock().remove(key).unwrap_or_default();
    let (leaving, staying): (Vec<_>, Vec<_>) = topics.into_iter().partition(|topic| is_going(topic));
    let mut pass = Pass {
        context,
        key,
        known: &mut known,
        staying,
        leaving,
        again: CALM,
        is_waiting: false,
    };
    let result = pass.run().await;
    let ended = result.map(|()| Ended {
        outcome: if pass.is_waiting {
            Outcome::Waiting
        } else {
            Outcome::Completed
        },
        again: pass.again,
    });
    context.topics.lock().insert(key.clone(), known);
    Some(ended)
}

struct Pass<'a> {
    context: &'a Context,
    key: &'a ClusterKey,
    known: &'a mut Topics,
    staying: Vec<Arc<KafkaTopic>>,
    leaving: Vec<Arc<KafkaTopic>>,
    again: Duration,
    is_waiting: bool,
}

/// What a pass stands on: the cluster as its own pass last left it.
struct Ground {
    cluster: Arc<Cluster>,
    admin: Arc<dyn KafkaAdmin>,
    memory: Memory,
}

fn ground(memory: Memory) -> Option<Ground> {
    memory.kafka.as_ref().filter(|kafka| kafka.partitions.is_some())?;
    Some(Ground {
        cluster: memory.cluster.clone()?,
        admin: memory.client.clone()?.admin,
        memory,
    })
}

impl Pass<'_> {
    async fn run(&mut self) -> Result<(), PassError> {
        self.forget();
        // What's said of those that are held now is said in the next pass.
        let (context, loose) = (self.context, self.loose());
        let (held, result) = futures::join!(finalizers::of_each(context, FINALIZER, loose), self.go_on());
        let loose = self.note_held(&held?);
        self.say(loose).await.and(result)
    }

    async fn go_on(&mut self) -> Result<(), PassError> {
        let Some(ground) = ground(self.context.memories.get(self.key)) else {
            self.without_ground().await?;
            return self.nowhere().await;
        };
        self.known.nowhere.ended();
        let managed: Vec<String> = self.staying.iter().map(|topic| name_of(topic)).collect();
        let going = self.leaving.iter().any(|topic| has_finalizer(topic));
        let pending = (&managed[..], self.known.pending || going);
        let facts = ground.memory.kafka.as_deref();
        let learnt = self
            .known
            .look
            .refresh(ground.admin.as_ref(), facts, pending, self.context.now())
            .await?;
        let all: Vec<Arc<KafkaTopic>> = self.staying.iter().chain(&self.leaving).cloned().collect();
        let owners = decide::owners(&all);
        self.known.pending = false;
        self.leave(&ground, &owners).await?;
        let mut verdicts: BTreeMap<String, Verdict> = BTreeMap::new();
        let steps = self.steps(&ground, &owners, learnt, &mut verdicts)?;
        let told = self.tell(verdicts);
        // The apiserver and Kafka don't wait for each other.
        let (said, taken) = futures::join!(
            say::write_all(self.context, told),
            steps.carry_out(ground.admin.as_ref()),
        );
        let unsaid = self.note_said(said);
        let verdicts = self.note_taken(taken)?;
        self.say(verdicts).await.and(unsaid)
    }

    fn sooner(&mut self, after: Duration) {
        self.again = self.again.min(after);
    }

    fn wait(&mut self, after: Duration) {
        self.is_waiting = true;
        self.sooner(after);
    }

    /// Resources that are gone, leave, or were deleted and made again.
    fn forget(&mut self) {
        let uids = self.staying.iter().map(|topic| (topic.name_any(), topic.uid()));
        let uids: HashMap<String, String> = uids.map(|(name, uid)| (name, uid.unwrap_or_default())).collect();
        let known = &mut self.known.resources;
        known.retain(|name, known| uids.get(name) == Some(&known.uid));
        for (name, uid) in uids {
            known.entry(name).or_default().uid = uid;
        }
        let now = self.context.now();
        for topic in &self.staying {
            let (wanted, has) = (goes_with_it(topic), has_finalizer(topic));
            let held = &mut self.known.of(topic).held;
            *held = held.filter(|(is, at)| *is == wanted && has != wanted && !resource::is_older(Some(*at), HELD, now));
        }
    }

    /// A resource with which its topic goes must not go first; one with which it doesn't isn't held. A bounded number of those of
    /// which that isn't so yet, and what's to become of each one's finalizer.
    fn loose(&mut self) -> Vec<(Arc<KafkaTopic>, Grip)> {
        let wrong = self.staying.iter().filter(|topic| !self.is_held(topic));
        let failed = |topic: &KafkaTopic| self.known.resources.get(&topic.name_any())?.unheld;
        let some = finalizers::next(wrong.map(|topic| (failed(topic), Arc::clone(topic))), CHUNK);
        if !some.is_empty() {
            self.sooner(Duration::ZERO);
        }
        let with = |topic: Arc<KafkaTopic>| {
            let grip = if goes_with_it(&topic) { Grip::Hold } else { Grip::LetGo };
            (topic, grip)
        };
        some.into_iter().map(with).collect()
    }

    /// It has the finalizers that it shall have, as the watch tells or as they were just written.
    fn is_held(&self, topic: &KafkaTopic) -> bool {
        let known = self.known.resources.get(&topic.name_any());
        goes_with_it(topic) == has_finalizer(topic) || known.is_some_and(|known| known.held.is_some())
    }

    /// Returns what's to be said of those that couldn't be held.
    fn note_held(&mut self, ended: &[(Arc<KafkaTopic>, Result<(), PassError>)]) -> BTreeMap<String, Verdict> {
        let now = self.context.now();
        let mut verdicts = BTreeMap::new();
        for (topic, result) in ended {
            self.known.of(topic).unheld = result.is_err().then_some(now);
            match result {
                Ok(()) => self.known.of(topic).held = Some((goes_with_it(topic), now)),
                // The watch is behind, and brings what it has missed.
                Err(problem) if problem.category() == "conflict" => self.sooner(PENDING),
                Err(problem) => {
                    self.again = SOON;
                    verdicts.insert(topic.name_any(), resource::not_held(problem));
                }
            }
        }
        verdicts
    }

    /// There's no cluster to do anything in. What is there stays while nobody serves, so nothing else is said of it unless the
    /// cluster itself is gone.
    async fn nowhere(&mut self) -> Result<(), PassError> {
        let (key, now) = (self.key, self.context.now());
        let is_there = self.context.stores.clusters.get(&key.namespace, &key.name).is_some();
        if !self.known.nowhere.lasts(is_there, now) {
            self.wait(PENDING);
            return Ok(());
        }
        self.wait(SOON);
        let verdict = resource::without_cluster(self.key);
        let held = self.staying.iter().filter(|topic| self.is_held(topic));
        let told = held.filter(|topic| !(is_there && say::is_ready(topic)));
        let all = told.map(|topic| (topic.name_any(), verdict.clone())).collect();
        for known in self.known.resources.values_mut() {
            known.settled = None;
        }
        self.say(all).await
    }
}
