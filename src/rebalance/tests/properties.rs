//! Random clusters: what holds for every plan, and that carrying plans out always comes to an end.

use proptest::prelude::*;

use super::*;

/// Clusters of 2 to 8 brokers in 0 to 3 racks; only the first `used` have replicas.
fn clusters() -> impl Strategy<Value = World> {
    (2_i32..=8, 0_i32..=3)
        .prop_flat_map(|(count, racks)| (Just(count), Just(racks), 1..=count))
        .prop_flat_map(|(count, racks, used)| {
            let ids: Vec<i32> = (0..used).collect();
            let most = ids.len().min(3);
            let replicas = prop::sample::subsequence(ids, 1..=most).prop_shuffle();
            let partitions = prop::collection::vec((replicas, 0_u64..1000), 0..40);
            (Just(count), Just(racks), partitions)
        })
        .prop_map(|(count, racks, partitions)| {
            let named = |(index, (replicas, bytes)): (usize, (Vec<i32>, u64))| {
                let topic = if replicas.len() == 1 { "single" } else { "wide" };
                partition(topic, i32::try_from(index).unwrap(), &replicas, bytes)
            };
            world(
                brokers(0..count, racks),
                partitions.into_iter().enumerate().map(named).collect(),
            )
        })
}

/// What no plan may do.
fn check(world: &World, plan: &Plan) {
    for next in &plan.moves {
        let partition = world.partitions.iter().find(|it| it.id == next.id).unwrap();
        let distinct: BTreeSet<i32> = next.to.iter().copied().collect();
        assert_ne!(next.from, next.to);
        assert_eq!(next.from, world.target(partition));
        assert_eq!(distinct.len(), next.to.len(), "{next:?}");
        for id in next.adding() {
            let broker = world.brokers.iter().find(|broker| broker.id == id).unwrap();
            assert_eq!(broker.state, BrokerState::Serving);
        }
        if next.from.len() == next.to.len() {
            let (before, after) = (racks_of(world, &next.from), racks_of(world, &next.to));
            assert!(after.len() >= before.len(), "{next:?} loses racks");
        }
    }
}

/// Plans, orders a wave, lets some copies finish as `dice` falls, and again until nothing is left. Returns copies made.
fn carry_out(world: &mut World, goal: &Goal, rules: Rules, limits: Limits, dice: &[u8]) -> u64 {
    let mut copies = 0;
    for step in 0..2000 {
        let plan = plan(world, goal, rules).unwrap();
        check(world, &plan);
        if plan.is_empty() && world.ongoing.is_empty() {
            return copies;
        }
        let wave: Vec<Move> = next_wave(&plan, world, limits).into_iter().cloned().collect();
        copies += wave.iter().map(|next| next.work().replicas).sum::<u64>();
        for next in &wave {
            order(world, next);
        }
        let bytes = under_way(world).bytes;
        assert!(world.ongoing.len() <= limits.partitions.max(1), "too many at once");
        assert!(
            bytes <= limits.bytes || world.ongoing.len() == 1,
            "{bytes} bytes at once"
        );
        let ongoing: Vec<PartitionId> = world.ongoing.keys().cloned().collect();
        for (index, id) in ongoing.iter().enumerate() {
            if index == step % ongoing.len() || dice[(step + index) % dice.len()].is_multiple_of(2) {
                finish(world, id);
            }
        }
    }
    panic!("no end of {goal:?}");
}

fn limits() -> impl Strategy<Value = Limits> {
    (0_usize..6, 0_u64..3000).prop_map(|(partitions, bytes)| Limits { partitions, bytes })
}

fn dice() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..20)
}

