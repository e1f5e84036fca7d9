//! The figures of one run, and whether they are those of a cluster that keeps what it acknowledged.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};

use super::gaps::{Latency, Silence, Window};
use super::rows::Place;
use super::samples::Availability;
use super::verify::Findings;
use crate::harness::Measurement;

/// What a run of the ledger found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Topics by their position in a [`Place`].
    pub topics: Vec<String>,
    pub window: Window,
    pub findings: Findings,
    pub latency: Latency,
    /// The longest silence of each partition between acknowledgements.
    pub ack_gaps: BTreeMap<Place, Silence>,
    /// The longest silence of each partition as the consumer saw it.
    pub consumer_stalls: BTreeMap<Place, Silence>,
    pub availability: Availability,
    /// Records without acknowledgement, by the client's class of error; `consumer.` before what the consumer met.
    pub errors: BTreeMap<String, u64>,
    /// Answers after which a producer tried again, by Kafka's name of the error, and failed log-ins.
    pub retried: BTreeMap<String, u64>,
}

impl Report {
    /// The longest time in which some partition acknowledged nothing.
    pub fn longest_ack_gap(&self) -> Duration {
        longest(&self.ack_gaps).map_or(Duration::ZERO, |(_, gap)| Duration::from_millis(gap.ms.into()))
    }

    /// Where and when that was, counted from the first acknowledgement of every partition.
    pub fn where_longest(&self) -> String {
        let Some((place, gap)) = longest(&self.ack_gaps) else {
            return "nowhere".to_owned();
        };
        let from = from_ms(gap.from_ms.saturating_sub(self.window.from_ms).into());
        format!(
            "{} acknowledged nothing for {} ms from {from} s on",
            self.name(place),
            gap.ms
        )
    }

    /// Fails when an acknowledged record is not exactly where it should be, or when nothing was proved.
    pub fn verdict(&self) -> Result<()> {
        if self.findings.acked == 0 {
            bail!("nothing was acknowledged, which proves nothing");
        }
        let defects: Vec<String> = self
            .defects()
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        if defects.is_empty() {
            return Ok(());
        }
        let places: Vec<String> = self
            .findings
            .losses
            .iter()
            .map(|(place, loss)| {
                let offset = |offset: Option<u64>| offset.map_or_else(|| "?".to_owned(), |offset| offset.to_string());
                let (first, last) = (offset(loss.first_offset), offset(loss.last_offset));
                format!(
                    "{} lacks {} between offsets {first} and {last}",
                    self.name(*place),
                    loss.count
                )
            })
            .collect();
        bail!(
            "of {} acknowledged records: {}. {}",
            self.findings.acked,
            defects.join(", "),
            places.join("; ")
        )
    }

    /// One figure per line of `name value unit`.
    pub fn figures(&self) -> Vec<Measurement> {
        let mut figures = vec![
            records("acked", self.findings.acked),
            records("unknown", self.findings.unknown),
        ];
        figures.extend(self.defects().map(|(name, count)| records(name, count)));
        let seconds = |name: &str, ms: u64| Measurement::new(name, from_ms(ms), "s");
        let ms = |name: &str, us: u32| Measurement::new(name, f64::from(us) / 1000.0, "ms");
        let availability = &self.availability;
        figures.extend([
            seconds("duration", self.window.length_ms().into()),
            ms("produce_p50", self.latency.p50),
            ms("produce_p99", self.latency.p99),
            ms("produce_p99.9", self.latency.p999),
            ms("produce_max", self.latency.max),
            silence("ack_gap_longest", &self.ack_gaps),
            silence("consumer_stall_longest", &self.consumer_stalls),
            Measurement::new("under_min_isr", from_ms(availability.under_min_isr_ms), "partition-s"),
            Measurement::new("offline", from_ms(availability.offline_ms), "partition-s"),
            Measurement::new("leader_changes", number(availability.leader_changes), "count"),
            seconds("isr_unknown", availability.blind_ms),
        ]);
        let counts = |prefix: &'static str, counts: &BTreeMap<String, u64>| -> Vec<Measurement> {
            let figure =
                |(name, count): (&String, &u64)| Measurement::new(format!("{prefix}.{name}"), number(*count), "count");
            counts.iter().map(figure).collect()
        };
        figures.extend(counts("error", &self.errors));
        figures.extend(counts("retried", &self.retried));
        figures
    }

    /// The figures as text, then where the longest ack gaps were.
    pub fn text(&self) -> String {
        let figures = self.figures().into_iter();
        let figures = figures.map(|figure| format!("{} {} {}\n", figure.name, figure.value, figure.unit));
        let gaps = self.ack_gaps.iter();
        let gaps = gaps.map(|(place, gap)| format!("ack_gap.{} {} ms\n", self.name(*place), gap.ms));
        figures.chain(gaps).collect()
    }

    fn defects(&self) -> [(&'static str, u64); 9] {
        let found = &self.findings;
        [
            ("lost", found.lost),
            ("displaced", found.displaced),
            ("duplicated", found.duplicated),
            ("reordered", found.reordered),
            ("misplaced", found.misplaced),
            ("corrupt", found.corrupt),
            ("invented", found.invented),
            ("rewritten", found.rewritten),
            ("unread", found.unread),
        ]
    }

    fn name(&self, place: Place) -> String {
        let topic = self.topics.get(usize::from(place.topic)).map_or("?", String::as_str);
        format!("{topic}-{}", place.partition)
    }
}

