//! Whose rights the next ACL Job brings to Kafka. One Job at a time carries those that aren't known to be there, within a bound;
//! a principal that Kafka refused waits longer each time, and holds nobody else up.

use crate::kafka::AclBinding;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::time::Duration;

/// Bindings in one document: a binding takes some 200 bytes of JSON, a ConfigMap holds 1 MiB.
pub const DOCUMENT: usize = 3_000;
/// Documents in one Job.
pub const DOCUMENTS: usize = 8;

const FIRST_RETRY: Duration = Duration::from_secs(10);
const LONGEST_RETRY: Duration = Duration::from_mins(5);

/// Rights that a principal shall have, by their hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    pub principal: String,
    pub hash: u64,
    /// Bindings.
    pub size: usize,
}

impl Right {
    /// These rights of the principal.
    pub fn of(principal: &str, bindings: &BTreeSet<AclBinding>) -> Self {
        Self {
            principal: principal.to_owned(),
            hash: hash(bindings.iter()),
            size: bindings.len(),
        }
    }

    /// No rights.
    pub fn none(principal: &str) -> Self {
        Self::of(principal, &BTreeSet::new())
    }
}

/// Principals in their order with the hash of their bindings, as Kafka has them. In place: there may be tens of thousands, and
/// they are looked at every minute.
pub fn by_principal(mut bindings: Vec<AclBinding>) -> Vec<(String, u64)> {
    bindings.sort_unstable();
    bindings.dedup();
    let groups = bindings.chunk_by(|one, other| one.principal == other.principal);
    let of = |group: &[AclBinding]| Some((group.first()?.principal.clone(), hash(group.iter())));
    groups.filter_map(of).collect()
}

/// A principal's rights, sorted, by their hash; compared within one process only.
fn hash<'a>(bindings: impl Iterator<Item = &'a AclBinding>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for binding in bindings {
        binding.hash(&mut hasher);
    }
    hasher.finish()
}

/// Why a principal doesn't have its rights yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Of the rights that were tried.
    pub hash: u64,
    pub why: String,
    /// How often.
    pub count: u32,
    pub at: jiff::Timestamp,
}

impl Failure {
    /// When it may be tried again: 10 s after the first failure, then twice as long each time, at most 5 minutes.
    pub fn wait(&self, now: jiff::Timestamp) -> Duration {
        let doubled = FIRST_RETRY.saturating_mul(1 << self.count.saturating_sub(1).min(10));
        let passed = Duration::try_from(now.duration_since(self.at)).unwrap_or_default();
        doubled.min(LONGEST_RETRY).saturating_sub(passed)
    }
}

/// What's known of the rights in Kafka.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Whose rights in Kafka are known, and their hash; `None`: a Job is changing them. Before the first look nobody's are,
    /// after it those that aren't here are none.
    applied: Option<HashMap<String, Option<u64>>>,
    pub failures: HashMap<String, Failure>,
}

impl Known {
    /// Kafka has exactly these rights of the principal. One that isn't known has none.
    pub fn has(&self, right: &Right) -> bool {
        let Some(applied) = &self.applied else { return false };
        match applied.get(&right.principal) {
            Some(hash) => *hash == Some(right.hash),
            None => right.size == 0,
        }
    }

    /// Kafka was brought to these rights.
    pub fn brought(&mut self, right: &Right) {
        self.set(right, Some(right.hash));
        self.failures.remove(&right.principal);
    }

    /// A Job is about to change them: what they are is known when it has ended.
    pub fn changing(&mut self, right: &Right) {
        self.set(right, None);
    }

    fn set(&mut self, right: &Right, hash: Option<u64>) {
        if let Some(applied) = &mut self.applied {
            applied.insert(right.principal.clone(), hash);
        }
    }

    /// What holds these rights up, if they were tried.
    pub fn failure(&self, right: &Right) -> Option<&Failure> {
        let failure = self.failures.get(&right.principal);
        failure.filter(|failure| failure.hash == right.hash)
    }

    /// Takes over what a look at Kafka has shown, which is all that's known from now on.
    pub fn seen(&mut self, actual: &[(String, u64)]) {
        let all = actual.iter().map(|(principal, hash)| (principal.clone(), Some(*hash)));
        self.applied = Some(all.collect());
    }

    /// Counts a failure once more.
    pub fn failed(&mut self, right: &Right, why: &str, now: jiff::Timestamp) {
        let before = self.failure(right).map_or(0, |failure| failure.count);
        let failure = Failure {
            hash: right.hash,
            why: why.to_owned(),
            count: before.saturating_add(1),
            at: now,
        };
        self.failures.insert(right.principal.clone(), failure);
    }

