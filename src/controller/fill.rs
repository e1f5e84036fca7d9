//! How full the brokers' volumes are: one question to each broker a minute, shared by the status, the metrics and the forecast.
//! What can't be asked now stays as it was seen last for a while, and is then not known.

use super::context::Context;
use super::kafka::KafkaFacts;
use crate::capacity::{Forecast, Trend, Usage};
use crate::kafka::{KafkaAdmin, LogDir};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The question makes a broker go through all its logs.
const EVERY: SignedDuration = SignedDuration::from_secs(55);
/// What was seen longer ago isn't told any more.
const HOLDS: SignedDuration = SignedDuration::from_mins(5);

/// What was seen, and since when it fills.
#[derive(Clone, Debug, Default)]
pub struct Fill {
    /// When brokers were asked last, whatever they said, and about what.
    asked: Option<(Timestamp, Scope)>,
    seen: Option<(Timestamp, Arc<Usage>)>,
    trend: Arc<Trend>,
    /// Days until the first volume is full. Until this process has seen enough, what an earlier one has foretold.
    pub days: Option<i32>,
}

/// Whom there is to ask, and how much there is to tell: when that changes, what was seen is out of date.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    serving: Vec<i32>,
    /// Brokers that are registered, serving or not.
    registered: Vec<i32>,
    partitions: usize,
}

impl Scope {
    fn of(facts: &KafkaFacts) -> Option<Self> {
        let brokers = &facts.brokers.as_ref()?.brokers;
        Some(Self {
            serving: facts.all_serving().collect(),
            registered: brokers.iter().map(|broker| broker.id).collect(),
            partitions: facts.partitions.as_ref()?.partitions.len(),
        })
    }
}

impl Fill {
    pub fn usage(&self) -> Option<&Usage> {
        self.seen.as_ref().map(|(_, usage)| usage.as_ref())
    }

    /// Takes over what an earlier process has foretold, before anything was asked: a warning doesn't go because the operator came.
    pub fn resume(&mut self, days: Option<i32>) {
        if self.asked.is_none() {
            self.days = days;
        }
    }

    /// Asks brokers that serve, if it's time to.
    pub async fn look(&mut self, context: &Context, admin: Option<&dyn KafkaAdmin>, facts: Option<&KafkaFacts>) {
        let now = context.now();
        self.seen.take_if(|(at, _)| now.duration_since(*at) > HOLDS);
        let (Some(admin), Some(scope)) = (admin, facts.and_then(Scope::of)) else {
            return;
        };
        let is_fresh = |(at, about): &(Timestamp, Scope)| *about == scope && now.duration_since(*at) < EVERY;
        if scope.serving.is_empty() || self.asked.as_ref().is_some_and(is_fresh) {
            return;
        }
        let told = admin.describe_log_dirs(scope.serving.clone()).await.unwrap_or_default();
        let told = told.iter().filter_map(|(id, dirs)| Some((*id, dirs.as_deref().ok()?)));
        let told: BTreeMap<i32, &[LogDir]> = told.collect();
        if !told.is_empty() {
            self.take(now, &told, &scope.registered);
        }
        self.asked = Some((now, scope));
    }

    /// A broker that's away for a moment keeps its volumes as they were, and the topics are added up when all have told.
    fn take(&mut self, now: Timestamp, told: &BTreeMap<i32, &[LogDir]>, registered: &[i32]) {
        let mut usage = Usage::of(told.iter().map(|(id, dirs)| (*id, *dirs)));
        let missing: Vec<i32> = registered.iter().copied().filter(|id| !told.contains_key(id)).collect();
        if let Some(before) = self.usage().filter(|_| !missing.is_empty()) {
            let kept = before.volumes.iter().filter(|volume| missing.contains(&volume.node));
            usage.volumes.extend(kept.cloned());
            usage.topics.clone_from(&before.topics);
            usage.data = before.data;
        }
        let trend = Arc::make_mut(&mut self.trend);
        trend.add(now.as_second(), &usage);
        match trend.forecast(&usage) {
            Forecast::Unknown => {}
            Forecast::NotSoon => self.days = None,
            Forecast::Days(days) => self.days = Some(days),
        }
        self.seen = Some((now, Arc::new(usage)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::units::Bytes;
    use crate::kafka::{LogDirReplica, TopicPartition};

    fn dir(used: i64, topic: &str) -> LogDir {
        LogDir {
            path: "/a".into(),
            error: None,
            total_bytes: Some(100),
            usable_bytes: Some(100 - used),
            replicas: vec![LogDirReplica {
                partition: TopicPartition::new(topic, 0),
                size_bytes: used,
                offset_lag: 0,
                future: false,
            }],
        }
    }

    #[test]
    fn a_broker_that_is_away_for_a_moment_keeps_what_it_told() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let (most, half) = ([dir(80, "big")], [dir(50, "small")]);
        let mut fill = Fill::default();
        fill.take(
            at(0),
            &BTreeMap::from([(100, &most[..]), (101, &half[..])]),
            &[100, 101],
        );
        let topic = |fill: &Fill| fill.usage().unwrap().topics[0].topic.clone();
        assert_eq!(
            (topic(&fill), fill.usage().unwrap().data),
            ("big".to_owned(), Bytes(130))
        );
        let emptier = [dir(40, "small")];
        fill.take(at(60), &BTreeMap::from([(101, &emptier[..])]), &[100, 101]);
        let percents = |fill: &Fill| {
            let volumes = fill.usage().unwrap().volumes.iter();
            volumes
                .map(|volume| (volume.node, volume.percent()))
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(percents(&fill), [(100, 80), (101, 40)].into());
        assert_eq!(
            (topic(&fill), fill.usage().unwrap().data),
            ("big".to_owned(), Bytes(130))
        );
        fill.take(at(120), &BTreeMap::from([(101, &emptier[..])]), &[101]);
        assert_eq!(
            percents(&fill),
            [(101, 40)].into(),
            "who isn't registered any more is forgotten"
        );
        assert_eq!(topic(&fill), "small");
    }

    #[test]
    fn what_an_earlier_process_foretold_holds_until_enough_is_seen() {
        let fill_after = |minutes: i64, resumed: Option<i32>| {
            let mut fill = Fill::default();
            fill.resume(resumed);
            for minute in 0..=minutes {
                let now = Timestamp::from_second(minute * 60).unwrap();
                fill.take(now, &BTreeMap::from([(100, &[dir(50, "t")][..])]), &[100]);
            }
            fill.days
        };
        assert_eq!(fill_after(0, None), None);
        assert_eq!(fill_after(0, Some(5)), Some(5));
        assert_eq!(fill_after(59, Some(5)), Some(5));
        assert_eq!(fill_after(60, Some(5)), None, "it doesn't grow any more");
    }
}
