//! What Kafka says, asked with the operator's own certificate at the pods' addresses. From where it can't be asked, what
//! the operator has written to the status stands in, and that is said.

use super::{Draft, Plan};
use crate::api::{ProductionKafka, ProductionKafkaStatus};
use crate::controller::kafka::{self, KafkaFacts};
use crate::controller::memory::Memory;
use crate::controller::rollout;
use crate::controller::settings::{self, Edit};
use crate::kafka::KafkaAdmin;
use crate::kafka::admin::Target;
use crate::rollout::KafkaView;
use jiff::Timestamp;
use std::time::Duration;

/// Whoever doesn't answer by then isn't reached from here.
const REACHED: Duration = Duration::from_secs(5);
/// Longest wait for everything that's asked of a Kafka that answers.
const ANSWERED: Duration = Duration::from_secs(30);

/// Kafka's answers, as far as there are any.
#[derive(Default)]
pub(super) struct Asked {
    pub facts: Option<KafkaFacts>,
    pub view: Option<KafkaView>,
    pub edits: Option<Vec<Edit>>,
    /// Why it can't be asked, if it runs.
    pub silent: Option<String>,
}

/// Asks everything. The pods were listed before.
pub(super) async fn ask(draft: &Draft<'_>, memory: &mut Memory) -> Asked {
    if draft.pods.is_empty() {
        return Asked::default();
    }
    match answers(draft, memory).await {
        Ok(asked) => asked,
        Err(why) => Asked {
            silent: Some(why),
            ..Asked::default()
        },
    }
}

async fn answers(draft: &Draft<'_>, memory: &mut Memory) -> Result<Asked, String> {
    let stored = draft.certificates.as_ref();
    let stored = stored.ok_or("the Secrets with the certificates can't be read")?;
    let trust = stored.trust.as_ref().ok_or("there are no certificates yet")?;
    let endpoints = kafka::endpoints(draft.cluster, &draft.identity, &draft.pods);
    let controllers: Vec<i32> = endpoints.controllers.iter().filter_map(|one| one.node_id).collect();
    let connector = draft.context.connector.as_ref();
    let admin = kafka::client(connector, draft.cluster, trust, endpoints, memory);
    let admin = admin.ok_or("no pod has an address, or the operator's certificate can't be used")?;
    let brokers_up = kafka::brokers_up(draft.cluster, &draft.identity, &draft.pods);
    let target = if brokers_up {
        Target::Brokers
    } else {
        Target::Controllers
    };
    let first = tokio::time::timeout(REACHED, admin.describe_quorum(target)).await;
    let late = |bound: Duration| format!("no answer within {} s", bound.as_secs());
    first.map_err(|_| late(REACHED))?.map_err(|error| error.to_string())?;
    let all = everything(draft, admin.as_ref(), (brokers_up, &controllers));
    let all = tokio::time::timeout(ANSWERED, all).await;
    all.map_err(|_| late(ANSWERED))?
}

async fn everything(
    draft: &Draft<'_>,
    admin: &dyn KafkaAdmin,
    (brokers_up, controllers): (bool, &[i32]),
) -> Result<Asked, String> {
    let now = || draft.context.now();
    let facts = kafka::observe(admin, (brokers_up, controllers), now()).await;
    if facts.partitions.is_none() {
        let why = facts.problem.unwrap_or_else(|| "no broker is ready".to_owned());
        return Err(why);
    }
    let view = rollout::look(admin, now()).await;
    let edits = settings::foresee(draft.cluster, admin, facts.serving()).await;
    Ok(Asked {
        facts: Some(facts),
        view,
        edits: edits.ok(),
        silent: None,
    })
}

impl Asked {
    /// What isn't known, and what the status says in its place.
    pub fn tell(&self, resource: &ProductionKafka, plan: &mut Plan) {
        let Some(why) = &self.silent else { return };
        let status = resource.status.clone().unwrap_or_default();
        let as_of = as_of(&status).map_or_else(|| "an unknown time".to_owned(), |time| time.to_string());
        plan.notes.push(format!(
            "Kafka can't be asked from here: {why}; holds are those of the status, as of {as_of}, and dynamic settings \
             aren't compared"
        ));
        let rollout = status.rollout.unwrap_or_default();
        let next = status.next_action.filter(|next| next.starts_with("wait: "));
        let held = rollout.blocked_by.into_iter();
        let held: Vec<String> = held.chain(next.filter(|_| plan.holds.is_empty())).collect();
        let mut known: Vec<String> = plan.holds.iter().map(|hold| hold.why.clone()).collect();
        for why in held {
            if !known
                .iter()
                .any(|known| known.contains(why.trim_start_matches("wait: ")))
            {
                known.push(why.clone());
                plan.hold(why);
            }
        }
    }
}

/// When the status last said something new.
fn as_of(status: &ProductionKafkaStatus) -> Option<Timestamp> {
    let rollout = status.rollout.as_ref().and_then(|rollout| rollout.since.clone());
    let conditions = status
        .conditions
        .iter()
        .map(|condition| &condition.last_transition_time);
    let times = conditions
        .chain(&rollout)
        .filter_map(|time| time.parse::<Timestamp>().ok());
    times.max()
}
