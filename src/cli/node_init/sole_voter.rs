//! Makes this controller the only voter of its quorum, after the others' disks are lost for good and a person has said so:
//! one record is appended to its metadata log, the newest set of voters without all the others.
//!
//! A controller takes the newest set in its log as valid, committed or not (KIP-853), so it elects itself, and by that
//! commits everything it has. What it never got is lost. The record has an epoch of its own: whoever has another record at
//! its offset finds out by the epoch, and never takes the two for the same. Nothing of the log is taken away here, and
//! nothing is appended unless the log ends exactly where it ended when the person decided. Doing it twice is doing it once.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::voters_record::VotersRecord;
use kafka_protocol::protocol::{Decodable, Encodable};
use kafka_protocol::records::{
    Compression, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record, RecordBatchDecoder, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};
use thiserror::Error;

/// `ControlRecordType.KRAFT_VOTERS` (KIP-853).
const KRAFT_VOTERS: i16 = 6;
/// Base offset and length, before what the length counts (KIP-98, record batch v2).
const PREFIX: usize = 12;
/// From there to the first record.
const HEADER: usize = 49;
/// Larger than any batch of the metadata log (`KafkaRaftClient.MAX_BATCH_SIZE_BYTES`, 8 MiB).
const LARGEST: usize = 64 << 20;

/// Who this controller is, and what was decided.
pub(super) struct Order<'a> {
    /// `__cluster_metadata-0`.
    pub partition: &'a Path,
    pub id: i32,
    /// `directory.id` of `meta.properties`.
    pub directory: uuid::Uuid,
    /// Offset after the last record, when it was decided.
    pub log_end: i64,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// It's the only voter already.
    Already,
}

#[derive(Debug, Error)]
pub enum SoleVoterError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} has no log", path.display())]
    NoLog { path: PathBuf },
    #[error(
        "the metadata log ends at offset {found}, and it was decided for {decided}: look at the status and decide again"
    )]
    Moved { found: i64, decided: i64 },
    #[error(
        "no set of voters is in the metadata log: the quorum is a static one, whose voters stand in the configuration"
    )]
    NoVoters,
    #[error("controller {id} has no vote with this disk; its voters are {voters:?}")]
    NoVoter { id: i32, voters: Vec<i32> },
    #[error("{}: {message}", path.display())]
    Unreadable { path: PathBuf, message: String },
}

pub(super) fn make(order: &Order<'_>) -> Result<Outcome, SoleVoterError> {
    let segments = files(order.partition, "log")?;
    let mut seen = Seen::default();
    let Some((last, earlier)) = segments.split_last() else {
        return Err(SoleVoterError::NoLog {
            path: order.partition.to_owned(),
        });
    };
    for segment in earlier {
        scan(segment, &mut seen)?;
    }
    let length = scan(last, &mut seen)?;
    let voters = match seen.voters.take() {
        Some(voters) => voters,
        None => in_snapshot(order.partition)?.ok_or(SoleVoterError::NoVoters)?,
    };
    let is_own = |id: i32, directory: uuid::Uuid| id == order.id && directory == order.directory;
    let own = voters
        .voters
        .iter()
        .find(|voter| is_own(voter.voter_id.0, voter.voter_directory_id));
    let Some(own) = own.cloned() else {
        return Err(SoleVoterError::NoVoter {
            id: order.id,
            voters: voters.voters.iter().map(|voter| voter.voter_id.0).collect(),
        });
    };
    if voters.voters.len() == 1 {
        return Ok(Outcome::Already);
    }
    if seen.end != order.log_end {
        return Err(SoleVoterError::Moved {
            found: seen.end,
            decided: order.log_end,
        });
    }
    seen.epoch = 1 + seen.epoch.max(elected(order.partition)?);
    let record = voters.with_voters(vec![own]);
    let batch = batch(&record, &seen, order.now_ms).map_err(|message| SoleVoterError::Unreadable {
        path: last.clone(),
        message,
    })?;
    append(last, length, &batch).map_err(|source| SoleVoterError::Io {
        path: last.clone(),
        source,
    })?;
    Ok(Outcome::Done)
}

/// Files of this kind; Kafka names them by their first offset, with leading zeros.
fn files(partition: &Path, extension: &str) -> Result<Vec<PathBuf>, SoleVoterError> {
    let read = |path: &Path| -> io::Result<Vec<PathBuf>> {
        let entries: Result<Vec<_>, _> = fs::read_dir(path)?.collect();
        let paths = entries?.into_iter().map(|entry| entry.path());
        let mut paths: Vec<PathBuf> = paths
            .filter(|path| path.extension() == Some(OsStr::new(extension)))
            .collect();
        paths.sort();
        Ok(paths)
    };
    read(partition).map_err(|source| SoleVoterError::Io {
        path: partition.to_owned(),
        source,
    })
}

