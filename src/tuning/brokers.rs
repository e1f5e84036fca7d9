//! Broker settings of each profile, from the cores of the smallest broker: a setting is cluster-wide, and what is too much for
//! one broker is too much.

use crate::api::Profile;
use std::collections::BTreeMap;

/// What a broker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Whole cores, rounded up: the limit, else the request.
    pub cores: u64,
    /// The cost of explicit flushes is accepted (`tuning.flush.acknowledgeCost`).
    pub flushes: bool,
}

/// Kafka's own defaults (`SocketServerConfigs`, `ServerConfigs`, `ReplicationConfigs`).
const NETWORK_THREADS: u64 = 3;
const IO_THREADS: u64 = 8;
const FETCHERS: u64 = 1;

/// Keys, with why a profile sets them.
const REASONS: [(&str, &str); 10] = [
    (
        "num.network.threads",
        "one per core up to the profile's bound: TLS is done by these threads",
    ),
    (
        "num.io.threads",
        "two per core, the most that a broker with fast disks makes use of",
    ),
    (
        "num.replica.fetchers",
        "followers copy by several connections, so that acks=all waits less",
    ),
    (
        "socket.send.buffer.bytes",
        "-1 lets the kernel size it, which fills links between zones; 102400 is the checklist's and Kafka's own",
    ),
    (
        "socket.receive.buffer.bytes",
        "-1 lets the kernel size it, which fills links between zones; 102400 is the checklist's and Kafka's own",
    ),
    (
        "replica.socket.receive.buffer.bytes",
        "-1 lets the kernel size it: followers in another zone keep up",
    ),
    ("log.segment.bytes", "the checklist's and Kafka's own"),
    (
        "log.flush.interval.messages",
        "the checklist's; each flush holds up appends to its log",
    ),
    ("log.flush.interval.ms", "the checklist's"),
    (
        "log.flush.scheduler.interval.ms",
        "without it nothing looks at log.flush.interval.ms",
    ),
];

/// Why a profile sets a key.
pub fn reason(key: &str) -> Option<&'static str> {
    REASONS.iter().find(|(known, _)| *known == key).map(|(_, why)| *why)
}

/// Settings of every broker, in Kafka's keys.
pub fn brokers(profile: Profile, machine: Machine) -> BTreeMap<String, String> {
    match profile {
        Profile::Balanced => threads(machine, (8, 32, 4), 4),
        Profile::Throughput => {
            let mut all = threads(machine, (16, 32, 8), 2);
            let buffers = [
                "socket.send.buffer.bytes",
                "socket.receive.buffer.bytes",
                "replica.socket.receive.buffer.bytes",
            ];
            all.extend(buffers.map(|key| (key.to_owned(), "-1".to_owned())));
            all
        }
        Profile::Latency => threads(machine, (12, 32, 4), 2),
        Profile::Reference => reference(machine),
    }
}

/// `most`: bounds of network threads, I/O threads and fetchers. `per_fetcher`: cores for each fetcher.
fn threads(machine: Machine, most: (u64, u64, u64), per_fetcher: u64) -> BTreeMap<String, String> {
    let Machine { cores, .. } = machine;
    let wanted = [
        (
            "num.network.threads",
            cores.clamp(NETWORK_THREADS, most.0),
            NETWORK_THREADS,
        ),
        ("num.io.threads", (2 * cores).clamp(IO_THREADS, most.1), IO_THREADS),
        (
            "num.replica.fetchers",
            (cores / per_fetcher).clamp(FETCHERS, most.2),
            FETCHERS,
        ),
    ];
    let differs = wanted.into_iter().filter(|(_, wanted, default)| wanted != default);
    differs
        .map(|(key, wanted, _)| (key.to_owned(), wanted.to_string()))
        .collect()
}

/// The checklist's numbers, whatever the broker has. Its two flush settings need a third to do what they say, and a person who
/// accepts what they cost.
fn reference(machine: Machine) -> BTreeMap<String, String> {
    let always = [
        ("num.network.threads", "8"),
        ("num.io.threads", "16"),
        ("socket.send.buffer.bytes", "102400"),
        ("socket.receive.buffer.bytes", "102400"),
        ("log.segment.bytes", "1073741824"),
    ];
    let flushes = [
        ("log.flush.interval.messages", "10000"),
        ("log.flush.interval.ms", "1000"),
        ("log.flush.scheduler.interval.ms", "1000"),
    ];
    let flushes = flushes.iter().filter(|_| machine.flushes);
    let all = always.iter().chain(flushes);
    all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(profile: Profile, cores: u64) -> Vec<String> {
        let all = brokers(profile, Machine { cores, flushes: false });
        all.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn small_brokers_keep_what_kafka_has() {
        for cores in [0, 1, 2, 3] {
            assert_eq!(set(Profile::Balanced, cores), [""; 0], "{cores}");
        }
        assert_eq!(set(Profile::Latency, 3), [""; 0]);
    }

    #[test]
    fn settings_grow_with_the_broker_up_to_a_bound() {
        let fourth = ["num.network.threads=4"];
        assert_eq!(set(Profile::Balanced, 4), fourth);
        assert_eq!(
            set(Profile::Balanced, 8),
            ["num.io.threads=16", "num.network.threads=8", "num.replica.fetchers=2"]
        );
        assert_eq!(
            set(Profile::Balanced, 64),
            ["num.io.threads=32", "num.network.threads=8", "num.replica.fetchers=4"]
        );
        assert_eq!(
            set(Profile::Throughput, 16),
            [
                "num.io.threads=32",
                "num.network.threads=16",
                "num.replica.fetchers=8",
                "replica.socket.receive.buffer.bytes=-1",
                "socket.receive.buffer.bytes=-1",
                "socket.send.buffer.bytes=-1"
            ]
        );
        assert_eq!(
            set(Profile::Latency, 4),
            ["num.network.threads=4", "num.replica.fetchers=2"]
        );
    }

    #[test]
    fn the_reference_is_the_checklist_and_flushes_only_when_that_is_accepted() {
        let all = set(Profile::Reference, 1);
        assert!(
            all.contains(&"num.network.threads=8".to_owned()) && all.len() == 5,
            "{all:?}"
        );
        let flushing = brokers(
            Profile::Reference,
            Machine {
                cores: 1,
                flushes: true,
            },
        );
        let interval = |key: &str| flushing.get(key).map(String::as_str);
        assert_eq!(interval("log.flush.interval.messages"), Some("10000"));
        assert_eq!(interval("log.flush.interval.ms"), Some("1000"));
        assert_eq!(interval("log.flush.scheduler.interval.ms"), Some("1000"));
    }

    #[test]
    fn every_setting_has_its_reason() {
        for profile in Profile::ALL {
            let machine = Machine {
                cores: 64,
                flushes: true,
            };
            for key in brokers(profile, machine).keys() {
                assert!(reason(key).is_some(), "{key}");
            }
        }
        assert_eq!(reason("num.partitions"), None);
    }
}
