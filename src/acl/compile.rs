//! The rights of a cluster's `KafkaUser`s as one document. A user that is being deleted keeps its place in it without any
//! right, so that what it had is revoked.

use super::{AclDocument, AclRule};
use crate::api::{self, KafkaUser};
use crate::kafka::{AclOperation, AclPatternType, AclPermission, AclResourceType};
use kube::ResourceExt;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The document of these users.
pub fn document(users: &[Arc<KafkaUser>]) -> AclDocument {
    let mut document = AclDocument::default();
    for user in users {
        let principal = format!("User:{}", user.name_any());
        if user.metadata.deletion_timestamp.is_none() {
            let bindings = user
                .spec
                .acls
                .iter()
                .map(rule)
                .flat_map(|rule| rule.bindings(&principal).collect::<BTreeSet<_>>());
            document.bindings.extend(bindings);
        }
        document.managed_principals.insert(principal);
    }
    document
}

fn rule(rule: &api::AclRule) -> AclRule {
    let resource = &rule.resource;
    AclRule {
        resource_type: match resource.kind {
            api::AclResourceType::Topic => AclResourceType::Topic,
            api::AclResourceType::Group => AclResourceType::Group,
            api::AclResourceType::Cluster => AclResourceType::Cluster,
            api::AclResourceType::TransactionalId => AclResourceType::TransactionalId,
        },
        resource_name: match resource.kind {
            api::AclResourceType::Cluster => "kafka-cluster".to_owned(),
            _ => resource.name.clone().unwrap_or_default(),
        },
        pattern_type: match resource.pattern_type {
            api::PatternType::Literal => AclPatternType::Literal,
            api::PatternType::Prefixed => AclPatternType::Prefixed,
        },
        operations: rule.operations.iter().copied().map(operation).collect(),
        permission: AclPermission::Allow,
        host: "*".to_owned(),
    }
}

fn operation(operation: api::AclOperation) -> AclOperation {
    match operation {
        api::AclOperation::All => AclOperation::All,
        api::AclOperation::Read => AclOperation::Read,
        api::AclOperation::Write => AclOperation::Write,
        api::AclOperation::Create => AclOperation::Create,
        api::AclOperation::Delete => AclOperation::Delete,
        api::AclOperation::Alter => AclOperation::Alter,
        api::AclOperation::Describe => AclOperation::Describe,
        api::AclOperation::DescribeConfigs => AclOperation::DescribeConfigs,
        api::AclOperation::AlterConfigs => AclOperation::AlterConfigs,
        api::AclOperation::IdempotentWrite => AclOperation::IdempotentWrite,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::yaml;

    const USER: &str = "
apiVersion: productionkafka.dev/v1alpha1
kind: KafkaUser
metadata: {name: app, namespace: kafka}
spec:
  cluster: orders
  authentication: {type: ScramSha512}
  acls:
  - {resource: {type: Topic, name: payments}, operations: [Read, Write]}
  - {resource: {type: Cluster}, operations: [IdempotentWrite]}
";

    #[test]
    fn a_user_gets_exactly_what_it_lists() {
        let user: KafkaUser = yaml::from_str(USER).unwrap();
        let document = document(&[Arc::new(user)]);
        assert_eq!(document.managed_principals, BTreeSet::from(["User:app".to_owned()]));
        let texts: Vec<String> = document
            .bindings
            .iter()
            .map(|b| {
                format!(
                    "{} {:?} {:?} {}",
                    b.principal, b.operation, b.resource_type, b.resource_name
                )
            })
            .collect();
        let expected = [
            "User:app Read Topic payments",
            "User:app Write Topic payments",
            "User:app IdempotentWrite Cluster kafka-cluster",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_user_on_its_way_out_is_managed_and_has_nothing() {
        let mut user: KafkaUser = yaml::from_str(USER).unwrap();
        user.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            jiff::Timestamp::UNIX_EPOCH,
        ));
        let document = document(&[Arc::new(user)]);
        assert!(document.bindings.is_empty() && document.managed_principals.contains("User:app"));
    }
}
