//! Whether a stored leaf certificate may stay.
//!
//! | stored leaf | decision |
//! |---|---|
//! | none | `Missing` |
//! | not readable as certificate and key | `Unreadable` |
//! | key of another certificate | `KeyMismatch` |
//! | other issuer, or its signature does not verify | `WrongIssuer` |
//! | other subject, names or usages | `NamesChanged` |
//! | key of another kind than is asked for | `AlgorithmChanged` |
//! | starts in the future by more than clocks differ | `NotYetValid` |
//! | made before a person asked for a new one | `Requested` |
//! | in its renewal window, and a new one would live longer | `Expiring` |
//! | otherwise | `Keep` until the renewal window opens |

use std::collections::BTreeSet;
use std::time::Duration;

use x509_parser::certificate::X509Certificate;

use super::authority::{BACKDATE, CertificateAuthority};
use super::facts::{CertificateFacts, PublicKeyAlgorithm, facts};
use super::leaf::{LeafRequest, end_of};
use super::{KeyAlgorithm, parse};

/// The leaf as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct ExistingLeaf<'a> {
    /// `tls.crt`: the leaf, possibly followed by its chain.
    pub cert_pem: &'a str,
    /// `tls.key`.
    pub key_pem: &'a super::SecretPem,
}

/// When a leaf that's otherwise as wanted is replaced all the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Renewal {
    /// So long before its end.
    pub before: Duration,
    /// In the middle of its lifetime: for leaves that are taken up late, so that whoever runs with the former one has the
    /// second half of its lifetime to get there.
    pub in_the_middle: bool,
    /// When a person asked for it; a time to come isn't heard yet.
    pub asked: Option<jiff::Timestamp>,
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
    AlgorithmChanged,
    NotYetValid,
    Requested,
    /// Other authorities are trusted than those that lie beside it. Never decided here: a leaf knows only its own.
    TrustChanged,
    Expiring,
}

/// Decides whether `existing` satisfies `wanted` under `ca`.
///
/// Renewal starts `renewal.before` the end and up to a tenth of that earlier, so that leaves made together aren't renewed
/// together; but never in the first half of the lifetime: a time longer than the lifetime must not issue on every call. A leaf
/// that already ends with its authority is kept to the end, because a new one would not live longer.
pub fn decide(
    ca: &CertificateAuthority,
    existing: Option<ExistingLeaf<'_>>,
    wanted: &LeafRequest,
    renewal: Renewal,
    now: jiff::Timestamp,
) -> LeafDecision {
    let Some(existing) = existing else {
        return LeafDecision::Issue {
            reason: IssueReason::Missing,
        };
    };
    match accepted_facts(ca, existing, wanted) {
        Ok(facts) => by_time(ca, &facts, wanted, renewal, now),
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
    if !says_what_is_wanted(&facts, wanted) {
        return Err(IssueReason::NamesChanged);
    }
    if has_key_of(&facts, wanted.algorithm) {
        Ok(facts)
    } else {
        Err(IssueReason::AlgorithmChanged)
    }
}

const fn has_key_of(facts: &CertificateFacts, algorithm: KeyAlgorithm) -> bool {
    matches!(
        (algorithm, facts.public_key),
        (KeyAlgorithm::EcdsaP256, PublicKeyAlgorithm::EcdsaP256)
            | (KeyAlgorithm::EcdsaP384, PublicKeyAlgorithm::EcdsaP384)
            | (KeyAlgorithm::Rsa3072, PublicKeyAlgorithm::Rsa { bits: 3072 })
            | (KeyAlgorithm::Rsa4096, PublicKeyAlgorithm::Rsa { bits: 4096 })
    )
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
    renewal: Renewal,
    now: jiff::Timestamp,
) -> LeafDecision {
    if facts.not_before > now {
        return LeafDecision::Issue {
            reason: IssueReason::NotYetValid,
        };
    }
    if is_asked_anew(facts, renewal.asked, now) {
        return LeafDecision::Issue {
            reason: IssueReason::Requested,
        };
    }
    let until = renewal_time(facts, renewal);
    let renewed_end = end_of(now, wanted.lifetime, Some(ca.facts().not_after));
    let would_live_longer = renewed_end.is_some_and(|end| end.as_second() > facts.not_after.as_second());
    let until = if now < until {
        until
    } else if would_live_longer || facts.not_after <= now {
        return LeafDecision::Issue {
            reason: IssueReason::Expiring,
        };
    } else {
        facts.not_after
    };
    // Whoever asked for later is heard then.
    let asked = renewal.asked.filter(|asked| *asked > now);
    LeafDecision::Keep {
        until: asked.map_or(until, |asked| until.min(asked)),
    }
}

/// Certificates know whole seconds.
pub(super) fn is_asked_anew(facts: &CertificateFacts, asked: Option<jiff::Timestamp>, now: jiff::Timestamp) -> bool {
    asked.is_some_and(|asked| asked <= now && made_at(facts).as_second() < asked.as_second())
}

/// When the certificate was made.
pub(super) fn made_at(facts: &CertificateFacts) -> jiff::Timestamp {
    let made = facts.not_before.checked_add(BACKDATE);
    made.unwrap_or(facts.not_before).min(facts.not_after)
}

/// `renewal.before` the end or a little earlier, but not before the middle of the lifetime.
fn renewal_time(facts: &CertificateFacts, renewal: Renewal) -> jiff::Timestamp {
    let made = made_at(facts);
    let half_life = facts.not_after.duration_since(made).as_secs() / 2;
    let middle = made
        .checked_add(jiff::SignedDuration::from_secs(half_life))
        .unwrap_or(facts.not_after);
    if renewal.in_the_middle {
        return middle;
    }
    let before = renewal.before + renewal.before.mul_f64(spread(&facts.serial_hex) / 10.0);
    let renewal = facts.not_after.checked_sub(before);
    renewal.map_or(middle, |renewal| renewal.max(middle))
}

/// A number from 0 to 1 that the serial decides, which is random.
fn spread(serial_hex: &str) -> f64 {
    let last = serial_hex.get(serial_hex.len().saturating_sub(4)..).unwrap_or_default();
    u16::from_str_radix(last, 16).map_or(0.0, |value| f64::from(value) / f64::from(u16::MAX))
}
