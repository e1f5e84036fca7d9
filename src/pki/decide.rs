//! Whether a stored leaf certificate may stay.
//!
//! | stored leaf | decision |
//! |---|---|
//! | none | `Missing` |
//! | not readable as certificate and key | `Unreadable` |
//! | key of another certificate | `KeyMismatch` |
//! | other issuer, or its signature does not verify | `WrongIssuer` |
//! | other subject, names or usages | `NamesChanged` |
//! | starts in the future by more than clocks differ | `NotYetValid` |
//! | in its renewal window, and a new one would live longer | `Expiring` |
//! | otherwise | `Keep` until the renewal window opens |

use std::collections::BTreeSet;
use std::time::Duration;

use x509_parser::certificate::X509Certificate;

use super::authority::{BACKDATE, CertificateAuthority};
use super::facts::{CertificateFacts, facts};
use super::leaf::{LeafRequest, end_of};
use super::parse;

/// The leaf as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct ExistingLeaf<'a> {
    /// `tls.crt`: the leaf, possibly followed by its chain.
    pub cert_pem: &'a str,
    /// `tls.key`.
    pub key_pem: &'a super::SecretPem,
}

/// What to do with a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafDecision {
    /// Leave it; look again at `until`.
    Keep {
        until: jiff::Timestamp,
    },
    Issue {
        reason: IssueReason,
    },
}

/// Why a new leaf is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueReason {
    Missing,
    Unreadable,
    KeyMismatch,
    WrongIssuer,
    NamesChanged,
    NotYetValid,
    Expiring,
}

/// Decides whether `existing` satisfies `wanted` under `ca`.
///
/// Renewal starts `renew_before` the end, but never in the first half of the lifetime: a `renew_before` longer than the
/// lifetime must not issue on every call. A leaf that already ends with its authority is kept to the end, because a new
/// one would not live longer.
pub fn decide(
    ca: &CertificateAuthority,
    existing: Option<ExistingLeaf<'_>>,
    wanted: &LeafRequest,
    renew_before: Duration,
    now: jiff::Timestamp,
) -> LeafDecision {
    let Some(existing) = existing else {
        return LeafDecision::Issue {
            reason: IssueReason::Missing,
        };
    };
    match accepted_facts(ca, existing, wanted) {
        Ok(facts) => by_time(ca, &facts, wanted, renew_before, now),
        Err(reason) => LeafDecision::Issue { reason },
    }
}

/// The facts of the leaf, if everything but time is as wanted.
fn accepted_facts(
    ca: &CertificateAuthority,
    existing: ExistingLeaf<'_>,
    wanted: &LeafRequest,
) -> Result<CertificateFacts, IssueReason> {
    let der = parse::first_certificate(existing.cert_pem).map_err(|_| IssueReason::Unreadable)?;
    let leaf = parse::certificate(&der).map_err(|_| IssueReason::Unreadable)?;
    let key = parse::private_key(existing.key_pem.expose()).map_err(|_| IssueReason::Unreadable)?;
    if !parse::key_belongs_to(&key, &leaf) {
        return Err(IssueReason::KeyMismatch);
    }
    if !is_issued_by(ca, &leaf) {
        return Err(IssueReason::WrongIssuer);
    }
    let facts = facts(&leaf);
    if says_what_is_wanted(&facts, wanted) {
        Ok(facts)
    } else {
        Err(IssueReason::NamesChanged)
    }
}

fn is_issued_by(ca: &CertificateAuthority, leaf: &X509Certificate<'_>) -> bool {
    ca.certificate()
        .is_ok_and(|authority| parse::is_signed_by(leaf, &authority))
}

fn says_what_is_wanted(facts: &CertificateFacts, wanted: &LeafRequest) -> bool {
    facts.subject_cn == wanted.common_name
        && facts.organisation == wanted.organisation
        && facts.usages == Some(wanted.usages)
        && facts.dns_names.iter().collect::<BTreeSet<_>>() == wanted.dns_names.iter().collect()
        && facts.ip_addresses.iter().collect::<BTreeSet<_>>() == wanted.ip_addresses.iter().collect()
}

fn by_time(
    ca: &CertificateAuthority,
    facts: &CertificateFacts,
    wanted: &LeafRequest,
    renew_before: Duration,
    now: jiff::Timestamp,
) -> LeafDecision {
    if facts.not_before > now {
        return LeafDecision::Issue {
            reason: IssueReason::NotYetValid,
        };
    }
    let until = renewal_time(facts, renew_before);
    let renewed_end = end_of(now, wanted.lifetime, Some(ca.facts().not_after));
    let would_live_longer = renewed_end.is_some_and(|end| end.as_second() > facts.not_after.as_second());
    if now < until {
        LeafDecision::Keep { until }
    } else if would_live_longer || facts.not_after <= now {
        LeafDecision::Issue {
            reason: IssueReason::Expiring,
        }
    } else {
        LeafDecision::Keep { until: facts.not_after }
    }
}

/// `renew_before` the end, but not before the middle of the lifetime.
fn renewal_time(facts: &CertificateFacts, renew_before: Duration) -> jiff::Timestamp {
    let issued = facts
        .not_before
        .checked_add(BACKDATE)
        .unwrap_or(facts.not_before)
        .min(facts.not_after);
    let half_life = facts.not_after.duration_since(issued).as_secs() / 2;
    let middle = issued
        .checked_add(jiff::SignedDuration::from_secs(half_life))
        .unwrap_or(facts.not_after);
    facts
        .not_after
        .checked_sub(renew_before)
        .map_or(middle, |renewal| renewal.max(middle))
}
