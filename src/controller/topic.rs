//! One pass over a `KafkaTopic`: creates or adopts the topic, raises partitions, brings its configuration in line by
//! difference. What can't be done yet is refused with advice; the topic outlives the resource.

use super::cluster::Ended;
use super::context::Context;
use super::dynamic;
use super::error::PassError;
use super::kafka::KafkaFacts;
use super::resource::{self, Verdict};
use super::stores::ClusterKey;
use crate::api::{DeletionPolicy, KafkaTopic, KafkaTopicStatus};
use crate::kafka::admin::KafkaAdmin;
use crate::kafka::configs::ConfigResource;
use crate::kafka::errors::{ErrorCode, KafkaError};
use crate::kafka::views::{NewPartitions, NewTopic, PartitionState};
use crate::model::Cluster;
use crate::runtime::metrics::Outcome;
use kube::ResourceExt;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(3);
const CALM: Duration = Duration::from_mins(10);
/// A look of the cluster's pass is good enough to see that nothing needs to be done, for this long.
const RECENT: jiff::SignedDuration = jiff::SignedDuration::from_secs(30);

/// Runs one pass.
pub async fn pass(context: &Context, topic: &KafkaTopic) -> Result<Ended, PassError> {
    if topic.metadata.deletion_timestamp.is_some() {
        return Ok(Ended {
            outcome: Outcome::Completed,
            again: CALM,
        });
    }
    let key = ClusterKey {
        namespace: topic.namespace().unwrap_or_default(),
        name: topic.spec.cluster.clone(),
    };
    let memory = context.memories.get(&key);
    let ready = memory.kafka.as_ref().is_some_and(|kafka| kafka.partitions.is_some());
    let (Some(cluster), Some(open), true) = (&memory.cluster, &memory.client, ready) else {
        let message = format!(
            "ProductionKafka {} doesn't exist or no broker of it serves yet",
            topic.spec.cluster
        );
        return say(context, topic, Verdict::waiting("ClusterNotReady", &message), &[]).await;
    };
    if let Some(refusal) = refusal(topic, cluster, &context.stores.topics_of(&key)) {
        return say(context, topic, refusal, &[]).await;
    }
    let recent = memory
        .kafka
        .as_ref()
        .and_then(|look| recent(look, topic, context.now()));
    let partitions = match recent {
        Some(partitions) => partitions,
        None => partitions(open.admin.as_ref(), &name_of(topic)).await?,
    };
    let (verdict, partitions) = bring(open.admin.as_ref(), topic, cluster, partitions).await?;
    say(context, topic, verdict, &partitions).await
}

/// The topic's partitions as the cluster's pass last saw them, if that was just now and shows what the resource asks for.
/// Whatever would be written is decided from what Kafka says at that time.
fn recent(look: &KafkaFacts, topic: &KafkaTopic, now: jiff::Timestamp) -> Option<Vec<PartitionState>> {
    let view = look.partitions.as_ref()?;
    if look.problem.is_some() || now.duration_since(look.at) > RECENT {
        return None;
    }
    let found = of_topic(view.partitions.iter(), &name_of(topic));
    let replicas = |one: &PartitionState| i32::try_from(one.replicas.len()).ok();
    let as_asked = i32::try_from(found.len()) == Ok(topic.spec.partitions)
        && topic
            .spec
            .replication_factor
            .is_none_or(|wanted| found.iter().all(|one| replicas(one) == Some(wanted)));
    as_asked.then_some(found)
}

/// A partition has more replicas than its topic asks for while they move.
async fn are_moving(admin: &dyn KafkaAdmin, name: &str) -> Result<bool, KafkaError> {
    let moving = admin.list_partition_reassignments().await?;
    Ok(moving.keys().any(|partition| partition.topic == name))
}

fn of_topic<'a>(all: impl Iterator<Item = &'a PartitionState>, name: &str) -> Vec<PartitionState> {
    all.filter(|partition| partition.topic == name).cloned().collect()
}

/// Name in Kafka.
fn name_of(topic: &KafkaTopic) -> String {
    topic.spec.topic_name.clone().unwrap_or_else(|| topic.name_any())
}

/// What can't be had. Pure.
fn refusal(topic: &KafkaTopic, cluster: &Cluster, all: &[std::sync::Arc<KafkaTopic>]) -> Option<Verdict> {
    let name = name_of(topic);
    let wanted = topic.spec.replication_factor.unwrap_or(cluster.replication_factor);
    if topic.spec.deletion_policy == DeletionPolicy::Delete {
        let message = "spec.deletionPolicy: Delete isn't available in this version of the operator: use Orphan";
        return Some(Verdict::refused("NotAvailable", message));
    }
    if name.starts_with("__") {
        return Some(Verdict::refused(
            "InternalTopic",
            &format!("spec.topicName: {name} is Kafka's own topic: choose another name"),
        ));
    }
    if wanted > cluster.brokers() {
        let message = format!(
            "spec.replicationFactor: {wanted} replicas need as many brokers, there are {}",
            cluster.brokers()
        );
        return Some(Verdict::refused("TooFewBrokers", &message));
    }
    let minimum = topic
        .spec
        .config
        .get("min.insync.replicas")
        .and_then(|text| text.parse::<i32>().ok());
    if minimum.is_some_and(|minimum| minimum > wanted) {
        let message =
            "spec.config[min.insync.replicas]: is above the replication factor: no write could be acknowledged";
        return Some(Verdict::refused("MinIsrTooHigh", message));
    }
    let older = all.iter().find(|other| {
        other.name_any() != topic.name_any()
            && name_of(other) == name
            && (other.creation_timestamp(), other.name_any()) < (topic.creation_timestamp(), topic.name_any())
    });
    older.map(|other| {
        Verdict::refused(
            "NameTaken",
            &format!(
                "KafkaTopic {} manages topic {name} already: remove one",
                other.name_any()
            ),
        )
    })
}

