//! `CreateTopics`, `CreatePartitions`, `DeleteTopics`.
//!
//! A second try after an unknown first one would report its own first success as a refusal (`TOPIC_ALREADY_EXISTS`,
//! `INVALID_PARTITIONS`, `UNKNOWN_TOPIC_OR_PARTITION`), so these are repeated only if certainly not done.

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest,
    DeleteTopicsResponse,
};

use super::{settled, text, topic_name, verdict};
use crate::kafka::admin::Outcomes;
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::ProtocolFault;
use crate::kafka::views::{NewPartitions, NewTopic};

/// Asks the broker for its default (KIP-464).
const BROKER_DEFAULT: i8 = -1;
/// `DeleteTopics` names topics in a structure from here (KIP-516).
const FIRST_WITH_TOPIC_STATES: i16 = 6;

pub(crate) struct CreateTopics {
    pub topics: Vec<NewTopic>,
    pub validate_only: bool,
    pub timeout_ms: i32,
}

pub(crate) struct CreatePartitions {
    pub topics: Vec<NewPartitions>,
    pub validate_only: bool,
    pub timeout_ms: i32,
}

pub(crate) struct DeleteTopics {
    pub names: Vec<String>,
    pub timeout_ms: i32,
}

impl Api for CreateTopics {
    const NAME: &'static str = "CreateTopics";
    const REPEAT: Repeat = Repeat::IfNotDone;
    type Request = CreateTopicsRequest;
    type Output = Outcomes<String>;

    fn request(&self, _version: i16) -> Result<CreateTopicsRequest, ProtocolFault> {
        Ok(CreateTopicsRequest::default()
            .with_topics(self.topics.iter().map(creatable).collect())
            .with_timeout_ms(self.timeout_ms)
            .with_validate_only(self.validate_only))
    }

    fn read(&self, response: CreateTopicsResponse) -> Result<Outcomes<String>, Refusal> {
        let outcomes = response.topics.iter().map(|topic| {
            (
                topic.name.to_string(),
                verdict(topic.error_code, topic.error_message.as_ref()),
            )
        });
        settled(outcomes.collect())
    }

    fn throttle_ms(response: &CreateTopicsResponse) -> i32 {
        response.throttle_time_ms
    }
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    let configs = topic.config.iter().map(|(name, value)| {
        CreatableTopicConfig::default()
            .with_name(text(name))
            .with_value(Some(text(value)))
    });
    CreatableTopic::default()
        .with_name(topic_name(&topic.name))
        .with_num_partitions(topic.partitions.unwrap_or(BROKER_DEFAULT.into()))
        .with_replication_factor(topic.replication_factor.unwrap_or(BROKER_DEFAULT.into()))
        .with_configs(configs.collect())
}

impl Api for CreatePartitions {
    const NAME: &'static str = "CreatePartitions";
    const REPEAT: Repeat = Repeat::IfNotDone;
    type Request = CreatePartitionsRequest;
    type Output = Outcomes<String>;

    fn request(&self, _version: i16) -> Result<CreatePartitionsRequest, ProtocolFault> {
        let topics = self.topics.iter().map(|topic| {
            CreatePartitionsTopic::default()
                .with_name(topic_name(&topic.topic))
                .with_count(topic.count)
                .with_assignments(None)
        });
        Ok(CreatePartitionsRequest::default()
            .with_topics(topics.collect())
            .with_timeout_ms(self.timeout_ms)
            .with_validate_only(self.validate_only))
    }

    fn read(&self, response: CreatePartitionsResponse) -> Result<Outcomes<String>, Refusal> {
        let outcomes = response.results.iter().map(|topic| {
            (
                topic.name.to_string(),
                verdict(topic.error_code, topic.error_message.as_ref()),
            )
        });
        settled(outcomes.collect())
    }

    fn throttle_ms(response: &CreatePartitionsResponse) -> i32 {
        response.throttle_time_ms
    }
}

impl Api for DeleteTopics {
    const NAME: &'static str = "DeleteTopics";
    const REPEAT: Repeat = Repeat::IfNotDone;
    type Request = DeleteTopicsRequest;
    type Output = Outcomes<String>;

    fn request(&self, version: i16) -> Result<DeleteTopicsRequest, ProtocolFault> {
        let names = self.names.iter().map(|name| topic_name(name));
        let request = DeleteTopicsRequest::default().with_timeout_ms(self.timeout_ms);
        Ok(if version < FIRST_WITH_TOPIC_STATES {
            request.with_topic_names(names.collect())
        } else {
            request.with_topics(
                names
                    .map(|name| DeleteTopicState::default().with_name(Some(name)))
                    .collect(),
            )
        })
    }

    fn read(&self, response: DeleteTopicsResponse) -> Result<Outcomes<String>, Refusal> {
        let outcomes = response.responses.iter().map(|topic| {
            let name = topic.name.as_ref().map(|name| name.to_string()).unwrap_or_default();
            (name, verdict(topic.error_code, topic.error_message.as_ref()))
        });
        settled(outcomes.collect())
    }

    fn throttle_ms(response: &DeleteTopicsResponse) -> i32 {
        response.throttle_time_ms
    }
}
