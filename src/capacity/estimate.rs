//! What a workload needs, number by number, each with its arithmetic.
//!
//! | number | formula | source |
//! |---|---|---|
//! | disk | rate × retention × copies × (1 + headroom) + open segments | a segment is deleted as a whole, so each partition holds one more |
//! | network of a broker | max(rate × copies, rate × (copies − 1 + readers)) ÷ brokers | in: what it stores; out: to followers and readers |
//! | brokers | at 80 % of what one can do, with one of them lost | Apache Kafka, "Hardware and OS" |
//! | partitions | max(rate ÷ producer's, rate ÷ consumer's) per partition | J. Rao, "How to choose the number of topics/partitions" |
//! | memory | heap + 30 s of writes | Apache Kafka, "Hardware and OS" |
//! | memory maps | 2 for each segment (offset and time index) | the same; `vm.max_map_count` |

use super::supply::Supply;
use super::units::{Bytes, Rate, Seconds};
use crate::model::workload::Workload;

/// Percent of what a broker can do that is planned with.
const BUSY: u64 = 80;
/// What the page cache should hold of a broker's writes.
const CACHED: Seconds = Seconds(30);
/// `log.roll.ms`: a segment is closed after this long.
const ROLL: Seconds = Seconds(7 * 86_400);
/// Replicas of one broker beyond which restarts and elections take long (recommended by managed Kafka services).
const REPLICAS: u64 = 4_000;
/// Files of a segment: the records and two indexes.
const FILES: u64 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    BytesPerSecond,
    Count,
}

/// One number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// In the JSON output: camel case, stable.
    pub name: &'static str,
    pub title: &'static str,
    pub unit: Unit,
    pub needed: u64,
    /// What the resource gives; `None`: not known, or nothing that it gives.
    pub offered: Option<u64>,
    pub arithmetic: String,
}

impl Figure {
    pub fn suffices(&self) -> bool {
        self.offered.is_none_or(|offered| offered >= self.needed)
    }

    /// A value in the figure's unit.
    pub fn text(&self, value: u64) -> String {
        match self.unit {
            Unit::Bytes => Bytes(value).to_string(),
            Unit::BytesPerSecond => Rate(value).to_string(),
            Unit::Count => value.to_string(),
        }
    }

    /// For a condition: what's asked for and what's there.
    pub fn shortage(&self) -> Option<String> {
        let offered = self.offered.filter(|offered| *offered < self.needed)?;
        let (needed, offered) = (self.text(self.needed), self.text(offered));
        Some(format!("{}: {needed} needed, {offered} there", self.title))
    }
}

/// All numbers, in the order in which they follow from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estimate(pub Vec<Figure>);

impl Estimate {
    pub fn shortages(&self) -> Vec<String> {
        self.0.iter().filter_map(Figure::shortage).collect()
    }

    pub fn suffices(&self) -> bool {
        self.0.iter().all(Figure::suffices)
    }
}

/// What the workload needs of a cluster like this.
pub fn estimate(workload: &Workload, supply: &Supply) -> Estimate {
    let sum = Sum::new(workload, supply);
    let figures = [sum.ingress(), sum.partitions(), sum.disk()].into_iter();
    let brokers = sum.brokers();
    let rest = [sum.replicas(), sum.memory(), sum.descriptors(), sum.maps()];
    Estimate(figures.chain(brokers).chain(rest).collect())
}

/// What several numbers share.
struct Sum<'a> {
    workload: &'a Workload,
    supply: &'a Supply,
    ingress: Rate,
    partitions: u64,
    /// All of them.
    replicas: u64,
    retained: Bytes,
    open: Bytes,
}

impl<'a> Sum<'a> {
    fn new(workload: &'a Workload, supply: &'a Supply) -> Self {
        let ingress = Rate(workload.message_bytes) * workload.messages_per_second;
        let partitions = workload
            .partitions
            .unwrap_or_else(|| wanted_partitions(workload, ingress));
        let replicas = partitions.saturating_mul(supply.factor);
        let retained = ingress * Seconds(workload.retention.as_secs()) * supply.factor;
        let written = ingress.each_of(partitions) * ROLL;
        Self {
            workload,
            supply,
            ingress,
            partitions,
            replicas,
            retained: retained.and_percent(workload.headroom),
            open: written.min(supply.segment) * replicas,
        }
    }

    fn ingress(&self) -> Figure {
        let Workload {
            messages_per_second,
            message_bytes,
            ..
        } = self.workload;
        Figure {
            name: "ingress",
            title: "written by producers",
            unit: Unit::BytesPerSecond,
            needed: self.ingress.0,
            offered: None,
            arithmetic: format!("{messages_per_second} records/s × {message_bytes} B"),
        }
    }

    fn partitions(&self) -> Figure {
        let by = |rate: Option<u64>, who: &str| rate.map(|rate| format!("{} ÷ {} {who}", self.ingress, Rate(rate)));
        let by = [
            by(self.workload.producer_partition, "written to one"),
            by(self.workload.consumer_partition, "read from one"),
        ];
        let by: Vec<String> = by.into_iter().flatten().collect();
        Figure {
            name: "partitions",
            title: "partitions",
            unit: Unit::Count,
            needed: wanted_partitions(self.workload, self.ingress),
            offered: self.workload.partitions,
            arithmetic: if by.is_empty() {
                "one: nothing is said about what a partition can take".to_owned()
            } else {
                format!("the larger of: {}", by.join(", "))
            },
        }
    }

