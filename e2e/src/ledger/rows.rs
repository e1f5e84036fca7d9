//! The load client's files as values: rows of 40 bytes, big-endian, as `e2e/ledger/Rows.java` writes them. Nothing is
//! judged here.

use anyhow::{Context as _, Result, bail, ensure};

/// Size of every row.
const BYTES: usize = 40;

/// A partition, by the topic's position in the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub topic: u16,
    pub partition: u16,
}

/// What makes a record unique, and its check value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    pub producer: u16,
    pub sequence: u64,
    pub hash: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Kafka promised it. No offset: it recognised a repetition whose first copy it had taken long ago.
    Acked(Option<u64>),
    /// No answer, or a refusal: it may or may not be there.
    Unknown,
}

/// One record that was given to a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub to: Place,
    pub value: Value,
    pub outcome: Outcome,
    /// After the load's beginning.
    pub at_ms: u32,
    /// From there to the outcome.
    pub took_us: u32,
}

/// One record that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub at: Place,
    pub offset: u64,
    pub value: Value,
    /// Where the record says that it belongs.
    pub meant: Place,
    /// Whether every byte of it is as it was sent.
    pub sound: bool,
    /// Arrival, after the load's beginning.
    pub ms: u32,
}

/// Rows of `sent-*.bin`.
pub fn sent(bytes: &[u8]) -> Result<Vec<Sent>> {
    all(bytes, |row| {
        let to = row.place()?;
        let (producer, outcome, offset) = (row.short()?, row.short()?, row.long()?);
        let value = Value {
            producer,
            sequence: row.long()?,
            hash: row.long()?,
        };
        let outcome = match outcome {
            0 => Outcome::Acked((offset != u64::MAX).then_some(offset)),
            1 => Outcome::Unknown,
            other => bail!("outcome {other} is not known"),
        };
        Ok(Sent {
            to,
            value,
            outcome,
            at_ms: row.int()?,
            took_us: row.int()?,
        })
    })
}

/// Rows of `read.bin` and `tail.bin`.
pub fn seen(bytes: &[u8]) -> Result<Vec<Seen>> {
    all(bytes, |row| {
        let at = row.place()?;
        let (producer, meant_topic, offset) = (row.short()?, row.short()?, row.long()?);
        let value = Value {
            producer,
            sequence: row.long()?,
            hash: row.long()?,
        };
        let meant = Place {
            topic: meant_topic,
            partition: row.short()?,
        };
        Ok(Seen {
            at,
            offset,
            value,
            meant,
            sound: row.short()? == 0,
            ms: row.int()?,
        })
    })
}

fn all<T>(bytes: &[u8], read: impl Fn(&mut Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    let rows = bytes.chunks_exact(BYTES);
    ensure!(rows.remainder().is_empty(), "the last row is cut off");
    rows.map(|row| read(&mut Row(row))).collect()
}

struct Row<'a>(&'a [u8]);

impl Row<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>().context("a row has 40 bytes")?;
        self.0 = rest;
        Ok(*field)
    }

    fn short(&mut self) -> Result<u16> {
        self.take().map(u16::from_be_bytes)
    }

    fn int(&mut self) -> Result<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn long(&mut self) -> Result<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn place(&mut self) -> Result<Place> {
        Ok(Place {
            topic: self.short()?,
            partition: self.short()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn a_sent_row_is_read_field_by_field() {
        let row = bytes(&[
            &[0, 1, 0, 2, 0, 3, 0, 0],
            &7u64.to_be_bytes(),
            &8u64.to_be_bytes(),
            &9u64.to_be_bytes(),
            &[0, 0, 0, 10, 0, 0, 0, 11],
        ]);
        let expected = Sent {
            to: Place { topic: 1, partition: 2 },
            value: Value {
                producer: 3,
                sequence: 8,
                hash: 9,
            },
            outcome: Outcome::Acked(Some(7)),
            at_ms: 10,
            took_us: 11,
        };
        assert_eq!(sent(&row).unwrap(), [expected]);
        let without_offset = bytes(&[&row[..8], &(-1i64).to_be_bytes(), &row[16..]]);
        assert_eq!(sent(&without_offset).unwrap()[0].outcome, Outcome::Acked(None));
    }

    #[test]
    fn a_seen_row_is_read_field_by_field() {
        let row = bytes(&[
            &[0, 1, 0, 2, 0, 3, 0, 4],
            &7u64.to_be_bytes(),
            &8u64.to_be_bytes(),
            &9u64.to_be_bytes(),
            &[0, 5, 0, 1, 0, 0, 0, 12],
        ]);
        let expected = Seen {
            at: Place { topic: 1, partition: 2 },
            offset: 7,
            value: Value {
                producer: 3,
                sequence: 8,
                hash: 9,
            },
            meant: Place { topic: 4, partition: 5 },
            sound: false,
            ms: 12,
        };
        assert_eq!(seen(&row).unwrap(), [expected]);
    }

    #[test]
    fn half_a_row_or_an_unknown_outcome_is_an_error() {
        assert!(sent(&[0; 79]).is_err());
        let mut row = [0; 40];
        row[7] = 9;
        assert!(sent(&row).is_err());
    }
}
