//! How long things took: acknowledgements, silences of a partition, and the quantiles of many durations. Pure.

use std::collections::BTreeMap;

use super::rows::{Outcome, Place, Seen, Sent};

/// The time that counts, in ms after the load's beginning: from the first acknowledgement of every partition to the
/// moment when producers were told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub from_ms: u32,
    pub to_ms: u32,
}

impl Window {
    pub fn length_ms(self) -> u32 {
        self.to_ms.saturating_sub(self.from_ms)
    }
}

/// A time without anything, the longer the greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Silence {
    pub ms: u32,
    /// When it began, in ms after the load's beginning.
    pub from_ms: u32,
}

/// The longest silence of each partition between two acknowledgements, borders of the window included.
pub fn between_acks(sent: &[Sent], places: &[Place], window: Window) -> BTreeMap<Place, Silence> {
    let acked = sent.iter().filter(|record| record.outcome != Outcome::Unknown);
    let times = acked.map(|record| (record.to, record.at_ms.saturating_add(record.took_us / 1000)));
    let times = by_place(times, places);
    let silence = |(place, times): (Place, Vec<u32>)| (place, longest(window.from_ms, times, window.to_ms));
    times.into_iter().map(silence).collect()
}

/// The longest silence of each partition as the consumer saw it. Joining its group is not part of it, unless it lasts for
/// the whole window.
pub fn between_reads(tail: &[Seen], places: &[Place], window: Window) -> BTreeMap<Place, Silence> {
    let times = by_place(tail.iter().map(|seen| (seen.at, seen.ms)), places);
    let silence = |(place, times): (Place, Vec<u32>)| {
        let first = times.first().copied().filter(|first| *first <= window.to_ms);
        let first = first.unwrap_or(window.from_ms);
        (place, longest(window.from_ms.max(first), times, window.to_ms))
    };
    times.into_iter().map(silence).collect()
}

/// Sorted times of every place, also of those where nothing happened.
fn by_place(times: impl Iterator<Item = (Place, u32)>, places: &[Place]) -> BTreeMap<Place, Vec<u32>> {
    let mut all: BTreeMap<Place, Vec<u32>> = places.iter().map(|place| (*place, Vec::new())).collect();
    for (place, time) in times {
        all.entry(place).or_default().push(time);
    }
    for times in all.values_mut() {
        times.sort_unstable();
    }
    all
}

fn longest(from: u32, times: Vec<u32>, to: u32) -> Silence {
    let mut last = from;
    let mut longest = Silence::default();
    for time in times.into_iter().chain([to]) {
        let time = time.clamp(from, to.max(from));
        longest = longest.max(Silence {
            ms: time.saturating_sub(last),
            from_ms: last,
        });
        last = time.max(last);
    }
    longest
}

/// Quantiles of the time from sending to acknowledgement, in microseconds, by the nearest rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    pub p50: u32,
    pub p99: u32,
    pub p999: u32,
    pub max: u32,
}

/// Of what was sent inside the window: before it, connections are made.
pub fn latency(sent: &[Sent], window: Window) -> Latency {
    let inside = |at: u32| at >= window.from_ms && at <= window.to_ms;
    let acked = sent
        .iter()
        .filter(|record| record.outcome != Outcome::Unknown && inside(record.at_ms));
    let mut all: Vec<u32> = acked.map(|record| record.took_us).collect();
    all.sort_unstable();
    let rank = |per_mille: usize| {
        let rank = (all.len() * per_mille).div_ceil(1000).max(1);
        all.get(rank - 1).copied().unwrap_or_default()
    };
    Latency {
        p50: rank(500),
        p99: rank(990),
        p999: rank(999),
        max: rank(1000),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::Value;
    use super::*;

    const HERE: Place = Place { topic: 0, partition: 0 };
    const THERE: Place = Place { topic: 0, partition: 1 };
    const WINDOW: Window = Window {
        from_ms: 1000,
        to_ms: 2000,
    };

    fn acked(to: Place, at_ms: u32, took_us: u32) -> Sent {
        let value = Value {
            producer: 0,
            sequence: 0,
            hash: 0,
        };
        let outcome = Outcome::Acked(Some(0));
        Sent {
            to,
            value,
            outcome,
            at_ms,
            took_us,
        }
    }

    #[test]
    fn a_gap_is_between_acks_and_reaches_to_the_windows_borders() {
        let cases: [(&[(u32, u32)], u32); 6] = [
            (&[(1100, 50_000), (1300, 0), (1900, 0)], 600),
            (&[(1400, 0), (1900, 0)], 500),
            (&[(1100, 0)], 900),
            (&[], 1000),
            (&[(500, 0), (900, 0), (1500, 0), (5000, 0)], 500),
            (&[(1200, 0), (900, 900_000)], 600),
        ];
        for (times, expected) in cases {
            let sent: Vec<Sent> = times.iter().map(|(at, took)| acked(HERE, *at, *took)).collect();
            assert_eq!(between_acks(&sent, &[HERE], WINDOW)[&HERE].ms, expected, "{times:?}");
        }
    }

    #[test]
    fn a_record_of_unknown_outcome_ends_no_gap() {
        let mut record = acked(HERE, 1500, 0);
        record.outcome = Outcome::Unknown;
        assert_eq!(between_acks(&[record], &[HERE], WINDOW)[&HERE].ms, 1000);
    }

    #[test]
    fn a_partition_without_any_ack_is_silent_for_the_whole_window() {
        let gaps = between_acks(&[acked(HERE, 1500, 0)], &[HERE, THERE], WINDOW);
        assert_eq!((gaps[&HERE].ms, gaps[&THERE].ms), (500, 1000));
        assert_eq!(gaps[&THERE].from_ms, WINDOW.from_ms);
    }

    #[test]
    fn a_consumer_stalls_from_its_first_record_on() {
        let seen = |ms| Seen {
            at: HERE,
            offset: 0,
            value: acked(HERE, 0, 0).value,
            meant: HERE,
            sound: true,
            ms,
        };
        let stalls = between_reads(&[seen(1600), seen(1750)], &[HERE, THERE], WINDOW);
        assert_eq!((stalls[&HERE].ms, stalls[&THERE].ms), (250, 1000));
        let late = between_reads(&[seen(2500)], &[HERE], WINDOW);
        assert_eq!(late[&HERE].ms, 1000);
    }

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let sent: Vec<Sent> = (1..=1000).rev().map(|took| acked(HERE, 1500, took)).collect();
        let before = acked(HERE, 999, 77_000);
        let sent = [sent, vec![before]].concat();
        let expected = Latency {
            p50: 500,
            p99: 990,
            p999: 999,
            max: 1000,
        };
        assert_eq!(latency(&sent, WINDOW), expected);
        assert_eq!(latency(&[], WINDOW), Latency::default());
    }
}
