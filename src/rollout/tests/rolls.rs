//! Whole rolls: order, canary, halt and recovery, windows, pauses, requests, resuming after a crash.

use super::*;

/// Rolls until nothing is left; the order in which pods went.
fn roll(case: &mut Case) -> Vec<Vec<i32>> {
    let mut order = Vec::new();
    for _ in 0..100 {
        match case.step() {
            Decision::Restart(restart) => {
                let ids: Vec<i32> = restart.victims.iter().map(|victim| victim.node).collect();
                for id in &ids {
                    case.come_back(*id);
                }
                order.push(ids);
            }
            Decision::Settled => return order,
            Decision::ElectPreferredLeaders { .. } => {}
            other => panic!("after {order:?}: {other}"),
        }
    }
    panic!("never ends: {order:?}");
}

#[test]
fn controllers_go_first_the_active_one_last_of_them_then_brokers() {
    let mut case = Case::new();
    case.want(&[0, 1, 2, 100, 101, 102], "2");
    assert_eq!(roll(&mut case), [[1], [2], [0], [100], [101], [102]]);
    assert_eq!(case.state, State::default(), "nothing to remember");
}

#[test]
fn a_new_version_reaches_no_broker_before_all_controllers_have_it() {
    let mut case = Case::new();
    for node in &mut case.nodes {
        node.wants.image = "kafka:2".into();
    }
    case.policy.window = Window::Closed { opens: None };
    case.node(100).urgent = true;
    assert_eq!(held(&case.plan().0), ["ControllersFirst"]);
    case.policy.window = Window::Always;
    assert_eq!(roll(&mut case).concat(), [1, 2, 0, 100, 101, 102]);
}

#[test]
fn what_lags_and_is_due_goes_first() {
    let mut case = Case::new();
    case.want(&[100, 101, 102], "2");
    case.out_of_sync(102);
    case.kafka().partitions[0].replicas = vec![100, 101, 102, 103];
    assert_eq!(case.restarted(), [102]);
}

#[test]
fn a_bad_revision_stops_after_the_first_pod_and_reverting_the_spec_recovers() {
    let mut case = Case::new();
    case.want(&[100, 101, 102], "bad");
    assert_eq!(case.restarted(), [100]);
    case.come_back(100);
    case.pod(100).phase = Phase::Failing {
        why: "kafka ended with 1: invalid config".into(),
    };
    case.out_of_sync(100);
    for _ in 0..500 {
        case.later(60);
        let decision = case.step();
        assert_eq!(
            decision.to_string(),
            "halted: canary node 100 doesn't come back: kafka ended with 1: invalid config"
        );
    }
    assert_eq!(case.state.phase, crate::api::RolloutPhase::Halted);
    case.want(&[100, 101, 102], "1");
    case.kafka = None;
    let Decision::Restart(restart) = case.step() else {
        panic!("not repaired")
    };
    assert_eq!((restart.victims[0].node, restart.repair), (100, true));
    case.kafka = Case::new().kafka;
    case.come_back(100);
    assert_eq!(case.step(), Decision::Settled);
}

#[test]
fn a_fix_instead_of_a_revert_repairs_the_canary_and_goes_on() {
    let mut case = Case::new();
    case.want(&[100, 101, 102], "bad");
    assert_eq!(case.restarted(), [100]);
    case.come_back(100);
    case.pod(100).phase = Phase::Failing {
        why: "OOMKilled".into(),
    };
    assert!(matches!(
        case.step(),
        Decision::Halted {
            node: 100,
            canary: true,
            ..
        }
    ));
    case.want(&[100, 101, 102], "good");
    assert_eq!(roll(&mut case).concat(), [100, 101, 102]);
}

