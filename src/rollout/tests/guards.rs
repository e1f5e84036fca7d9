//! Each guard by the incident that asks for it: in a healthy cluster the pod would be deleted, and with one thing wrong
//! it isn't, for the reason said.

use super::*;

type Break = fn(&mut Case);

/// Incident, what's wrong, which reason is given.
const BROKER: [(&str, Break, &str); 21] = [
    ("cut off from Kafka", |case| case.kafka = None, "KafkaUnreachable"),
    ("half an answer", |case| case.kafka().complete = false, "ViewIncomplete"),
    (
        "an answer of half a minute ago",
        |case| case.kafka().taken_at = second(-31),
        "ViewStale",
    ),
    (
        "the clock went back",
        |case| case.kafka().taken_at = second(5),
        "ViewStale",
    ),
    (
        "an answer from before the last restart ended",
        |case| case.kafka().taken_at = second(-1),
        "ViewOlderThanPods",
    ),
    (
        "no active controller",
        |case| case.kafka().quorum.leader = None,
        "NoActiveController",
    ),
    ("a second pod is gone", |case| case.node(101).pod = None, "PodNotReady"),
    (
        "a second pod ends",
        |case| case.pod(101).phase = Phase::Terminating { since: second(-5) },
        "PodNotReady",
    ),
    (
        "a controller's pod is gone",
        |case| case.node(2).pod = None,
        "PodNotReady",
    ),
    (
        "a second pod starts",
        |case| case.pod(101).phase = starting(Recovery::No),
        "PodNotReady",
    ),
    (
        "another broker recovers its logs",
        |case| case.pod(101).phase = starting(RECOVERING),
        "LogRecovery",
    ),
    (
        "another pod crashed a moment ago",
        |case| {
            case.pod(101).phase = Phase::Ready {
                since: second(-20),
                restarts: 1,
            }
        },
        "PodUnstable",
    ),
    (
        "a Kubernetes node is gone",
        |case| {
            case.pod(101).phase = Phase::Lost {
                why: "NodeStatusUnknown".into(),
            }
        },
        "PodNotReady",
    ),
    (
        "another broker is fenced",
        |case| {
            case.kafka().brokers.insert(101, Broker { fenced: true });
        },
        "BrokerFenced",
    ),
    (
        "another broker isn't registered",
        |case| {
            case.kafka().brokers.remove(&101);
        },
        "BrokerUnregistered",
    ),
    ("a lagging follower", |case| case.out_of_sync(102), "ReplicasOutOfSync"),
    (
        "no replica to spare",
        |case| case.kafka().partitions[0].isr = vec![100, 101],
        "WouldBreakMinIsr",
    ),
    (
        "already under the minimum, without this one",
        |case| case.kafka().partitions[0].isr = vec![101],
        "WouldBreakMinIsr",
    ),
    (
        "a reassignment",
        |case| case.kafka().partitions[0].reassigning = true,
        "Reassigning",
    ),
    (
        "the replacement would be refused",
        |case| case.node(100).refused = Some("denied by policy".into()),
        "ReplacementRefused",
    ),
    (
        "nobody's hour",
        |case| case.policy.window = Window::Closed { opens: None },
        "WindowClosed",
    ),
];

const RECOVERING: Recovery = Recovery::Progressing { logs_left: 470 };

fn starting(recovery: Recovery) -> Phase {
    Phase::Starting {
        since: second(-4000),
        recovery,
    }
}

#[test]
fn a_broker_waits() {
    for (incident, wrong, expected) in BROKER {
        let mut case = Case::new();
        case.want(&[100], "2");
        assert_eq!(restarted(&case.plan().0), [100], "{incident}: a healthy cluster first");
        wrong(&mut case);
        let decision = case.plan().0;
        assert!(held(&decision).contains(&expected), "{incident}: {decision}");
    }
}

#[test]
fn a_controller_waits_for_a_majority_without_it() {
    for (incident, lagging, expected) in [
        ("all caught up", &[][..], Ok(1)),
        ("another one lags", &[2][..], Err("WouldBreakMajority")),
        ("only itself lags", &[1][..], Ok(1)),
    ] {
        let mut case = Case::new();
        case.want(&[1], "2");
        for voter in &mut case.kafka().quorum.voters {
            voter.caught_up = !lagging.contains(&voter.id);
        }
        let decision = case.plan().0;
        match expected {
            Ok(node) => assert_eq!(restarted(&decision), [node], "{incident}: {decision}"),
            Err(reason) => assert_eq!(held(&decision), [reason], "{incident}"),
        }
    }
}

#[test]
fn the_only_controller_restarts_with_a_warning() {
    let mut case = Case::of(&[0], &[100, 101, 102]);
    case.want(&[0], "2");
    let Decision::Restart(restart) = case.plan().0 else {
        panic!("held")
    };
    assert_eq!(restart.warnings, [Reason::SingleController { node: 0 }]);
}

#[test]
fn a_node_of_both_roles_obeys_both() {
    let mut case = Case::new();
    case.node(2).roles.broker = true;
    case.kafka().brokers.insert(2, Broker { fenced: false });
    case.kafka().partitions = vec![partition(0, &[2, 100, 101], 2)];
    case.want(&[2], "2");
    assert_eq!(restarted(&case.plan().0), [2]);
    case.kafka().quorum.voters[1].caught_up = false;
    assert_eq!(held(&case.plan().0), ["WouldBreakMajority"]);
    case.kafka().quorum.voters[1].caught_up = true;
    case.kafka().partitions[0].isr = vec![2, 100];
    assert!(held(&case.plan().0).contains(&"WouldBreakMinIsr"));
}