async fn bring(
    admin: &dyn KafkaAdmin,
    topic: &KafkaTopic,
    cluster: &Cluster,
    mut partitions: Vec<PartitionState>,
) -> Result<(Verdict, Vec<PartitionState>), PassError> {
    let name = name_of(topic);
    let of_topic = |what: &'static str| {
        move |source| PassError::Kafka {
            what,
            source: Box::new(source),
        }
    };
    if partitions.is_empty() {
        let new = NewTopic {
            name: name.clone(),
            partitions: Some(topic.spec.partitions),
            replication_factor: i16::try_from(topic.spec.replication_factor.unwrap_or(cluster.replication_factor)).ok(),
            config: topic.spec.config.clone(),
        };
        let outcomes = admin
            .create_topics(vec![new], false)
            .await
            .map_err(of_topic("create a topic"))?;
        // The broker that was asked for its partitions may not have heard of a topic that the controller has made.
        let refusal = outcomes.into_values().find_map(Result::err);
        if let Some(error) = refusal.filter(|error| error.code != ErrorCode::TOPIC_ALREADY_EXISTS) {
            return Ok((
                Verdict::refused("KafkaRefused", &format!("create topic {name}: {error}")),
                Vec::new(),
            ));
        }
        return Ok((Verdict::waiting("Creating", "the topic is being created"), Vec::new()));
    }
    let count = i32::try_from(partitions.len()).unwrap_or(i32::MAX);
    let replicas = partitions
        .iter()
        .filter_map(|one| i32::try_from(one.replicas.len()).ok())
        .min()
        .unwrap_or_default();
    if topic.spec.partitions < count {
        let message = format!("spec.partitions: the topic has {count} and Kafka can't take partitions away: raise it");
        return Ok((Verdict::refused("FewerPartitions", &message), partitions));
    }
    let differs = topic.spec.replication_factor.is_some_and(|wanted| wanted != replicas);
    if differs
        && !are_moving(admin, &name)
            .await
            .map_err(of_topic("look for reassignments"))?
    {
        let message =
            format!("spec.replicationFactor: the topic has {replicas}; changing it isn't available yet: restore it");
        return Ok((Verdict::refused("NotAvailable", &message), partitions));
    }
    if topic.spec.partitions > count {
        let more = NewPartitions {
            topic: name.clone(),
            count: topic.spec.partitions,
        };
        let outcomes = admin
            .create_partitions(vec![more], false)
            .await
            .map_err(of_topic("add partitions"))?;
        if let Some(error) = outcomes.into_values().find_map(Result::err) {
            return Ok((
                Verdict::refused("KafkaRefused", &format!("add partitions to {name}: {error}")),
                partitions,
            ));
        }
        partitions.clear();
        return Ok((
            Verdict::waiting("AddingPartitions", "partitions are being added"),
            partitions,
        ));
    }
    Ok((configure(admin, &name, topic).await?, partitions))
}

async fn configure(admin: &dyn KafkaAdmin, name: &str, topic: &KafkaTopic) -> Result<Verdict, PassError> {
    let failed = |source| PassError::Kafka {
        what: "configure a topic",
        source: Box::new(source),
    };
    let resource = ConfigResource::Topic(name.to_owned());
    let described = admin.describe_configs(vec![resource.clone()]).await.map_err(failed)?;
    let current = match described.get(&resource) {
        Some(Ok(current)) => current,
        Some(Err(error)) => return Ok(Verdict::waiting("KafkaRefused", &error.to_string())),
        None => return Ok(Verdict::waiting("NotObserved", "Kafka doesn't describe the topic yet")),
    };
    if let Some(change) = dynamic::topic_change(name, &topic.spec.config, current) {
        let outcomes = admin
            .incremental_alter_configs(vec![change], false)
            .await
            .map_err(failed)?;
        if let Some(error) = outcomes.into_values().find_map(Result::err) {
            return Ok(Verdict::refused(
                "KafkaRefused",
                &format!("configure topic {name}: {error}"),
            ));
        }
    }
    Ok(Verdict::ready("the topic is as the resource asks"))
}

async fn partitions(admin: &dyn KafkaAdmin, name: &str) -> Result<Vec<PartitionState>, PassError> {
    let failed = |source| PassError::Kafka {
        what: "read the topics",
        source: Box::new(source),
    };
    let view = admin.partitions().await.map_err(failed)?;
    Ok(of_topic(view.partitions.iter(), name))
}

async fn say(
    context: &Context,
    topic: &KafkaTopic,
    verdict: Verdict,
    partitions: &[PartitionState],
) -> Result<Ended, PassError> {
    let old = topic.status.clone().unwrap_or_default();
    let count = |number: usize| i32::try_from(number).ok();
    let mut wanted = KafkaTopicStatus {
        observed_generation: topic.metadata.generation,
        conditions: verdict.conditions(&old.conditions, topic.metadata.generation, context.now()),
        ..old.clone()
    };
    if !partitions.is_empty() {
        wanted.partitions = count(partitions.len());
        wanted.replication_factor = partitions.iter().map(|one| one.replicas.len()).min().and_then(count);
        wanted.under_replicated = count(
            partitions
                .iter()
                .filter(|one| one.isr.len() < one.replicas.len())
                .count(),
        );
    }
    if wanted != old {
        resource::write_status(context, topic, "KafkaTopic", &wanted).await?;
    }
    Ok(verdict.ended(SOON, CALM))
}
