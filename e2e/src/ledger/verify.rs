//! The judgement: what Kafka acknowledged against what a fresh reader found, and what the consumer saw meanwhile against
//! both. Pure; a record whose outcome is unknown may be there or not, and neither is a defect.

use std::collections::{BTreeMap, HashMap};

use super::rows::{Outcome, Place, Seen, Sent};

/// Start of the log and high watermark of each partition, as the fresh reader found them.
pub type Ranges = BTreeMap<Place, (u64, u64)>;

/// Counts of records. Only `acked` and `unknown` are no defects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub acked: u64,
    /// Timeouts and refusals: information, not loss.
    pub unknown: u64,
    /// Acknowledged, and not what stands at the acknowledged offset.
    pub lost: u64,
    /// Those of `lost` that stand at another offset of the partition.
    pub displaced: u64,
    /// Further copies of a record.
    pub duplicated: u64,
    /// Records that stand behind a later one of the same producer in the same partition.
    pub reordered: u64,
    /// Records that stand in another partition or topic than they were sent to.
    pub misplaced: u64,
    /// Records that differ from what was sent.
    pub corrupt: u64,
    /// Records that nobody sent.
    pub invented: u64,
    /// Records that the consumer read and that are no longer what stands at their offset.
    pub rewritten: u64,
    /// Records that the consumer never got.
    pub unread: u64,
    /// Where acknowledged records are missing.
    pub losses: BTreeMap<Place, Loss>,
}

/// Lost records of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    pub count: u64,
    pub first_offset: Option<u64>,
    pub last_offset: Option<u64>,
}

/// Compares everything with everything.
pub fn judge(sent: &[Sent], read: &[Seen], tail: &[Seen], ranges: &Ranges) -> Findings {
    let index = Index::new(read);
    let mut findings = Findings::default();
    acknowledged(sent, &index, &mut findings);
    records(sent, &index, &mut findings);
    order(&index, &mut findings);
    consumer(&index, tail, ranges, &mut findings);
    findings
}

/// The fresh reader's records, by place and by identity.
struct Index<'a> {
    /// By partition and offset.
    sorted: Vec<&'a Seen>,
    copies: HashMap<(u16, u64), Vec<&'a Seen>>,
}

impl<'a> Index<'a> {
    fn new(read: &'a [Seen]) -> Self {
        let mut sorted: Vec<&Seen> = read.iter().collect();
        sorted.sort_by_key(|seen| (seen.at, seen.offset));
        let mut copies: HashMap<(u16, u64), Vec<&Seen>> = HashMap::with_capacity(read.len());
        for seen in &sorted {
            let identity = (seen.value.producer, seen.value.sequence);
            copies.entry(identity).or_default().push(seen);
        }
        Self { sorted, copies }
    }

    fn at(&self, place: Place, offset: u64) -> Option<&'a Seen> {
        let found = self
            .sorted
            .binary_search_by_key(&(place, offset), |seen| (seen.at, seen.offset));
        found.ok().and_then(|index| self.sorted.get(index).copied())
    }

    fn is_in(&self, place: Place, record: &Sent) -> bool {
        let copies = self.copies.get(&(record.value.producer, record.value.sequence));
        copies.is_some_and(|copies| copies.iter().any(|seen| seen.at == place && seen.value == record.value))
    }
}

fn acknowledged(sent: &[Sent], index: &Index<'_>, findings: &mut Findings) {
    for record in sent {
        let Outcome::Acked(offset) = record.outcome else {
            findings.unknown += 1;
            continue;
        };
        findings.acked += 1;
        let elsewhere = index.is_in(record.to, record);
        let kept = match offset {
            Some(offset) => index
                .at(record.to, offset)
                .is_some_and(|seen| seen.value == record.value),
            None => elsewhere,
        };
        if kept {
            continue;
        }
        findings.lost += 1;
        findings.displaced += u64::from(elsewhere);
        let loss = findings.losses.entry(record.to).or_insert(Loss {
            count: 0,
            first_offset: offset,
            last_offset: offset,
        });
        loss.count += 1;
        loss.first_offset = loss.first_offset.into_iter().chain(offset).min();
        loss.last_offset = loss.last_offset.max(offset);
    }
}

/// Every record that was read: is it whole, in its place, and one that was sent?
fn records(sent: &[Sent], index: &Index<'_>, findings: &mut Findings) {
    let known: HashMap<(u16, u64), &Sent> = sent
        .iter()
        .map(|record| ((record.value.producer, record.value.sequence), record))
        .collect();
    for seen in &index.sorted {
        match known.get(&(seen.value.producer, seen.value.sequence)) {
            _ if !seen.sound => findings.corrupt += 1,
            None => findings.invented += 1,
            Some(record) if record.value != seen.value => findings.corrupt += 1,
            Some(record) if record.to != seen.at || seen.meant != seen.at => findings.misplaced += 1,
            Some(_) => {}
        }
    }
    for copies in index.copies.values() {
        let sound = copies.iter().filter(|seen| seen.sound).count();
        findings.duplicated += u64::try_from(sound.saturating_sub(1)).unwrap_or(u64::MAX);
    }
}

/// The first copy of each record counts: a second one stands behind later records, but it is a duplicate.
fn order(index: &Index<'_>, findings: &mut Findings) {
    let mut newest: HashMap<(Place, u16), u64> = HashMap::new();
    for seen in index.sorted.iter().filter(|seen| seen.sound) {
        let copies = index.copies.get(&(seen.value.producer, seen.value.sequence));
        let first = copies.and_then(|copies| copies.iter().find(|copy| copy.at == seen.at));
        if first.is_some_and(|first| first.offset != seen.offset) {
            continue;
        }
        let newest = newest
            .entry((seen.at, seen.value.producer))
            .or_insert(seen.value.sequence);
        if seen.value.sequence < *newest {
            findings.reordered += 1;
        }
        *newest = (*newest).max(seen.value.sequence);
    }
}

/// Reading a record twice is allowed; reading two values at one offset, or never reading one, is not.
fn consumer(index: &Index<'_>, tail: &[Seen], ranges: &Ranges, findings: &mut Findings) {
    let mut got: Vec<(Place, u64)> = Vec::with_capacity(tail.len());
    for seen in tail {
        let start = ranges.get(&seen.at).map_or(0, |(start, _)| *start);
        if seen.offset < start {
            continue;
        }
        match index.at(seen.at, seen.offset) {
            Some(record) if record.value == seen.value => got.push((seen.at, seen.offset)),
            _ => findings.rewritten += 1,
        }
    }
    got.sort_unstable();
    got.dedup();
    let unread = index.sorted.len().saturating_sub(got.len());
    findings.unread = u64::try_from(unread).unwrap_or(u64::MAX);
}

#[cfg(test)]
mod tests;
