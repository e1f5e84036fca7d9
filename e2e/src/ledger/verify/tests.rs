//! Doctored ledgers: one whole ledger, and for each class of defect the change that must be found, and nothing else.

use super::super::rows::Value;
use super::*;

const HERE: Place = Place { topic: 0, partition: 0 };
const THERE: Place = Place { topic: 1, partition: 0 };

/// What a run leaves.
struct Ledger {
    sent: Vec<Sent>,
    read: Vec<Seen>,
    tail: Vec<Seen>,
    ranges: Ranges,
}

fn value(sequence: u64) -> Value {
    Value {
        producer: 1,
        sequence,
        hash: sequence * 1000 + 7,
    }
}

fn seen(offset: u64, sequence: u64) -> Seen {
    Seen {
        at: HERE,
        offset,
        value: value(sequence),
        meant: HERE,
        sound: true,
        ms: 0,
    }
}

/// Ten records, all acknowledged, at offsets 100 to 109, read by both readers.
fn whole() -> Ledger {
    let sent = |sequence| Sent {
        to: HERE,
        value: value(sequence),
        outcome: Outcome::Acked(Some(100 + sequence)),
        at_ms: 0,
        took_us: 0,
    };
    let read: Vec<Seen> = (0..10).map(|sequence| seen(100 + sequence, sequence)).collect();
    Ledger {
        sent: (0..10).map(sent).collect(),
        tail: read.clone(),
        read,
        ranges: Ranges::from([(HERE, (100, 110)), (THERE, (0, 0))]),
    }
}

impl Ledger {
    /// Changes what both readers see.
    fn both(&mut self, change: impl Fn(&mut Vec<Seen>)) {
        change(&mut self.read);
        change(&mut self.tail);
    }

    fn findings(&self) -> Findings {
        judge(&self.sent, &self.read, &self.tail, &self.ranges)
    }
}

fn clean() -> Findings {
    Findings {
        acked: 10,
        ..Findings::default()
    }
}

fn loss(count: u64, first: u64, last: u64) -> BTreeMap<Place, Loss> {
    let loss = Loss {
        count,
        first_offset: Some(first),
        last_offset: Some(last),
    };
    BTreeMap::from([(HERE, loss)])
}

#[track_caller]
fn finds(change: impl FnOnce(&mut Ledger), expected: &Findings) {
    let mut ledger = whole();
    change(&mut ledger);
    assert_eq!(&ledger.findings(), expected);
}

#[test]
fn a_whole_ledger_has_no_defect() {
    finds(|_| {}, &clean());
}

#[test]
fn acknowledged_records_that_are_gone_are_lost() {
    let expected = Findings {
        lost: 3,
        losses: loss(3, 107, 109),
        ..clean()
    };
    finds(|ledger| ledger.both(|rows| rows.truncate(7)), &expected);
}

#[test]
fn another_record_at_the_acknowledged_offset_is_loss() {
    let overwritten = |ledger: &mut Ledger| {
        ledger.sent[9].outcome = Outcome::Unknown;
        ledger.both(|rows| rows.truncate(9));
        ledger.both(|rows| rows[8].value = value(9));
    };
    let expected = Findings {
        acked: 9,
        unknown: 1,
        lost: 1,
        losses: loss(1, 108, 108),
        ..clean()
    };
    finds(overwritten, &expected);
}

#[test]
fn an_acknowledged_record_at_another_offset_is_lost_and_displaced() {
    let expected = Findings {
        lost: 1,
        displaced: 1,
        losses: loss(1, 109, 109),
        ..clean()
    };
    finds(|ledger| ledger.both(|rows| rows[9].offset = 111), &expected);
}

#[test]
fn a_repetition_without_offset_must_be_there_somewhere() {
    finds(|ledger| ledger.sent[9].outcome = Outcome::Acked(None), &clean());
    let gone = |ledger: &mut Ledger| {
        ledger.sent[9].outcome = Outcome::Acked(None);
        ledger.both(|rows| rows.truncate(9));
    };
    let nowhere = Loss {
        count: 1,
        first_offset: None,
        last_offset: None,
    };
    let expected = Findings {
        lost: 1,
        losses: BTreeMap::from([(HERE, nowhere)]),
        ..clean()
    };
    finds(gone, &expected);
}

