//! What an application of a kind needs, and no more: the rules that a role stands for.
//!
//! | role | topic | group | transactional id | cluster |
//! |---|---|---|---|---|
//! | Producer | Write, Describe | | Write, Describe, if given | |
//! | Consumer | Read, Describe | Read, Describe | | |
//! | Streams | `<id>-…`: Create, Delete, Describe, `DescribeConfigs`, Read, Write | `<id>`: Read, Describe, Delete | `<id>-…`: Write, Describe | |
//! | Connect | `<group>-…`: Create, Describe, `DescribeConfigs`, Read, Write | the group, and `connect-…`: Read, Describe | `connect-cluster-<group>`: Write, Describe | |
//! | Admin | all: Create, Delete, Alter, Describe, `DescribeConfigs`, `AlterConfigs` | all: Describe, Delete | all: Describe | Describe, `DescribeConfigs` |
//!
//! Idempotence needs no right beside Write (KIP-679). Streams creates and empties its repartition and changelog topics, and
//! deletes its group when it's reset. `connect-<connector>` is the group of a sink, `connect-cluster-<group>` the
//! transactional id of workers with exactly-once sources (KIP-618).

use super::AclRule;
use crate::api::{Pattern, PatternType, RoleType, UserRole};
use crate::kafka::AclOperation::{self, Alter, AlterConfigs, Create, Delete, Describe, DescribeConfigs, Read, Write};
use crate::kafka::{AclPatternType, AclPermission, AclResourceType};

const CLUSTER: &str = "kafka-cluster";

/// The rules of a role. A part that the role needs and that isn't given has none: the apiserver refuses that.
pub fn rules(role: &UserRole) -> Vec<AclRule> {
    let topic = role.topic.as_ref().map(of);
    let group = role.group.as_ref().map(of);
    let transactional = role.transactional_id.as_ref().map(of);
    let all = match role.kind {
        RoleType::Producer => vec![
            rule(AclResourceType::Topic, topic, &[Write, Describe]),
            rule(AclResourceType::TransactionalId, transactional, &[Write, Describe]),
        ],
        RoleType::Consumer => vec![
            rule(AclResourceType::Topic, topic, &[Read, Describe]),
            rule(AclResourceType::Group, group, &[Read, Describe]),
        ],
        RoleType::Streams => streams(role.application_id.as_deref()),
        RoleType::Connect => connect(role.group.as_ref()),
        RoleType::Admin => admin(),
    };
    all.into_iter().flatten().collect()
}

type Named = (String, AclPatternType);

fn of(pattern: &Pattern) -> Named {
    let kind = match pattern.pattern_type {
        PatternType::Literal => AclPatternType::Literal,
        PatternType::Prefixed => AclPatternType::Prefixed,
    };
    (pattern.name.clone(), kind)
}

fn rule(resource_type: AclResourceType, named: Option<Named>, operations: &[AclOperation]) -> Option<AclRule> {
    let (resource_name, pattern_type) = named?;
    Some(AclRule {
        resource_type,
        resource_name,
        pattern_type,
        operations: operations.to_vec(),
        permission: AclPermission::Allow,
        hosts: Vec::new(),
    })
}

fn streams(id: Option<&str>) -> Vec<Option<AclRule>> {
    let inner = id.map(|id| (format!("{id}-"), AclPatternType::Prefixed));
    let topics = [Create, Delete, Describe, DescribeConfigs, Read, Write];
    let group = id.map(|id| (id.to_owned(), AclPatternType::Literal));
    vec![
        rule(AclResourceType::Topic, inner.clone(), &topics),
        rule(AclResourceType::Group, group, &[Read, Describe, Delete]),
        rule(AclResourceType::TransactionalId, inner, &[Write, Describe]),
    ]
}

fn connect(group: Option<&Pattern>) -> Vec<Option<AclRule>> {
    let begins = |text: String| Some((text, AclPatternType::Prefixed));
    let Some(group) = group else { return Vec::new() };
    let topics = [Create, Describe, DescribeConfigs, Read, Write];
    let named = of(group);
    let workers = (format!("connect-cluster-{}", group.name), named.1);
    vec![
        rule(AclResourceType::Topic, begins(format!("{}-", group.name)), &topics),
        rule(AclResourceType::Group, Some(named), &[Read, Describe]),
        rule(AclResourceType::Group, begins("connect-".into()), &[Read, Describe]),
        rule(AclResourceType::TransactionalId, Some(workers), &[Write, Describe]),
    ]
}

fn admin() -> Vec<Option<AclRule>> {
    let every = || Some(("*".to_owned(), AclPatternType::Literal));
    let cluster = Some((CLUSTER.to_owned(), AclPatternType::Literal));
    let topics = [Create, Delete, Alter, Describe, DescribeConfigs, AlterConfigs];
    vec![
        rule(AclResourceType::Topic, every(), &topics),
        rule(AclResourceType::Group, every(), &[Describe, Delete]),
        rule(AclResourceType::TransactionalId, every(), &[Describe]),
        rule(AclResourceType::Cluster, cluster, &[Describe, DescribeConfigs]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::yaml;

    fn lines(role: &str) -> Vec<String> {
        let role: UserRole = yaml::from_str(role).unwrap();
        let line = |rule: AclRule| {
            format!(
                "{:?} {:?} {} {:?}",
                rule.resource_type, rule.pattern_type, rule.resource_name, rule.operations
            )
        };
        rules(&role).into_iter().map(line).collect()
    }

    #[test]
    fn each_role_is_what_its_application_needs() {
        assert_eq!(
            lines("{type: Producer, topic: {name: orders}, transactionalId: {name: o-, patternType: Prefixed}}"),
            [
                "Topic Literal orders [Write, Describe]",
                "TransactionalId Prefixed o- [Write, Describe]"
            ]
        );
        assert_eq!(
            lines("{type: Consumer, topic: {name: o, patternType: Prefixed}, group: {name: g}}"),
            ["Topic Prefixed o [Read, Describe]", "Group Literal g [Read, Describe]"]
        );
        assert_eq!(
            lines("{type: Streams, applicationId: app}"),
            [
                "Topic Prefixed app- [Create, Delete, Describe, DescribeConfigs, Read, Write]",
                "Group Literal app [Read, Describe, Delete]",
                "TransactionalId Prefixed app- [Write, Describe]"
            ]
        );
        assert_eq!(
            lines("{type: Connect, group: {name: sinks}}"),
            [
                "Topic Prefixed sinks- [Create, Describe, DescribeConfigs, Read, Write]",
                "Group Literal sinks [Read, Describe]",
                "Group Prefixed connect- [Read, Describe]",
                "TransactionalId Literal connect-cluster-sinks [Write, Describe]"
            ]
        );
        assert_eq!(lines("{type: Producer, topic: {name: orders}}").len(), 1);
    }

    /// Who may alter the cluster changes brokers; who reads or writes records or changes rights isn't an administrator of
    /// topics.
    #[test]
    fn an_administrator_reads_no_record_and_changes_no_right() {
        let admin: UserRole = yaml::from_str("{type: Admin}").unwrap();
        for rule in rules(&admin) {
            assert!(
                !rule.operations.contains(&Read) && !rule.operations.contains(&Write),
                "{rule:?}"
            );
            let cluster = rule.resource_type == AclResourceType::Cluster;
            assert!(!cluster || rule.operations == [Describe, DescribeConfigs], "{rule:?}");
        }
    }
}
