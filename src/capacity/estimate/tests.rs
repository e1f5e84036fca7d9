//! Hand-computed cases, with their arithmetic.

use super::*;
use std::time::Duration;

const KIB: u64 = 1_024;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// The example of the checklist: 1000 records/s of 1 KiB, kept for a week in three copies.
fn checklist() -> Workload {
    Workload {
        messages_per_second: 1_000,
        message_bytes: KIB,
        retention: Duration::from_secs(604_800),
        consumer_groups: 1,
        partitions: None,
        producer_partition: None,
        consumer_partition: None,
        headroom: 20,
    }
}

fn three() -> Supply {
    Supply {
        brokers: 3,
        factor: 3,
        disk: Bytes(TIB),
        memory: Bytes(8 * GIB),
        heap: Bytes(2 * GIB),
        disk_rate: None,
        network: None,
        segment: Bytes(GIB),
        connections: 10_000,
    }
}

fn needed(workload: &Workload, supply: &Supply) -> impl Fn(&str) -> u64 + use<> {
    let all = estimate(workload, supply);
    move |name: &str| all.0.iter().find(|one| one.name == name).unwrap().needed
}

#[test]
fn the_checklists_example_computed_right() {
    let of = needed(&checklist(), &three());
    // 1000 × 1024 = 1 024 000 B/s
    assert_eq!(of("ingress"), 1_024_000);
    // 1 024 000 × 604 800 × 3 = 1 857 945 600 000, not the 1 858 060 800 000 that the checklist prints; + 20 % = 2 229 534 720 000.
    // One partition of three replicas: three open segments of 1 GiB on top.
    assert_eq!(of("disk"), 2_229_534_720_000 + 3 * GIB);
    // 2 232 755 945 472 ÷ 1 099 511 627 776 = 2.03
    assert_eq!(of("brokersByDisk"), 3);
    assert_eq!(of("brokers"), 3);
    // 1 024 000 × 3 ÷ 2 brokers that are left × 30 s = 46 080 000, and a heap of 2 GiB
    assert_eq!(of("memoryPerBroker"), 2 * GIB + 46_080_000);
}

#[test]
fn brokers_follow_from_the_tightest_limit_with_one_lost() {
    let workload = Workload {
        messages_per_second: 100_000,
        consumer_groups: 4,
        retention: Duration::from_secs(3_600),
        ..checklist()
    };
    let supply = Supply {
        disk_rate: Some(Rate(200 * MIB)),
        network: Some(Rate(125_000_000)),
        ..three()
    };
    let of = needed(&workload, &supply);
    // Stored: 102 400 000 × 3 = 307 200 000 B/s; 80 % of 209 715 200 = 167 772 160: 1.83, so 2, and one to lose.
    assert_eq!(of("brokersByDiskThroughput"), 3);
    // Sent: 102 400 000 × (2 + 4) = 614 400 000 B/s; 80 % of 125 000 000 = 100 000 000: 6.1, so 7, and one to lose.
    assert_eq!(of("brokersByNetwork"), 8);
    assert_eq!(of("brokers"), 8);
    let all = estimate(&workload, &supply);
    assert!(!all.suffices());
    assert_eq!(all.shortages(), ["brokers: 8 needed, 3 there"]);
}

#[test]
fn partitions_follow_from_the_slower_side() {
    let workload = Workload {
        messages_per_second: 10_000,
        message_bytes: 1_000,
        producer_partition: Some(5_000_000),
        consumer_partition: Some(2_000_000),
        partitions: Some(4),
        ..checklist()
    };
    let all = estimate(&workload, &three());
    let partitions = all.0.iter().find(|one| one.name == "partitions").unwrap();
    // 10 000 000 B/s ÷ 2 000 000 B/s = 5
    assert_eq!((partitions.needed, partitions.offered), (5, Some(4)));
    assert_eq!(partitions.shortage().unwrap(), "partitions: 5 needed, 4 there");
}

#[test]
fn files_and_maps_follow_from_segments() {
    let workload = Workload {
        partitions: Some(9_000),
        ..checklist()
    };
    let of = needed(&workload, &three());
    // 2 229 534 720 000 B ÷ 3 brokers ÷ 1 GiB = 693 segments, and one open of each of 9000 replicas: 9693
    assert_eq!(of("memoryMapsPerBroker"), 2 * 9_693);
    assert_eq!(of("fileDescriptorsPerBroker"), 3 * 9_693 + 10_000);
    // 9000 × 3 ÷ 3 = 9000, beyond 4000
    assert_eq!(of("replicasPerBroker"), 9_000);
    // A partition's week: 1 024 000 B/s ÷ 9000 = 114 B/s × 604 800 s = 68 947 200 B, less than a segment; 27 000 of them.
    assert_eq!(of("disk"), 2_229_534_720_000 + 27_000 * 68_947_200);
}

#[test]
fn nothing_divides_by_zero_or_overflows() {
    let largest = Workload {
        messages_per_second: u64::MAX,
        message_bytes: u64::MAX,
        retention: Duration::from_secs(u64::MAX),
        consumer_groups: 10_000,
        partitions: Some(u64::MAX),
        producer_partition: Some(1),
        consumer_partition: Some(1),
        headroom: 999,
    };
    let empty = Supply {
        brokers: 0,
        factor: 1,
        disk: Bytes(0),
        memory: Bytes(0),
        heap: Bytes(0),
        disk_rate: Some(Rate(0)),
        network: Some(Rate(0)),
        segment: Bytes(0),
        connections: 0,
    };
    for (workload, supply) in [(largest, three()), (largest, empty), (checklist(), empty)] {
        let all = estimate(&workload, &supply);
        assert!(!all.suffices());
        assert!(
            all.0
                .iter()
                .all(|one| !one.arithmetic.is_empty() && !one.text(one.needed).is_empty())
        );
    }
}
