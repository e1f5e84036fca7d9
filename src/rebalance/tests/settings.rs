//! Progress and the brake.

use std::time::Duration;

use super::*;

const fn work(replicas: u64, bytes: u64) -> Work {
    Work { replicas, bytes }
}

#[test]
fn progress_is_full_only_when_nothing_remains() {
    let told = |total, remaining| progress(total, remaining, &[]).percent;
    assert_eq!(told(work(10, 1000), work(10, 1000)), 0);
    assert_eq!(told(work(10, 1000), work(4, 250)), 75);
    assert_eq!(told(work(10, 1000), work(1, 1)), 99);
    assert_eq!(told(work(10, 0), work(5, 0)), 50);
    assert_eq!(told(work(10, 1000), work(0, 0)), 100);
    assert_eq!(told(work(0, 0), work(0, 0)), 100);
    let grown = progress(work(1, 10), work(2, 20), &[]);
    assert_eq!((grown.total, grown.moved, grown.percent), (work(2, 20), work(0, 0), 0));
}

#[test]
fn the_end_is_foreseen_from_the_pace_that_was_seen() {
    let sample = |seconds, moved_bytes| Sample {
        at: Duration::from_secs(seconds),
        moved_bytes,
    };
    let foreseen = |samples: &[Sample]| progress(work(10, 1000), work(5, 500), samples).remaining_time;
    assert_eq!(
        foreseen(&[sample(10, 100), sample(20, 400), sample(30, 300)]),
        Some(Duration::from_secs(50))
    );
    assert_eq!(foreseen(&[]), None);
    assert_eq!(foreseen(&[sample(10, 100)]), None);
    assert_eq!(foreseen(&[sample(10, 100), sample(20, 100)]), None, "nothing moved");
    assert_eq!(
        foreseen(&[sample(20, 0), sample(10, 100)]),
        None,
        "a clock that ran backwards"
    );
    assert_eq!(
        progress(work(1, 1), work(0, 0), &[]).remaining_time,
        Some(Duration::ZERO)
    );
}

/// Settings after `changes`, as they would be read.
fn applied(set: &Throttle, changes: &[ThrottleChange]) -> Throttle {
    let mut settings: BTreeMap<(ThrottleTarget, &str), String> = BTreeMap::new();
    for change in throttle_changes(&Throttle::default(), set).iter().chain(changes) {
        let key = (change.target.clone(), change.key);
        match &change.value {
            Some(value) => drop(settings.insert(key, value.clone())),
            None => drop(settings.remove(&key)),
        }
    }
    Throttle::observed(
        settings
            .iter()
            .map(|((target, key), value)| (target.clone(), *key, value.as_str())),
    )
}

fn moving() -> (World, Move) {
    let mut world = world(
        brokers(0..5, 0),
        vec![partition("a", 0, &[0, 1], 10), partition("b", 7, &[1, 2], 10)],
    );
    let to = |id: PartitionId, from: &[i32], to: &[i32]| Move {
        id,
        from: from.to_vec(),
        to: to.to_vec(),
        bytes: 10,
    };
    order(&mut world, &to(id("a", 0), &[0, 1], &[0, 3]));
    (world, to(id("b", 7), &[1, 2], &[4, 2]))
}

#[test]
fn sources_and_targets_are_braked_and_nobody_else() {
    let (world, next) = moving();
    let throttle = needed_throttle(&world, &[&next], 1000);
    assert_eq!(throttle.brokers, (0..5).map(|id| (id, 1000)).collect());
    assert_eq!(throttle.topics["a"].leaders, [(0, 0), (0, 1)].into());
    assert_eq!(throttle.topics["a"].followers, [(0, 3)].into());
    assert_eq!(throttle.topics["b"].followers, [(7, 4)].into());
    let alone = needed_throttle(&world, &[], 1000);
    assert_eq!(alone.brokers.keys().copied().collect::<Vec<_>>(), [0, 1, 3]);
    assert!(!alone.topics.contains_key("b"));
    let mut settled = world;
    finish(&mut settled, &id("a", 0));
    assert_eq!(needed_throttle(&settled, &[], 1000), Throttle::default());
}

#[test]
fn changes_lead_from_what_is_set_to_what_is_needed_and_then_to_nothing() {
    let (world, next) = moving();
    let states = [
        Throttle::default(),
        needed_throttle(&world, &[], 1000),
        needed_throttle(&world, &[&next], 1000),
        needed_throttle(&world, &[&next], 500),
    ];
    for from in &states {
        for to in &states {
            let changes = throttle_changes(from, to);
            assert_eq!(applied(from, &changes), *to);
            assert_eq!(changes.is_empty(), from == to);
        }
    }
    let order = |change: &ThrottleChange| matches!(change.target, ThrottleTarget::Topic(_));
    let set: Vec<bool> = throttle_changes(&states[0], &states[2]).iter().map(order).collect();
    assert!(set.is_sorted(), "rates before lists: {set:?}");
    let gone: Vec<bool> = throttle_changes(&states[2], &states[0]).iter().map(order).collect();
    assert!(
        gone.is_sorted_by(|one, other| one >= other),
        "lists before rates: {gone:?}"
    );
    assert!(
        throttle_changes(&states[2], &states[0])
            .iter()
            .all(|change| change.value.is_none())
    );
}

#[test]
fn half_a_brake_is_written_again_and_a_list_of_everything_is_not_ours() {
    let needed = Throttle {
        brokers: [(1, 5)].into(),
        ..Throttle::default()
    };
    let half = Throttle::observed([(ThrottleTarget::Broker(1), "leader.replication.throttled.rate", "5")]);
    assert_eq!(throttle_changes(&half, &needed).len(), 2);
    assert_eq!(throttle_changes(&half, &Throttle::default()).len(), 2);
    let topic = || ThrottleTarget::Topic("t".to_owned());
    let everything = Throttle::observed([
        (topic(), "leader.replication.throttled.replicas", "*"),
        (topic(), "retention.ms", "5"),
    ]);
    assert_eq!(everything, Throttle::default());
}
