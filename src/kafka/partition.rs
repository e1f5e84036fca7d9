//! Orders about single partitions and their answers: reassignment (KIP-455) and log dirs (KIP-113).
//!
//! A partition is named by topic and number everywhere. Nothing in this file talks to anyone.

use std::fmt;

use super::errors::BrokerError;

/// One partition of one topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    pub topic: String,
    pub partition: i32,
}

impl TopicPartition {
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self {
            topic: topic.into(),
            partition,
        }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A reassignment under way. Its target is `replicas` without `removing`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reassignment {
    /// All brokers that hold or shall hold a replica now, the target's preferred leader first.
    pub replicas: Vec<i32>,
    /// Copying; not all of them are in sync yet.
    pub adding: Vec<i32>,
    /// Given up once every target replica is in sync.
    pub removing: Vec<i32>,
}

/// One log dir of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDir {
    pub path: String,
    /// Why the broker does not serve it (`KAFKA_STORAGE_ERROR`); then it names no replicas.
    pub error: Option<BrokerError>,
    /// Size of its volume; `None` before version 4 (KIP-827).
    pub total_bytes: Option<i64>,
    /// What the broker may still write there; `None` before version 4 (KIP-827).
    pub usable_bytes: Option<i64>,
    pub replicas: Vec<LogDirReplica>,
}

/// One replica in a log dir.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDirReplica {
    pub partition: TopicPartition,
    pub size_bytes: i64,
    /// Records that this copy is behind: the high watermark, or for a future copy the current one, minus its end.
    pub offset_lag: i64,
    /// A copy that replaces the one in another dir of the same broker once it caught up.
    pub future: bool,
}
