//! How full the brokers' volumes are: one question to each broker a minute, shared by the status, the metrics and the forecast.
//! What can't be asked now stays as it was seen last for a while, and is then not known.

use super::context::Context;
use super::kafka::KafkaFacts;
use crate::capacity::{Trend, Usage};
use crate::kafka::{KafkaAdmin, LogDir};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// The question makes a broker go through all its logs.
const EVERY: SignedDuration = SignedDuration::from_secs(60);
/// What was seen longer ago isn't told any more.
const HOLDS: SignedDuration = SignedDuration::from_mins(5);

/// What was seen, and since when it fills.
#[derive(Clone, Debug, Default)]
pub struct Fill {
    /// When brokers were asked last, whatever they said.
    asked: Option<Timestamp>,
    seen: Option<(Timestamp, Arc<Usage>)>,
    trend: Arc<Trend>,
    /// Days until the first volume is full.
    pub days: Option<i32>,
}

impl Fill {
    pub fn usage(&self) -> Option<&Usage> {
        self.seen.as_ref().map(|(_, usage)| usage.as_ref())
    }

    /// Asks brokers that serve, if it's time to.
    pub async fn look(&mut self, context: &Context, admin: Option<&dyn KafkaAdmin>, facts: Option<&KafkaFacts>) {
        let now = context.now();
        self.seen.take_if(|(at, _)| now.duration_since(*at) > HOLDS);
        if self.asked.is_some_and(|asked| now.duration_since(asked) < EVERY) {
            return;
        }
        let brokers = facts
            .iter()
            .flat_map(|facts| &facts.brokers)
            .flat_map(|view| &view.brokers);
        let serving: Vec<i32> = brokers
            .filter(|broker| !broker.fenced)
            .map(|broker| broker.id)
            .collect();
        let Some(admin) = admin.filter(|_| !serving.is_empty()) else {
            return;
        };
        self.asked = Some(now);
        let Ok(told) = admin.describe_log_dirs(serving).await else {
            return;
        };
        let told = told.iter().filter_map(|(id, dirs)| Some((*id, dirs.as_deref().ok()?)));
        let told: Vec<(i32, &[LogDir])> = told.collect();
        if told.is_empty() {
            return;
        }
        let usage = Usage::of(told);
        let trend = Arc::make_mut(&mut self.trend);
        trend.add(now.as_second(), &usage);
        self.days = trend.days_until_full(&usage);
        self.seen = Some((now, Arc::new(usage)));
    }
}
