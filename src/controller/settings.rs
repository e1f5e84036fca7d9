//! Brings the brokers' cluster-wide dynamic configuration in line with the resource. What Kafka refuses stays as it was and
//! is reported in Kafka's own words; it holds nothing else up.

use super::context::Context;
use super::dynamic;
use super::error::PassError;
use crate::kafka::KafkaAdmin;
use crate::kafka::configs::{ConfigEntry, ConfigOp, ConfigResource};
use crate::kafka::errors::KafkaError;
use crate::model::Cluster;
use std::fmt;

/// Reads the brokers' dynamic defaults this often while nothing changes.
const CHECK: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// What the last look at the dynamic configuration led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamicSettings {
    pub at: jiff::Timestamp,
    pub generation: i64,
    /// Whether more steps are to come: pools of threads change by halves and doubles.
    pub on_the_way: bool,
    /// Keys that Kafka refused.
    pub refused: Vec<Refused>,
}

/// A setting that Kafka refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub key: String,
    pub words: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "spec.tuning.config[{}]: Kafka says: {}",
            self.key, self.words
        )
    }
}

/// One look, and the edits it leads to. Costs nothing while the last look is fresh and of this generation. `broker` is one
/// that serves.
pub async fn drive(
    context: &Context,
    cluster: &Cluster,
    admin: &dyn KafkaAdmin,
    broker: Option<i32>,
    last: Option<&DynamicSettings>,
) -> Result<DynamicSettings, PassError> {
    let now = context.now();
    if let Some(last) = last
        && last.generation == cluster.generation
        && !last.on_the_way
        && now.duration_since(last.at) < CHECK
    {
        return Ok(last.clone());
    }
    let edits = edits(cluster, &held(cluster, admin, broker).await?);
    let stepping = edits.iter().any(|edit| is_step(cluster, edit));
    let refused = if edits.is_empty() {
        Vec::new()
    } else {
        carry_out(cluster, admin, edits).await?
    };
    Ok(DynamicSettings {
        at: now,
        generation: cluster.generation,
        on_the_way: stepping && refused.is_empty(),
        refused,
    })
}

/// What Kafka holds and runs with.
type Held = Option<(Vec<ConfigEntry>, Vec<ConfigEntry>)>;

/// What the cluster-wide resource holds, and what a broker runs with as far as that's needed. `None`: no full answer.
async fn held(cluster: &Cluster, admin: &dyn KafkaAdmin, broker: Option<i32>) -> Result<Held, PassError> {
    let mut asked = vec![ConfigResource::ClusterDefault];
    if dynamic::needs_effective(cluster) {
        asked.extend(broker.map(ConfigResource::Broker));
    }
    let mut described = admin.describe_configs(asked.clone()).await.map_err(failed)?;
    let mut held: Vec<Vec<ConfigEntry>> = Vec::new();
    for resource in asked {
        match described.remove(&resource) {
            Some(Ok(entries)) => held.push(entries),
            _ => return Ok(None),
        }
    }
    let mut held = held.into_iter();
    Ok(Some((held.next().unwrap_or_default(), held.next().unwrap_or_default())))
}

/// Without a full answer nothing is known to differ.
fn edits(cluster: &Cluster, held: &Held) -> Vec<ConfigOp> {
    let held = held.as_ref();
    held.map_or_else(Vec::new, |(current, effective)| {
        dynamic::edits(cluster, current, effective)
    })
}

/// A setting as it is and as it will be; `None`: Kafka's own default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub key: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

/// What would be altered, however many steps it takes. Values that Kafka calls sensitive aren't in it.
pub async fn foresee(cluster: &Cluster, admin: &dyn KafkaAdmin, broker: Option<i32>) -> Result<Vec<Edit>, PassError> {
    let held = held(cluster, admin, broker).await?;
    let wanted = cluster.dynamic_config();
    let entry = |key: &str| {
        let (current, effective) = held.as_ref()?;
        let mut entries = current.iter().chain(effective);
        entries.find(|entry| entry.name == key)
    };
    let edit = |edit: ConfigOp| {
        let key = dynamic::key(&edit).to_owned();
        let entry = entry(&key);
        let hidden = |value: String| {
            let sensitive = entry.is_some_and(|entry| entry.sensitive);
            if sensitive { "(hidden)".to_owned() } else { value }
        };
        Edit {
            old: entry.and_then(|entry| entry.value.clone()).map(hidden),
            new: wanted.get(&key).cloned().map(hidden),
            key,
        }
    };
    Ok(edits(cluster, &held).into_iter().map(edit).collect())
}

/// All edits at once; when Kafka refuses the set, each for itself, so that one wrong value doesn't keep the others out.
async fn carry_out(cluster: &Cluster, admin: &dyn KafkaAdmin, edits: Vec<ConfigOp>) -> Result<Vec<Refused>, PassError> {
    let keys: Vec<&str> = edits.iter().map(dynamic::key).collect();
    tracing::info!(cluster = %cluster.names.cluster, ?keys, "changing dynamic configuration");
    let Some(words) = alter(admin, edits.clone()).await? else {
        return Ok(Vec::new());
    };
    if let [edit] = edits.as_slice() {
        return Ok(vec![refused(edit, &words)]);
    }
    let mut all = Vec::new();
    for edit in edits {
        if let Some(words) = alter(admin, vec![edit.clone()]).await? {
            all.push(refused(&edit, &words));
        }
    }
    Ok(all)
}

/// `None`: done. Otherwise why Kafka refused.
async fn alter(admin: &dyn KafkaAdmin, edits: Vec<ConfigOp>) -> Result<Option<String>, PassError> {
    let outcomes = admin
        .incremental_alter_configs(vec![dynamic::change(edits)], false)
        .await
        .map_err(failed)?;
    let refusal = outcomes.into_values().find_map(Result::err);
    Ok(refusal.map(|error| error.to_string()))
}

fn refused(edit: &ConfigOp, words: &str) -> Refused {
    Refused {
        key: dynamic::key(edit).to_owned(),
        words: words.chars().take(400).collect(),
    }
}

/// Whether an edit is short of what the resource asks for.
fn is_step(cluster: &Cluster, edit: &ConfigOp) -> bool {
    match edit {
        ConfigOp::Set { name, value } => cluster.config.get(name).is_some_and(|wanted| wanted != value),
        ConfigOp::Delete { .. } => false,
    }
}

fn failed(source: KafkaError) -> PassError {
    PassError::Kafka {
        what: "change dynamic configuration",
        source: Box::new(source),
    }
}
