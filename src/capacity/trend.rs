//! When a volume will be full, from how it has filled: a line through what was seen in the last day (least squares). Lost with the
//! process; until an hour is seen again, nothing is known.

use super::usage::Usage;
use std::collections::{BTreeMap, VecDeque};

/// Seconds between two samples.
const STEP: i64 = 1_800;
/// Samples of a day.
const KEPT: usize = 48;
/// Nothing is foretold from less than this, in seconds.
const LEAST: i64 = 3_600;
const DAY: f64 = 86_400.0;
/// Beyond this nothing is said, in days: trends don't hold that long.
const FARTHEST: f64 = 90.0;

/// When the first volume is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forecast {
    /// Not enough was seen.
    Unknown,
    /// None fills within three months.
    NotSoon,
    /// In whole days.
    Days(i32),
}

/// Samples by node and log directory: when, in Unix seconds, and how many bytes were used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trend(BTreeMap<(i32, String), VecDeque<(i64, u64)>>);

impl Trend {
    /// Takes what was seen at a time; volumes that aren't there any more are forgotten.
    pub fn add(&mut self, second: i64, usage: &Usage) {
        let seen = |node: i32, path: &str| usage.volumes.iter().any(|one| one.node == node && one.path == path);
        self.0.retain(|(node, path), _| seen(*node, path));
        for volume in &usage.volumes {
            let samples = self.0.entry((volume.node, volume.path.clone())).or_default();
            if samples.back().is_some_and(|(last, _)| second - last < STEP) {
                continue;
            }
            if samples.len() == KEPT {
                samples.pop_front();
            }
            samples.push_back((second, volume.used.0));
        }
    }

    /// When the first volume is full.
    pub fn forecast(&self, usage: &Usage) -> Forecast {
        if !self.0.values().any(is_enough) {
            return Forecast::Unknown;
        }
        let days = usage.volumes.iter().filter_map(|volume| {
            let samples = self.0.get(&(volume.node, volume.path.clone()))?;
            let growth = growth(samples)?;
            Some(float(volume.total.0.saturating_sub(volume.used.0)) / growth)
        });
        let first = days.fold(f64::INFINITY, f64::min);
        if first > FARTHEST {
            return Forecast::NotSoon;
        }
        #[expect(clippy::cast_possible_truncation, reason = "between 0 and 90")]
        Forecast::Days(coarse(first.max(0.0) as i32))
    }
}

/// Enough was seen to foretell something.
fn is_enough(samples: &VecDeque<(i64, u64)>) -> bool {
    let span = samples.front().zip(samples.back());
    span.is_some_and(|((first, _), (last, _))| last - first >= LEAST)
}

/// A status shouldn't be written for a day more or less that's far away.
fn coarse(days: i32) -> i32 {
    if days <= 14 { days } else { days - days % 7 }
}

/// Bytes per day; `None`: it doesn't grow, or not enough was seen.
fn growth(samples: &VecDeque<(i64, u64)>) -> Option<f64> {
    let first = samples.front().filter(|_| is_enough(samples))?.0;
    let count = float(u64::try_from(samples.len()).ok()?);
    let at = |second: i64| float((second - first).unsigned_abs());
    let mean_time = samples.iter().map(|(second, _)| at(*second)).sum::<f64>() / count;
    let mean_used = samples.iter().map(|(_, used)| float(*used)).sum::<f64>() / count;
    let (mut along, mut square) = (0.0, 0.0);
    for (second, used) in samples {
        let time = at(*second) - mean_time;
        along += time * (float(*used) - mean_used);
        square += time * time;
    }
    let slope = along / square * DAY;
    (slope > 0.0).then_some(slope)
}

#[expect(clippy::cast_precision_loss, reason = "bytes to 16 digits are enough for a forecast")]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::super::units::Bytes;
    use super::super::usage::Volume;
    use super::*;

    const GIB: u64 = 1 << 30;

    fn used(gib: u64) -> Usage {
        Usage {
            volumes: vec![Volume {
                node: 100,
                path: "/a".into(),
                total: Bytes(100 * GIB),
                used: Bytes(gib * GIB),
            }],
            ..Usage::default()
        }
    }

    fn after(hours: i64, gib: impl Fn(u64) -> u64) -> Forecast {
        let mut trend = Trend::default();
        let mut last = used(0);
        for minute in 0..=hours * 60 {
            last = used(gib(minute.unsigned_abs() / 60));
            trend.add(minute * 60, &last);
        }
        assert!(trend.0.values().all(|samples| samples.len() <= KEPT));
        trend.forecast(&last)
    }

    #[test]
    fn a_volume_that_fills_evenly_is_full_when_it_is() {
        // 1 GiB an hour, 76 left after a day: 3.2 days.
        assert_eq!(after(24, |hour| hour), Forecast::Days(3));
        // 48 hours seen, the last day counts: 52 left.
        assert_eq!(after(48, |hour| hour), Forecast::Days(2));
    }

    #[test]
    fn nothing_is_foretold_from_little_or_from_no_growth() {
        assert_eq!(after(0, |hour| hour), Forecast::Unknown);
        assert_eq!(after(24, |_| 50), Forecast::NotSoon);
        assert_eq!(after(24, |hour| 60 - hour), Forecast::NotSoon);
        assert_eq!(
            after(24, |hour| 10 + hour / 24),
            Forecast::NotSoon,
            "a year isn't foretold"
        );
    }

    #[test]
    fn a_volume_that_is_gone_is_forgotten() {
        let mut trend = Trend::default();
        trend.add(0, &used(1));
        trend.add(1, &Usage::default());
        assert_eq!(trend, Trend::default());
    }

    #[test]
    fn far_away_is_told_in_weeks() {
        assert_eq!([0, 14, 15, 20, 21, 90].map(coarse), [0, 14, 14, 14, 21, 84]);
    }
}
