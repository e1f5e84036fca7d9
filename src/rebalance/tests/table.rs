//! Single decisions, one situation each.

use super::*;

fn planned(world: &World, goal: &Goal) -> Plan {
    plan(world, goal, Rules::default()).unwrap()
}

fn refused(world: &World, goal: &Goal) -> Vec<Finding> {
    plan(world, goal, Rules::default()).unwrap_err()
}

fn changes(plan: &Plan) -> Vec<(i32, Vec<i32>)> {
    plan.moves
        .iter()
        .map(|next| (next.id.partition, next.to.clone()))
        .collect()
}

#[test]
fn a_drained_replica_is_replaced_in_its_place_and_rack() {
    // r0: 0, 3; r1: 1, 4; r2: 2, 5.
    let world = world(
        brokers(0..6, 3),
        vec![partition("t", 0, &[0, 4, 2], 10), partition("t", 1, &[5, 3, 1], 10)],
    );
    assert_eq!(changes(&planned(&world, &drain(&[4]))), [(0, vec![0, 1, 2])]);
}

#[test]
fn nothing_to_drain_is_an_empty_plan() {
    let world = world(brokers(0..3, 0), vec![partition("t", 0, &[0, 1], 10)]);
    assert!(planned(&world, &drain(&[2])).is_empty());
    assert!(planned(&world, &drain(&[77])).is_empty());
}

#[test]
fn a_broker_that_kafka_has_forgotten_is_drained_too() {
    let world = world(brokers(0..3, 3), vec![partition("t", 0, &[77, 1, 0], 10)]);
    let mut to = planned(&world, &drain(&[77])).moves[0].to.clone();
    to.sort_unstable();
    assert_eq!(to, [0, 1, 2]);
}

#[test]
fn who_takes_nothing_is_given_nothing() {
    for state in [BrokerState::Draining, BrokerState::Cordoned, BrokerState::Down] {
        let mut world = world(brokers(0..4, 0), vec![partition("t", 0, &[0, 1], 10)]);
        world.brokers[2].state = state;
        assert_eq!(changes(&planned(&world, &drain(&[1]))), [(0, vec![0, 3])]);
        world.brokers[3].state = state;
        let finding = Finding::TooFewBrokers {
            topic: "t".to_owned(),
            replicas: 2,
            brokers: 1,
        };
        assert_eq!(refused(&world, &drain(&[1])), [finding]);
    }
}

#[test]
fn a_topic_that_cannot_be_placed_refuses_the_whole_drain() {
    let partitions = vec![partition("small", 0, &[2], 1), partition("wide", 0, &[0, 1, 2], 1)];
    let findings = refused(&world(brokers(0..3, 0), partitions), &drain(&[2]));
    assert_eq!(findings.len(), 1);
    assert_eq!(
        findings[0].to_string(),
        "topic wide needs 3 replicas, but only 2 brokers may hold one"
    );
}

#[test]
fn the_last_broker_of_a_rack_leaves_only_if_racks_may_be_lost() {
    // r0: 0, 3; r1: 1, 4; r2: 2.
    let world = world(brokers(0..5, 3), vec![partition("t", 0, &[0, 1, 2], 10)]);
    let finding = Finding::TooFewRacks {
        topic: "t".to_owned(),
        replicas: 3,
        racks: 2,
    };
    assert_eq!(refused(&world, &drain(&[2])), [finding]);
    let rules = Rules {
        allow_fewer_racks: true,
        ..Rules::default()
    };
    assert_eq!(
        changes(&plan(&world, &drain(&[2]), rules).unwrap()),
        [(0, vec![0, 1, 3])]
    );
}

#[test]
fn room_is_not_found_at_the_price_of_the_racks() {
    // r0: 0, 2; r1: 1, 3.
    let mut world = world(brokers(0..4, 2), vec![partition("t", 0, &[0, 1], 10)]);
    world.brokers[3].capacity_bytes = Some(9);
    let finding = Finding::NoRoom {
        topic: "t".to_owned(),
        bytes: 10,
    };
    assert_eq!(refused(&world, &drain(&[1])), std::slice::from_ref(&finding));
    let factor = Goal::ReplicationFactor {
        topic: "t".to_owned(),
        replicas: 2,
    };
    world.partitions[0] = partition("t", 0, &[0], 10);
    world.brokers[1].capacity_bytes = Some(9);
    assert_eq!(refused(&world, &factor), [finding]);
    world.brokers[3].capacity_bytes = Some(10);
    assert_eq!(changes(&planned(&world, &factor)), [(0, vec![0, 3])]);
}

