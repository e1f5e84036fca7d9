//! How credentials change while clients run: at every moment what the Secret holds works, and so does what it held before, for as
//! long as the overlap lasts.
//!
//! | phase | Secret | Kafka, of a password | Kafka, of a certificate | ends when |
//! |---|---|---|---|---|
//! | Steady | current | current by its mechanism, and by the other once there was a change | its name has the rights | a new one is asked for |
//! | Preparing | current | current by its mechanism, next by the other | and so has the next name | Kafka has it, for 5 s |
//! | Overlapping | next, by the other mechanism | the same | both names have the rights | the overlap is over |
//! | Ending | the same | new by both mechanisms | the old name has none | Kafka has it |
//!
//! Kafka holds one password per user and mechanism (KIP-554), so the second password is that of the other mechanism:
//! SCRAM-SHA-512 for the first password, SCRAM-SHA-256 for the second, and so on in turn. Each phase is written to the Secret
//! before Kafka is changed for it: whoever goes on after a crash finds it there.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long all brokers have for what one of them shows. They read the same log; one that's further behind is fenced
/// (`broker.session.timeout.ms`, 9 s) or about to be.
pub const SPREAD: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    #[default]
    Steady,
    Preparing,
    Overlapping,
    Ending,
}

/// Where a user's credentials stand, as it's stored with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// The request that was carried out last, or is being.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    pub phase: Phase,
    pub since: jiff::Timestamp,
    /// Of the credentials in the Secret: the first are 1.
    pub generation: u32,
}

/// What the next step depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// `spec.authentication.rotation.request`.
    pub request: Option<&'a str>,
    /// The Secret with the user's own password holds another one.
    pub other_password: bool,
    /// Kafka has all that the phase asks for.
    pub in_place: bool,
    pub overlap: Duration,
    pub now: jiff::Timestamp,
}

impl Rotation {
    /// Credentials that have never been changed.
    pub fn first(request: Option<&str>, now: jiff::Timestamp) -> Self {
        Self {
            request: request.map(str::to_owned),
            phase: Phase::Steady,
            since: now,
            generation: 1,
        }
    }

    /// The next phase, if it has come.
    pub fn next(&self, facts: &Facts<'_>) -> Option<Self> {
        let asked = facts.request.is_some() && facts.request != self.request.as_deref();
        let later = |phase| {
            Some(Self {
                phase,
                since: facts.now,
                ..self.clone()
            })
        };
        match self.phase {
            Phase::Steady if asked || facts.other_password => Some(Self {
                request: facts.request.map(str::to_owned).or_else(|| self.request.clone()),
                ..later(Phase::Preparing)?
            }),
            Phase::Preparing if facts.in_place && self.is_over(SPREAD, facts.now) => Some(Self {
                generation: self.generation.saturating_add(1),
                ..later(Phase::Overlapping)?
            }),
            Phase::Overlapping if self.is_over(facts.overlap, facts.now) => later(Phase::Ending),
            Phase::Ending if facts.in_place => later(Phase::Steady),
            _ => None,
        }
    }

    fn is_over(&self, length: Duration, now: jiff::Timestamp) -> bool {
        self.left(length, now).is_zero()
    }

    /// What's left of the phase's time; zero where time doesn't end it.
    pub fn wait(&self, overlap: Duration, now: jiff::Timestamp) -> Duration {
        match self.phase {
            Phase::Steady | Phase::Ending => Duration::ZERO,
            Phase::Preparing => self.left(SPREAD, now),
            Phase::Overlapping => self.left(overlap, now),
        }
    }

    fn left(&self, length: Duration, now: jiff::Timestamp) -> Duration {
        let passed = Duration::try_from(now.duration_since(self.since)).unwrap_or_default();
        length.saturating_sub(passed)
    }

    /// The Secret names the second mechanism, SCRAM-SHA-256.
    pub const fn uses_second_mechanism(&self) -> bool {
        self.generation.is_multiple_of(2)
    }

    /// Generations whose names shall have the user's rights, and those whose names shall have none.
    pub fn generations(&self) -> (Vec<u32>, Vec<u32>) {
        let (current, before) = (self.generation, self.generation.saturating_sub(1));
        match self.phase {
            Phase::Preparing => (vec![current, current.saturating_add(1)], Vec::new()),
            Phase::Overlapping => (vec![before, current], Vec::new()),
            Phase::Ending => (vec![current], vec![before]),
            Phase::Steady => (vec![current], Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(second).unwrap()
    }

    fn facts(request: Option<&str>, now: i64) -> Facts<'_> {
        Facts {
            request,
            other_password: false,
            in_place: true,
            overlap: Duration::from_mins(1),
            now: at(now),
        }
    }

    #[test]
    fn one_change_from_its_request_to_its_end() {
        let mut rotation = Rotation::first(None, at(0));
        let mut seen = Vec::new();
        for now in 0..300 {
            if let Some(next) = rotation.next(&facts(Some("1"), now)) {
                rotation = next;
                seen.push((now, rotation.phase, rotation.uses_second_mechanism()));
            }
        }
        assert_eq!((rotation.generation, rotation.request.as_deref()), (2, Some("1")));
        let expected = [
            (0, Phase::Preparing, false),
            (5, Phase::Overlapping, true),
            (65, Phase::Ending, true),
            (66, Phase::Steady, true),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn nothing_is_asked_for_by_silence_or_by_the_same_request_again() {
        let rotation = Rotation::first(Some("1"), at(0));
        for request in [None, Some("1")] {
            assert_eq!(rotation.next(&facts(request, 1_000)), None);
        }
        let other = Facts {
            other_password: true,
            ..facts(None, 1)
        };
        let next = rotation.next(&other).unwrap();
        assert_eq!((next.phase, next.request.as_deref()), (Phase::Preparing, Some("1")));
    }

    proptest! {
        /// Whatever comes when, the Secret never holds what Kafka wasn't seen to have, and an old credential never ends before
        /// its overlap.
        #[test]
        fn no_phase_comes_early(steps in prop::collection::vec((any::<bool>(), 0_i64..100, any::<bool>()), 1..60)) {
            let (mut rotation, mut now) = (Rotation::first(None, at(0)), 0);
            for (count, (in_place, passes, asks)) in steps.into_iter().enumerate() {
                now += passes;
                let request = format!("{count}");
                let facts = Facts { in_place, ..facts(asks.then_some(request.as_str()), now) };
                let Some(next) = rotation.next(&facts) else { continue };
                let lasted = now - rotation.since.as_second();
                match (rotation.phase, next.phase) {
                    (Phase::Steady, Phase::Preparing) => prop_assert!(asks),
                    (Phase::Preparing, Phase::Overlapping) => {
                        prop_assert!(in_place && lasted >= 5);
                        prop_assert_eq!(next.generation, rotation.generation + 1);
                    }
                    (Phase::Overlapping, Phase::Ending) => prop_assert!(lasted >= 60),
                    (Phase::Ending, Phase::Steady) => prop_assert!(in_place),
                    other => prop_assert!(false, "{:?}", other),
                }
                rotation = next;
            }
        }
    }
}
