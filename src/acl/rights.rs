//! The rights of one `KafkaUser` as bindings, and what's wrong with them. A user whose rules can't be carried out as written
//! gets no findings half done: whatever it had stays.

use super::{AclRule, roles, supported};
use crate::api::{self, KafkaUserSpec};
use crate::kafka::{AclBinding, AclOperation, AclPatternType, AclPermission, AclResourceType};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// `metadata.version` 4.4-IV1, from which on hosts may be networks (KIP-1276).
pub const NETWORKS: i32 = 32;

/// What a user may do, under the name `principal`.
pub fn bindings(spec: &KafkaUserSpec, principal: &str) -> BTreeSet<AclBinding> {
    let mut all = BTreeSet::new();
    for rule in rules(spec) {
        all.extend(rule.bindings(principal));
    }
    all
}

fn rules(spec: &KafkaUserSpec) -> impl Iterator<Item = AclRule> {
    let given = spec.acls.iter().map(rule);
    given.chain(spec.roles.iter().flat_map(roles::rules))
}

/// The first thing that's wrong with the rules, with the path of its field. `metadata_version`: the level that's in force;
/// `None`: not known yet, so nothing is said about what depends on it.
pub fn finding(spec: &KafkaUserSpec, metadata_version: Option<i32>) -> Option<String> {
    spec.acls.iter().enumerate().find_map(|(index, acl)| {
        let problem =
            senseless(acl).or_else(|| acl.hosts.iter().find_map(|host| wrong_host(host, metadata_version)))?;
        Some(format!("spec.acls[{index}].{problem}"))
    })
}

fn senseless(acl: &api::AclRule) -> Option<String> {
    let kind = resource_type(acl.resource.kind);
    let known = supported::operations(kind);
    let odd = acl
        .operations
        .iter()
        .map(|wanted| operation(*wanted))
        .find(|wanted| !known.contains(wanted))?;
    let names: Vec<String> = known.iter().map(|one| format!("{one:?}")).collect();
    Some(format!(
        "operations: Kafka never asks for {odd:?} on a {kind:?}: use {}",
        names.join(", ")
    ))
}

fn wrong_host(host: &str, metadata_version: Option<i32>) -> Option<String> {
    if host == "*" {
        return None;
    }
    let Some((address, length)) = host.split_once('/') else {
        let known = host.parse::<IpAddr>().is_ok();
        return (!known).then(|| format!("hosts: {host:?} isn't an address: Kafka compares addresses, never names"));
    };
    let longest = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => {
            return Some(format!(
                "hosts: {host:?} isn't a network in CIDR notation, such as 10.1.0.0/16"
            ));
        }
    };
    if !length.parse::<u8>().is_ok_and(|length| length <= longest) {
        return Some(format!(
            "hosts: the prefix of {host:?} must be a number up to {longest}"
        ));
    }
    let old = metadata_version.is_some_and(|level| level < NETWORKS);
    old.then(|| {
        format!("hosts: {host:?} is a network, which Kafka takes from 4.4 on (metadata.version {NETWORKS}): list addresses, or upgrade")
    })
}

/// The bindings in lines for people, at most `limit` of them.
pub fn lines(bindings: &BTreeSet<AclBinding>, limit: usize) -> Vec<String> {
    let line = |it: &AclBinding| {
        let prefixed = if it.pattern_type == AclPatternType::Prefixed {
            "…"
        } else {
            ""
        };
        format!(
            "{:?} {:?} {:?} {}{prefixed} from {}",
            it.permission, it.operation, it.resource_type, it.resource_name, it.host
        )
    };
    bindings.iter().take(limit).map(line).collect()
}