#[test]
fn a_topic_that_can_never_be_spared_is_named_and_follows_the_policy() {
    for (replicas, min) in [(&[100][..], 2), (&[100][..], 1), (&[100, 101][..], 2)] {
        let mut case = Case::new();
        case.want(&[100, 101, 102], "2");
        case.kafka().partitions.push(partition(9, replicas, min));
        case.node(101).wants = software("1");
        assert_eq!(restarted(&case.plan().0), [102], "others needn't wait");
        case.node(102).wants = software("1");
        let decision = case.plan().0;
        assert_eq!(held(&decision), ["SingleReplica"]);
        assert!(decision.to_string().contains("orders-9"), "{decision}");

        case.policy.single_replica = SingleReplica::Restart;
        let Decision::Restart(restart) = case.plan().0 else {
            panic!("held")
        };
        assert_eq!(
            restart.warnings.iter().map(Reason::name).collect::<Vec<_>>(),
            ["PartitionsUnavailable"]
        );
        if replicas.len() > 1 {
            case.kafka().partitions[1].isr = vec![100];
            case.kafka().partitions[1].elr = vec![101];
            assert!(
                held(&case.plan().0).contains(&"SingleReplica"),
                "not all replicas are in sync"
            );
        }
    }
}

#[test]
fn the_last_replica_that_may_lead_stays() {
    let mut case = Case::new();
    case.want(&[100], "2");
    case.kafka().partitions[0].isr = Vec::new();
    case.kafka().partitions[0].elr = vec![100];
    assert!(held(&case.plan().0).contains(&"LastEligibleReplica"));
}

#[test]
fn the_reason_names_the_partition_and_what_would_be_left() {
    let mut case = Case::new();
    case.want(&[102], "2");
    case.kafka().partitions = (0..40).map(|number| partition(number, &[100, 101, 102], 2)).collect();
    case.out_of_sync(100);
    let (decision, state) = case.plan();
    let text = decision.to_string();
    assert!(
        text.contains("restarting broker 102 would leave orders-0 with 1 in-sync replica (minimum 2), orders-1"),
        "{text}"
    );
    assert!(text.contains("and 30 more"), "{text}");
    assert_eq!(state.status().unwrap().blocked_by.len(), 2);
}

#[test]
fn a_broker_in_log_recovery_is_never_replaced_while_it_progresses() {
    for (recovery, asked, expected) in [
        (RECOVERING, None, Err("LogRecovery")),
        (RECOVERING, Some(second(-10)), Err("LogRecovery")),
        (Recovery::Unknown, None, Err("LogRecoveryUnknown")),
        (Recovery::Unknown, Some(second(-10)), Ok(100)),
        (Recovery::No, None, Ok(100)),
    ] {
        let mut case = Case::new();
        case.want(&[100], "2");
        case.pod(100).phase = starting(recovery);
        case.node(100).restart_asked = asked;
        case.out_of_sync(100);
        case.kafka().brokers.insert(100, Broker { fenced: true });
        let decision = case.plan().0;
        match expected {
            Ok(node) => assert_eq!(restarted(&decision), [node], "{recovery:?}: {decision}"),
            Err(reason) => assert!(held(&decision).contains(&reason), "{recovery:?}: {decision}"),
        }
    }
}

#[test]
fn brokers_of_one_rack_go_together_up_to_the_limit_once_one_is_proven() {
    let brokers = [100, 101, 102, 103, 104, 105, 106, 107, 108];
    let mut case = Case::of(&[0, 1, 2], &brokers);
    case.policy.max_unavailable = 3;
    case.kafka().partitions = vec![partition(0, &[100, 101, 102], 2), partition(1, &[104, 105, 106], 2)];
    case.want(&brokers, "2");
    assert_eq!(case.restarted(), [100], "the canary alone");
    case.come_back(100);
    assert_eq!(case.restarted(), [101, 104, 107], "one rack, three at most");
    for id in [101, 104, 107] {
        case.come_back(id);
    }
    case.policy.max_unavailable = 2;
    assert_eq!(case.restarted(), [102, 105]);
    for id in [102, 105] {
        case.come_back(id);
    }
    case.node(103).rack = None;
    assert_eq!(case.restarted(), [103], "without a rack alone");
    case.come_back(103);
    case.kafka().partitions.push(partition(2, &[106, 108, 100], 2));
    assert_eq!(case.restarted(), [106], "108 is in another rack");
}

#[test]
fn a_batch_that_shares_a_partition_is_split() {
    let brokers = [100, 101, 102, 103];
    let mut case = Case::of(&[0, 1, 2], &brokers);
    case.policy.max_unavailable = 2;
    case.kafka().partitions = vec![partition(0, &[100, 103, 101], 2)];
    case.want(&brokers, "2");
    case.state.target = case.plan().1.target;
    case.state.proven.insert("brokers".into());
    assert_eq!(
        case.restarted(),
        [100],
        "100 and 103 are of one rack and hold one partition"
    );
}
