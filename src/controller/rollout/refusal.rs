//! A restart that was decided and that Kubernetes doesn't let happen: a budget or a policy says no. How often it's asked again.
//! Pure.
//!
//! At first soon, since a budget that has just been opened is still being counted; then seldom, since somebody means it. While it
//! rests nothing is asked and nothing written: each attempt records its intent anew.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Asked soon for this long.
const SOON_FOR: SignedDuration = SignedDuration::from_secs(10);
/// Once in this time: the disruption controller takes about as long to count.
const SOON: SignedDuration = SignedDuration::from_millis(500);
/// Afterwards.
const SELDOM: SignedDuration = SignedDuration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    decision: String,
    words: String,
    since: Timestamp,
    asked: Timestamp,
}

impl Refusal {
    /// The refusal of a decision; `former`: the last one of the same.
    pub fn new(former: Option<&Self>, (decision, words): (String, String), now: Timestamp) -> Self {
        let since = former.map_or(now, |former| former.since);
        Self {
            decision,
            words,
            since,
            asked: now,
        }
    }

    /// It's about this decision.
    pub fn is_of(&self, decision: &str) -> bool {
        self.decision == decision
    }

    /// For `status.rollout.blockedBy`.
    pub fn why(&self) -> String {
        format!("{}: {}", self.decision, self.words)
    }

    /// How long nothing is asked; `None`: it's time to, as well when the clock was set back since.
    pub fn rests(&self, now: Timestamp) -> Option<Duration> {
        if now < self.asked {
            return None;
        }
        let is_new = self.asked.duration_since(self.since) < SOON_FOR;
        let left = if is_new { SOON } else { SELDOM } - now.duration_since(self.asked);
        Duration::try_from(left).ok().filter(|left| !left.is_zero())
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "wait: {}", self.why())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn it_is_asked_soon_at_first_and_seldom_afterwards() {
        let said = || ("restart node 1".to_owned(), "frozen".to_owned());
        let mut refusal = Refusal::new(None, said(), at(100));
        assert_eq!(refusal.to_string(), "wait: restart node 1: frozen");
        for second in [101, 105, 109] {
            assert_eq!(
                refusal.rests(refusal.asked),
                Some(Duration::from_millis(500)),
                "{second}"
            );
            assert_eq!(refusal.rests(at(second)), None, "{second}");
            refusal = Refusal::new(Some(&refusal), said(), at(second));
        }
        refusal = Refusal::new(Some(&refusal), said(), at(110));
        let rest = |refusal: &Refusal, second| refusal.rests(at(second)).map(|rest| rest.as_secs());
        assert_eq!(
            [110, 115, 119].map(|second| rest(&refusal, second)),
            [Some(10), Some(5), Some(1)]
        );
        assert_eq!([120, 500, 50].map(|second| rest(&refusal, second)), [None, None, None]);
        refusal = Refusal::new(Some(&refusal), said(), at(120));
        assert_eq!(rest(&refusal, 121), Some(9));
        assert!(refusal.is_of("restart node 1") && !refusal.is_of("restart node 2"));
    }
}
