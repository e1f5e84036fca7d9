//! What topics need in Kafka, gathered and sent in few requests; what Kafka refuses of one is its own matter.

use super::decide::{self, Owners, Step};
use super::look::failed;
use super::{Ground, PENDING, Pass, Refused};
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

/// Topics in one pass: a controller makes about a hundred in the time that a request has.
const AT_MOST: usize = 200;
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

impl Pass<'_> {
    /// What's next for each topic; what is said of those that need nothing goes into `verdicts`.
    pub(super) fn steps(
        &mut self,
        ground: &Ground,
        owners: &Owners,
        learnt: bool,
        verdicts: &mut BTreeMap<String, Verdict>,
    ) -> Steps {
        let mut steps = Steps::default();
        let now = self.context.now();
        for topic in self.staying.clone() {
            let (name, generation) = (topic.name_any(), topic.metadata.generation);
            if !learnt && self.known.settled.get(&name) == Some(&generation) {
                continue;
            }
            if let Some(refusal) = decide::refusal(&topic, &ground.cluster, owners) {
                verdicts.insert(name, refusal);
                continue;
            }
            let refused = self
                .known
                .refused
                .get(&name)
                .filter(|refused| refused.generation == generation);
            if let Some(refused) = refused.filter(|refused| now < refused.retry) {
                verdicts.insert(name, Verdict::refused("KafkaRefused", &refused.problem));
                continue;
            }
            let kafka_name = decide::name_of(&topic);
            match decide::step(&topic, &ground.cluster, self.known.look.topics.get(&kafka_name)) {
                Step::Create(_) | Step::AddPartitions(_) if steps.of.len() >= AT_MOST => {
                    self.again = Duration::ZERO;
                    continue;
                }
                Step::Create(new) => steps.create.push(new),
                Step::AddPartitions(more) => steps.partitions.push(more),
                Step::Configure(change) => steps.configure.push(change),
                Step::Say(verdict) => {
                    verdicts.insert(name, verdict);
                    continue;
                }
            }
            steps.of.insert(kafka_name, topic);
        }
        steps
    }

    pub(super) async fn carry_out(
        &mut self,
        admin: &dyn KafkaAdmin,
        steps: Steps,
        verdicts: &mut BTreeMap<String, Verdict>,
    ) -> Result<(), PassError> {
        if steps.of.is_empty() {
            return Ok(());
        }
        if !self.context.leads() {
            return Err(PassError::NotLeading);
        }
        self.known.pending = true;
        self.wait(PENDING);
        let of = steps.of;
        if !steps.create.is_empty() {
            let outcomes = admin.create_topics(steps.create, false).await;
            for (name, outcome) in outcomes.map_err(|source| failed("create topics", source))? {
                // The broker that was asked for its partitions may not have heard of a topic that the controller has made.
                let outcome = outcome.or_else(is_there);
                self.note(&of, &name, (outcome, "create topic", "Creating"), verdicts);
            }
        }
        if !steps.partitions.is_empty() {
            let outcomes = admin.create_partitions(steps.partitions, false).await;
            for (name, outcome) in outcomes.map_err(|source| failed("add partitions", source))? {
                self.note(&of, &name, (outcome, "add partitions to", "AddingPartitions"), verdicts);
            }
        }
        self.configure(admin, steps.configure, &of, verdicts).await
    }

    async fn configure(
        &mut self,
        admin: &dyn KafkaAdmin,
        changes: Vec<ConfigChange>,
        of: &HashMap<String, Arc<KafkaTopic>>,
        verdicts: &mut BTreeMap<String, Verdict>,
    ) -> Result<(), PassError> {
        if changes.is_empty() {
            return Ok(());
        }
        let outcomes = admin.incremental_alter_configs(changes.clone(), false).await;
        let outcomes = outcomes.map_err(|source| failed("configure topics", source))?;
        for change in changes {
            let ConfigResource::Topic(name) = &change.resource else {
                continue;
            };
            let outcome = outcomes.get(&change.resource).cloned().unwrap_or(Ok(()));
            if outcome.is_ok()
                && let Some(config) = self
                    .known
                    .look
                    .topics
                    .get_mut(name)
                    .and_then(|found| found.config.as_mut())
            {
                edit(config, &change.ops);
            }
            self.note(of, name, (outcome, "configure topic", "Configuring"), verdicts);
        }
        Ok(())
    }

    /// What became of a step. One that Kafka took is told when it's seen; only one that has to be taken again is told before.
    fn note(
        &mut self,
        of: &HashMap<String, Arc<KafkaTopic>>,
        name: &str,
        (outcome, what, doing): (Result<(), BrokerError>, &str, &'static str),
        verdicts: &mut BTreeMap<String, Verdict>,
    ) {
        let Some(topic) = of.get(name) else { return };
        let resource = topic.name_any();
        let Err(error) = outcome else {
            self.known.refused.remove(&resource);
            if !self.known.asked.insert(resource.clone()) {
                verdicts.insert(
                    resource,
                    Verdict::waiting(doing, "Kafka has taken it; waiting until brokers show it"),
                );
            }
            return;
        };
        let problem = format!("{what} {name}: {error}");
        let before = self
            .known
            .refused
            .get(&resource)
            .filter(|refused| refused.generation == topic.metadata.generation);
        let count = before.map_or(0, |refused| refused.count);
        let wait = FIRST_RETRY.saturating_mul(1 << count.min(10)).min(LONGEST_RETRY);
        let now = self.context.now();
        let refused = Refused {
            generation: topic.metadata.generation,
            problem: problem.clone(),
            count: count.saturating_add(1),
            retry: now.checked_add(wait).unwrap_or(now),
        };
        self.known.refused.insert(resource.clone(), refused);
        verdicts.insert(resource, Verdict::refused("KafkaRefused", &problem));
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
