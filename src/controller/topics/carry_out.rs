//! What topics need in Kafka, gathered and sent in few requests; what Kafka refuses of one is its own matter.

use super::decide::{self, Owners, Step};
use super::look::failed;
use super::{AT_MOST, Ground, PENDING, Pass, Refused};
use crate::api::KafkaTopic;
use crate::controller::error::PassError;
use crate::controller::resource::Verdict;
use crate::kafka::admin::KafkaAdmin;
use crate::kafka::configs::{ConfigChange, ConfigOp, ConfigResource};
use crate::kafka::errors::{BrokerError, ErrorCode};
use crate::kafka::views::{NewPartitions, NewTopic};
use kube::ResourceExt;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

const FIRST_RETRY: Duration = Duration::from_secs(10);
const LONGEST_RETRY: Duration = Duration::from_mins(5);

/// Steps of one pass, by topic in Kafka; the resource's name beside each.
#[derive(Default)]
pub struct Steps {
    create: Vec<NewTopic>,
    partitions: Vec<NewPartitions>,
    configure: Vec<ConfigChange>,
    /// Resource by topic.
    of: HashMap<String, Arc<KafkaTopic>>,
}

/// What Kafka made of the steps of one pass.
pub struct Taken {
    of: HashMap<String, Arc<KafkaTopic>>,
    outcomes: Vec<Outcome>,
    /// Why the rest wasn't asked, or isn't known.
    problem: Option<PassError>,
}

struct Outcome {
    name: String,
    result: Result<(), BrokerError>,
    /// As a sentence begins.
    what: &'static str,
    /// The reason while Kafka hasn't shown it.
    doing: &'static str,
    edits: Vec<ConfigOp>,
}

impl Outcome {
    fn new((name, result): (String, Result<(), BrokerError>), (what, doing): (&'static str, &'static str)) -> Self {
        Self {
            name,
            result,
            what,
            doing,
            edits: Vec::new(),
        }
    }
}

impl Steps {
    /// Sends them.
    pub async fn carry_out(mut self, admin: &dyn KafkaAdmin) -> Taken {
        let of = std::mem::take(&mut self.of);
        let mut outcomes = Vec::new();
        let problem = self.send(admin, &mut outcomes).await.err();
        Taken { of, outcomes, problem }
    }

    async fn send(self, admin: &dyn KafkaAdmin, outcomes: &mut Vec<Outcome>) -> Result<(), PassError> {
        if !self.create.is_empty() {
            let made = admin.create_topics(self.create, false).await;
            for (name, result) in made.map_err(|source| failed("create topics", source))? {
                // The broker that was asked for its partitions may not have heard of a topic that the controller has made.
                let result = result.or_else(is_there);
                outcomes.push(Outcome::new((name, result), ("create topic", "Creating")));
            }
        }
        if !self.partitions.is_empty() {
            let made = admin.create_partitions(self.partitions, false).await;
            for made in made.map_err(|source| failed("add partitions", source))? {
                outcomes.push(Outcome::new(made, ("add partitions to", "AddingPartitions")));
            }
        }
        if !self.configure.is_empty() {
            let changed = admin.incremental_alter_configs(self.configure.clone(), false).await;
            let mut changed = changed.map_err(|source| failed("configure topics", source))?;
            for ConfigChange { resource, ops } in self.configure {
                let result = changed.remove(&resource).unwrap_or(Ok(()));
                if let ConfigResource::Topic(name) = resource {
                    let outcome = Outcome::new((name, result), ("configure topic", "Configuring"));
                    outcomes.push(Outcome { edits: ops, ..outcome });
                }
            }
        }
        Ok(())
    }
}

