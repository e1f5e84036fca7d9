//! An authority over time: the one that signs, and during a replacement the one that comes or the one that goes.
//!
//! | stage | signs | trusted | ends when |
//! |---|---|---|---|
//! | alone | it | it | its own certificate needs renewing (same name and key), or a person asks for another key |
//! | next is beside it | it | both | everybody shows that it trusts both, and clients had their time |
//! | former is beside it | the new one | both | nobody shows the former one any more, and clients had their time |
//!
//! Pure but for the keys that `entropy` makes. Nothing is signed by an authority that somebody who must trust it doesn't know.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::authority::CertificateAuthority;
use super::decide::{is_asked_anew, made_at};
use super::parse;

/// An authority with what is beside it.
#[derive(Clone, Debug)]
pub struct Succession {
    pub signer: CertificateAuthority,
    pub beside: Option<Beside>,
    /// The last request for another key that was heard: a next one that others gave may be older than the request for it.
    pub answered: Option<Timestamp>,
}

/// The other one of a replacement, and since when it's there.
#[derive(Clone, Debug)]
pub enum Beside {
    Next {
        ca: Box<CertificateAuthority>,
        since: Timestamp,
    },
    Former {
        cert_pem: String,
        since: Timestamp,
    },
}

/// What a step depends on.
#[derive(Clone, Copy, Debug)]
pub struct Outlook {
    pub now: Timestamp,
    /// When a person asked for another key.
    pub asked: Option<Timestamp>,
    /// How long clients have to take up the trust in the next one before anything is signed by it.
    pub before: Duration,
    /// How long they have to take up what it signs before the former one goes.
    pub after: Duration,
    /// Every node shows what was made under the trust as it is now.
    pub shown: bool,
    /// The operator made it, so it may renew it.
    pub own: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing; look again at `until`, if there's a time.
    Stay { until: Option<Timestamp> },
    /// Another certificate with the same name and key.
    Renew,
    /// Another authority comes beside it.
    Begin,
    /// The next one signs.
    Switch,
    /// The former one is trusted no more.
    Finish,
}

impl Succession {
    pub const fn alone(signer: CertificateAuthority) -> Self {
        Self {
            signer,
            beside: None,
            answered: None,
        }
    }

    /// All certificates that are trusted, the signer's first; nothing that they were signed by.
    pub fn trusted(&self) -> String {
        let other = match &self.beside {
            Some(Beside::Next { ca, .. }) => ca.own_pem(),
            Some(Beside::Former { cert_pem, .. }) => format!("{}\n", parse::first_block(cert_pem)),
            None => String::new(),
        };
        format!("{}{other}", self.signer.own_pem())
    }

    /// The same with what they were signed by, for applications, some of which accept only what leads to a root.
    pub fn public(&self) -> String {
        let other = match &self.beside {
            Some(Beside::Next { ca, .. }) => ca.cert_pem(),
            Some(Beside::Former { cert_pem, .. }) => cert_pem,
            None => "",
        };
        format!("{}{other}", self.signer.cert_pem())
    }

    /// What becomes of it when its giver shows this one; `None`: nothing, or not before a replacement is over.
    pub fn followed(&self, given: &CertificateAuthority, now: Timestamp) -> Option<Self> {
        if self.beside.is_some() || given.cert_pem() == self.signer.cert_pem() {
            return None;
        }
        if trusts(&given.own_pem()) == trusts(&self.signer.own_pem()) {
            return Some(Self {
                signer: given.clone(),
                ..self.clone()
            });
        }
        Some(self.clone().begun(given.clone(), now, self.answered))
    }

    /// What to do now.
    pub fn step(&self, outlook: &Outlook) -> Step {
        let after = |since: Timestamp, time: Duration, step: Step| {
            let due = since.checked_add(time).unwrap_or(Timestamp::MAX);
            if outlook.now < due {
                Step::Stay { until: Some(due) }
            } else if outlook.shown {
                step
            } else {
                Step::Stay { until: None }
            }
        };
        match &self.beside {
            Some(Beside::Next { since, .. }) => after(*since, outlook.before, Step::Switch),
            Some(Beside::Former { since, .. }) => after(*since, outlook.after, Step::Finish),
            None if is_asked_anew(self.signer.facts(), self.unanswered(outlook), outlook.now) => Step::Begin,
            None => self.by_time(outlook),
        }
    }

    fn unanswered(&self, outlook: &Outlook) -> Option<Timestamp> {
        outlook
            .asked
            .filter(|asked| self.answered.is_none_or(|answered| *asked > answered))
    }

    /// At two thirds of its lifetime: what it signs never outlives it, and should have its full time.
    fn by_time(&self, outlook: &Outlook) -> Step {
        let facts = self.signer.facts();
        let life = facts.not_after.duration_since(made_at(facts)).as_secs();
        let due = facts.not_after.checked_sub(SignedDuration::from_secs(life / 3));
        let due = due.unwrap_or(facts.not_after);
        if outlook.own && outlook.now >= due {
            return Step::Renew;
        }
        let asked = outlook.asked.filter(|asked| *asked > outlook.now);
        let due = outlook.own.then_some(due);
        Step::Stay {
            until: asked.into_iter().chain(due).min(),
        }
    }

    /// After [`Step::Begin`].
    #[must_use]
    pub fn begun(self, next: CertificateAuthority, since: Timestamp, asked: Option<Timestamp>) -> Self {
        Self {
            signer: self.signer,
            answered: asked,
            beside: Some(Beside::Next {
                ca: Box::new(next),
                since,
            }),
        }
    }