#[test]
fn a_partition_with_nothing_to_copy_from_is_held_back() {
    let mut world = world(
        brokers(0..3, 0),
        vec![partition("t", 0, &[0, 1], 10), partition("t", 1, &[0, 1], 10)],
    );
    world.brokers[0].state = BrokerState::Down;
    world.partitions[0].isr = vec![0];
    for goal in [
        drain(&[0]),
        Goal::ReplicationFactor {
            topic: "t".to_owned(),
            replicas: 1,
        },
    ] {
        let plan = planned(&world, &goal);
        assert_eq!(plan.held, [id("t", 0)]);
        assert_eq!(plan.moves.len(), 1);
        assert!(!plan.is_empty());
    }
}

#[test]
fn a_preferred_leader_stays_and_a_lost_one_goes_to_who_has_fewest() {
    let partitions = vec![
        partition("t", 0, &[0, 1], 10),
        partition("t", 1, &[1, 0], 10),
        partition("t", 2, &[2, 1], 10),
        partition("t", 3, &[2, 0], 10),
    ];
    let plan = planned(&world(brokers(0..4, 0), partitions), &drain(&[1]));
    // Broker 3 takes them all; of 0 and 3 it is 3 who leads nothing yet.
    assert_eq!(changes(&plan), [(0, vec![0, 3]), (1, vec![3, 0]), (2, vec![2, 3])]);
}

#[test]
fn a_factor_is_raised_across_racks_and_lowered_without_loss() {
    let factor = |replicas| Goal::ReplicationFactor {
        topic: "t".to_owned(),
        replicas,
    };
    // r0: 0, 3; r1: 1; r2: 2.
    let mut world = world(
        brokers(0..4, 3),
        vec![partition("t", 0, &[0], 10), partition("other", 0, &[0], 10)],
    );
    let plan = planned(&world, &factor(3));
    assert_eq!((plan.moves.len(), plan.work()), (1, Work { replicas: 2, bytes: 20 }));
    assert_eq!(racks_of(&world, &plan.moves[0].to).len(), 3);
    assert_eq!(plan.moves[0].to[0], 0);
    let too_many = Finding::TooFewBrokers {
        topic: "t".to_owned(),
        replicas: 5,
        brokers: 4,
    };
    assert_eq!(refused(&world, &factor(5)), [too_many]);
    assert!(matches!(refused(&world, &factor(0))[..], [Finding::NoReplicas { .. }]));

    world.partitions[0] = partition("t", 0, &[0, 3, 1, 2], 10);
    world.partitions[0].isr = vec![0, 1, 3];
    let steps = [(3, vec![0, 3, 1]), (2, vec![0, 1]), (1, vec![0])];
    for (replicas, expected) in steps {
        assert_eq!(changes(&planned(&world, &factor(replicas))), [(0, expected)]);
    }
    world.partitions[0].isr = vec![2];
    assert_eq!(changes(&planned(&world, &factor(1))), [(0, vec![2])]);
    let unknown = Goal::ReplicationFactor {
        topic: "nobody".to_owned(),
        replicas: 1,
    };
    assert!(matches!(refused(&world, &unknown)[..], [Finding::UnknownTopic { .. }]));
}

#[test]
fn what_is_under_way_counts_as_done() {
    let mut world = world(brokers(0..3, 0), vec![partition("t", 0, &[0, 1], 10)]);
    let first = planned(&world, &drain(&[1]));
    order(&mut world, &first.moves[0]);
    assert!(planned(&world, &drain(&[1])).is_empty());
    assert_eq!(under_way(&world), Work { replicas: 1, bytes: 10 });
}

#[test]
fn a_copy_on_its_way_to_a_broker_that_leaves_is_sent_elsewhere() {
    let mut world = world(brokers(0..4, 0), vec![partition("t", 0, &[0, 1], 10)]);
    let first = planned(&world, &drain(&[1]));
    order(&mut world, &first.moves[0]);
    assert_eq!(world.target(&world.partitions[0]), [0, 2]);
    let plan = planned(&world, &drain(&[1, 2]));
    assert_eq!(changes(&plan), [(0, vec![0, 3])]);
    let limits = Limits {
        partitions: 1,
        bytes: 10,
    };
    assert_eq!(next_wave(&plan, &world, limits).len(), 1);
    // A copy that is wanted is waited for, though another replica of the partition must go, too.
    let plan = planned(&world, &drain(&[1, 0]));
    assert_eq!(
        changes(&plan),
        [(0, vec![2, 3])].map(|(number, _)| (number, plan.moves[0].to.clone()))
    );
    assert!(next_wave(&plan, &world, limits).is_empty());
}

