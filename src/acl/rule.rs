//! A grant as a person writes it (one resource, several operations and hosts) and the bindings that it means in Kafka.

use crate::kafka::{AclBinding, AclOperation, AclPatternType, AclPermission, AclResourceType};

/// Several operations on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclRule {
    pub resource_type: AclResourceType,
    /// A name, a prefix or `*`; `kafka-cluster` for the cluster.
    pub resource_name: String,
    pub pattern_type: AclPatternType,
    pub operations: Vec<AclOperation>,
    pub permission: AclPermission,
    /// Client addresses or networks. Empty: every host.
    pub hosts: Vec<String>,
}

impl AclRule {
    /// One binding per operation and host.
    pub fn bindings<'a>(&'a self, principal: &'a str) -> impl Iterator<Item = AclBinding> + 'a {
        let every = self.hosts.is_empty().then_some("*");
        let hosts: Vec<&str> = self.hosts.iter().map(String::as_str).chain(every).collect();
        let pairs = self
            .operations
            .iter()
            .flat_map(move |operation| hosts.clone().into_iter().map(move |host| (*operation, host.to_owned())));
        pairs.map(move |(operation, host)| AclBinding {
            principal: principal.to_owned(),
            resource_type: self.resource_type,
            resource_name: self.resource_name.clone(),
            pattern_type: self.pattern_type,
            operation,
            permission: self.permission,
            host,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_one_binding_per_operation_and_host() {
        let mut rule = AclRule {
            resource_type: AclResourceType::Group,
            resource_name: "billing".to_owned(),
            pattern_type: AclPatternType::Prefixed,
            operations: vec![AclOperation::Read, AclOperation::Describe],
            permission: AclPermission::Deny,
            hosts: Vec::new(),
        };
        let short = |rule: &AclRule| -> Vec<String> {
            let all = rule.bindings("User:app");
            all.map(|it| format!("{:?} {:?} {}", it.permission, it.operation, it.host))
                .collect()
        };
        assert_eq!(short(&rule), ["Deny Read *", "Deny Describe *"]);
        rule.hosts = vec!["10.0.0.1".into(), "10.1.0.0/16".into()];
        let all = [
            "Read 10.0.0.1",
            "Read 10.1.0.0/16",
            "Describe 10.0.0.1",
            "Describe 10.1.0.0/16",
        ];
        assert_eq!(short(&rule), all.map(|line| format!("Deny {line}")));
        let binding = rule.bindings("User:app").next().unwrap();
        assert_eq!(
            (binding.principal.as_str(), binding.resource_name.as_str()),
            ("User:app", "billing")
        );
    }
}