#[test]
fn an_unknown_outcome_is_no_loss_whether_the_record_is_there_or_not() {
    let expected = Findings {
        acked: 9,
        unknown: 1,
        ..clean()
    };
    finds(|ledger| ledger.sent[9].outcome = Outcome::Unknown, &expected);
    let absent = |ledger: &mut Ledger| {
        ledger.sent[9].outcome = Outcome::Unknown;
        ledger.both(|rows| rows.truncate(9));
    };
    finds(absent, &expected);
}

#[test]
fn a_second_copy_is_a_duplicate_and_not_reordered() {
    let expected = Findings {
        duplicated: 1,
        ..clean()
    };
    finds(|ledger| ledger.both(|rows| rows.push(seen(110, 4))), &expected);
}

#[test]
fn a_record_behind_a_later_one_is_reordered() {
    let swap = |ledger: &mut Ledger| {
        ledger.both(|rows| {
            rows[5].value = value(6);
            rows[6].value = value(5);
        });
        ledger.sent[5].outcome = Outcome::Acked(Some(106));
        ledger.sent[6].outcome = Outcome::Acked(Some(105));
    };
    let expected = Findings {
        reordered: 1,
        ..clean()
    };
    finds(swap, &expected);
}

#[test]
fn the_order_of_different_producers_does_not_matter() {
    let other = |ledger: &mut Ledger| {
        ledger.sent[2].value.producer = 2;
        ledger.sent[2].value.sequence = 99;
        let value = ledger.sent[2].value;
        ledger.both(|rows| rows[2].value = value);
    };
    finds(other, &clean());
}

#[test]
fn a_record_in_another_topic_is_misplaced_and_lost_where_it_belongs() {
    let expected = Findings {
        lost: 1,
        misplaced: 1,
        losses: loss(1, 105, 105),
        ..clean()
    };
    finds(|ledger| ledger.both(|rows| rows[5].at = THERE), &expected);
}

#[test]
fn a_record_that_names_another_topic_than_it_was_sent_to_is_misplaced() {
    let expected = Findings {
        misplaced: 1,
        ..clean()
    };
    finds(|ledger| ledger.both(|rows| rows[5].meant = THERE), &expected);
}

#[test]
fn a_damaged_record_is_corrupt() {
    let expected = Findings { corrupt: 1, ..clean() };
    finds(|ledger| ledger.both(|rows| rows[5].sound = false), &expected);
    let expected = Findings {
        corrupt: 1,
        lost: 1,
        losses: loss(1, 105, 105),
        ..clean()
    };
    finds(|ledger| ledger.both(|rows| rows[5].value.hash += 1), &expected);
}

#[test]
fn a_record_that_nobody_sent_is_invented() {
    let expected = Findings { invented: 1, ..clean() };
    finds(|ledger| ledger.both(|rows| rows.push(seen(110, 77))), &expected);
}

#[test]
fn what_the_consumer_saw_and_is_gone_was_rewritten() {
    let expected = Findings {
        acked: 9,
        unknown: 1,
        rewritten: 1,
        ..clean()
    };
    let vanished = |ledger: &mut Ledger| {
        ledger.sent[9].outcome = Outcome::Unknown;
        ledger.read.truncate(9);
    };
    finds(vanished, &expected);
    let mut ledger = whole();
    ledger.tail[3].value = value(8);
    assert_eq!((ledger.findings().rewritten, ledger.findings().unread), (1, 1));
}

#[test]
fn what_the_consumer_never_got_is_unread() {
    let expected = Findings { unread: 2, ..clean() };
    finds(|ledger| drop(ledger.tail.drain(4..6)), &expected);
}

#[test]
fn the_consumer_may_read_twice_and_before_the_logs_start() {
    finds(|ledger| ledger.tail.extend_from_within(3..6), &clean());
    finds(|ledger| ledger.tail.push(seen(50, 1)), &clean());
}
