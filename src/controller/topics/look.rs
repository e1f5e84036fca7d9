//! What Kafka has of a cluster's topics, all at once: partitions from the cluster's own look while that is new enough, else asked
//! for; configurations asked for in batches, of all topics once a minute, of single ones when they aren't known.

use crate::controller::error::PassError;
use crate::controller::kafka::KafkaFacts;
use crate::controller::resource::is_older;
use crate::kafka::KafkaError;
use crate::kafka::admin::KafkaAdmin;
use crate::kafka::configs::{ConfigEntry, ConfigResource, ConfigSource};
use crate::kafka::views::PartitionState;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How long a look is good while nothing is on its way.
const GOOD: Duration = Duration::from_mins(1);
/// How long it's good while something is.
const PENDING: Duration = Duration::from_secs(1);

/// A topic as Kafka has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub partitions: i32,
    /// Fewest and most replicas of its partitions.
    pub replicas: (i32, i32),
    pub under_replicated: i32,
    /// Its own configuration; `None`: not known yet.
    pub config: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Default)]
pub struct Look {
    /// When partitions were last seen.
    pub at: Option<Timestamp>,
    /// When all configurations were.
    configs_at: Option<Timestamp>,
    pub topics: HashMap<String, Found>,
}

impl Look {
    /// Looks again where the last look is too old; returns whether anything was learnt.
    pub async fn refresh(
        &mut self,
        admin: &dyn KafkaAdmin,
        known: Option<&KafkaFacts>,
        (managed, pending): (&[String], bool),
        now: Timestamp,
    ) -> Result<bool, PassError> {
        let mut learnt = false;
        let newer = known.filter(|known| self.at.is_none_or(|at| at < known.at) && known.problem.is_none());
        if let Some((facts, view)) = newer.and_then(|facts| Some((facts, facts.partitions.as_ref()?))) {
            self.take_in(&view.partitions, facts.at);
            learnt = true;
        }
        if is_older(self.at, if pending { PENDING } else { GOOD }, now) {
            let view = admin
                .partitions()
                .await
                .map_err(|source| failed("read the topics", source))?;
            self.take_in(&view.partitions, now);
            learnt = true;
        }
        let all = is_older(self.configs_at, GOOD, now);
        let unknown = |name: &&String| {
            self.topics
                .get(*name)
                .is_some_and(|found| all || found.config.is_none())
        };
        let asked: Vec<ConfigResource> = managed
            .iter()
            .filter(unknown)
            .map(|name| ConfigResource::Topic(name.clone()))
            .collect();
        if !asked.is_empty() {
            let described = admin.describe_configs(asked).await;
            let described = described.map_err(|source| failed("read the topics' configuration", source))?;
            for (resource, entries) in described {
                if let (ConfigResource::Topic(name), Ok(entries)) = (resource, entries)
                    && let Some(found) = self.topics.get_mut(&name)
                {
                    found.config = Some(own(entries));
                    learnt = true;
                }
            }
        }
        if all {
            self.configs_at = Some(now);
        }
        Ok(learnt)
    }

    /// Keeps what's known of configurations.
    pub fn take_in<'a>(&mut self, partitions: impl IntoIterator<Item = &'a PartitionState>, at: Timestamp) {
        let mut before = std::mem::take(&mut self.topics);
        for partition in partitions {
            let replicas = i32::try_from(partition.replicas.len()).unwrap_or(i32::MAX);
            let found = self.topics.entry(partition.topic.clone()).or_insert_with(|| Found {
                config: before.remove(&partition.topic).and_then(|found| found.config),
                replicas: (replicas, replicas),
                ..Found::default()
            });
            found.partitions = found.partitions.saturating_add(1);
            found.replicas = (found.replicas.0.min(replicas), found.replicas.1.max(replicas));
            found.under_replicated += i32::from(partition.isr.len() < partition.replicas.len());
        }
        self.at = Some(at);
    }
}

fn own(entries: Vec<ConfigEntry>) -> BTreeMap<String, String> {
    let own = entries
        .into_iter()
        .filter(|entry| entry.source == ConfigSource::DynamicTopic);
    own.filter_map(|entry| Some((entry.name, entry.value?))).collect()
}

pub fn failed(what: &'static str, source: KafkaError) -> PassError {
    PassError::Kafka {
        what,
        source: Box::new(source),
    }
}
