//! Settings for producers and consumers by profile, in the words of Java's clients and of librdkafka. A producer leaves aside what
//! is for consumers, and the other way round, so both stand in one file.
//!
//! No profile weakens a promise: each record is acknowledged by all replicas in sync, once and in order.

use crate::api::Profile;

/// One setting in both words; `None`: the library has no such key, or no need of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSetting {
    pub java: Option<(&'static str, &'static str)>,
    pub librdkafka: Option<(&'static str, &'static str)>,
    pub why: &'static str,
}

/// The same key in both.
const fn both(key: &'static str, value: &'static str, why: &'static str) -> ClientSetting {
    ClientSetting {
        java: Some((key, value)),
        librdkafka: Some((key, value)),
        why,
    }
}

/// Another key in each.
const fn each(
    java: (&'static str, &'static str),
    librdkafka: (&'static str, &'static str),
    why: &'static str,
) -> ClientSetting {
    ClientSetting {
        java: Some(java),
        librdkafka: Some(librdkafka),
        why,
    }
}

const fn java(key: &'static str, value: &'static str, why: &'static str) -> ClientSetting {
    ClientSetting {
        java: Some((key, value)),
        librdkafka: None,
        why,
    }
}

const PROMISES: [ClientSetting; 3] = [
    both("acks", "all", "an acknowledged record is on every replica in sync"),
    both(
        "enable.idempotence",
        "true",
        "a record that is sent again is written once",
    ),
    both(
        "isolation.level",
        "read_committed",
        "records of transactions that were given up are never seen",
    ),
];

const LZ4: ClientSetting = each(
    ("compression.type", "lz4"),
    ("compression.codec", "lz4"),
    "less network and disk for little CPU",
);

const fn linger(milliseconds: &'static str, why: &'static str) -> ClientSetting {
    each(
        ("linger.ms", milliseconds),
        ("queue.buffering.max.ms", milliseconds),
        why,
    )
}

const BALANCED: [ClientSetting; 3] = [
    LZ4,
    both("batch.size", "32768", "batches of 32 KiB compress well"),
    linger("5", "a batch waits 5 ms at most"),
];

const THROUGHPUT: [ClientSetting; 6] = [
    LZ4,
    both("batch.size", "131072", "fewer and larger requests"),
    linger("20", "a batch waits up to 20 ms to fill"),
    java(
        "buffer.memory",
        "67108864",
        "64 MiB hold the batches of many partitions",
    ),
    both("fetch.min.bytes", "65536", "a fetch is answered once it is worth it"),
    each(
        ("fetch.max.wait.ms", "500"),
        ("fetch.wait.max.ms", "500"),
        "or after half a second",
    ),
];

const LATENCY: [ClientSetting; 4] = [
    LZ4,
    both("batch.size", "16384", "what has come together while a request was out"),
    linger("0", "no record waits for another"),
    both("fetch.min.bytes", "1", "a record is answered as soon as it is there"),
];

/// The checklist's numbers for both kinds of client.
const REFERENCE: [ClientSetting; 12] = [
    LZ4,
    both("batch.size", "32768", "the checklist's: 32 KiB"),
    linger("10", "the checklist's"),
    java("buffer.memory", "67108864", "the checklist's: 64 MiB"),
    both("retries", "2147483647", "the checklist's: until delivery.timeout.ms"),
    both(
        "max.in.flight.requests.per.connection",
        "5",
        "the checklist's; in order all the same, as producers are idempotent",
    ),
    both("fetch.min.bytes", "1024", "the checklist's"),
    each(
        ("fetch.max.wait.ms", "500"),
        ("fetch.wait.max.ms", "500"),
        "the checklist's",
    ),
    java("max.poll.records", "500", "the checklist's"),
    both(
        "session.timeout.ms",
        "30000",
        "the checklist's; not with group.protocol=consumer",
    ),
    both(
        "heartbeat.interval.ms",
        "10000",
        "the checklist's; not with group.protocol=consumer",
    ),
    both("auto.commit.interval.ms", "5000", "the checklist's"),
];

/// All settings of a profile.
pub fn clients(profile: Profile) -> impl Iterator<Item = ClientSetting> {
    let own: &[ClientSetting] = match profile {
        Profile::Balanced => &BALANCED,
        Profile::Throughput => &THROUGHPUT,
        Profile::Latency => &LATENCY,
        Profile::Reference => &REFERENCE,
    };
    PROMISES.iter().chain(own).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_profile_sets_a_key_twice_or_takes_back_a_promise() {
        for profile in Profile::ALL {
            let keys = |of: fn(&ClientSetting) -> Option<(&'static str, &'static str)>| {
                let keys: Vec<_> = clients(profile)
                    .filter_map(|one| of(&one))
                    .map(|(key, _)| key)
                    .collect();
                let distinct: BTreeSet<_> = keys.iter().copied().collect();
                assert_eq!(distinct.len(), keys.len(), "{profile:?}: {keys:?}");
                distinct
            };
            for keys in [keys(|one| one.java), keys(|one| one.librdkafka)] {
                for promise in ["acks", "enable.idempotence", "isolation.level"] {
                    assert!(keys.contains(promise), "{profile:?} {promise}");
                }
            }
            assert!(clients(profile).all(|one| !one.why.is_empty()));
        }
    }
}