    fn disk(&self) -> Figure {
        let Supply {
            brokers, disk, factor, ..
        } = *self.supply;
        let days = self.workload.retention.as_secs();
        let headroom = self.workload.headroom;
        let (open, replicas) = (self.open, self.replicas);
        Figure {
            name: "disk",
            title: "disk, all brokers",
            unit: Unit::Bytes,
            needed: (self.retained + self.open).0,
            offered: Some((disk * brokers).0),
            arithmetic: format!(
                "{} B/s × {days} s × {factor} copies + {headroom} % = {} B, and {open} in the open segments of {replicas} replicas",
                self.ingress.0, self.retained.0
            ),
        }
    }

    /// Each limit for itself, then the largest.
    fn brokers(&self) -> Vec<Figure> {
        let Supply {
            brokers, factor, disk, ..
        } = *self.supply;
        let total = self.retained + self.open;
        let by_size = (disk.0 > 0).then(|| (total.0.div_ceil(disk.0.max(1)), format!("{total} ÷ {disk}")));
        let stored = self.ingress * factor;
        let sent = self.ingress * (factor - 1 + self.workload.consumer_groups);
        let limits = [
            ("brokersByDisk", "brokers, by size of disks", by_size),
            (
                "brokersByDiskThroughput",
                "brokers, by throughput of disks",
                self.supply.disk_rate.map(|limit| with_one_lost(stored, limit)),
            ),
            (
                "brokersByNetwork",
                "brokers, by network",
                self.supply.network.map(|limit| with_one_lost(stored.max(sent), limit)),
            ),
        ];
        let figure = |name, title, needed, arithmetic, offered| Figure {
            name,
            title,
            unit: Unit::Count,
            needed,
            offered,
            arithmetic,
        };
        let known = limits
            .into_iter()
            .filter_map(|(name, title, limit)| Some((name, title, limit?)));
        let mut all: Vec<Figure> = known
            .map(|(name, title, (needed, arithmetic))| figure(name, title, needed, arithmetic, None))
            .collect();
        let most = all.iter().map(|one| one.needed).max().unwrap_or(1).max(factor);
        let why = format!("the largest of these, and at least one for each of {factor} copies");
        all.push(figure("brokers", "brokers", most, why, Some(brokers)));
        all
    }

    fn replicas(&self) -> Figure {
        let brokers = self.supply.brokers;
        let each = self.replicas.div_ceil(brokers.max(1));
        let (partitions, factor) = (self.partitions, self.supply.factor);
        Figure {
            name: "replicasPerBroker",
            title: "replicas on a broker",
            unit: Unit::Count,
            needed: each,
            offered: Some(REPLICAS),
            arithmetic: format!(
                "{partitions} partitions × {factor} copies ÷ {brokers} brokers; more make restarts slow"
            ),
        }
    }

    fn memory(&self) -> Figure {
        let others = self.supply.brokers.saturating_sub(1);
        let written = (self.ingress * self.supply.factor).each_of(others);
        let heap = self.supply.heap;
        Figure {
            name: "memoryPerBroker",
            title: "memory of a broker",
            unit: Unit::Bytes,
            needed: (heap + written * CACHED).0,
            offered: Some(self.supply.memory.0).filter(|memory| *memory > 0),
            arithmetic: format!("heap {heap} + 30 s × {written} with one broker lost"),
        }
    }

    fn segments(&self) -> u64 {
        let each = self.retained.each_of(self.supply.brokers);
        let replicas = self.replicas.div_ceil(self.supply.brokers.max(1));
        each.0.div_ceil(self.supply.segment.0.max(1)).saturating_add(replicas)
    }

    fn descriptors(&self) -> Figure {
        let (segments, connections) = (self.segments(), self.supply.connections);
        Figure {
            name: "fileDescriptorsPerBroker",
            title: "file descriptors of a broker",
            unit: Unit::Count,
            needed: segments.saturating_mul(FILES).saturating_add(connections),
            offered: None,
            arithmetic: format!("{segments} segments × {FILES} files + {connections} connections (ulimit -n)"),
        }
    }

    fn maps(&self) -> Figure {
        let segments = self.segments();
        Figure {
            name: "memoryMapsPerBroker",
            title: "memory maps of a broker",
            unit: Unit::Count,
            needed: segments.saturating_mul(2),
            offered: None,
            arithmetic: format!("{segments} segments × 2 indexes (vm.max_map_count, 65530 where nobody has raised it)"),
        }
    }
}

/// So many that all but one of them do it at [`BUSY`] percent of what each can.
fn with_one_lost(rate: Rate, limit: Rate) -> (u64, String) {
    let usable = u128::from(limit.0) * u128::from(BUSY) / 100;
    let count = u128::from(rate.0).div_ceil(usable.max(1));
    let count = u64::try_from(count).unwrap_or(u64::MAX).saturating_add(1);
    (count, format!("{rate} ÷ {BUSY} % of {limit}, and one to lose"))
}

fn wanted_partitions(workload: &Workload, ingress: Rate) -> u64 {
    let by = [workload.producer_partition, workload.consumer_partition];
    let by = by.into_iter().flatten().map(|rate| ingress.0.div_ceil(rate.max(1)));
    by.max().unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests;
