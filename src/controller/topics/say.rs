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
use std::time::Duration;

pub fn is_ready(topic: &KafkaTopic) -> bool {
    let generation = topic.metadata.generation;
    let status = topic.status.as_ref();
    status.is_some_and(|status| resource::is_ready((status.observed_generation, generation), &status.conditions))
}

impl Pass<'_> {
    /// Writes the statuses that say something else, a bounded number of them.
    pub(super) async fn say(&mut self, mut verdicts: BTreeMap<String, Verdict>) -> Result<(), PassError> {
        let mut work = Vec::new();
        for topic in self.staying.clone() {
            let name = topic.name_any();
            let Some(verdict) = verdicts.remove(&name) else {
                continue;
            };
            if verdict.is_ready() {
                self.known.asked.remove(&name);
                self.known.settled.insert(name.clone(), topic.metadata.generation);
            } else {
                self.known.settled.remove(&name);
                if !verdict.is_refused() {
                    self.known.pending = true;
                    self.wait(SOON);
                }
            }
            let found = self.known.look.topics.get(&name_of(&topic));
            let wanted = status(self.context, &topic, &verdict, found);
            let hash = resource::hash_of(&wanted);
            let is_said = topic.status.as_ref() == Some(&wanted) || self.known.said.get(&name) == Some(&hash);
            if is_said {
                self.known.said.insert(name, hash);
                continue;
            }
            if work.len() == CHUNK {
                self.known.settled.remove(&name);
                self.again = Duration::ZERO;
                continue;
            }
            work.push((topic, wanted, hash));
        }
        let context = self.context;
        let tasks = work.into_iter().map(|(topic, wanted, hash)| async move {
            let written = resource::write_status(context, topic.as_ref(), &wanted).await;
            (topic.name_any(), hash, written)
        });
        let ended: Vec<_> = stream::iter(tasks).buffered(AT_ONCE).collect().await;
        let mut problem = None;
        for (name, hash, written) in ended {
            match written {
                Ok(()) => drop(self.known.said.insert(name, hash)),
                Err(error) => {
                    self.known.settled.remove(&name);
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
