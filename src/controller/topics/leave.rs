//! Resources that are being deleted and whose topic goes with them: the topic first, read live, then the finalizer. Where there's
//! nothing of ours to take away, nobody is held: no cluster, another policy by now, another resource's topic, Kafka's own.

use super::decide::{self, FINALIZER, Owners, has_finalizer, name_of};
use super::look::failed;
use super::{AT_MOST, Ground, PENDING, Pass, SOON};
use crate::api::KafkaTopic;
use crate::controller::apply::bounded;
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::controller::finalizers::{self, Grip};
use crate::controller::resource::{self, AT_ONCE, Verdict};
use crate::kafka::errors::ErrorCode;
use futures::{StreamExt, TryStreamExt, stream};
use kube::ResourceExt;
use kube::api::Api;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

impl Pass<'_> {
    /// The cluster can't be asked: topics of one that doesn't exist any more, or that never was, go at once.
    pub(super) async fn without_ground(&mut self) -> Result<(), PassError> {
        let mut held = self.held();
        if held.is_empty() {
            return Ok(());
        }
        let is_there = resource::cluster_exists(self.context, self.key).await?;
        held.retain(|topic| !is_there || !decide::goes_with_it(topic));
        self.let_go(held).await
    }

    /// Those that wait for us.
    fn held(&self) -> Vec<Arc<KafkaTopic>> {
        let held = self.leaving.iter().filter(|topic| has_finalizer(topic));
        held.cloned().collect()
    }

    /// Each is tried.
    async fn let_go(&mut self, topics: Vec<Arc<KafkaTopic>>) -> Result<(), PassError> {
        let all = topics.into_iter().map(|topic| (topic, Grip::LetGo)).collect();
        let ended = finalizers::of_each(self.context, FINALIZER, all).await?;
        for (topic, _) in ended.iter().filter(|(_, ended)| ended.is_ok()) {
            self.known.deleted.remove(&name_of(topic));
        }
        ended.into_iter().try_for_each(|(_, ended)| ended)
    }

    /// Deletes what is to go, and lets go of whom nothing is left.
    pub(super) async fn leave(&mut self, ground: &Ground, owners: &Owners) -> Result<(), PassError> {
        let (mut asked, mut free) = (Vec::new(), Vec::new());
        for topic in self.held() {
            let name = name_of(&topic);
            let owner = owners
                .get(&name)
                .is_some_and(|owner| owner.name_any() == topic.name_any());
            let is_ours = decide::goes_with_it(&topic) && owner && !decide::is_internal(&name);
            if !is_ours || !self.known.look.topics.contains_key(&name) {
                free.push(topic);
            } else if self.known.deleted.contains(&name) {
                self.wait(PENDING);
            } else if asked.len() == AT_MOST {
                self.known.pending = true;
                self.sooner(Duration::ZERO);
            } else {
                asked.push((name, topic));
            }
        }
        self.let_go(free).await?;
        let doomed = still_asked_for(self.context, asked).await?;
        if doomed.is_empty() {
            return Ok(());
        }
        self.known.pending = true;
        self.wait(PENDING);
        let names: Vec<String> = doomed.keys().cloned().collect();
        tracing::info!(topics = ?names, "deleting topics whose resources are deleted");
        let outcomes = ground.admin.delete_topics(names).await;
        for (name, outcome) in outcomes.map_err(|source| failed("delete topics", source))? {
            match outcome {
                Ok(()) => drop(self.known.deleted.insert(name)),
                Err(error) if error.code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => {}
                Err(error) => {
                    let Some(topic) = doomed.get(&name) else { continue };
                    let message = format!(
                        "delete topic {name}: {error}; with deletionPolicy: Orphan the resource goes without it"
                    );
                    super::say::write(self.context, topic, &Verdict::refused("KafkaRefused", &message), None).await?;
                    self.wait(SOON);
                }
            }
        }
        Ok(())
    }
}

/// Those whose end is still asked for, by topic.
async fn still_asked_for(
    context: &Context,
    all: Vec<(String, Arc<KafkaTopic>)>,
) -> Result<BTreeMap<String, Arc<KafkaTopic>>, PassError> {
    let questions = all.into_iter().map(|(name, topic)| async move {
        let still = is_still_asked_for(context, &topic).await?;
        Ok(still.then_some((name, topic)))
    });
    let questions: Vec<_> = questions.collect();
    let answers = stream::iter(questions).buffered(AT_ONCE);
    let answers: Vec<Option<(String, Arc<KafkaTopic>)>> = answers.try_collect().await?;
    Ok(answers.into_iter().flatten().collect())
}

/// As the apiserver has it now, not as the watch told it.
async fn is_still_asked_for(context: &Context, topic: &KafkaTopic) -> Result<bool, PassError> {
    let (namespace, name) = (topic.namespace().unwrap_or_default(), topic.name_any());
    let api: Api<KafkaTopic> = Api::namespaced(context.client.clone(), &namespace);
    let live = bounded("get", "KafkaTopic", (&namespace, &name), api.get_opt(&name)).await?;
    Ok(live.is_some_and(|live| live.uid() == topic.uid() && decide::is_going(&live) && decide::goes_with_it(&live)))
}