fn rule(rule: &api::AclRule) -> AclRule {
    let resource = &rule.resource;
    AclRule {
        resource_type: resource_type(resource.kind),
        resource_name: match resource.kind {
            api::AclResourceType::Cluster => "kafka-cluster".to_owned(),
            _ => resource.name.clone().unwrap_or_default(),
        },
        pattern_type: match resource.pattern_type {
            api::PatternType::Literal => AclPatternType::Literal,
            api::PatternType::Prefixed => AclPatternType::Prefixed,
        },
        operations: rule.operations.iter().copied().map(operation).collect(),
        permission: match rule.permission {
            api::AclPermission::Allow => AclPermission::Allow,
            api::AclPermission::Deny => AclPermission::Deny,
        },
        hosts: rule.hosts.clone(),
    }
}

const fn resource_type(kind: api::AclResourceType) -> AclResourceType {
    match kind {
        api::AclResourceType::Topic => AclResourceType::Topic,
        api::AclResourceType::Group => AclResourceType::Group,
        api::AclResourceType::Cluster => AclResourceType::Cluster,
        api::AclResourceType::TransactionalId => AclResourceType::TransactionalId,
        api::AclResourceType::DelegationToken => AclResourceType::DelegationToken,
    }
}

const fn operation(operation: api::AclOperation) -> AclOperation {
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
        api::AclOperation::ClusterAction => AclOperation::ClusterAction,
        api::AclOperation::TwoPhaseCommit => AclOperation::TwoPhaseCommit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::yaml;

    fn spec(acls: &str) -> KafkaUserSpec {
        let text = format!("{{cluster: orders, authentication: {{type: ScramSha512}}, acls: {acls}}}");
        yaml::from_str(&text).unwrap()
    }

    #[test]
    fn a_user_gets_exactly_what_it_lists() {
        let spec = spec(
            "[{resource: {type: Topic, name: payments}, operations: [Read, Write]}, \
              {resource: {type: Topic, name: secret-, patternType: Prefixed}, operations: [All], permission: Deny, hosts: [10.0.0.1]}, \
              {resource: {type: Cluster}, operations: [IdempotentWrite]}]",
        );
        let all = bindings(&spec, "User:app");
        assert!(all.iter().all(|it| it.principal == "User:app"));
        let expected = [
            "Allow Read Topic payments from *",
            "Allow Write Topic payments from *",
            "Deny All Topic secret-… from 10.0.0.1",
            "Allow IdempotentWrite Cluster kafka-cluster from *",
        ];
        assert_eq!(lines(&all, 10), expected);
        assert_eq!(lines(&all, 2).len(), 2);
        assert_eq!(finding(&spec, Some(30)), None);
    }

    #[test]
    fn what_kafka_would_never_look_at_is_refused() {
        let table = [
            (
                "[{resource: {type: Group, name: g}, operations: [Write]}]",
                "Kafka never asks for Write on a Group",
            ),
            (
                "[{resource: {type: TransactionalId, name: t}, operations: [Read]}]",
                "Write, Describe, TwoPhaseCommit",
            ),
            (
                "[{resource: {type: Topic, name: t}, operations: [Read], hosts: [broker.local]}]",
                "isn't an address",
            ),
            (
                "[{resource: {type: Topic, name: t}, operations: [Read], hosts: [10.0.0.0/33]}]",
                "a number up to 32",
            ),
            (
                "[{resource: {type: Topic, name: t}, operations: [Read], hosts: [all/8]}]",
                "isn't a network",
            ),
            (
                "[{resource: {type: Topic, name: t}, operations: [Read], hosts: [10.0.0.0/8]}]",
                "from 4.4 on",
            ),
        ];
        for (acls, expected) in table {
            let found = finding(&spec(acls), Some(30)).unwrap();
            assert!(
                found.starts_with("spec.acls[0].") && found.contains(expected),
                "{found}"
            );
        }
        let network =
            spec("[{resource: {type: Topic, name: t}, operations: [Read], hosts: ['10.0.0.0/8', '::1', '*']}]");
        assert_eq!(finding(&network, Some(NETWORKS)), None);
        assert_eq!(finding(&network, None), None, "what isn't known yet isn't refused");
    }
}