fn longest(silences: &BTreeMap<Place, Silence>) -> Option<(Place, Silence)> {
    silences
        .iter()
        .map(|(place, silence)| (*place, *silence))
        .max_by_key(|(_, silence)| *silence)
}

fn silence(name: &str, silences: &BTreeMap<Place, Silence>) -> Measurement {
    let ms = longest(silences).map_or(0, |(_, silence)| silence.ms);
    Measurement::new(name, f64::from(ms), "ms")
}

/// Seconds; a quotient, so that no digits beyond the third appear.
fn from_ms(ms: u64) -> f64 {
    number(ms) / 1000.0
}

fn records(name: &str, count: u64) -> Measurement {
    Measurement::new(name, number(count), "records")
}

/// Exact up to four thousand millions, which no run here reaches.
fn number(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::verify::Loss;

    fn report(findings: Findings) -> Report {
        let place = |partition| Place { topic: 0, partition };
        let silence = |ms| Silence { ms, from_ms: 3500 };
        Report {
            topics: vec!["t".to_owned()],
            window: Window {
                from_ms: 1000,
                to_ms: 11_000,
            },
            findings,
            latency: Latency {
                p50: 1500,
                p99: 2000,
                p999: 3000,
                max: 4000,
            },
            ack_gaps: BTreeMap::from([(place(0), silence(40)), (place(1), silence(700))]),
            consumer_stalls: BTreeMap::from([(place(0), silence(55))]),
            availability: Availability {
                under_min_isr_ms: 2500,
                leader_changes: 3,
                ..Availability::default()
            },
            errors: BTreeMap::from([("TimeoutException".to_owned(), 2)]),
            retried: BTreeMap::from([("NOT_ENOUGH_REPLICAS".to_owned(), 9)]),
        }
    }

    fn clean() -> Findings {
        Findings {
            acked: 100,
            unknown: 2,
            ..Findings::default()
        }
    }

    #[test]
    fn a_whole_ledger_passes_and_an_empty_one_does_not() {
        assert!(report(clean()).verdict().is_ok());
        let error = report(Findings::default()).verdict().unwrap_err().to_string();
        assert!(error.contains("proves nothing"), "{error}");
    }

    type Field = fn(&mut Findings) -> &mut u64;

    #[test]
    fn each_defect_alone_fails_the_verdict_and_is_named() {
        let cases: [(&str, Field); 9] = [
            ("lost", |found| &mut found.lost),
            ("displaced", |found| &mut found.displaced),
            ("duplicated", |found| &mut found.duplicated),
            ("reordered", |found| &mut found.reordered),
            ("misplaced", |found| &mut found.misplaced),
            ("corrupt", |found| &mut found.corrupt),
            ("invented", |found| &mut found.invented),
            ("rewritten", |found| &mut found.rewritten),
            ("unread", |found| &mut found.unread),
        ];
        for (name, field) in cases {
            let mut findings = clean();
            *field(&mut findings) = 4;
            let error = report(findings).verdict().unwrap_err().to_string();
            assert!(error.contains(&format!(": 4 {name}.")), "{error}");
        }
    }

    #[test]
    fn a_loss_is_told_with_its_place() {
        let loss = Loss {
            count: 5,
            first_offset: Some(10),
            last_offset: Some(14),
        };
        let losses = BTreeMap::from([(Place { topic: 0, partition: 3 }, loss)]);
        let error = report(Findings {
            lost: 5,
            losses,
            ..clean()
        })
        .verdict()
        .unwrap_err()
        .to_string();
        assert!(error.ends_with("t-3 lacks 5 between offsets 10 and 14"), "{error}");
    }

    #[test]
    fn figures_have_names_values_and_units() {
        let report = report(clean());
        assert_eq!(
            report.where_longest(),
            "t-1 acknowledged nothing for 700 ms from 2.5 s on"
        );
        let text = report.text();
        for line in [
            "acked 100 records",
            "unknown 2 records",
            "lost 0 records",
            "duration 10 s",
            "produce_p50 1.5 ms",
            "ack_gap_longest 700 ms",
            "consumer_stall_longest 55 ms",
            "under_min_isr 2.5 partition-s",
            "leader_changes 3 count",
            "error.TimeoutException 2 count",
            "retried.NOT_ENOUGH_REPLICAS 9 count",
            "ack_gap.t-1 700 ms",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in {text}");
        }
    }
}