    /// The rights that come next, within the bound of one Job; and when the next one may be tried, if only such as wait are
    /// left.
    pub fn next<'a>(
        &self,
        wanted: impl Iterator<Item = &'a Right>,
        now: jiff::Timestamp,
    ) -> (Vec<&'a Right>, Option<Duration>) {
        let (mut chosen, mut room, mut wait) = (Vec::new(), DOCUMENT * DOCUMENTS, None::<Duration>);
        for right in wanted.filter(|right| !self.has(right)) {
            let waits = self.failure(right).map(|failure| failure.wait(now));
            if let Some(waits) = waits.filter(|waits| !waits.is_zero()) {
                wait = Some(wait.map_or(waits, |least| least.min(waits)));
                continue;
            }
            let size = right.size.max(1);
            if size > room && !chosen.is_empty() {
                break;
            }
            room = room.saturating_sub(size);
            chosen.push(right);
        }
        let wait = wait.filter(|_| chosen.is_empty());
        (chosen, wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{AclOperation, AclPatternType, AclPermission, AclResourceType};

    fn bindings(principal: &str, count: usize) -> BTreeSet<AclBinding> {
        let one = |index| AclBinding {
            principal: principal.to_owned(),
            resource_type: AclResourceType::Topic,
            resource_name: format!("topic-{index}"),
            pattern_type: AclPatternType::Literal,
            operation: AclOperation::Read,
            permission: AclPermission::Allow,
            host: "*".to_owned(),
        };
        (0..count).map(one).collect()
    }

    fn wanted(all: &[(&str, usize)]) -> Vec<Right> {
        let one = |(principal, count): &(&str, usize)| Right::of(principal, &bindings(principal, *count));
        all.iter().map(one).collect()
    }

    fn actual(all: &[(&str, usize)]) -> Vec<(String, u64)> {
        let listed = all.iter().flat_map(|(principal, count)| bindings(principal, *count));
        by_principal(listed.collect())
    }

    fn names<'a>(known: &Known, wanted: &'a [Right], second: i64) -> (Vec<&'a str>, Option<Duration>) {
        let (next, wait) = known.next(wanted.iter(), at(second));
        (next.into_iter().map(|right| right.principal.as_str()).collect(), wait)
    }

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn retries_come_later_and_later_and_never_stop() {
        let wait = |count, passed: i64| {
            let failure = Failure {
                hash: 0,
                why: String::new(),
                count,
                at: at(1_000),
            };
            failure.wait(at(1_000 + passed)).as_secs()
        };
        let waits: Vec<u64> = [1, 2, 3, 4, 5, 6, 100].map(|count| wait(count, 0)).to_vec();
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
        assert_eq!((wait(2, 15), wait(2, 20), wait(2, 500)), (5, 0, 0));
        assert_eq!(wait(1, -5), 10, "a clock that goes back doesn't make it longer");
    }

    #[test]
    fn what_is_known_is_left_out_and_what_failed_waits_alone() {
        let wanted = wanted(&[("a", 1), ("b", 2), ("c", 0), ("d", 1)]);
        let mut known = Known::default();
        assert_eq!(
            names(&known, &wanted, 0).0,
            ["a", "b", "c", "d"],
            "before a look nothing is known"
        );
        known.seen(&actual(&[]));
        assert_eq!(
            names(&known, &wanted, 0),
            (vec!["a", "b", "d"], None),
            "who has nothing and wants nothing is done"
        );
        known.changing(&wanted[2]);
        assert!(
            names(&known, &wanted, 0).0.contains(&"c"),
            "a Job may have given it something"
        );
        known.seen(&actual(&[("a", 1), ("c", 1), ("d", 2)]));
        assert_eq!(
            names(&known, &wanted, 0).0,
            ["b", "c", "d"],
            "too many rights aren't what is wanted"
        );
        known.failed(&wanted[1], "no", at(0));
        assert_eq!(names(&known, &wanted, 1), (vec!["c", "d"], None));
        known.brought(&wanted[2]);
        known.seen(&actual(&[("a", 1), ("d", 1)]));
        assert_eq!(names(&known, &wanted, 1), (vec![], Some(Duration::from_secs(9))));
        assert_eq!(names(&known, &wanted, 10).0, ["b"]);
        assert_eq!(
            names(&known, &self::wanted(&[("b", 3)]), 1).0,
            ["b"],
            "other rights are tried at once"
        );
        known.brought(&wanted[1]);
        assert!(known.failures.is_empty() && names(&known, &wanted, 1).0.is_empty());
    }

    #[test]
    fn one_job_is_bounded_and_one_large_principal_still_goes() {
        let size = DOCUMENT * DOCUMENTS;
        let all = wanted(&[("a", size - 1), ("b", 2), ("c", 1)]);
        assert_eq!(names(&Known::default(), &all, 0).0, ["a"]);
        let large = wanted(&[("a", size + 1), ("b", 1)]);
        assert_eq!(names(&Known::default(), &large, 0).0, ["a"]);
    }
}