/// Epoch of the last election that it took part in (`quorum-state`, KIP-595). A log that is ahead of it is fine.
fn elected(partition: &Path) -> Result<i32, SoleVoterError> {
    let path = partition.join("quorum-state");
    let text = fs::read_to_string(&path).map_err(|source| SoleVoterError::Io {
        path: path.clone(),
        source,
    })?;
    let state: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let epoch = state.and_then(|state| i32::try_from(state.get("leaderEpoch")?.as_i64()?).ok());
    epoch.ok_or_else(|| SoleVoterError::Unreadable {
        path,
        message: "it has no leaderEpoch".to_owned(),
    })
}

/// What was found so far.
#[derive(Default)]
struct Seen {
    /// Offset after the last record.
    end: i64,
    /// Epoch of the last batch.
    epoch: i32,
    voters: Option<VotersRecord>,
}

/// The newest set of voters in the newest snapshot: the log before it is gone.
fn in_snapshot(partition: &Path) -> Result<Option<VotersRecord>, SoleVoterError> {
    let mut seen = Seen::default();
    if let Some(newest) = files(partition, "checkpoint")?.last() {
        scan(newest, &mut seen)?;
    }
    Ok(seen.voters)
}

/// Reads a file batch by batch; returns how long the valid part of it is. Kafka itself cuts off what a crash left behind it.
fn scan(path: &Path, seen: &mut Seen) -> Result<u64, SoleVoterError> {
    let io = |source| SoleVoterError::Io {
        path: path.to_owned(),
        source,
    };
    let mut reader = BufReader::new(File::open(path).map_err(io)?);
    let mut length = 0;
    while let Some(batch) = next(&mut reader).map_err(io)? {
        let Some(header) = Header::read(&batch) else { break };
        if header.control
            && let Some(voters) = voters(batch.clone())
        {
            seen.voters = Some(voters);
        }
        seen.end = header.last_offset + 1;
        seen.epoch = header.epoch;
        length += batch.len() as u64;
    }
    Ok(length)
}

/// The bytes of the next batch; nothing at the end, or where no whole one follows.
fn next(reader: &mut impl Read) -> io::Result<Option<Bytes>> {
    let mut batch = vec![0; PREFIX];
    if !fill(reader, &mut batch)? {
        return Ok(None);
    }
    let length = batch
        .get(8..PREFIX)
        .and_then(|mut bytes| usize::try_from(bytes.try_get_i32().ok()?).ok());
    let Some(length) = length.filter(|length| (HEADER..LARGEST).contains(length)) else {
        return Ok(None);
    };
    let mut rest = vec![0; length];
    if !fill(reader, &mut rest)? {
        return Ok(None);
    }
    batch.append(&mut rest);
    Ok(Some(batch.into()))
}

fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

struct Header {
    last_offset: i64,
    epoch: i32,
    control: bool,
}

impl Header {
    /// Nothing if the batch isn't whole (its checksum is wrong).
    fn read(batch: &Bytes) -> Option<Self> {
        let info = RecordBatchDecoder::decode_batch_info(&mut batch.clone()).ok()?;
        let info = info.first()?;
        // Base offset 8, length 4, epoch 4, magic 1, checksum 4, attributes 2.
        let delta = batch.get(23..27).and_then(|mut bytes| bytes.try_get_i32().ok())?;
        Some(Self {
            last_offset: info.min_offset + i64::from(delta),
            epoch: info.partition_leader_epoch,
            control: info.control,
        })
    }
}

fn voters(mut batch: Bytes) -> Option<VotersRecord> {
    let records = RecordBatchDecoder::decode(&mut batch).ok()?.records;
    let found = records.into_iter().rev().find_map(|record| {
        let mut key = record.key?;
        let (_version, kind) = (key.try_get_i16().ok()?, key.try_get_i16().ok()?);
        record.value.filter(|_| kind == KRAFT_VOTERS)
    });
    VotersRecord::decode(&mut found?, 0).ok()
}

fn batch(voters: &VotersRecord, seen: &Seen, now_ms: i64) -> Result<BytesMut, String> {
    let mut key = BytesMut::new();
    key.put_i16(0);
    key.put_i16(KRAFT_VOTERS);
    let mut value = BytesMut::new();
    voters.encode(&mut value, 0).map_err(|error| error.to_string())?;
    let record = Record {
        transactional: false,
        control: true,
        delete_horizon: false,
        partition_leader_epoch: seen.epoch,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: seen.end,
        sequence: NO_SEQUENCE,
        timestamp: now_ms,
        key: Some(key.freeze()),
        value: Some(value.freeze()),
        headers: std::iter::empty().collect(),
    };
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, [&record], &options).map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn append(path: &Path, length: u64, batch: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.set_len(length)?;
    file.seek(SeekFrom::End(0))?;
    file.write_all(batch)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
