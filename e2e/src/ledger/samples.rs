//! Leader and in-sync replicas of every partition over time, as the load client's sampler wrote them, summed up to
//! partition-seconds. A state holds from the sample that showed it to the next one. Pure.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::gaps::Window;

/// One partition at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Node id.
    pub leader: Option<i32>,
    pub isr: Vec<i32>,
}

/// Topic and partition.
pub type Partition = (String, u16);

/// Sums over all partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Availability {
    /// Partition-milliseconds with fewer in-sync replicas than the topic's `min.insync.replicas`.
    pub under_min_isr_ms: u64,
    /// Partition-milliseconds without a leader.
    pub offline_ms: u64,
    pub leader_changes: u64,
    /// Time between two good samples with a failed one between: what happened then is not known.
    pub blind_ms: u64,
    pub samples: u64,
}

enum Line {
    Change(Partition, State),
    Sampled(u32),
    Failed,
}

/// The state that the last complete line of each partition gives.
pub fn latest(text: &str) -> Result<BTreeMap<Partition, State>> {
    let mut states = BTreeMap::new();
    for line in complete(text) {
        if let Line::Change(partition, state) = parse(line)? {
            states.insert(partition, state);
        }
    }
    Ok(states)
}

/// Sums the window up; `min_isr` holds `min.insync.replicas` by topic.
pub fn sum(text: &str, min_isr: &BTreeMap<String, usize>, window: Window) -> Result<Availability> {
    let mut found = Availability::default();
    let mut now: BTreeMap<Partition, State> = BTreeMap::new();
    // States of the last good sample, from when, and whether a sample failed since.
    let mut since: Option<u32> = None;
    let mut failed = false;
    let mut changes = Vec::new();
    for line in complete(text) {
        match parse(line)? {
            Line::Change(partition, state) => changes.push((partition, state)),
            Line::Failed => failed = true,
            Line::Sampled(at) => {
                found.add(&now, min_isr, span(since, at, window), failed);
                if at >= window.from_ms && at <= window.to_ms {
                    found.samples += 1;
                    found.leader_changes += leaders_changed(&now, &changes);
                }
                now.extend(changes.drain(..));
                (since, failed) = (Some(at), false);
            }
        }
    }
    found.add(&now, min_isr, span(since, window.to_ms, window), failed);
    Ok(found)
}

impl Availability {
    fn add(&mut self, held: &BTreeMap<Partition, State>, min_isr: &BTreeMap<String, usize>, ms: u64, failed: bool) {
        for ((topic, _), one) in held {
            let least = min_isr.get(topic).copied().unwrap_or(1);
            self.under_min_isr_ms += if one.isr.len() < least { ms } else { 0 };
            self.offline_ms += if one.leader.is_none() { ms } else { 0 };
        }
        self.blind_ms += if failed { ms } else { 0 };
    }
}

/// A partition that had another leader before, times without one left out.
fn leaders_changed(before: &BTreeMap<Partition, State>, changes: &[(Partition, State)]) -> u64 {
    let moved = changes.iter().filter(|(partition, state)| {
        let old = before.get(partition).map(|state| state.leader);
        // Without a leader now: counted when there is none, not again when one comes.
        old.is_some_and(|old| old.is_some() && old != state.leader)
    });
    u64::try_from(moved.count()).unwrap_or(u64::MAX)
}

/// Milliseconds from one sample to the next inside the window. Before the first sample nothing is known.
fn span(since: Option<u32>, at: u32, window: Window) -> u64 {
    let (from, to) = (
        since.unwrap_or(window.from_ms).max(window.from_ms),
        at.min(window.to_ms),
    );
    u64::from(to.saturating_sub(from))
}

/// A last line without its end is being written just now.
fn complete(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'))
}

fn parse(line: &str) -> Result<Line> {
    read(line).with_context(|| format!("read the sample {line:?}"))
}

fn read(line: &str) -> Option<Line> {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        [at, "ok"] => Some(Line::Sampled(at.parse().ok()?)),
        [_, "fail", _] => Some(Line::Failed),
        [_, topic, partition, leader, isr] => {
            let leader: i32 = leader.parse().ok()?;
            let isr = if *isr == "-" {
                Some(Vec::new())
            } else {
                isr.split(',').map(|node| node.parse().ok()).collect()
            };
            let state = State {
                leader: (leader >= 0).then_some(leader),
                isr: isr?,
            };
            Some(Line::Change(((*topic).to_owned(), partition.parse().ok()?), state))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        from_ms: 1000,
        to_ms: 5000,
    };

    fn sums(text: &str) -> Availability {
        sum(text, &BTreeMap::from([("t".to_owned(), 2)]), WINDOW).unwrap()
    }

    #[test]
    fn a_state_holds_until_the_next_sample_and_only_inside_the_window() {
        let healthy = "900 t 0 1 1,2,3\n900 t 1 2 1,2,3\n900 ok\n";
        let cases = [
            ("", (0, 0, 0)),
            ("2000 ok\n", (0, 0, 0)),
            ("2000 t 0 1 1\n2000 ok\n3000 t 0 1 1,2\n3000 ok\n", (1000, 0, 0)),
            ("2000 t 0 1 1\n2000 ok\n", (3000, 0, 0)),
            (
                "2000 t 0 -1 -\n2000 t 1 1 1,2\n2000 ok\n2500 t 0 2 2,3\n2500 ok\n",
                (500, 500, 2),
            ),
            ("4500 t 0 1 1\n4500 ok\n6000 t 0 2 1,2\n6000 ok\n", (500, 0, 0)),
        ];
        for (text, expected) in cases {
            let found = sums(&format!("{healthy}{text}"));
            assert_eq!(
                (found.under_min_isr_ms, found.offline_ms, found.leader_changes),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_state_before_the_window_counts_from_its_start() {
        let found = sums("100 t 0 1 1\n100 ok\n1500 t 0 1 1,2\n1500 ok\n");
        assert_eq!((found.under_min_isr_ms, found.samples), (500, 1));
    }

    #[test]
    fn time_around_a_failed_sample_is_unknown() {
        let found = sums("1000 t 0 1 1,2\n1000 ok\n1250 fail TimeoutException\n3000 ok\n3250 ok\n");
        assert_eq!((found.blind_ms, found.samples), (2000, 3));
    }

    #[test]
    fn the_latest_state_leaves_out_a_line_that_is_not_complete() {
        let states = latest("1 t 0 1 1,2\n1 ok\n2 t 0 2 2\n2 ok\n3 t 0 -1").unwrap();
        assert_eq!(
            states[&("t".to_owned(), 0)],
            State {
                leader: Some(2),
                isr: vec![2]
            }
        );
        assert!(latest("nonsense\n").is_err());
    }
}
