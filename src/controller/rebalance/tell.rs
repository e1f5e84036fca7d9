//! `status.rebalance`: how far it is, what's left, what it waits for. Pure.

use super::Step;
use super::ask::Asked;
use crate::api::{RebalanceGoal, RebalancePhase, RebalanceStatus};
use crate::rebalance::{Sample, Work, progress};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Most reasons in a status, and the length of one.
const NAMED: usize = 10;
const LONGEST: usize = 300;

/// What is written before anything is touched.
pub fn begun(asked: &Asked, last: Option<&RebalanceStatus>, now: Timestamp) -> RebalanceStatus {
    let open = last.filter(|last| last.phase != RebalancePhase::Finished);
    let former = open.into_iter().flat_map(|last| last.leaving.iter().copied());
    let mut leaving: Vec<i32> = former.chain(asked.leaving.iter().copied()).collect();
    leaving.sort_unstable();
    leaving.dedup();
    RebalanceStatus {
        phase: RebalancePhase::Starting,
        goal: asked.goal.unwrap_or_default(),
        since: text(now),
        answered: last.and_then(|last| last.answered.clone()),
        leaving,
        ..RebalanceStatus::default()
    }
}

/// What is so after a step.
pub fn stands(asked: &Asked, step: &Step, last: Option<&RebalanceStatus>, now: Timestamp) -> RebalanceStatus {
    let same = last.filter(|last| asked.goal.is_none_or(|goal| goal == last.goal));
    let since = same.map_or_else(|| text(now), |last| last.since.clone());
    let answers = step.over && asked.goal == Some(RebalanceGoal::Spread);
    let answered = asked.request.filter(|_| answers).map(|request| request.to_string());
    let counted = RebalanceStatus {
        phase: phase(step),
        goal: asked.goal.or(last.map(|last| last.goal)).unwrap_or_default(),
        since,
        finished: step.over.then(|| text(now)),
        answered: answered.or_else(|| last.and_then(|last| last.answered.clone())),
        leaving: step.leaving.iter().copied().filter(|_| !step.over).collect(),
        blocked_by: reasons(&step.blocked),
        ..RebalanceStatus::default()
    };
    count(counted, step, same, now)
}

/// With the numbers: how much there was, what is left, and when it will be over.
fn count(mut status: RebalanceStatus, step: &Step, same: Option<&RebalanceStatus>, now: Timestamp) -> RebalanceStatus {
    let work = |replicas: i64, bytes: i64| Work {
        replicas: unsigned(replicas),
        bytes: unsigned(bytes),
    };
    let total = same.map_or_else(Work::default, |last| work(last.replicas_total, last.bytes_total));
    let known = same.map_or_else(Work::default, |last| work(last.replicas_left, last.bytes_left));
    let left = step.left.unwrap_or(known);
    let elapsed = status.since.parse().map(|since: Timestamp| now.duration_since(since));
    let moved = progress(total, left, &[]).moved.bytes;
    let samples = [
        sample(Duration::ZERO, 0),
        sample(elapsed.unwrap_or_default().unsigned_abs(), moved),
    ];
    let told = progress(total, left, &samples);
    status.percent = match (step.over, told.total == Work::default()) {
        (true, _) => 100,
        (false, true) => 0,
        (false, false) => i32::from(told.percent).min(99),
    };
    status.replicas_total = signed(told.total.replicas);
    status.replicas_left = signed(left.replicas);
    status.bytes_total = signed(told.total.bytes);
    status.bytes_left = signed(left.bytes);
    let foreseen = told.remaining_time.filter(|_| step.moving && !step.over);
    status.expected = foreseen.and_then(|remaining| expected(now, remaining));
    status
}

fn phase(step: &Step) -> RebalancePhase {
    match (step.over, step.moving, step.blocked.is_empty()) {
        (true, _, _) => RebalancePhase::Finished,
        (_, false, false) => RebalancePhase::Waiting,
        _ => RebalancePhase::Moving,
    }
}

/// An error with its causes, for people.
pub fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

fn reasons(all: &[String]) -> Vec<String> {
    let short = |text: &String| text.chars().take(LONGEST).collect();
    let mut told: Vec<String> = all.iter().take(NAMED).map(short).collect();
    if all.len() > NAMED {
        told.push(format!("and {} more", all.len() - NAMED));
    }
    told
}

fn sample(at: Duration, moved_bytes: u64) -> Sample {
    Sample { at, moved_bytes }
}

/// To the minute: it's an estimate, and each change is a write.
fn expected(now: Timestamp, remaining: Duration) -> Option<String> {
    let end = now.checked_add(SignedDuration::try_from(remaining).ok()?).ok()?;
    Some(end.strftime("%Y-%m-%dT%H:%M:00Z").to_string())
}

fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn asked(request: i64) -> Asked {
        Asked {
            goal: Some(RebalanceGoal::Spread),
            leaving: BTreeSet::new(),
            request: Some(at(request)),
        }
    }

    fn step(replicas: u64, bytes: u64) -> Step {
        Step {
            left: Some(Work { replicas, bytes }),
            moving: bytes > 0,
            over: bytes == 0,
            ..Step::default()
        }
    }

    #[test]
    fn a_status_tells_from_the_beginning_to_the_end() {
        let begun = begun(&asked(5), None, at(10));
        assert_eq!(
            (begun.phase, begun.answered.as_deref()),
            (RebalancePhase::Starting, None)
        );
        let first = stands(&asked(5), &step(4, 400), Some(&begun), at(12));
        assert_eq!(
            (first.percent, first.bytes_total, first.expected.clone()),
            (0, 400, None)
        );
        let half = stands(&asked(5), &step(2, 200), Some(&first), at(130));
        assert_eq!(
            (half.percent, half.bytes_left, half.since.as_str()),
            (50, 200, "1970-01-01T00:00:10Z")
        );
        assert_eq!(half.expected.as_deref(), Some("1970-01-01T00:04:00Z"));
        let over = stands(&asked(5), &step(0, 0), Some(&half), at(200));
        assert_eq!((over.phase, over.percent), (RebalancePhase::Finished, 100));
        assert_eq!(over.answered.as_deref(), Some("1970-01-01T00:00:05Z"));
        assert_eq!(over.bytes_total, 400, "what was moved stays to be seen");
    }

    #[test]
    fn reasons_are_bounded() {
        let blocked: Vec<String> = (0..30).map(|number| format!("{number}{}", "x".repeat(1_000))).collect();
        let blocked = Step {
            blocked,
            ..Step::default()
        };
        let status = stands(&asked(5), &blocked, None, at(10));
        assert_eq!((status.phase, status.blocked_by.len()), (RebalancePhase::Waiting, 11));
        assert_eq!(status.percent, 0, "nothing is known yet");
        assert!(status.blocked_by.iter().all(|reason| reason.len() <= 300));
    }
}
