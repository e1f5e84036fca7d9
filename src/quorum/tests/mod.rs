//! The planner by tables, and in a small model of raft with faults.

mod membership;
mod raft;

use super::*;
use crate::quorum::Reason as Why;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Voter 2 with its first disk is `2a`, with its second `2b`.
pub fn voter(text: &str) -> VoterId {
    let (id, directory) = text.split_at(text.len() - 1);
    VoterId {
        id: id.parse().unwrap(),
        directory: directory.to_owned(),
    }
}

/// `2a` is caught up, `2a-` isn't.
fn replica(text: &str) -> Replica {
    let name = text.trim_end_matches('-');
    Replica {
        voter: voter(name),
        caught_up: name == text,
        lag: if name == text { 0 } else { 7 },
    }
}

/// `0a 1a 2a | 3a-`: voters, the first one leads, then observers.
fn seen(text: &str) -> Seen {
    let (voters, observers) = text.split_once('|').unwrap_or((text, ""));
    let replicas = |text: &str| text.split_whitespace().map(replica).collect::<Vec<_>>();
    let voters = replicas(voters);
    Seen {
        at: at(100),
        leader: voters[0].voter.id,
        epoch: 3,
        high_watermark: Some(50),
        log_end: 50,
        dynamic: true,
        voters,
        observers: replicas(observers),
    }
}

struct Case {
    wanted: BTreeSet<i32>,
    seen: Option<Seen>,
    before: Option<Seen>,
    attempt: Option<Attempt>,
}

fn case(wanted: &[i32], quorum: &str) -> Case {
    let seen = seen(quorum);
    let before = Seen {
        at: at(90),
        ..seen.clone()
    };
    Case {
        wanted: wanted.iter().copied().collect(),
        seen: Some(seen),
        before: Some(before),
        attempt: None,
    }
}

impl Case {
    fn step(&self) -> Step {
        plan(&World {
            now: at(101),
            wanted: &self.wanted,
            seen: self.seen.as_ref(),
            before: self.before.as_ref(),
            attempt: self.attempt.as_ref(),
        })
    }
}

fn add(name: &str) -> Step {
    Step::Add(voter(name))
}

fn remove(name: &str, lost: bool) -> Step {
    Step::Remove {
        voter: voter(name),
        lost,
    }
}

fn hold(why: Why) -> Step {
    Step::Hold(vec![why])
}

#[test]
fn one_step_after_the_other() {
    let majority = |id, caught_up, voters| Why::Majority { id, caught_up, voters };
    for (wanted, quorum, expected) in [
        (&[0, 1, 2][..], "0a 1a 2a", Step::Settled),
        // A voter that is down for a while is no reason to change anything.
        (&[0, 1, 2], "0a 1a 2a-", Step::Settled),
        (
            &[0, 1, 2, 3, 4],
            "0a 1a 2a",
            Step::Hold(vec![Why::Missing { id: 3 }, Why::Missing { id: 4 }]),
        ),
        (&[0, 1, 2, 3, 4], "0a 1a 2a | 3a- 4a", add("4a")),
        (
            &[0, 1, 2, 3, 4],
            "0a 1a 2a 4a | 3a-",
            hold(Why::CatchingUp { id: 3, lag: 7 }),
        ),
        (&[0, 1, 2, 3, 4], "0a 1a 2a- | 3a", add("3a")),
        (&[0, 1, 2, 3, 4], "0a 1a 2a- 3a- | 4a", add("4a")),
        (&[0, 1, 2, 3], "0a 1a- 2a- | 3a", hold(majority(3, 2, 4))),
        // Nobody goes before everybody has come.
        (&[3, 4, 5], "0a 1a 2a | 3a 4a 5a-", add("3a")),
        (
            &[3, 4, 5],
            "0a 1a 2a 3a 4a | 5a-",
            hold(Why::CatchingUp { id: 5, lag: 7 }),
        ),
        (&[3, 4, 5], "0a 1a 2a 3a 4a 5a", remove("1a", false)),
        (&[3, 4, 5], "0a 3a 4a 5a", remove("0a", false)),
        (&[0, 1, 2], "0a 1a 2a 3a- 4a", remove("3a", false)),
        (&[0, 1, 2], "0a 1a 2a- 3a 4a", hold(Why::Behind { id: 2 })),
        (&[0, 1, 2], "0a 1a- 2a- 3a-", hold(majority(3, 1, 3))),
        (&[0], "0a 1a", remove("1a", false)),
        (&[1], "0a 1a", Step::Resign(voter("0a"))),
        // A lost disk: the former voter goes once its node has everything again.
        (&[0, 1, 2], "0a 1a 2a- | 2b-", hold(Why::CatchingUp { id: 2, lag: 7 })),
        (&[0, 1, 2], "0a 1a 2a- | 2b", remove("2a", true)),
        (&[0, 1, 2], "0a 1a- 2a- | 2b", hold(majority(2, 1, 2))),
        (&[0, 1, 2], "0a 1a | 2b", add("2b")),
        (&[0, 1, 2, 3], "0a 1a 2a- | 2b 3a", remove("2a", true)),
        // Kafka still lists the observer that the voter was, or a disk that is gone.
        (&[0, 1, 2], "0a 1a 2b | 2a-", Step::Settled),
        (&[0, 1, 2], "0a 1a | 2a- 2b", add("2b")),
    ] {
        assert_eq!(case(wanted, quorum).step(), expected, "{wanted:?} {quorum}");
    }
}