impl Pass<'_> {
    /// What's next for each topic; what is said of those that need nothing goes into `verdicts`. An error: this process leads no
    /// more.
    pub(super) fn steps(
        &mut self,
        ground: &Ground,
        owners: &Owners,
        learnt: bool,
        verdicts: &mut BTreeMap<String, Verdict>,
    ) -> Result<Steps, PassError> {
        let mut steps = Steps::default();
        for topic in self.staying.clone() {
            match self.next(&topic, (ground, owners), learnt) {
                None => continue,
                // Of one that isn't held yet nothing is said before it is, or why it can't be.
                Some(Step::Say(_)) if !self.is_held(&topic) => continue,
                Some(Step::Say(verdict)) => {
                    verdicts.insert(topic.name_any(), verdict);
                    continue;
                }
                Some(_) if steps.of.len() >= AT_MOST => {
                    self.again = Duration::ZERO;
                    continue;
                }
                // What would stay behind if the resource went now.
                Some(Step::Create(_)) if !self.is_held(&topic) => continue,
                Some(Step::Create(new)) => steps.create.push(new),
                Some(Step::AddPartitions(more)) => steps.partitions.push(more),
                Some(Step::Configure(change)) => steps.configure.push(change),
            }
            steps.of.insert(decide::name_of(&topic), topic);
        }
        if steps.of.is_empty() {
            return Ok(steps);
        }
        if !self.context.leads() {
            return Err(PassError::NotLeading);
        }
        self.known.pending = true;
        self.wait(PENDING);
        Ok(steps)
    }

    /// `None`: nothing new is known of it.
    fn next(&mut self, topic: &KafkaTopic, (ground, owners): (&Ground, &Owners), learnt: bool) -> Option<Step> {
        let generation = topic.metadata.generation;
        let known = self.known.of(topic);
        if !learnt && known.settled.is_some() && known.settled == generation {
            return None;
        }
        if let Some(refusal) = decide::refusal(topic, &ground.cluster, owners) {
            return Some(Step::Say(refusal));
        }
        let now = self.context.now();
        let refused = known.refused.as_ref();
        let refused = refused.filter(|refused| refused.generation == generation && now < refused.retry);
        if let Some(refused) = refused {
            return Some(Step::Say(Verdict::refused("KafkaRefused", &refused.problem)));
        }
        if !learnt && known.asked {
            self.known.pending = true;
            self.wait(PENDING);
            return None;
        }
        let found = self.known.look.topics.get(&decide::name_of(topic));
        Some(decide::step(topic, &ground.cluster, found))
    }

    /// Remembers what became of each step; what is to be said of it.
    pub(super) fn note_taken(&mut self, taken: Taken) -> Result<BTreeMap<String, Verdict>, PassError> {
        let mut verdicts = BTreeMap::new();
        for outcome in taken.outcomes {
            if let Some(topic) = taken.of.get(&outcome.name)
                && let Some(verdict) = self.note(topic, outcome)
            {
                verdicts.insert(topic.name_any(), verdict);
            }
        }
        taken.problem.map_or(Ok(verdicts), Err)
    }

    /// What became of a step. One that Kafka took is told when it's seen; only one that has to be taken again is told before.
    fn note(&mut self, topic: &KafkaTopic, outcome: Outcome) -> Option<Verdict> {
        let Outcome { name, what, doing, .. } = outcome;
        let Err(error) = outcome.result else {
            let found = self.known.look.topics.get_mut(&name);
            if let Some(config) = found.and_then(|found| found.config.as_mut()) {
                edit(config, &outcome.edits);
            }
            let known = self.known.of(topic);
            known.refused = None;
            let again = std::mem::replace(&mut known.asked, true);
            return again.then(|| Verdict::waiting(doing, "Kafka has taken it; waiting until brokers show it"));
        };
        let problem = format!("{what} {name}: {error}");
        let (now, generation) = (self.context.now(), topic.metadata.generation);
        let known = self.known.of(topic);
        let before = known.refused.as_ref();
        let before = before.filter(|refused| refused.generation == generation);
        let count = before.map_or(0, |refused| refused.count);
        let wait = FIRST_RETRY.saturating_mul(1 << count.min(10)).min(LONGEST_RETRY);
        known.refused = Some(Refused {
            generation,
            problem: problem.clone(),
            count: count.saturating_add(1),
            retry: now.checked_add(wait).unwrap_or(now),
        });
        Some(Verdict::refused("KafkaRefused", &problem))
    }
}

fn is_there(error: BrokerError) -> Result<(), BrokerError> {
    if error.code == ErrorCode::TOPIC_ALREADY_EXISTS {
        Ok(())
    } else {
        Err(error)
    }
}

fn edit(config: &mut BTreeMap<String, String>, ops: &[ConfigOp]) {
    for op in ops {
        match op {
            ConfigOp::Set { name, value } => drop(config.insert(name.clone(), value.clone())),
            ConfigOp::Delete { name } => drop(config.remove(name)),
        }
    }
}