    /// After [`Step::Switch`]; as it was if there's no next one.
    #[must_use]
    pub fn switched(self, since: Timestamp) -> Self {
        match self.beside {
            Some(Beside::Next { ca, .. }) => Self {
                beside: Some(Beside::Former {
                    cert_pem: self.signer.cert_pem().to_owned(),
                    since,
                }),
                signer: *ca,
                answered: self.answered,
            },
            beside => Self { beside, ..self },
        }
    }

    /// After [`Step::Finish`].
    #[must_use]
    pub fn finished(self) -> Self {
        Self { beside: None, ..self }
    }
}

/// Names and keys of all authorities in `pem`: what somebody who has these certificates trusts. Another certificate of the same
/// name and key changes nothing.
pub fn trusts(pem: &str) -> BTreeSet<(Vec<u8>, Vec<u8>)> {
    let all = parse::certificates(pem);
    let one = |der: &Vec<u8>| {
        let certificate = parse::certificate(der).ok()?;
        let key = certificate.public_key().subject_public_key.data.to_vec();
        Some((certificate.subject().as_raw().to_vec(), key))
    };
    all.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{AuthorityRequest, KeyAlgorithm, LeafRequest, Usages, issue};
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn at(day: i64) -> Timestamp {
        let start: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        start + SignedDuration::from_hours(24 * day)
    }

    fn authority(name: &str, day: i64) -> CertificateAuthority {
        let request = AuthorityRequest {
            common_name: name.into(),
            organisation: Some("productionkafka".into()),
            algorithm: KeyAlgorithm::EcdsaP256,
            lifetime: DAY * 900,
        };
        CertificateAuthority::generate(&request, at(day)).unwrap()
    }

    fn outlook(day: i64) -> Outlook {
        Outlook {
            now: at(day),
            asked: None,
            before: DAY * 7,
            after: DAY,
            shown: true,
            own: true,
        }
    }

    #[test]
    fn alone_it_is_renewed_at_two_thirds_of_its_life() {
        let alone = Succession::alone(authority("a", 0));
        let stay = |until| Step::Stay { until };
        assert_eq!(alone.step(&outlook(0)), stay(Some(at(600))));
        assert_eq!(alone.step(&outlook(600)), Step::Renew);
        assert_eq!(alone.step(&outlook(2_000)), Step::Renew, "after its end too");
        let given = Outlook {
            own: false,
            ..outlook(600)
        };
        assert_eq!(alone.step(&given), stay(None), "somebody else's");
    }

    #[test]
    fn a_renewed_one_is_the_same_to_all_who_trust_it() {
        let former = authority("a", 0);
        let renewed = former.renewed(DAY * 900, at(600)).unwrap();
        assert_eq!(trusts(former.cert_pem()), trusts(renewed.cert_pem()));
        assert_ne!(former.cert_pem(), renewed.cert_pem());
        assert_eq!(renewed.facts().not_after, at(1_500));
        assert_eq!(renewed.facts().subject_cn, "a");
        let request = LeafRequest {
            common_name: "node".into(),
            organisation: None,
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            usages: Usages::Both,
            algorithm: KeyAlgorithm::EcdsaP256,
            lifetime: DAY,
        };
        let leaf = issue(&renewed, &request, at(600)).unwrap();
        let leaf = parse::first_certificate(&leaf.cert_pem).unwrap();
        let leaf = parse::certificate(&leaf).unwrap();
        assert!(parse::is_signed_by(&leaf, &former.certificate().unwrap()));
        assert_ne!(
            trusts(former.cert_pem()),
            trusts(authority("a", 0).cert_pem()),
            "a key of its own"
        );
    }

    #[test]
    fn a_replacement_goes_through_two_overlaps_and_waits_for_what_is_shown() {
        let asked = Outlook {
            asked: Some(at(10)),
            ..outlook(10)
        };
        let on = |day| Outlook { now: at(day), ..asked };
        let hidden = |day| Outlook {
            shown: false,
            ..on(day)
        };
        let stay = |until| Step::Stay { until };
        let alone = Succession::alone(authority("a", 0));
        assert_eq!(alone.step(&on(9)), stay(Some(at(10))), "not before its time");
        assert_eq!(alone.step(&on(10)), Step::Begin);

        let both = alone.clone().begun(authority("b", 2), at(10), asked.asked);
        assert_eq!(trusts(&both.trusted()).len(), 2);
        assert_eq!(both.step(&on(16)), stay(Some(at(17))), "clients have their time");
        assert_eq!(both.step(&hidden(17)), stay(None), "somebody doesn't know it yet");
        assert_eq!(both.step(&on(17)), Step::Switch);

        let switched = both.switched(at(17));
        assert_eq!(switched.signer.facts().subject_cn, "b");
        assert_eq!(trusts(&switched.trusted()).len(), 2);
        assert_eq!(switched.step(&on(17)), stay(Some(at(18))));
        assert_eq!(
            switched.step(&hidden(18)),
            stay(None),
            "somebody still shows the former one"
        );
        assert_eq!(switched.step(&on(18)), Step::Finish);

        let alone = switched.finished();
        assert_eq!(trusts(&alone.trusted()), trusts(authority_of(&alone)));
        assert_eq!(alone.step(&on(18)), stay(Some(at(602))), "asked for once, done once");
    }

    fn authority_of(succession: &Succession) -> &str {
        succession.signer.cert_pem()
    }
}
