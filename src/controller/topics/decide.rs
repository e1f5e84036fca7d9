//! What is next for a topic: created, more partitions, other settings, or nothing; and what is said of it. Pure.

use super::look::Found;
use crate::api::{DeletionPolicy, KafkaTopic};
use crate::controller::dynamic;
use crate::controller::finalizers;
use crate::controller::resource::Verdict;
use crate::kafka::configs::ConfigChange;
use crate::kafka::views::{NewPartitions, NewTopic};
use crate::model::Cluster;
use kube::ResourceExt;
use std::collections::HashMap;
use std::sync::Arc;

/// The resource that each name in Kafka belongs to.
pub type Owners = HashMap<String, Arc<KafkaTopic>>;

/// Puts off a resource's end until the topic is gone; only where the topic goes with it.
pub const FINALIZER: &str = "productionkafka.dev/topic";

/// What a topic needs in Kafka.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Create(NewTopic),
    AddPartitions(NewPartitions),
    Configure(ConfigChange),
    /// Nothing; and where it stands.
    Say(Verdict),
}

/// Name in Kafka.
pub fn name_of(topic: &KafkaTopic) -> String {
    topic.spec.topic_name.clone().unwrap_or_else(|| topic.name_any())
}

pub fn has_finalizer(topic: &KafkaTopic) -> bool {
    finalizers::has(topic, FINALIZER)
}

pub fn is_going(topic: &KafkaTopic) -> bool {
    topic.metadata.deletion_timestamp.is_some()
}

/// The topic in Kafka goes with the resource.
pub fn goes_with_it(topic: &KafkaTopic) -> bool {
    topic.spec.deletion_policy == DeletionPolicy::Delete
}

/// Kafka's own topics.
pub fn is_internal(name: &str) -> bool {
    name.starts_with("__")
}

pub fn factor(topic: &KafkaTopic, cluster: &Cluster) -> i32 {
    topic.spec.replication_factor.unwrap_or(cluster.replication_factor)
}

/// The oldest resource that asks for a name has it.
pub fn owners(topics: &[Arc<KafkaTopic>]) -> Owners {
    let mut owners = Owners::new();
    let age = |topic: &KafkaTopic| (topic.creation_timestamp(), topic.name_any());
    for topic in topics {
        let owner = owners.entry(name_of(topic)).or_insert_with(|| Arc::clone(topic));
        if age(topic) < age(owner) {
            *owner = Arc::clone(topic);
        }
    }
    owners
}

/// What can't be had.
pub fn refusal(topic: &KafkaTopic, cluster: &Cluster, owners: &Owners) -> Option<Verdict> {
    let name = name_of(topic);
    let wanted = factor(topic, cluster);
    if is_internal(&name) {
        let message = format!("spec.topicName: {name} is Kafka's own topic: choose another name");
        return Some(Verdict::refused("InternalTopic", &message));
    }
    let other = owners.get(&name).filter(|owner| owner.name_any() != topic.name_any());
    if let Some(other) = other {
        let message = format!(
            "KafkaTopic {} manages topic {name} already: remove one",
            other.name_any()
        );
        return Some(Verdict::refused("NameTaken", &message));
    }
    if wanted > cluster.brokers() {
        let message = format!(
            "spec.replicationFactor: {wanted} replicas need as many brokers, there are {}",
            cluster.brokers()
        );
        return Some(Verdict::refused("TooFewBrokers", &message));
    }
    let minimum = topic.spec.config.get("min.insync.replicas");
    let minimum = minimum.and_then(|text| text.parse::<i32>().ok());
    minimum.is_some_and(|minimum| minimum > wanted).then(|| {
        let message =
            "spec.config[min.insync.replicas]: is above the replication factor: no write could be acknowledged";
        Verdict::refused("MinIsrTooHigh", message)
    })
}

/// What comes next for a topic that isn't refused.
pub fn step(topic: &KafkaTopic, cluster: &Cluster, found: Option<&Found>) -> Step {
    let name = name_of(topic);
    let Some(found) = found else {
        return Step::Create(NewTopic {
            name,
            partitions: Some(topic.spec.partitions),
            replication_factor: i16::try_from(factor(topic, cluster)).ok(),
            config: topic.spec.config.clone(),
        });
    };
    let (wanted, count) = (topic.spec.partitions, found.partitions);
    if wanted < count {
        let message = format!("spec.partitions: the topic has {count} and Kafka can't take partitions away: raise it");
        return Step::Say(Verdict::refused("FewerPartitions", &message));
    }
    if wanted > count {
        return Step::AddPartitions(NewPartitions {
            topic: name,
            count: wanted,
        });
    }
    let Some(config) = &found.config else {
        return Step::Say(Verdict::waiting("NotObserved", "Kafka doesn't describe the topic yet"));
    };
    if let Some(change) = dynamic::topic_edits(&name, &topic.spec.config, config) {
        return Step::Configure(change);
    }
    if let Some(wanted) = other_factor(topic, found) {
        let (least, most) = found.replicas;
        let is = if least == most {
            least.to_string()
        } else {
            format!("{least} to {most}")
        };
        let message = format!(
            "the replication factor goes from {is} to {wanted}: see status.rebalance of ProductionKafka {}",
            topic.spec.cluster
        );
        return Step::Say(Verdict::waiting("Reassigning", &message));
    }
    Step::Say(Verdict::ready("the topic is as the resource asks"))
}

