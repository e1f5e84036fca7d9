//! What to grant and what to revoke so that the ACLs of some principals become the desired ones.
//!
//! Grants go first when the changes are carried out: for a moment there is too much rather than too little, so no
//! client fails in between. A Deny is a grant in this sense and takes effect early too.

use std::collections::BTreeSet;

use crate::kafka::AclBinding;

/// Two sets without a common member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    pub grant: BTreeSet<AclBinding>,
    pub revoke: BTreeSet<AclBinding>,
}

impl Diff {
    /// From `actual` to `desired`, leaving alone whatever belongs to a principal that isn't `managed`.
    pub fn between(desired: &BTreeSet<AclBinding>, actual: &BTreeSet<AclBinding>, managed: &BTreeSet<String>) -> Self {
        let missing = |from: &BTreeSet<AclBinding>, of: &BTreeSet<AclBinding>| {
            of.difference(from)
                .filter(|binding| managed.contains(&binding.principal))
                .cloned()
                .collect()
        };
        Self {
            grant: missing(actual, desired),
            revoke: missing(desired, actual),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.grant.is_empty() && self.revoke.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;
    use crate::kafka::{AclOperation, AclPatternType, AclPermission, AclResourceType};

    fn binding() -> impl Strategy<Value = AclBinding> {
        let one_of = |names: &'static [&'static str]| prop::sample::select(names).prop_map(str::to_owned);
        (
            one_of(&["User:a", "User:b", "User:c", "User:d"]),
            prop::sample::select(AclResourceType::ALL),
            one_of(&["payments", "orders", "*"]),
            prop::sample::select(AclPatternType::ALL),
            prop::sample::select(&AclOperation::ALL[..4]),
            prop::sample::select(AclPermission::ALL),
            one_of(&["*", "10.0.0.1"]),
        )
            .prop_map(
                |(principal, resource_type, resource_name, pattern_type, operation, permission, host)| AclBinding {
                    principal,
                    resource_type,
                    resource_name,
                    pattern_type,
                    operation,
                    permission,
                    host,
                },
            )
    }

    fn principals() -> impl Strategy<Value = BTreeSet<String>> {
        btree_set(
            prop::sample::select(&["User:a", "User:b", "User:c"][..]).prop_map(str::to_owned),
            0..3,
        )
    }

    fn applied(actual: &BTreeSet<AclBinding>, diff: &Diff) -> BTreeSet<AclBinding> {
        let granted: BTreeSet<_> = actual.union(&diff.grant).cloned().collect();
        granted.difference(&diff.revoke).cloned().collect()
    }

    fn of(bindings: &BTreeSet<AclBinding>, managed: &BTreeSet<String>, wanted: bool) -> BTreeSet<AclBinding> {
        bindings
            .iter()
            .filter(|it| managed.contains(&it.principal) == wanted)
            .cloned()
            .collect()
    }

    proptest! {
        #[test]
        fn applying_the_diff_gives_what_is_desired(
            desired in btree_set(binding(), 0..12),
            actual in btree_set(binding(), 0..12),
            managed in principals(),
        ) {
            let diff = Diff::between(&desired, &actual, &managed);
            let result = applied(&actual, &diff);
            prop_assert_eq!(of(&result, &managed, true), of(&desired, &managed, true));
            prop_assert_eq!(of(&result, &managed, false), of(&actual, &managed, false), "foreign ACLs stay");
            prop_assert!(Diff::between(&desired, &result, &managed).is_empty(), "a second diff is empty");
            prop_assert!(diff.grant.is_disjoint(&diff.revoke));
            prop_assert!(diff.grant.is_disjoint(&actual), "nothing is granted twice");
            prop_assert!(diff.revoke.is_subset(&actual), "only what exists is revoked");
        }
    }
}
