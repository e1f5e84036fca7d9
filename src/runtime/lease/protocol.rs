//! The decisions of the lease protocol, without clock and without client.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::LeaseConfig;

/// What a candidate or leader does about the record it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Create,
    /// Another holder; its lease may end after this time.
    Wait(Duration),
    /// The record names us.
    Renew,
    TakeOver,
}

/// `observed_for` is how long the record has been seen unchanged, on the local monotonic clock.
pub(super) fn next(record: Option<&Lease>, observed_for: Duration, config: &LeaseConfig) -> Step {
    let Some(record) = record else {
        return Step::Create;
    };
    let Some(holder) = holder(record) else {
        return Step::TakeOver;
    };
    if holder == config.identity {
        return Step::Renew;
    }
    // The holder counts with its own duration: another version may use another.
    match duration(record)
        .unwrap_or(config.lease_duration)
        .checked_sub(observed_for)
    {
        Some(left) if !left.is_zero() => Step::Wait(left),
        _ => Step::TakeOver,
    }
}

pub(super) fn holder(record: &Lease) -> Option<&str> {
    let holder = record.spec.as_ref()?.holder_identity.as_deref()?;
    (!holder.is_empty()).then_some(holder)
}

fn duration(record: &Lease) -> Option<Duration> {
    let seconds = record.spec.as_ref()?.lease_duration_seconds?;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

/// The record with us as holder. Times are for people; no decision reads them.
pub(super) fn held(record: Lease, step: Step, config: &LeaseConfig, now: jiff::Timestamp) -> Lease {
    let old = record.spec.unwrap_or_default();
    let keeps = step == Step::Renew;
    let transitions = old.lease_transitions.unwrap_or(0);
    let spec = LeaseSpec {
        acquire_time: if keeps { old.acquire_time } else { Some(MicroTime(now)) },
        holder_identity: Some(config.identity.clone()),
        lease_duration_seconds: i32::try_from(config.lease_duration.as_secs()).ok(),
        lease_transitions: Some(if step == Step::TakeOver {
            transitions.saturating_add(1)
        } else {
            transitions
        }),
        renew_time: Some(MicroTime(now)),
        ..old
    };
    Lease {
        spec: Some(spec),
        ..record
    }
}

/// The record without a holder; one second, so that a client that ignores the empty holder waits no longer.
pub(super) fn released(record: Lease, now: jiff::Timestamp) -> Lease {
    let old = record.spec.unwrap_or_default();
    let spec = LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(1),
        renew_time: Some(MicroTime(now)),
        ..old
    };
    Lease {
        spec: Some(spec),
        ..record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> LeaseConfig {
        LeaseConfig::new("operators", "productionkafka", "me")
    }

    fn record(holder: Option<&str>, seconds: Option<i32>) -> Lease {
        let spec = LeaseSpec {
            holder_identity: holder.map(str::to_owned),
            lease_duration_seconds: seconds,
            // Far in the future: a decision that read it would wait for ever.
            renew_time: Some(MicroTime("2999-01-01T00:00:00Z".parse().unwrap())),
            lease_transitions: Some(7),
            preferred_holder: Some("kept".into()),
            ..LeaseSpec::default()
        };
        Lease {
            spec: Some(spec),
            ..Lease::default()
        }
    }

    #[test]
    fn the_next_step_follows_from_the_record_and_its_rest() {
        let secs = Duration::from_secs;
        let table = [
            ("no record", None, secs(0), Step::Create),
            ("no spec", Some(Lease::default()), secs(0), Step::TakeOver),
            ("no holder", Some(record(None, Some(15))), secs(0), Step::TakeOver),
            ("released", Some(record(Some(""), Some(1))), secs(0), Step::TakeOver),
            ("ours", Some(record(Some("me"), Some(15))), secs(0), Step::Renew),
            (
                "ours and old",
                Some(record(Some("me"), Some(15))),
                secs(99),
                Step::Renew,
            ),
            (
                "another, fresh",
                Some(record(Some("you"), Some(15))),
                secs(0),
                Step::Wait(secs(15)),
            ),
            (
                "another, nearly over",
                Some(record(Some("you"), Some(15))),
                secs(14),
                Step::Wait(secs(1)),
            ),
            (
                "another, exactly over",
                Some(record(Some("you"), Some(15))),
                secs(15),
                Step::TakeOver,
            ),
            (
                "another, long over",
                Some(record(Some("you"), Some(15))),
                secs(60),
                Step::TakeOver,
            ),
            (
                "its own longer duration counts",
                Some(record(Some("you"), Some(60))),
                secs(15),
                Step::Wait(secs(45)),
            ),
            (
                "without a duration ours counts",
                Some(record(Some("you"), None)),
                secs(14),
                Step::Wait(secs(1)),
            ),
            (
                "a negative duration is none",
                Some(record(Some("you"), Some(-1))),
                secs(14),
                Step::Wait(secs(1)),
            ),
        ];
        for (case, record, observed_for, expected) in table {
            assert_eq!(next(record.as_ref(), observed_for, &config()), expected, "{case}");
        }
    }

    #[test]
    fn a_take_over_counts_and_a_renewal_keeps() {
        let now: jiff::Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let taken = held(record(Some("you"), Some(60)), Step::TakeOver, &config(), now)
            .spec
            .unwrap();
        assert_eq!(taken.holder_identity.as_deref(), Some("me"));
        assert_eq!(
            (taken.lease_transitions, taken.lease_duration_seconds),
            (Some(8), Some(15))
        );
        assert_eq!(
            (
                taken.acquire_time.as_ref().map(|time| time.0),
                taken.renew_time.as_ref().map(|time| time.0)
            ),
            (Some(now), Some(now))
        );
        assert_eq!(taken.preferred_holder.as_deref(), Some("kept"));
        let later = now + jiff::SignedDuration::from_secs(2);
        let record = Lease {
            spec: Some(taken),
            ..Lease::default()
        };
        let renewed = held(record.clone(), Step::Renew, &config(), later).spec.unwrap();
        assert_eq!(renewed.lease_transitions, Some(8));
        assert_eq!(
            (
                renewed.acquire_time.map(|time| time.0),
                renewed.renew_time.map(|time| time.0)
            ),
            (Some(now), Some(later))
        );
        let released = released(record, later);
        assert_eq!(holder(&released), None);
        assert_eq!(next(Some(&released), Duration::ZERO, &config()), Step::TakeOver);
    }
}
