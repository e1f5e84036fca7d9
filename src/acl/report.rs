//! What the ACL Job did: written by the Job as its termination message, read by the controller into users' status.
//!
//! Kubernetes keeps 4096 bytes of a termination message, so the report leaves out principals rather than grow: those
//! where all went well first.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::kafka::{AclBinding, Outcomes};

/// What Kubernetes keeps of a termination message, in bytes (`terminationMessagePath`).
const MESSAGE_LIMIT: usize = 4096;
/// An explanation is cut here, in characters, so that one long text does not push out the others.
const ERROR_LIMIT: usize = 160;

/// The outcome of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncReport {
    pub granted: usize,
    pub revoked: usize,
    pub unchanged: usize,
    /// Why the run failed as a whole; absent exactly when every managed ACL is as desired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Principals for whom something changed or failed.
    pub per_principal: BTreeMap<String, PrincipalReport>,
    /// Principals left out for want of room; for them look at `error`.
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: usize,
}

/// One principal's share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrincipalReport {
    pub granted: usize,
    pub revoked: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl SyncReport {
    pub fn failed(error: &str) -> Self {
        Self {
            error: Some(cut(error)),
            ..Self::default()
        }
    }

    pub fn is_success(&self) -> bool {
        self.error.is_none()
    }

    /// Counts what Kafka granted, and notes what it refused.
    pub fn record_grants(&mut self, outcomes: &Outcomes<AclBinding>) {
        self.granted += self.record(outcomes, |principal| &mut principal.granted);
    }

    /// Counts what Kafka revoked, and notes what it refused.
    pub fn record_revocations(&mut self, outcomes: &Outcomes<AclBinding>) {
        self.revoked += self.record(outcomes, |principal| &mut principal.revoked);
    }

    fn record(&mut self, outcomes: &Outcomes<AclBinding>, count: impl Fn(&mut PrincipalReport) -> &mut usize) -> usize {
        let mut done = 0;
        for (binding, outcome) in outcomes {
            let principal = self.per_principal.entry(binding.principal.clone()).or_default();
            match outcome {
                Ok(()) => {
                    *count(principal) += 1;
                    done += 1;
                }
                Err(error) => {
                    principal.error.get_or_insert_with(|| cut(&error.to_string()));
                    self.error
                        .get_or_insert_with(|| cut(&format!("{}: {error}", binding.principal)));
                }
            }
        }
        done
    }

    /// Notes what is not as desired although Kafka refused nothing.
    pub fn record_mismatch(&mut self, principals: &BTreeSet<&str>, why: &str) {
        for principal in principals {
            let report = self.per_principal.entry((*principal).to_owned()).or_default();
            report.error.get_or_insert_with(|| cut(why));
        }
        self.error.get_or_insert_with(|| cut(why));
    }

    /// JSON of at most 4096 bytes.
    pub fn to_message(&self) -> String {
        let mut kept = Self {
            per_principal: BTreeMap::new(),
            omitted: self.per_principal.len(),
            ..self.clone()
        };
        let mut room = MESSAGE_LIMIT.saturating_sub(json(&kept).len());
        let mut by_weight: Vec<_> = self.per_principal.iter().collect();
        by_weight.sort_by_key(|(name, principal)| (principal.error.is_none(), *name));
        for (name, principal) in by_weight {
            // The member's colon and comma.
            let size = json(name).len() + json(principal).len() + 2;
            if size > room {
                break;
            }
            room -= size;
            kept.omitted -= 1;
            kept.per_principal.insert(name.clone(), principal.clone());
        }
        json(&kept)
    }
}

/// Plain structs, strings and maps with text keys have no value that JSON cannot hold.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn cut(text: &str) -> String {
    text.chars().take(ERROR_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(failing: usize, fine: usize) -> SyncReport {
        let failed = PrincipalReport {
            error: Some("x".repeat(ERROR_LIMIT)),
            ..PrincipalReport::default()
        };
        let changed = PrincipalReport {
            granted: 1,
            ..PrincipalReport::default()
        };
        let bad = (0..failing).map(|id| (format!("User:bad-{id}"), failed.clone()));
        let good = (0..fine).map(|id| (format!("User:a-good-{id}"), changed.clone()));
        SyncReport {
            granted: fine,
            per_principal: bad.chain(good).collect(),
            ..SyncReport::default()
        }
    }

    #[test]
    fn a_small_report_is_whole_and_reads_back() {
        let small = SyncReport {
            error: Some("no".to_owned()),
            unchanged: 4,
            ..report(2, 3)
        };
        let text = small.to_message();
        assert_eq!(serde_json::from_str::<SyncReport>(&text).unwrap(), small);
        assert!(!text.contains("omitted"), "{text}");
    }

    #[test]
    fn a_large_report_keeps_the_failures_and_counts_the_rest() {
        for (failing, fine) in [(3, 500), (100, 0), (100, 5000), (0, 20_000)] {
            let whole = report(failing, fine);
            let text = whole.to_message();
            assert!(text.len() <= MESSAGE_LIMIT, "{} bytes", text.len());
            let read: SyncReport = serde_json::from_str(&text).unwrap();
            assert_eq!(read.per_principal.len() + read.omitted, failing + fine);
            let kept = read.per_principal.values().filter(|it| it.error.is_some()).count();
            let shown_fine = read.per_principal.len() - kept;
            assert!(
                kept == failing || shown_fine == 0,
                "{kept} of {failing} failures beside {shown_fine} others"
            );
            assert!(!read.per_principal.is_empty());
        }
    }

    #[test]
    fn long_and_wide_texts_are_cut_whole() {
        let failed = SyncReport::failed(&"ü€".repeat(5000));
        assert_eq!(failed.error.as_ref().unwrap().chars().count(), ERROR_LIMIT);
        assert!(failed.to_message().len() <= MESSAGE_LIMIT);
    }
}