#[test]
fn a_wave_keeps_within_its_limits_and_beside_what_moves() {
    let partitions = (0..6).map(|number| partition("t", number, &[0], 10)).collect();
    let mut world = world(brokers(0..2, 0), partitions);
    let plan = planned(&world, &drain(&[0]));
    let wave = |world: &World, partitions, bytes| next_wave(&plan, world, Limits { partitions, bytes }).len();
    assert_eq!(wave(&world, 4, 1000), 4);
    assert_eq!(wave(&world, 4, 25), 2);
    assert_eq!(wave(&world, 4, 5), 1, "a large one goes alone");
    assert_eq!(wave(&world, 0, 0), 1);
    order(&mut world, &plan.moves[5].clone());
    assert_eq!(wave(&world, 4, 1000), 3);
    assert_eq!(wave(&world, 4, 25), 1);
    assert_eq!(wave(&world, 4, 5), 0, "a large one waits for others");
    assert_eq!(wave(&world, 100, 1000), 5, "what moves isn't ordered again");
}

#[test]
fn new_brokers_get_their_share_and_no_more_moves_than_that() {
    let partitions = (0..30)
        .map(|number| partition("t", number, &[number % 3], 10))
        .collect();
    let plan = planned(&world(brokers(0..5, 0), partitions), &Goal::Spread);
    assert_eq!(plan.work().replicas, 12);
    assert!(plan.moves.iter().all(|next| next.to[0] >= 3));
}

#[test]
fn uneven_bytes_are_evened_where_numbers_allow_it() {
    let sized = |number: i32| if number % 2 == 0 { 100 } else { 10 };
    let mut world = world(brokers(0..2, 0), Vec::new());
    world.partitions = (0..40)
        .map(|number| partition("t", number, &[number % 2], sized(number)))
        .collect();
    let plan = planned(&world, &Goal::Spread);
    let moved: u64 = plan.work().bytes;
    assert!(moved > 0, "{plan:?}");
    for next in &plan.moves {
        order(&mut world, next);
        finish(&mut world, &next.id);
    }
    let counts = counts(&world);
    assert!(counts[&1].abs_diff(counts[&0]) <= 2, "{counts:?}");
}

#[test]
fn preferred_leaders_are_evened_without_moving_data() {
    let partitions = (0..9).map(|number| partition("t", number, &[0, 1, 2], 10)).collect();
    let mut world = world(brokers(0..3, 0), partitions);
    world.partitions[0].isr = vec![0];
    let plan = planned(&world, &Goal::Spread);
    assert_eq!(plan.work(), Work::default());
    assert!(
        plan.moves.iter().all(|next| next.id.partition != 0),
        "only who is in sync may lead"
    );
    for next in &plan.moves {
        order(&mut world, next);
    }
    let leads = |id: i32| world.partitions.iter().filter(|it| it.replicas[0] == id).count();
    assert_eq!([leads(0), leads(1), leads(2)], [3, 3, 3]);
}

#[test]
fn an_even_spread_leaves_alone_what_cannot_be_copied() {
    let partitions = (0..6).map(|number| partition("t", number, &[0, 1], 10)).collect();
    let mut world = world(brokers(0..4, 0), partitions);
    for partition in &mut world.partitions {
        partition.isr = vec![77];
    }
    assert!(planned(&world, &Goal::Spread).is_empty(), "nothing is in sync anywhere");
    world.partitions[3].isr = vec![0, 1];
    let plan = planned(&world, &Goal::Spread);
    assert!(
        plan.held.is_empty() && plan.moves.iter().all(|next| next.id.partition == 3),
        "{plan:?}"
    );
}

#[test]
fn racks_are_kept_when_brokers_are_evened() {
    // r0: 0, 2; r1: 1. Broker 2 is empty and may only take what 0 gives.
    let partitions = (0..6).map(|number| partition("t", number, &[0, 1], 10)).collect();
    let world = world(brokers(0..3, 2), partitions);
    let plan = planned(&world, &Goal::Spread);
    assert_eq!(plan.work().replicas, 3);
    assert!(
        plan.moves
            .iter()
            .all(|next| next.to.contains(&1) && next.to.contains(&2)),
        "{plan:?}"
    );
}
