//! Requests and answers of each API in the codec's types, translated to and from our own.
//!
//! Nothing here touches a socket; versions are those that the node and this client agreed on.

pub(crate) mod acls;
pub(crate) mod cluster;
pub(crate) mod configs;
pub(crate) mod features;
pub(crate) mod groups;
pub(crate) mod log_dirs;
pub(crate) mod partitions;
pub(crate) mod quorum;
pub(crate) mod quotas;
pub(crate) mod reassignments;
pub(crate) mod registrations;
pub(crate) mod scram;
pub(crate) mod topics;
pub(crate) mod voters;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kafka_protocol::messages::{BrokerId, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::admin::Outcomes;
use super::call::Refusal;
use super::errors::{BrokerError, ProtocolFault};
use super::partition::TopicPartition;

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

fn topic_name(value: &str) -> TopicName {
    TopicName(text(value))
}

/// Kafka writes "nobody" as -1.
fn known(id: BrokerId) -> Option<i32> {
    Some(id.0).filter(|id| *id >= 0)
}

/// Kafka writes "unknown" as -1 in offsets and timestamps.
fn counted(value: i64) -> Option<i64> {
    Some(value).filter(|value| *value >= 0)
}

fn ids(brokers: &[BrokerId]) -> Vec<i32> {
    brokers.iter().map(|broker| broker.0).collect()
}

fn by_topic<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> BTreeMap<&'a str, Vec<i32>> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        topics.entry(&partition.topic).or_default().push(partition.partition);
    }
    topics
}

/// Kafka's text form of a 16-byte id: base64url without padding, 22 characters.
pub(crate) fn kafka_id(uuid: &Uuid) -> String {
    URL_SAFE_NO_PAD.encode(uuid.as_bytes())
}

pub(crate) fn uuid(id: &str) -> Result<Uuid, ProtocolFault> {
    URL_SAFE_NO_PAD
        .decode(id)
        .ok()
        .and_then(|bytes| Uuid::from_slice(&bytes).ok())
        .ok_or_else(|| ProtocolFault::Identifier(id.to_owned()))
}

/// The verdict on one item of an answer.
fn verdict(code: i16, message: Option<&StrBytes>) -> Result<(), BrokerError> {
    BrokerError::check(code, message.map(StrBytes::as_str))
}

/// A batch that failed as a whole for a passing reason (no controller, forwarding timed out) is a refusal of the call,
/// so that it is tried again in one place.
fn settled<K: Ord>(outcomes: Outcomes<K>) -> Result<Outcomes<K>, Refusal> {
    let common = common_refusal(outcomes.values().map(|outcome| outcome.as_ref().err()));
    common.map_or(Ok(outcomes), |error| Err(error.into()))
}

fn common_refusal<'a>(mut errors: impl Iterator<Item = Option<&'a BrokerError>>) -> Option<BrokerError> {
    let first = errors.next()??;
    let passing = |error: &BrokerError| error.code.is_retriable();
    (passing(first) && errors.all(|error| error.is_some_and(passing))).then(|| first.clone())
}