#[test]
fn nothing_is_changed_while_a_change_may_be_open() {
    let change = || case(&[0, 1, 2, 3], "0a 1a 2a | 3a");
    assert_eq!(change().step(), add("3a"));
    let with = |edit: fn(&mut Case)| {
        let mut case = change();
        edit(&mut case);
        case.step()
    };
    assert_eq!(with(|case| case.seen = None), hold(Why::NoLeader));
    assert_eq!(with(|case| case.before = None), hold(Why::Unsettled));
    assert_eq!(
        with(|case| case.seen.as_mut().unwrap().dynamic = false),
        hold(Why::Static)
    );
    assert_eq!(
        with(|case| case.before.as_mut().unwrap().epoch = 2),
        hold(Why::Unsettled)
    );
    assert_eq!(
        with(|case| case.before.as_mut().unwrap().leader = 1),
        hold(Why::Unsettled)
    );
    assert_eq!(
        with(|case| case.before.as_mut().unwrap().log_end = 51),
        hold(Why::Unsettled)
    );
    assert_eq!(
        with(|case| case.before.as_mut().unwrap().at = at(100)),
        hold(Why::Unsettled)
    );
    assert_eq!(
        with(|case| drop(case.before.as_mut().unwrap().voters.pop())),
        hold(Why::Unsettled)
    );
    assert_eq!(
        with(|case| case.seen.as_mut().unwrap().high_watermark = None),
        hold(Why::Unsettled)
    );
    let tried = |case: &mut Case, second: i64| case.attempt = Some(Attempt { at: at(second) });
    let mut late = change();
    tried(&mut late, 95);
    assert_eq!(late.step(), hold(Why::Pending { seconds: 15 }));
    // Its time is over, but the earlier look was taken before that.
    tried(&mut late, 80);
    assert_eq!(late.step(), hold(Why::Unsettled));
    tried(&mut late, 70);
    assert_eq!(late.step(), add("3a"));
}

#[test]
fn waiting_has_words() {
    let step = case(&[0, 1, 2, 3], "0a 1a 2a | 3a-").step();
    assert_eq!(
        step.to_string(),
        "wait: controller 3 lacks 7 records of the metadata log"
    );
    assert_eq!(
        remove("2a", true).to_string(),
        "take the vote from controller 2 (directory a), whose disk is gone"
    );
    assert!(SETTLES_AFTER > SignedDuration::from_secs(10));
}
