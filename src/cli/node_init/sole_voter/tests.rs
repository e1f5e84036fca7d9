//! On logs that are written here as Kafka writes them.

use kafka_protocol::messages::BrokerId;
use kafka_protocol::messages::voters_record::{Endpoint, KRaftVersionFeature, Voter};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::*;

const OWN: Uuid = Uuid::from_u128(2);

fn voter(id: i32) -> Voter {
    let endpoint = Endpoint::default()
        .with_name(StrBytes::from_static_str("CONTROLLER"))
        .with_host(StrBytes::from_string(format!("controller-{id}")))
        .with_port(9090);
    Voter::default()
        .with_voter_id(BrokerId(id))
        .with_voter_directory_id(Uuid::from_u128(u128::from(id.unsigned_abs())))
        .with_endpoints(vec![endpoint])
        .with_k_raft_version_feature(KRaftVersionFeature::default().with_max_supported_version(1))
}

fn set(ids: &[i32]) -> VotersRecord {
    VotersRecord::default().with_voters(ids.iter().copied().map(voter).collect())
}

fn of(ids: &[i32], end: i64, epoch: i32) -> Vec<u8> {
    let seen = Seen {
        end,
        epoch,
        voters: None,
    };
    batch(&set(ids), &seen, 1).unwrap().to_vec()
}

/// A batch of data: two records.
fn data(offset: i64, epoch: i32) -> Vec<u8> {
    let record = |offset| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: epoch,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset,
        sequence: NO_SEQUENCE + i32::try_from(offset).unwrap(),
        timestamp: 1,
        key: None,
        value: Some(Bytes::from_static(b"a topic")),
        headers: std::iter::empty().collect(),
    };
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, &[record(offset), record(offset + 1)], &options).unwrap();
    bytes.to_vec()
}

struct Log(tempfile::TempDir);

impl Log {
    fn of(files: &[(&str, Vec<u8>)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        let state = r#"{"leaderId":-1,"leaderEpoch":6,"votedId":0,"data_version":1}"#;
        fs::write(dir.path().join("quorum-state"), state).unwrap();
        Self(dir)
    }

    fn make(&self, log_end: i64) -> Result<Outcome, SoleVoterError> {
        make(&Order {
            partition: self.0.path(),
            id: 2,
            directory: OWN,
            log_end,
            now_ms: 5,
        })
    }

    /// Offset after the last record, its epoch and who votes.
    fn read(&self, name: &str) -> (i64, i32, Vec<i32>) {
        let mut seen = Seen::default();
        let path = self.0.path().join(name);
        let length = scan(&path, &mut seen).unwrap();
        assert_eq!(
            length,
            fs::metadata(&path).unwrap().len(),
            "nothing else is in the file"
        );
        let voters = seen.voters.unwrap_or_default().voters;
        (
            seen.end,
            seen.epoch,
            voters.iter().map(|voter| voter.voter_id.0).collect(),
        )
    }
}

const FIRST: &str = "00000000000000000000.log";
const SECOND: &str = "00000000000000000003.log";

#[test]
fn the_newest_set_is_left_with_this_voter_alone() {
    let first = [of(&[0, 1, 2], 0, 1), data(1, 1)].concat();
    let second = [data(3, 4), of(&[1, 2, 3], 5, 4), data(6, 4)].concat();
    let log = Log::of(&[(FIRST, first.clone()), (SECOND, second.clone())]);
    assert_eq!(log.make(8).unwrap(), Outcome::Done);
    assert_eq!(log.read(SECOND), (9, 7, vec![2]));
    assert_eq!(fs::read(log.0.path().join(FIRST)).unwrap(), first);
    assert!(
        fs::read(log.0.path().join(SECOND)).unwrap().starts_with(&second),
        "nothing is taken away"
    );
    assert_eq!(log.make(8).unwrap(), Outcome::Already);
    assert_eq!(log.read(SECOND), (9, 7, vec![2]));
}

#[test]
fn the_set_may_stand_in_the_newest_snapshot_alone() {
    let log = Log::of(&[
        ("00000000000000000002-0000000001.checkpoint", of(&[2, 5], 0, 0)),
        (
            "00000000000000000003-0000000001.checkpoint",
            [of(&[0, 1, 2], 0, 0), data(1, 0)].concat(),
        ),
        (SECOND, data(3, 4)),
    ]);
    assert_eq!(log.make(5).unwrap(), Outcome::Done);
    assert_eq!(log.read(SECOND), (6, 7, vec![2]));
}

#[test]
fn what_a_crash_has_left_behind_the_last_batch_goes() {
    let whole = [of(&[0, 1, 2], 0, 1), data(1, 1)].concat();
    let torn = data(3, 1);
    let mut flipped = data(3, 1);
    *flipped.last_mut().unwrap() ^= 1;
    for tail in [torn[..40].to_vec(), torn[..7].to_vec(), vec![0; 200], flipped] {
        let log = Log::of(&[(FIRST, [whole.clone(), tail].concat())]);
        assert_eq!(log.make(3).unwrap(), Outcome::Done);
        assert_eq!(log.read(FIRST), (4, 7, vec![2]));
    }
}

#[test]
fn nothing_is_written_unless_it_was_decided_for_this_very_log() {
    let whole = [of(&[0, 1, 2], 0, 1), data(1, 1)].concat();
    let others = [of(&[0, 1, 3], 0, 1), data(1, 1)].concat();
    let cases = [
        (whole.clone(), 2, "ends at offset 3, and it was decided for 2"),
        (whole, 4, "ends at offset 3, and it was decided for 4"),
        (
            others,
            3,
            "controller 2 has no vote with this disk; its voters are [0, 1, 3]",
        ),
        (data(0, 1), 2, "no set of voters"),
    ];
    for (bytes, log_end, says) in cases {
        let log = Log::of(&[(FIRST, bytes.clone())]);
        let error = log.make(log_end).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert_eq!(fs::read(log.0.path().join(FIRST)).unwrap(), bytes);
    }
    assert!(Log::of(&[]).make(0).unwrap_err().to_string().contains("has no log"));
}
