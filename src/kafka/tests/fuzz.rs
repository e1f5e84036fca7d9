//! Answers that are damaged or made to do damage: an error, never a crash, and no memory that their bytes don't pay for.

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable, Request};

use crate::kafka::call::{Api, Response};
use crate::kafka::wire;
use crate::tests::mutate::{Dice, rounds};

/// Feeds an API mutations of the empty answer and bytes from nowhere, in every version that the client speaks.
fn feed<A: Api>(api: &A) -> usize
where
    Response<A>: Default,
{
    let versions = <A::Request as kafka_protocol::protocol::Message>::VERSIONS;
    let mut read = 0;
    for version in versions.min..=versions.max {
        let mut good = BytesMut::new();
        let _ = Response::<A>::default().encode(&mut good, version);
        for seed in 0..rounds(300) {
            let mut dice = Dice::new(seed * 31 + u64::from(version.unsigned_abs()));
            let bytes = if dice.roll(2) == 0 {
                dice.mutated(&good)
            } else {
                dice.bytes(200)
            };
            if let Ok(answer) = <A::Request as Request>::Response::decode(&mut Bytes::from(bytes), version) {
                read += 1;
                let _ = A::throttle_ms(&answer);
                drop(api.read(answer));
            }
        }
    }
    read
}

#[test]
fn damaged_answers_crash_nothing() {
    let users = wire::scram::DescribeScram { users: Vec::new() };
    let moving = wire::reassignments::ListReassignments { timeout_ms: 1 };
    let read = [
        feed(&wire::cluster::DescribeCluster::Controllers),
        feed(&wire::partitions::AllPartitions),
        feed(&wire::quorum::DescribeQuorum),
        feed(&users),
        feed(&moving),
    ];
    assert!(
        read.iter().all(|read| *read > 0),
        "{read:?} were readable: too rough to say anything"
    );
}
