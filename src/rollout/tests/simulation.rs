//! Random worlds, random faults: no act of ours does harm, and when the faults end the roll ends.

use super::simulator::{Fault, Simulator};
use super::*;
use proptest::prelude::*;

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => any::<usize>().prop_map(Fault::Kill),
        2 => (any::<usize>(), 1_i64..40).prop_map(|(index, length)| Fault::Lag(index, length)),
        1 => (1_i64..60).prop_map(Fault::CutOff),
        2 => (1_i64..60).prop_map(Fault::Stale),
        4 => (any::<bool>(), any::<bool>(), prop::bool::weighted(0.3))
            .prop_map(|(brokers, controllers, bad)| Fault::Change { brokers, controllers, bad }),
        1 => Just(Fault::Revert),
        1 => Just(Fault::Ask),
        3 => (0_u8..3).prop_map(Fault::Crash),
        1 => Just(Fault::Forget),
        1 => (1_i64..40).prop_map(Fault::Reassign),
        1 => (1_i64..40).prop_map(Fault::Pause),
        1 => (1_i64..40).prop_map(Fault::CloseWindow),
        1 => (1_usize..4).prop_map(Fault::LimitTo),
    ]
}

/// Partitions of three, sometimes two or one replicas on whatever brokers there are.
fn partitions(brokers: usize) -> impl Strategy<Value = Vec<Partition>> {
    let ids: Vec<i32> = (100..).take(brokers).collect();
    let replicas = prop::sample::select(vec![3_usize, 3, 3, 2, 1])
        .prop_flat_map(move |count| prop::sample::subsequence(ids.clone(), count).prop_shuffle());
    prop::collection::vec((replicas, 1_usize..3), 1..8).prop_map(|list| {
        let numbered = list.into_iter().zip(0..);
        numbered
            .map(|((replicas, min), number)| partition(number, &replicas, min))
            .collect()
    })
}

fn world() -> impl Strategy<Value = (usize, Vec<Partition>, bool, usize)> {
    (3_usize..10).prop_flat_map(|brokers| (Just(brokers), partitions(brokers), any::<bool>(), 1_usize..4))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_act_of_ours_does_harm_and_every_roll_ends_when_the_faults_do(
        (brokers, partitions, three, limit) in world(),
        faults in prop::collection::vec((0_i64..25, fault()), 1..16),
    ) {
        let controllers: &[i32] = if three { &[0, 1, 2] } else { &[0] };
        let brokers: Vec<i32> = (100..).take(brokers).collect();
        let mut simulator = Simulator::new(controllers, &brokers, partitions);
        simulator.case.policy.max_unavailable = limit;
        for (quiet, fault) in faults {
            for _ in 0..quiet {
                simulator.step();
            }
            simulator.inject(fault);
        }
        simulator.heal();
        let mut last = simulator.step();
        for _ in 0..600 {
            if last == Decision::Settled && simulator.is_settled() {
                break;
            }
            last = simulator.step();
        }
        prop_assert_eq!(&simulator.broken, &Vec::<String>::new());
        prop_assert!(last == Decision::Settled && simulator.is_settled(), "never ends: {last}");
        let acts = simulator.acts;
        for _ in 0..50 {
            prop_assert_eq!(simulator.step(), Decision::Settled);
        }
        prop_assert_eq!(simulator.acts, acts);
    }
}

#[test]
fn the_simulation_rolls_every_node_once_when_nothing_goes_wrong() {
    let brokers: Vec<i32> = (100..109).collect();
    let partitions = vec![partition(0, &[100, 101, 102], 2), partition(1, &[103, 104, 105], 2)];
    for limit in [1, 3] {
        let mut simulator = Simulator::new(&[0, 1, 2], &brokers, partitions.clone());
        simulator.case.policy.max_unavailable = limit;
        simulator.inject(Fault::Change {
            brokers: true,
            controllers: true,
            bad: false,
        });
        let ends = (0..1000).any(|_| simulator.step() == Decision::Settled);
        assert!(ends);
        assert_eq!(simulator.acts, 12);
        assert!(simulator.is_settled() && simulator.broken.is_empty());
    }
}
