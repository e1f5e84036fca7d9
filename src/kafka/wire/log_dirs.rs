//! `DescribeLogDirs` and `AlterReplicaLogDirs` (KIP-113): always about the dirs of the node that is asked.

use std::collections::BTreeMap;

use kafka_protocol::messages::alter_replica_log_dirs_request::{AlterReplicaLogDir, AlterReplicaLogDirTopic};
use kafka_protocol::messages::describe_log_dirs_response::DescribeLogDirsResult;
use kafka_protocol::messages::{
    AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, DescribeLogDirsRequest, DescribeLogDirsResponse,
};

use super::{by_topic, counted, settled, text, topic_name, verdict};
use crate::kafka::admin::Outcomes;
use crate::kafka::call::{Api, Refusal, Repeat};
use crate::kafka::errors::ProtocolFault;
use crate::kafka::partition::{LogDir, LogDirReplica, TopicPartition};

pub(crate) struct DescribeLogDirs;

/// Moves of replicas to a log dir, by path.
pub(crate) struct AlterLogDirs {
    pub moves: Vec<(TopicPartition, String)>,
}

impl Api for DescribeLogDirs {
    const NAME: &'static str = "DescribeLogDirs";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = DescribeLogDirsRequest;
    type Output = Vec<LogDir>;

    fn request(&self, _version: i16) -> Result<DescribeLogDirsRequest, ProtocolFault> {
        Ok(DescribeLogDirsRequest::default().with_topics(None))
    }

    fn read(&self, response: DescribeLogDirsResponse) -> Result<Vec<LogDir>, Refusal> {
        verdict(response.error_code, None)?;
        Ok(response.results.iter().map(log_dir).collect())
    }

    fn throttle_ms(response: &DescribeLogDirsResponse) -> i32 {
        response.throttle_time_ms
    }
}

fn log_dir(dir: &DescribeLogDirsResult) -> LogDir {
    let replicas = dir.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|partition| LogDirReplica {
            partition: TopicPartition::new(topic.name.to_string(), partition.partition_index),
            size_bytes: partition.partition_size,
            offset_lag: partition.offset_lag,
            future: partition.is_future_key,
        })
    });
    LogDir {
        path: dir.log_dir.to_string(),
        error: verdict(dir.error_code, None).err(),
        total_bytes: counted(dir.total_bytes),
        usable_bytes: counted(dir.usable_bytes),
        replicas: replicas.collect(),
    }
}

impl Api for AlterLogDirs {
    const NAME: &'static str = "AlterReplicaLogDirs";
    const REPEAT: Repeat = Repeat::Safe;
    type Request = AlterReplicaLogDirsRequest;
    type Output = Outcomes<TopicPartition>;

    fn request(&self, _version: i16) -> Result<AlterReplicaLogDirsRequest, ProtocolFault> {
        let mut dirs: BTreeMap<&str, Vec<&TopicPartition>> = BTreeMap::new();
        for (partition, path) in &self.moves {
            dirs.entry(path).or_default().push(partition);
        }
        let dirs = dirs.into_iter().map(|(path, partitions)| {
            let topics = by_topic(partitions).into_iter().map(|(topic, partitions)| {
                AlterReplicaLogDirTopic::default()
                    .with_name(topic_name(topic))
                    .with_partitions(partitions)
            });
            AlterReplicaLogDir::default()
                .with_path(text(path))
                .with_topics(topics.collect())
        });
        Ok(AlterReplicaLogDirsRequest::default().with_dirs(dirs.collect()))
    }

    fn read(&self, response: AlterReplicaLogDirsResponse) -> Result<Outcomes<TopicPartition>, Refusal> {
        let outcomes = response.results.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| {
                (
                    TopicPartition::new(topic.topic_name.to_string(), partition.partition_index),
                    verdict(partition.error_code, None),
                )
            })
        });
        let outcomes: Outcomes<TopicPartition> = outcomes.collect();
        match self
            .moves
            .iter()
            .find(|(partition, _)| !outcomes.contains_key(partition))
        {
            Some((missing, _)) => Err(ProtocolFault::Missing(missing.to_string()).into()),
            None => settled(outcomes),
        }
    }

    fn throttle_ms(response: &AlterReplicaLogDirsResponse) -> i32 {
        response.throttle_time_ms
    }
}