#[test]
fn a_pod_that_is_never_created_or_starts_for_long_halts_and_recovery_of_logs_does_not() {
    for (phase, halts) in [
        (None, true),
        (
            Some(Phase::Starting {
                since: second(0),
                recovery: Recovery::No,
            }),
            true,
        ),
        (
            Some(Phase::Starting {
                since: second(0),
                recovery: Recovery::Progressing { logs_left: 9 },
            }),
            false,
        ),
    ] {
        let mut case = Case::new();
        case.want(&[100, 101], "2");
        assert_eq!(case.restarted(), [100]);
        case.come_back(100);
        match phase.clone() {
            None => case.node(100).pod = None,
            Some(phase) => case.pod(100).phase = phase,
        }
        assert!(matches!(case.step(), Decision::Hold { .. }), "not yet");
        case.later(3600);
        assert_eq!(matches!(case.step(), Decision::Halted { .. }), halts, "{phase:?}");
    }
}

#[test]
fn the_first_of_its_kind_is_watched_when_the_policy_says_so() {
    let mut case = Case::new();
    case.policy.canary_soak = SignedDuration::from_secs(30);
    case.want(&[100, 101], "2");
    assert_eq!(case.restarted(), [100]);
    case.come_back(100);
    assert_eq!(held(&case.step()), ["CanarySoaking"]);
    case.later(30);
    assert_eq!(case.restarted(), [101]);
}

