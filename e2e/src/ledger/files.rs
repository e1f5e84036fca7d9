//! From the files that a run left in a folder to its report. Reads them all; what is missing or cut off is an error,
//! because half a ledger would look like a loss or hide one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::gaps::{self, Window};
use super::load::Load;
use super::report::Report;
use super::rows::{self, Place};
use super::samples;
use super::verify::{self, Ranges};

/// Files that a run and its fresh reader leave.
pub fn names(load: &Load) -> Vec<String> {
    let sent = (0..load.producers).map(sent_name);
    let rest = [
        "tail.bin",
        "read.bin",
        "ranges.txt",
        "samples.txt",
        "summary.txt",
        "client.log",
    ];
    sent.chain(rest.map(str::to_owned)).collect()
}

/// Judges the run.
pub fn report(folder: &Path, load: &Load) -> Result<Report> {
    let bytes = |name: &str| fs::read(folder.join(name)).with_context(|| format!("read {name}"));
    let text = |name: &str| fs::read_to_string(folder.join(name)).with_context(|| format!("read {name}"));
    let mut sent = Vec::new();
    for producer in 0..load.producers {
        let name = sent_name(producer);
        sent.extend(rows::sent(&bytes(&name)?).with_context(|| format!("parse {name}"))?);
    }
    let read = rows::seen(&bytes("read.bin")?).context("parse read.bin")?;
    let tail = rows::seen(&bytes("tail.bin")?).context("parse tail.bin")?;
    let ranges = ranges(&text("ranges.txt")?).context("parse ranges.txt")?;
    let (window, errors) = summary(&text("summary.txt")?).context("parse summary.txt")?;
    let places = load.places();
    let min_isr = load.topics.iter().map(|topic| (topic.name.clone(), topic.min_insync));
    Ok(Report {
        topics: load.topics.iter().map(|topic| topic.name.clone()).collect(),
        window,
        findings: verify::judge(&sent, &read, &tail, &ranges),
        latency: gaps::latency(&sent, window),
        ack_gaps: gaps::between_acks(&sent, &places, window),
        consumer_stalls: gaps::between_reads(&tail, &places, window),
        availability: samples::sum(&text("samples.txt")?, &min_isr.collect(), window)?,
        errors,
        retried: retried(&text("client.log")?),
    })
}

fn sent_name(producer: u16) -> String {
    format!("sent-{producer}.bin")
}

/// Lines `TOPIC PARTITION START END`.
fn ranges(text: &str) -> Result<Ranges> {
    let mut ranges = Ranges::new();
    for line in text.lines() {
        let mut numbers = line.split(' ').map(str::parse::<u64>);
        let mut next = || numbers.next().context("four numbers")?.context("a number");
        let place = Place {
            topic: u16::try_from(next()?)?,
            partition: u16::try_from(next()?)?,
        };
        ranges.insert(place, (next()?, next()?));
    }
    Ok(ranges)
}

fn summary(text: &str) -> Result<(Window, BTreeMap<String, u64>)> {
    let number = |name: &str| -> Result<u32> {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value
            .with_context(|| format!("{name} is there"))?
            .parse()
            .with_context(|| format!("read {name}"))
    };
    let window = Window {
        from_ms: number("flowing_ms")?,
        to_ms: number("stopped_ms")?,
    };
    let mut errors = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("error ")) {
        let (name, count) = line.rsplit_once(' ').context("class and count")?;
        errors.insert(name.to_owned(), count.parse()?);
    }
    Ok((window, errors))
}

/// What the client logged about answers after which it tries again, and about failed log-ins.
fn retried(log: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in log.lines() {
        let name = if line.contains("failed authentication") {
            "AUTHENTICATION"
        } else if let Some((_, rest)) = line
            .split_once("Got error produce response")
            .and_then(|(_, rest)| rest.split_once("Error: "))
        {
            let end = rest.find(|character: char| !character.is_ascii_uppercase() && character != '_');
            rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
        } else {
            continue;
        };
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_gives_window_and_errors() {
        let text = "epoch_ms 1700000000000\nflowing_ms 1200\nstopped_ms 9000\nerror TimeoutException 7\n";
        let (window, errors) = summary(text).unwrap();
        assert_eq!((window.from_ms, window.to_ms), (1200, 9000));
        assert_eq!(errors, BTreeMap::from([("TimeoutException".to_owned(), 7)]));
        assert!(summary("flowing_ms 1200\n").is_err());
    }

    #[test]
    fn ranges_are_by_place() {
        let found = ranges("0 1 5 90\n1 0 0 3\n").unwrap();
        assert_eq!(found[&Place { topic: 0, partition: 1 }], (5, 90));
        assert!(ranges("0 1 5\n").is_err());
    }

    #[test]
    fn answers_that_are_tried_again_are_counted_by_name() {
        let again = "12:00 WARN Sender [Producer clientId=p] Got error produce response with correlation id 12 on \
            topic-partition t-0, retrying (2147483646 attempts left). Error: NOT_ENOUGH_REPLICAS";
        let hung_up = "12:00 WARN Sender [Producer] Got error produce response in correlation id 4 on topic-partition t-1, \
            splitting and retrying (5 attempts left). Error: NETWORK_EXCEPTION. Error Message: Disconnected from node 1";
        let refused = "12:00 ERROR NetworkClient [Admin] Connection to node 1 (x) failed authentication due to: no";
        let log = format!("{again}\n{again}\n{hung_up}\n{refused}\n12:00 WARN Metadata Error: no topic\n");
        let expected = [
            ("AUTHENTICATION", 1),
            ("NETWORK_EXCEPTION", 1),
            ("NOT_ENOUGH_REPLICAS", 2),
        ];
        assert_eq!(
            retried(&log),
            expected.map(|(name, count)| (name.to_owned(), count)).into()
        );
    }
}