/// Replicas on top of an even share and those that miss from one.
fn bound(counts: &BTreeMap<i32, u64>) -> u64 {
    let (total, brokers) = (counts.values().sum::<u64>(), counts.len() as u64);
    let over: u64 = counts
        .values()
        .map(|count| count.saturating_sub(total.div_ceil(brokers)))
        .sum();
    let under: u64 = counts
        .values()
        .map(|count| (total / brokers).saturating_sub(*count))
        .sum();
    over + under
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn draining_ends_with_empty_brokers_and_copies_only_their_replicas(
        mut world in clusters(), leaving in prop::collection::btree_set(0_i32..8, 1..3), limits in limits(), dice in dice()
    ) {
        let goal = Goal::Drain(leaving.clone());
        let must: u64 = counts(&world).iter().filter(|(id, _)| leaving.contains(id)).map(|(_, count)| count).sum();
        match plan(&world, &goal, Rules::default()) {
            Ok(plan) => {
                prop_assert_eq!(plan.work().replicas, must);
                prop_assert_eq!(carry_out(&mut world, &goal, Rules::default(), limits, &dice), must);
                prop_assert!(counts(&world).iter().all(|(id, count)| !leaving.contains(id) || *count == 0));
            }
            Err(findings) => {
                // With more brokers than replicas and no racks nothing stands in the way.
                let remaining = world.brokers.iter().filter(|broker| !leaving.contains(&broker.id)).count();
                let racked = world.brokers.iter().any(|broker| broker.rack.is_some());
                let widest = world.partitions.iter().map(|it| it.replicas.len()).max().unwrap_or(0);
                prop_assert!(racked || remaining < widest, "{findings:?}");
            }
        }
    }

    #[test]
    fn spreading_ends_balanced_and_stays_so(
        mut world in clusters(), tolerance_percent in 0_u32..80, limits in limits(), dice in dice()
    ) {
        let rules = Rules { tolerance_percent, ..Rules::default() };
        carry_out(&mut world, &Goal::Spread, rules, limits, &dice);
        prop_assert!(plan(&world, &Goal::Spread, rules).unwrap().is_empty());
        let counts = counts(&world);
        let (total, brokers) = (counts.values().sum::<u64>(), counts.len() as u64);
        let tolerated = (total * u64::from(tolerance_percent) / (100 * brokers)).max(1);
        if world.brokers.iter().all(|broker| broker.rack.is_none()) {
            let (least, most) = (counts.values().min().unwrap(), counts.values().max().unwrap());
            prop_assert!(most - least <= tolerated, "{counts:?}");
        }
    }

    #[test]
    fn the_first_spread_copies_no_more_than_its_bound(world in clusters()) {
        let counts = counts(&world);
        let first = plan(&world, &Goal::Spread, Rules::default()).unwrap();
        let uneven = counts.values().max().unwrap() - counts.values().min().unwrap() > 1;
        if uneven && world.brokers.iter().all(|broker| broker.rack.is_none()) {
            prop_assert!(first.work().replicas <= bound(&counts), "{counts:?}");
        }
    }

    #[test]
    fn a_factor_is_reached_with_the_copies_that_are_missing(
        mut world in clusters(), replicas in 1_usize..=3, limits in limits(), dice in dice()
    ) {
        let goal = Goal::ReplicationFactor { topic: "wide".to_owned(), replicas };
        let wide = |world: &World| -> Vec<usize> {
            world.partitions.iter().filter(|it| it.id.topic == "wide").map(|it| it.replicas.len()).collect()
        };
        let before = wide(&world);
        prop_assume!(!before.is_empty() && replicas <= world.brokers.len());
        let missing: usize = before.iter().map(|count| replicas.saturating_sub(*count)).sum();
        prop_assert_eq!(carry_out(&mut world, &goal, Rules::default(), limits, &dice), missing as u64);
        prop_assert!(wide(&world).iter().all(|count| *count == replicas));
        for partition in &world.partitions {
            prop_assert!(!partition.isr.is_empty());
        }
    }

    #[test]
    fn the_same_facts_give_the_same_plan_in_any_order(world in clusters(), leaving in 0_i32..8) {
        let mut turned = world.clone();
        turned.brokers.reverse();
        turned.partitions.reverse();
        for goal in [drain(&[leaving]), Goal::Spread] {
            prop_assert_eq!(plan(&world, &goal, Rules::default()), plan(&turned, &goal, Rules::default()));
        }
    }
}