#[test]
fn the_next_waits_until_the_last_is_unfenced_in_sync_or_a_caught_up_voter() {
    type Wrong = (i32, fn(&mut Case), &'static str);
    let wrong: [Wrong; 5] = [
        (100, |case| case.out_of_sync(100), "ReplicasOutOfSync"),
        (
            100,
            |case| {
                case.kafka().brokers.insert(100, Broker { fenced: true });
            },
            "BrokerFenced",
        ),
        (100, |case| case.kafka().taken_at = second(0), "ViewOlderThanPods"),
        (
            1,
            |case| case.kafka().quorum.voters[1].caught_up = false,
            "ControllerNotCaughtUp",
        ),
        (
            1,
            |case| {
                case.kafka().quorum.voters.remove(1);
            },
            "ControllerNotCaughtUp",
        ),
    ];
    for (first, wrong, expected) in wrong {
        let mut case = Case::new();
        case.kafka().partitions[0].min_isr = 1;
        let pool = if first == 1 { [1, 2] } else { [100, 101] };
        case.want(&pool, "2");
        assert_eq!(case.restarted(), [first]);
        case.come_back(first);
        wrong(&mut case);
        assert_eq!(held(&case.step()), [expected]);
    }
}

#[test]
fn work_that_is_not_urgent_waits_for_a_window_and_a_batch_that_began_ends() {
    let mut case = Case::new();
    case.want(&[100, 101], "2");
    assert_eq!(case.restarted(), [100]);
    case.policy.window = Window::Closed {
        opens: Some(second(900)),
    };
    assert_eq!(
        case.restarted(),
        [100],
        "the pod that was chosen inside the window lives still"
    );
    case.come_back(100);
    assert_eq!(held(&case.step()), ["WindowClosed"]);
    case.node(101).urgent = true;
    assert_eq!(case.restarted(), [101], "urgent");
}

#[test]
fn a_pause_holds_everything_and_says_what_would_happen() {
    let mut case = Case::new();
    case.want(&[100], "2");
    case.pod(100).phase = Phase::Failing { why: "x".into() };
    case.policy.paused = true;
    let decision = case.step();
    assert_eq!(held(&decision), ["Paused"]);
    assert!(
        decision
            .to_string()
            .contains("would replace node 100, the first one: ConfigChanged"),
        "{decision}"
    );
    assert_eq!(case.state.batch, None);
    case.want(&[100], "1");
    case.pod(100).phase = ready();
    assert_eq!(case.step(), Decision::Settled);
}

#[test]
fn a_request_restarts_each_pod_once_whatever_the_clocks_say() {
    let mut case = Case::new();
    for id in [100, 101] {
        case.node(id).restart_asked = Some(second(-60));
    }
    assert_eq!(roll(&mut case).concat(), [100, 101]);

    let mut case = Case::new();
    case.node(100).restart_asked = Some(second(-60));
    assert_eq!(case.restarted(), [100]);
    case.come_back(100);
    case.pod(100).created = second(-3600);
    assert_eq!(case.step(), Decision::Settled, "made by a clock that is an hour late");
    case.later(100);
    assert_eq!(case.step(), Decision::Settled);
    case.node(100).restart_asked = Some(second(50));
    assert_eq!(case.restarted(), [100], "asked anew");

    let mut case = Case::new();
    case.node(100).restart_asked = Some(second(86_400));
    assert_eq!(case.step(), Decision::Settled, "a date in the future");
}

#[test]
fn a_pod_that_runs_what_is_wanted_is_never_touched() {
    let mut case = Case::new();
    assert_eq!(case.step(), Decision::Settled);
    case.pod(100).phase = Phase::Failing { why: "disk".into() };
    assert_eq!(
        held(&{
            case.want(&[101], "2");
            case.step()
        }),
        ["PodNotReady"]
    );
    case.node(101).leaving = true;
    assert_eq!(case.step(), Decision::Settled, "who leaves isn't restarted");
}

#[test]
fn preferred_leaders_are_restored_once_when_all_replicas_are_in_sync() {
    let mut case = Case::new();
    case.want(&[100], "2");
    assert_eq!(case.restarted(), [100]);
    case.come_back(100);
    case.kafka().partitions[0].leader = Some(101);
    case.out_of_sync(102);
    assert_eq!(held(&case.step()), ["LeadersWaitForSync"]);
    case.kafka().partitions[0].isr.push(102);
    let elected = Decision::ElectPreferredLeaders {
        partitions: vec![("orders".into(), 7)],
    };
    assert_eq!(case.step(), elected);
    assert_eq!(case.step(), Decision::Settled, "once");
}

#[test]
fn an_intent_is_resumed_at_every_step_of_the_way() {
    let mut case = Case::new();
    case.want(&[100, 101, 102], "2");
    assert_eq!(case.restarted(), [100]);
    assert_eq!(case.restarted(), [100], "after the intent, before the delete");
    case.pod(100).phase = Phase::Terminating { since: case.now };
    case.out_of_sync(100);
    assert!(matches!(case.step(), Decision::Hold { .. }), "after the delete");
    case.node(100).pod = None;
    assert!(matches!(case.step(), Decision::Hold { .. }), "pod gone");
    case.come_back(100);
    case.pod(100).phase = Phase::Pending {
        since: case.now,
        why: String::new(),
    };
    assert!(matches!(case.step(), Decision::Hold { .. }), "pod created");
    case.pod(100).phase = ready();
    assert_eq!(held(&case.step()), ["ReplicasOutOfSync"], "ready");
    case.kafka().partitions[0].isr.push(100);
    assert_eq!(case.restarted(), [101], "in sync");
}

#[test]
fn an_intent_is_judged_again_before_it_is_carried_out() {
    let mut case = Case::new();
    case.want(&[100, 101], "2");
    assert_eq!(case.restarted(), [100]);
    case.out_of_sync(101);
    assert!(held(&case.step()).contains(&"WouldBreakMinIsr"));
    assert_eq!(case.state.batch, None);

    let mut case = Case::new();
    case.want(&[100], "2");
    assert_eq!(case.restarted(), [100]);
    case.want(&[100], "1");
    assert_eq!(case.step(), Decision::Settled, "reverted in between");
}

#[test]
fn a_batch_of_which_one_is_deleted_goes_on_with_the_other() {
    let brokers = [100, 101, 102, 103];
    let mut case = Case::of(&[0, 1, 2], &brokers);
    case.policy.max_unavailable = 2;
    case.kafka().partitions = vec![partition(0, &[100, 101, 102], 2), partition(1, &[103, 101, 102], 2)];
    case.want(&brokers, "2");
    case.state.target = case.plan().1.target;
    case.state.proven.insert("brokers".into());
    assert_eq!(case.restarted(), [100, 103]);
    case.node(100).pod = None;
    case.out_of_sync(100);
    case.kafka().brokers.insert(100, Broker { fenced: true });
    assert_eq!(case.restarted(), [103]);
    case.policy.max_unavailable = 1;
    assert!(
        held(&case.step()).contains(&"BatchTooLarge"),
        "the limit was lowered in between"
    );
    assert!(
        !held(&case.step()).contains(&"BatchTooLarge"),
        "103 has to wait for its turn"
    );
}

#[test]
fn what_changed_since_the_intent_counts() {
    let mut recovering = Case::new();
    recovering.want(&[100], "2");
    assert_eq!(recovering.restarted(), [100]);
    recovering.pod(100).phase = Phase::Starting {
        since: second(-1),
        recovery: Recovery::Progressing { logs_left: 9 },
    };
    assert!(
        held(&recovering.step()).contains(&"LogRecovery"),
        "its process ended before the pod was deleted"
    );

    let mut elected = Case::new();
    elected.want(&[1, 2], "2");
    assert_eq!(elected.restarted(), [1]);
    elected.kafka().quorum.leader = Some(1);
    assert!(
        held(&elected.step()).contains(&"ActiveControllerLast"),
        "it has become active"
    );
    assert_eq!(elected.restarted(), [2]);

    for (ids, expected) in [([100, 101], "BatchTooLarge"), ([1, 2], "OneControllerAtATime")] {
        let mut two = Case::new();
        two.policy.max_unavailable = 2;
        two.kafka().partitions.clear();
        two.want(&ids, "2");
        two.state = two.plan().1;
        two.state.batch.as_mut().unwrap().members = ids
            .map(|node| Member {
                node,
                uid: format!("old-{node}"),
            })
            .to_vec();
        assert!(held(&two.step()).contains(&expected), "two racks, or two controllers");
    }
}

#[test]
fn a_repair_that_kubernetes_would_refuse_isnt_begun_and_a_lost_node_is_left_alone() {
    let mut case = Case::new();
    case.want(&[100], "2");
    case.pod(100).phase = Phase::Failing { why: "x".into() };
    assert_eq!(case.restarted(), [100]);
    case.node(100).refused = Some("denied".into());
    for _ in 0..2 {
        let decision = case.step();
        assert!(held(&decision).contains(&"ReplacementRefused"), "{decision}");
    }
    case.state = State::default();
    assert_eq!(held(&case.step()), ["ReplacementRefused", "PodNotReady"]);
    case.node(100).refused = None;
    case.state = State::default();
    case.pod(100).phase = Phase::Lost { why: "NodeLost".into() };
    assert_eq!(held(&case.step()), ["PodNotReady"]);
}

#[test]
fn a_new_target_needs_a_new_canary() {
    let brokers = [100, 101, 102, 103];
    let mut case = Case::of(&[0, 1, 2], &brokers);
    case.policy.max_unavailable = 2;
    case.kafka().partitions.clear();
    case.want(&brokers, "2");
    for id in [100, 101] {
        assert_eq!(case.restarted(), [id]);
        case.come_back(id);
    }
    case.want(&brokers, "3");
    assert_eq!(case.restarted(), [100], "100 and 103 are of one rack");
}

#[test]
fn nodes_whose_certificates_are_over_go_together_when_nobody_can_be_asked_and_never_before() {
    let all = [0, 1, 2, 100, 101, 102];
    let mut case = Case::new();
    for id in all {
        case.node(id).ended = true;
    }
    assert_eq!(case.restarted(), [1], "Kafka answers: one after the other");
    case.state = State::default();
    case.kafka = None;
    case.node(102).ended = false;
    assert!(case.restarted().is_empty(), "one still talks");
    case.node(102).ended = true;
    case.policy.paused = true;
    assert!(case.restarted().is_empty());
    case.policy.paused = false;
    assert_eq!(case.restarted(), all);
    for id in all {
        let now = case.now;
        case.pod(id).phase = Phase::Terminating { since: now };
    }
    assert!(case.restarted().is_empty(), "once");
}
