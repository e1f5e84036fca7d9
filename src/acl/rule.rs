//! A grant as a person writes it (one resource, several operations) and the bindings that it means in Kafka.

use crate::kafka::{AclBinding, AclOperation, AclPatternType, AclPermission, AclResourceType};

/// Several operations of one principal on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclRule {
    pub resource_type: AclResourceType,
    /// A name, a prefix or `*`; `kafka-cluster` for the cluster.
    pub resource_name: String,
    pub pattern_type: AclPatternType,
    pub operations: Vec<AclOperation>,
    pub permission: AclPermission,
    /// A client address, or `*`.
    pub host: String,
}

impl AclRule {
    /// One binding per operation.
    pub fn bindings<'a>(&'a self, principal: &'a str) -> impl Iterator<Item = AclBinding> + 'a {
        self.operations.iter().map(move |operation| AclBinding {
            principal: principal.to_owned(),
            resource_type: self.resource_type,
            resource_name: self.resource_name.clone(),
            pattern_type: self.pattern_type,
            operation: *operation,
            permission: self.permission,
            host: self.host.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_one_binding_per_operation() {
        let rule = AclRule {
            resource_type: AclResourceType::Group,
            resource_name: "billing".to_owned(),
            pattern_type: AclPatternType::Prefixed,
            operations: vec![AclOperation::Read, AclOperation::Describe],
            permission: AclPermission::Allow,
            host: "*".to_owned(),
        };
        let bindings: Vec<_> = rule.bindings("User:app").collect();
        assert_eq!(
            bindings.iter().map(|it| it.operation).collect::<Vec<_>>(),
            rule.operations
        );
        assert!(
            bindings
                .iter()
                .all(|it| it.principal == "User:app" && it.resource_name == "billing")
        );
        assert!(bindings.iter().all(|it| it.pattern_type == AclPatternType::Prefixed));
    }
}
