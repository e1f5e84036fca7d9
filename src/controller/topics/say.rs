//! What is said of a topic: where it stands and what Kafka has of it. Written only if it says something else.

use super::decide::name_of;
use super::look::Found;
use super::{AT_ONCE, CHUNK, Pass, SOON};
use crate::api::{KafkaTopic, KafkaTopicStatus};
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::controller::resource::{self, Verdict};
use futures::{StreamExt, stream};
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub fn is_ready(topic: &KafkaTopic) -> bool {
    let generation = topic.metadata.generation;
    let status = topic.status.as_ref();
    status.is_some_and(|status| resource::is_ready((status.observed_generation, generation), &status.conditions))
}

/// A status to be written, and its hash.
pub struct Told {
    topic: Arc<KafkaTopic>,
    status: KafkaTopicStatus,
    hash: u64,
}

/// Writes them side by side; what becomes of one is no other's concern.
pub async fn write_all(context: &Context, told: Vec<Told>) -> Vec<(Told, Result<(), PassError>)> {
    let tasks = told.into_iter().map(|told| async move {
        let written = resource::write_status(context, told.topic.as_ref(), &told.status).await;
        (told, written)
    });
    let tasks: Vec<_> = tasks.collect();
    stream::iter(tasks).buffered(AT_ONCE).collect().await
}

impl Pass<'_> {
    /// Writes the statuses that say something else, a bounded number of them.
    pub(super) async fn say(&mut self, verdicts: BTreeMap<String, Verdict>) -> Result<(), PassError> {
        let told = self.tell(verdicts);
        let said = write_all(self.context, told).await;
        self.note_said(said)
    }

    /// The statuses that say something else, a bounded number of them.
    pub(super) fn tell(&mut self, mut verdicts: BTreeMap<String, Verdict>) -> Vec<Told> {
        let mut told = Vec::new();
        for topic in self.staying.clone() {
            let Some(verdict) = verdicts.remove(&topic.name_any()) else {
                continue;
            };
            self.settle(&topic, &verdict);
            let found = self.known.look.topics.get(&name_of(&topic));
            let status = status(self.context, &topic, &verdict, found);
            if topic.status.as_ref() == Some(&status) {
                self.known.of(&topic).said = None;
                continue;
            }
            let hash = resource::hash_of(&status);
            if self.known.of(&topic).said == Some(hash) {
                continue;
            }
            if told.len() == CHUNK {
                self.known.of(&topic).settled = None;
                self.again = Duration::ZERO;
                continue;
            }
            told.push(Told { topic, status, hash });
        }
        told
    }

    /// Whether it needs to be looked at again before it or Kafka changes.
    fn settle(&mut self, topic: &KafkaTopic, verdict: &Verdict) {
        let known = self.known.of(topic);
        known.settled = topic.metadata.generation.filter(|_| verdict.is_ready());
        known.asked &= !verdict.is_ready();
        if !verdict.is_ready() && !verdict.is_refused() {
            self.known.pending = true;
            self.wait(SOON);
        }
    }

    /// What wasn't written is said again.
    pub(super) fn note_said(&mut self, said: Vec<(Told, Result<(), PassError>)>) -> Result<(), PassError> {
        let mut problem = None;
        for (told, written) in said {
            let known = self.known.of(&told.topic);
            match written {
                Ok(()) => known.said = Some(told.hash),
                Err(error) => {
                    known.settled = None;
                    problem = Some(error);
                }
            }
        }
        problem.map_or(Ok(()), Err)
    }
}

/// Writes one status, if it says something else.
pub async fn write(
    context: &Context,
    topic: &KafkaTopic,
    verdict: &Verdict,
    found: Option<&Found>,
) -> Result<(), PassError> {
    let wanted = status(context, topic, verdict, found);
    if topic.status.as_ref() == Some(&wanted) {
        return Ok(());
    }
    resource::write_status(context, topic, &wanted).await
}

fn status(context: &Context, topic: &KafkaTopic, verdict: &Verdict, found: Option<&Found>) -> KafkaTopicStatus {
    let old = topic.status.clone().unwrap_or_default();
    let conditions = verdict.conditions(&old.conditions, topic.metadata.generation, context.now());
    let mut wanted = KafkaTopicStatus {
        observed_generation: topic.metadata.generation,
        topic_name: Some(name_of(topic)),
        conditions,
        ..old
    };
    if let Some(found) = found {
        wanted.partitions = Some(found.partitions);
        wanted.replication_factor = Some(found.replicas.0);
        wanted.under_replicated = Some(found.under_replicated);
    }
    wanted
}
