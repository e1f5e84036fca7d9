//! A roll that is foreseen is the roll that is taken; what holds is told, and told where.

use super::*;

fn look(case: &Case) -> Foreseen {
    foresee(&World {
        now: case.now,
        pods_at: case.now,
        kafka: case.kafka.as_ref(),
        nodes: &case.nodes,
        policy: &case.policy,
        state: &case.state,
    })
}

fn order(foreseen: &Foreseen) -> Vec<Vec<i32>> {
    let ids = |restart: &Restart| restart.victims.iter().map(|victim| victim.node).collect();
    foreseen.steps.iter().map(ids).collect()
}

fn holds(foreseen: &Foreseen) -> Vec<(usize, String)> {
    let held = foreseen.holds.iter();
    held.map(|held| (held.after, held.decision.to_string())).collect()
}

fn all_due() -> Case {
    let mut case = Case::new();
    case.want(&[0, 1, 2, 100, 101, 102], "2");
    case
}

const WHOLE: [[i32; 1]; 6] = [[1], [2], [0], [100], [101], [102]];

#[test]
fn a_healthy_cluster_rolls_in_the_order_of_the_planner() {
    let foreseen = look(&all_due());
    assert_eq!(order(&foreseen), WHOLE);
    assert_eq!(holds(&foreseen), []);
    assert!(foreseen.left.is_empty());
    let why: Vec<RestartReason> = foreseen.steps[0].victims[0].why.clone();
    assert_eq!(why, [RestartReason::ConfigChanged]);
    let as_wanted = |node: &Node| node.pod.as_ref().is_some_and(|pod| pod.runs == node.wants);
    assert!(foreseen.nodes.iter().all(as_wanted));
}

#[test]
fn nothing_due_is_nothing_foreseen() {
    let foreseen = look(&Case::new());
    assert!(foreseen.steps.is_empty() && foreseen.holds.is_empty() && foreseen.left.is_empty());
}

#[test]
fn brokers_of_one_rack_go_together_once_their_pool_is_proven() {
    let mut case = Case::of(&[0, 1, 2], &[100, 101, 102, 103, 104, 105]);
    case.policy.max_unavailable = 2;
    case.kafka().partitions.clear();
    case.want(&[100, 101, 102, 103, 104, 105], "2");
    let order = order(&look(&case));
    assert_eq!(order[0], [100], "the first one alone");
    assert_eq!(order.concat().len(), 6);
    assert!(order.contains(&vec![101, 104]), "{order:?}");
}

#[test]
fn each_hold_is_told_where_it_stands_and_the_order_comes_out_whole() {
    let mut case = all_due();
    case.out_of_sync(101);
    case.policy.window = Window::Closed { opens: None };
    let foreseen = look(&case);
    assert_eq!(foreseen.steps.len(), 6);
    let told = holds(&foreseen);
    assert!(told[0].1.contains("waits for a maintenance window"), "{told:?}");
    assert!(told[1].1.contains("broker 101 isn't in sync yet: orders-7"), "{told:?}");
    assert_eq!((told[0].0, told[1].0, told.len()), (0, 1, 2), "{told:?}");
    assert_eq!(
        order(&foreseen)[0],
        [101],
        "what lags goes first, as in the roll itself"
    );
}

#[test]
fn a_pause_says_what_it_keeps_back_once() {
    let mut case = all_due();
    case.policy.paused = true;
    let foreseen = look(&case);
    assert_eq!(order(&foreseen), WHOLE);
    let told = holds(&foreseen);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0]
            .1
            .contains("paused by spec.maintenance.paused; would restart node 1")
    );
    case.policy.window = Window::Closed { opens: None };
    let told = holds(&look(&case));
    assert_eq!(told.len(), 1, "the window is in what the pause says: {told:?}");
    assert!(told[0].1.contains("waits for a maintenance window"), "{told:?}");
}

#[test]
fn partitions_without_a_replica_to_spare_hold_their_brokers() {
    let mut case = Case::new();
    case.kafka().partitions = vec![partition(3, &[101], 1)];
    case.want(&[100, 101, 102], "2");
    let foreseen = look(&case);
    assert_eq!(order(&foreseen), [[100], [102], [101]]);
    let told = holds(&foreseen);
    assert!(told[0].1.contains("no replica to spare: orders-3"), "{told:?}");
    assert_eq!(told[0].0, 2);
}

#[test]
fn what_nothing_lets_go_is_left() {
    let mut case = Case::of(&[0, 1], &[100, 101, 102]);
    case.want(&[0], "2");
    let foreseen = look(&case);
    assert!(foreseen.steps.is_empty());
    assert_eq!(foreseen.left.iter().map(|victim| victim.node).collect::<Vec<_>>(), [0]);
    assert!(holds(&foreseen)[0].1.contains("majority 2"));
}

#[test]
fn a_dead_pod_is_repaired_and_holds_nobody() {
    let mut case = all_due();
    case.pod(102).phase = Phase::Failing {
        why: "invalid config".into(),
    };
    case.kafka().brokers.insert(102, Broker { fenced: true });
    case.out_of_sync(102);
    let foreseen = look(&case);
    assert_eq!(order(&foreseen), [[102], [1], [2], [0], [100], [101]]);
    assert_eq!(holds(&foreseen), []);
}

#[test]
fn without_an_answer_of_kafka_the_order_is_that_of_a_healthy_one() {
    let mut case = all_due();
    case.kafka = Some(unseen(&case.nodes, Some(0), case.now));
    assert_eq!(order(&look(&case)), WHOLE);
    case.kafka = None;
    let foreseen = look(&case);
    assert!(holds(&foreseen)[0].1.contains("Kafka can't be reached"));
    assert_eq!(foreseen.steps.len(), 6);
}

/// Whatever is wrong with the world, it ends, and no pod goes twice.
#[test]
fn it_always_ends() {
    for broken in 0..6 {
        let mut case = all_due();
        match broken {
            0 => case.node(101).pod = None,
            1 => case.pod(0).phase = Phase::Terminating { since: case.now },
            2 => case.node(100).refused = Some("denied".into()),
            3 => case.node(102).restart_asked = Some(second(-1)),
            4 => case.kafka().quorum.leader = None,
            _ => case.kafka().complete = false,
        }
        let foreseen = look(&case);
        let mut gone = order(&foreseen).concat();
        let count = gone.len();
        gone.sort_unstable();
        gone.dedup();
        assert_eq!(gone.len(), count, "{broken}: a pod goes twice");
        assert!(count + foreseen.left.len() >= 5, "{broken}: {:?}", holds(&foreseen));
    }
}