/// The replication factor that the resource names, where the topic has another. One that isn't named is whatever the topic was
/// made with.
pub fn other_factor(topic: &KafkaTopic, found: &Found) -> Option<i32> {
    let wanted = topic.spec.replication_factor?;
    (found.replicas != (wanted, wanted)).then_some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::yaml;
    use crate::kafka::configs::ConfigOp;
    use crate::model::validate::tests::valid_cluster;
    use std::collections::BTreeMap;

    fn topic(spec: &str) -> KafkaTopic {
        let text = format!(
            "{{apiVersion: productionkafka.dev/v1alpha1, kind: KafkaTopic, metadata: {{name: t, namespace: n}}, spec: {{cluster: orders, {spec}}}}}"
        );
        yaml::from_str(&text).unwrap()
    }

    fn found(partitions: i32, replicas: (i32, i32), config: Option<&[(&str, &str)]>) -> Found {
        let config = config.map(|all| {
            all.iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>()
        });
        Found {
            partitions,
            replicas,
            under_replicated: 0,
            config,
        }
    }

    #[test]
    fn each_step_follows_from_what_kafka_has() {
        let cluster = valid_cluster();
        let of = |spec: &str, found: Option<Found>| step(&topic(spec), &cluster, found.as_ref());
        let says = |step: Step| match step {
            Step::Say(verdict) => format!("{verdict:?}"),
            other => format!("{other:?}"),
        };
        let Step::Create(new) = of("partitions: 3, config: {a: '1'}", None) else {
            panic!()
        };
        assert_eq!(
            (new.partitions, new.replication_factor, new.config.len()),
            (Some(3), Some(3), 1)
        );
        let more = of("partitions: 3", Some(found(2, (3, 3), None)));
        assert_eq!(
            more,
            Step::AddPartitions(NewPartitions {
                topic: "t".into(),
                count: 3
            })
        );
        assert!(says(of("partitions: 1", Some(found(2, (3, 3), Some(&[]))))).contains("FewerPartitions"));
        assert!(says(of("partitions: 2", Some(found(2, (3, 3), None)))).contains("NotObserved"));
        let Step::Configure(change) = of(
            "partitions: 2, config: {a: '1'}",
            Some(found(2, (3, 3), Some(&[("b", "2")]))),
        ) else {
            panic!()
        };
        let set = ConfigOp::Set {
            name: "a".into(),
            value: "1".into(),
        };
        assert_eq!(change.ops, [set, ConfigOp::Delete { name: "b".into() }]);
        for replicas in [(2, 2), (2, 3), (4, 4)] {
            let step = of(
                "partitions: 2, replicationFactor: 3",
                Some(found(2, replicas, Some(&[]))),
            );
            assert!(says(step).contains("Reassigning"), "{replicas:?}");
        }
        let as_made = of("partitions: 2", Some(found(2, (1, 1), Some(&[]))));
        assert!(
            says(as_made).contains("as the resource asks"),
            "a factor that isn't named is left as it is"
        );
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        let cluster = valid_cluster();
        for (spec, reason) in [
            ("topicName: __consumer_offsets, partitions: 1", "InternalTopic"),
            ("partitions: 1, replicationFactor: 7", "TooFewBrokers"),
            (
                "partitions: 1, replicationFactor: 1, config: {min.insync.replicas: '2'}",
                "MinIsrTooHigh",
            ),
        ] {
            let refused = refusal(&topic(spec), &cluster, &Owners::new()).unwrap();
            assert!(format!("{refused:?}").contains(reason), "{refused:?}");
        }
        assert_eq!(refusal(&topic("partitions: 1"), &cluster, &Owners::new()), None);
    }

    #[test]
    fn a_name_belongs_to_the_oldest_resource() {
        let aged = |name: &str, second: i64| {
            let mut topic = topic("topicName: shared, partitions: 1");
            topic.metadata.name = Some(name.to_owned());
            let time = jiff::Timestamp::from_second(second).unwrap();
            topic.metadata.creation_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(time));
            Arc::new(topic)
        };
        let all = [aged("b", 2), aged("a", 3), aged("c", 1)];
        let owners = owners(&all);
        assert_eq!(owners["shared"].name_any(), "c");
        let refused = refusal(&all[0], &valid_cluster(), &owners).unwrap();
        assert!(format!("{refused:?}").contains("KafkaTopic c manages topic shared already"));
        assert_eq!(refusal(&all[2], &valid_cluster(), &owners), None);
    }
}
