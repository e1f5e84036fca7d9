//! How full the volumes are, from what brokers say of their log directories (KIP-827).

use super::units::Bytes;
use crate::kafka::LogDir;
use std::collections::BTreeMap;

/// Most topics that are named.
const NAMED: usize = 10;

/// One log directory's volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    pub node: i32,
    /// Of the log directory.
    pub path: String,
    pub total: Bytes,
    pub used: Bytes,
}

impl Volume {
    /// Rounded down, so that 85 means that 85 % are reached.
    pub fn percent(&self) -> i32 {
        let percent = u128::from(self.used.0) * 100 / u128::from(self.total.0.max(1));
        i32::try_from(percent).unwrap_or(100)
    }
}

/// What a topic takes of all brokers' disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSize {
    pub topic: String,
    pub bytes: Bytes,
}

/// What all volumes hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub volumes: Vec<Volume>,
    /// The largest first, at most ten.
    pub topics: Vec<TopicSize>,
    /// All replicas of all topics.
    pub data: Bytes,
}

impl Usage {
    /// From the directories of each broker that answered.
    pub fn of<'a>(told: impl IntoIterator<Item = (i32, &'a [LogDir])>) -> Self {
        let mut usage = Self::default();
        let mut topics: BTreeMap<&str, u64> = BTreeMap::new();
        for (node, dirs) in told {
            for dir in dirs {
                usage.volumes.extend(volume(node, dir));
                for replica in &dir.replicas {
                    let size = u64::try_from(replica.size_bytes).unwrap_or_default();
                    let sum = topics.entry(&replica.partition.topic).or_default();
                    *sum = sum.saturating_add(size);
                    usage.data = usage.data + Bytes(size);
                }
            }
        }
        let mut topics: Vec<(&str, u64)> = topics.into_iter().collect();
        topics.sort_by(|(one, few), (other, many)| many.cmp(few).then(one.cmp(other)));
        topics.truncate(NAMED);
        let named = topics.into_iter().map(|(topic, bytes)| TopicSize {
            topic: topic.to_owned(),
            bytes: Bytes(bytes),
        });
        usage.topics = named.collect();
        usage
    }

    pub fn fullest(&self) -> Option<&Volume> {
        self.volumes.iter().max_by_key(|volume| volume.percent())
    }
}

/// A directory that's given up, or whose broker doesn't say, isn't known.
fn volume(node: i32, dir: &LogDir) -> Option<Volume> {
    let total = u64::try_from(dir.total_bytes?).ok().filter(|total| *total > 0)?;
    let usable = u64::try_from(dir.usable_bytes?).ok()?;
    dir.error.is_none().then(|| Volume {
        node,
        path: dir.path.clone(),
        total: Bytes(total),
        used: Bytes(total.saturating_sub(usable)),
    })
}
