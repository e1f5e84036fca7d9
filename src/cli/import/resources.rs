//! From what Kafka has to resources. Pure.
//!
//! | in Kafka | resource |
//! |---|---|
//! | topic | `KafkaTopic` with its partitions, replication factor and own configuration |
//! | user with a SCRAM credential | `KafkaUser` of type `ScramSha512` with `passwordFrom`: its password isn't known, and must not change |
//! | any other principal with rights or quotas | `KafkaUser` of type `External` |

use crate::api::{
    AclOperation, AclPermission, AclResource, AclResourceType, AclRule, KafkaTopic, KafkaTopicSpec, KafkaUser,
    KafkaUserSpec, PasswordFrom, PatternType, Quotas, UserAuthentication, UserAuthenticationType,
};
use crate::kafka::{self, AclBinding, QuotaEntity, QuotaName, QuotaValues};
use std::collections::{BTreeMap, BTreeSet};

/// Users that are the operator's own.
const OWN: [&str; 4] = [
    "scram_guard_gegizuf",
    "CN=kafka-acl-sync,O=productionkafka",
    "CN=kafka-node,O=productionkafka",
    "CN=kafka-operator,O=productionkafka",
];

#[derive(Debug, Default)]
pub struct Topic {
    /// Of each partition.
    pub replicas: Vec<usize>,
    pub config: BTreeMap<String, String>,
}

/// What Kafka has.
#[derive(Debug, Default)]
pub struct Snapshot {
    pub topics: BTreeMap<String, Topic>,
    /// Users with a SCRAM credential.
    pub passwords: BTreeSet<String>,
    pub quotas: BTreeMap<QuotaEntity, QuotaValues>,
    pub acls: Vec<AclBinding>,
}

#[derive(Debug, Default)]
pub struct Made {
    pub topics: Vec<KafkaTopic>,
    pub users: Vec<KafkaUser>,
    /// What no resource can say, and what is left to be done.
    pub notes: Vec<String>,
}

/// The resources, by name.
pub fn of(snapshot: &Snapshot, cluster: &str, namespace: &str) -> Made {
    let mut made = Made::default();
    topics(snapshot, (cluster, namespace), &mut made);
    users(snapshot, (cluster, namespace), &mut made);
    made
}

fn topics(snapshot: &Snapshot, (cluster, namespace): (&str, &str), made: &mut Made) {
    let mut taken = BTreeSet::new();
    for (name, topic) in snapshot.topics.iter().filter(|(name, _)| !name.starts_with("__")) {
        let resource = resource_name(name, 253, &mut taken);
        let least = topic.replicas.iter().min().copied().unwrap_or(1);
        if topic.replicas.iter().any(|replicas| *replicas != least) {
            made.notes.push(format!("topic {name}: its partitions have different numbers of replicas; the resource names the least, {least}, and would take the others down to it"));
        }
        let spec = KafkaTopicSpec {
            cluster: cluster.to_owned(),
            topic_name: (resource != *name).then(|| name.clone()),
            partitions: i32::try_from(topic.replicas.len()).unwrap_or(i32::MAX),
            replication_factor: i32::try_from(least).ok(),
            config: topic.config.clone(),
            deletion_policy: crate::api::DeletionPolicy::Orphan,
        };
        let mut object = KafkaTopic::new(&resource, spec);
        object.metadata.namespace = Some(namespace.to_owned());
        made.topics.push(object);
    }
}

fn users(snapshot: &Snapshot, (cluster, namespace): (&str, &str), made: &mut Made) {
    let mut names: BTreeSet<String> = snapshot.passwords.clone();
    for acl in &snapshot.acls {
        match acl.principal.strip_prefix("User:") {
            Some("*") => made.notes.push(format!(
                "an ACL of User:* ({}) is nobody's: it stays as it is",
                text(acl)
            )),
            Some(name) => drop(names.insert(name.to_owned())),
            None => made
                .notes
                .push(format!("an ACL of {} isn't a user's: it stays as it is", acl.principal)),
        }
    }
    names.extend(snapshot.quotas.keys().filter_map(|entity| match &entity.user {
        Some(QuotaName::Named(name)) => Some(name.clone()),
        _ => None,
    }));
    let mut taken = BTreeSet::new();
    for name in names.iter().filter(|name| !OWN.contains(&name.as_str())) {
        let resource = resource_name(name, 60, &mut taken);
        let has_password = snapshot.passwords.contains(name);
        let authentication = authentication(name, (&resource, has_password), made);
        let spec = KafkaUserSpec {
            cluster: cluster.to_owned(),
            authentication,
            acls: rules(name, snapshot, made),
            roles: Vec::new(),
            quotas: quotas(name, snapshot, made),
        };
        let mut object = KafkaUser::new(&resource, spec);
        object.metadata.namespace = Some(namespace.to_owned());
        made.users.push(object);
    }
}

/// A password that isn't known comes from a Secret, without which the user is refused and nothing changes.
fn authentication(name: &str, (resource, has_password): (&str, bool), made: &mut Made) -> UserAuthentication {
    let scram = has_password && resource == name;
    if scram {
        made.notes.push(format!(
            "user {name}: Kafka doesn't tell passwords. Put the one that it has into Secret {name}-password, key password, \
             before its resource is applied; or leave passwordFrom out, and it gets a new one at once"
        ));
    } else if has_password {
        made.notes.push(format!(
            "user {name}: no KafkaUser can have this name, so its credential stays as it is and only its rights are managed"
        ));
    }
    let password = scram.then(|| PasswordFrom {
        secret_name: format!("{name}-password"),
        key: "password".to_owned(),
    });
    UserAuthentication {
        kind: if scram {
            UserAuthenticationType::ScramSha512
        } else {
            UserAuthenticationType::External
        },
        password_from: password,
        principal_name: (!scram && resource != name).then(|| name.to_owned()),
        rotation: None,
    }
}

/// Rules with the same resource, permission and host in one.
fn rules(name: &str, snapshot: &Snapshot, made: &mut Made) -> Vec<AclRule> {
    type Key = (
        kafka::AclResourceType,
        String,
        kafka::AclPatternType,
        kafka::AclPermission,
        String,
    );
    let principal = format!("User:{name}");
    let mut alike: BTreeMap<Key, Vec<AclOperation>> = BTreeMap::new();
    for acl in snapshot.acls.iter().filter(|acl| acl.principal == principal) {
        let Some(operation) = operation(acl.operation).filter(|_| resource_type(acl.resource_type).is_some()) else {
            made.notes.push(format!(
                "user {name}: no resource can say {}, and applying this one takes it away",
                text(acl)
            ));
            continue;
        };
        let key = (
            acl.resource_type,
            acl.resource_name.clone(),
            acl.pattern_type,
            acl.permission,
            acl.host.clone(),
        );
        alike.entry(key).or_default().push(operation);
    }
    let rule = |((kind, name, pattern, permission, host), mut operations): (Key, Vec<AclOperation>)| {
        operations.sort();
        let kind = resource_type(kind)?;
        Some(AclRule {
            resource: AclResource {
                kind,
                name: (kind != AclResourceType::Cluster).then_some(name),
                pattern_type: match pattern {
                    kafka::AclPatternType::Literal => PatternType::Literal,
                    kafka::AclPatternType::Prefixed => PatternType::Prefixed,
                },
            },
            operations,
            permission: match permission {
                kafka::AclPermission::Allow => AclPermission::Allow,
                kafka::AclPermission::Deny => AclPermission::Deny,
            },
            hosts: Some(host).filter(|host| host != "*").into_iter().collect(),
        })
    };
    alike.into_iter().filter_map(rule).collect()
}

fn quotas(name: &str, snapshot: &Snapshot, made: &mut Made) -> Option<Quotas> {
    let values = snapshot.quotas.get(&crate::user::quotas::entity(name))?;
    #[expect(clippy::cast_possible_truncation, reason = "a rate below 2^53")]
    let whole = |key: &str| {
        values
            .get(key)
            .map(|value| value.round() as i64)
            .filter(|value| *value > 0)
    };
    let small = |key: &str| whole(key).and_then(|value| i32::try_from(value).ok());
    if values.values().any(|value| value.fract() != 0.0) {
        made.notes
            .push(format!("user {name}: quotas are rounded to whole numbers"));
    }
    Some(Quotas {
        producer_byte_rate: whole("producer_byte_rate"),
        consumer_byte_rate: whole("consumer_byte_rate"),
        request_percentage: small("request_percentage"),
        controller_mutation_rate: small("controller_mutation_rate"),
    })
}

fn text(acl: &AclBinding) -> String {
    format!(
        "{:?} {:?} {:?} {} ({:?}) from {}",
        acl.permission, acl.operation, acl.resource_type, acl.resource_name, acl.pattern_type, acl.host
    )
}

/// A name that Kubernetes takes: lower case letters, digits, `-` and `.`; one that's taken gets a number.
fn resource_name(name: &str, longest: usize, taken: &mut BTreeSet<String>) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let mapped: String = name.chars().map(plain).take(longest - 4).collect();
    let ends = |c: char| !c.is_ascii_alphanumeric();
    let parts: Vec<&str> = mapped
        .split('.')
        .map(|part| part.trim_matches(ends))
        .filter(|part| !part.is_empty())
        .collect();
    let base = if parts.is_empty() {
        "unnamed".to_owned()
    } else {
        parts.join(".")
    };
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    let free = std::iter::once(base.clone())
        .chain(numbered)
        .find(|name| !taken.contains(name));
    let free = free.unwrap_or(base);
    taken.insert(free.clone());
    free
}

const fn resource_type(kind: kafka::AclResourceType) -> Option<AclResourceType> {
    Some(match kind {
        kafka::AclResourceType::Topic => AclResourceType::Topic,
        kafka::AclResourceType::Group => AclResourceType::Group,
        kafka::AclResourceType::Cluster => AclResourceType::Cluster,
        kafka::AclResourceType::TransactionalId => AclResourceType::TransactionalId,
        kafka::AclResourceType::DelegationToken => AclResourceType::DelegationToken,
        kafka::AclResourceType::User => return None,
    })
}

const fn operation(operation: kafka::AclOperation) -> Option<AclOperation> {
    Some(match operation {
        kafka::AclOperation::All => AclOperation::All,
        kafka::AclOperation::Read => AclOperation::Read,
        kafka::AclOperation::Write => AclOperation::Write,
        kafka::AclOperation::Create => AclOperation::Create,
        kafka::AclOperation::Delete => AclOperation::Delete,
        kafka::AclOperation::Alter => AclOperation::Alter,
        kafka::AclOperation::Describe => AclOperation::Describe,
        kafka::AclOperation::DescribeConfigs => AclOperation::DescribeConfigs,
        kafka::AclOperation::AlterConfigs => AclOperation::AlterConfigs,
        kafka::AclOperation::IdempotentWrite => AclOperation::IdempotentWrite,
        kafka::AclOperation::ClusterAction => AclOperation::ClusterAction,
        kafka::AclOperation::TwoPhaseCommit => AclOperation::TwoPhaseCommit,
        kafka::AclOperation::CreateTokens | kafka::AclOperation::DescribeTokens => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acl::rights;
    use crate::cli::yaml;

    fn acl(principal: &str, kind: kafka::AclResourceType, name: &str, operation: kafka::AclOperation) -> AclBinding {
        AclBinding {
            principal: principal.to_owned(),
            resource_type: kind,
            resource_name: name.to_owned(),
            pattern_type: kafka::AclPatternType::Literal,
            operation,
            permission: kafka::AclPermission::Allow,
            host: "*".to_owned(),
        }
    }

    fn snapshot() -> Snapshot {
        use kafka::AclOperation::{Describe, DescribeTokens, Read, Write};
        use kafka::AclResourceType::{Cluster, Group, Topic as T, User};
        let denied = AclBinding {
            permission: kafka::AclPermission::Deny,
            host: "10.0.0.1".into(),
            pattern_type: kafka::AclPatternType::Prefixed,
            ..acl("User:app", T, "secret-", Read)
        };
        Snapshot {
            topics: BTreeMap::from([
                (
                    "Orders_v1".to_owned(),
                    Topic {
                        replicas: vec![3, 3],
                        config: BTreeMap::from([("retention.ms".to_owned(), "1000".to_owned())]),
                    },
                ),
                (
                    "orders-v1".to_owned(),
                    Topic {
                        replicas: vec![2, 3],
                        config: BTreeMap::new(),
                    },
                ),
                ("__consumer_offsets".to_owned(), Topic::default()),
            ]),
            passwords: ["app", "scram_guard_gegizuf", "Legacy_App"].map(str::to_owned).into(),
            quotas: BTreeMap::from([(
                crate::user::quotas::entity("app"),
                BTreeMap::from([("producer_byte_rate".to_owned(), 1024.0)]),
            )]),
            acls: vec![
                acl("User:app", T, "orders", Read),
                acl("User:app", T, "orders", Write),
                acl("User:app", Group, "g", Read),
                denied,
                acl("User:CN=billing,O=us", Cluster, "kafka-cluster", Describe),
                acl("User:CN=billing,O=us", User, "x", DescribeTokens),
                acl("User:*", T, "open", Read),
                acl(
                    "User:CN=kafka-acl-sync,O=productionkafka",
                    Cluster,
                    "kafka-cluster",
                    kafka::AclOperation::Alter,
                ),
            ],
        }
    }

    #[test]
    fn topics_keep_their_names_in_kafka() {
        let made = of(&snapshot(), "orders", "kafka");
        let told: Vec<(String, Option<String>, i32, Option<i32>)> = made
            .topics
            .iter()
            .map(|topic| {
                (
                    topic.metadata.name.clone().unwrap(),
                    topic.spec.topic_name.clone(),
                    topic.spec.partitions,
                    topic.spec.replication_factor,
                )
            })
            .collect();
        let expected = [
            ("orders-v1".to_owned(), Some("Orders_v1".to_owned()), 2, Some(3)),
            ("orders-v1-2".to_owned(), Some("orders-v1".to_owned()), 2, Some(2)),
        ];
        assert_eq!(told, expected);
        assert!(
            made.notes
                .iter()
                .any(|note| note.contains("different numbers of replicas"))
        );
    }

    /// What is written means what Kafka has, but for what is told.
    #[test]
    fn users_come_back_with_the_same_rights() {
        let snapshot = snapshot();
        let made = of(&snapshot, "orders", "kafka");
        let names: Vec<&str> = made
            .users
            .iter()
            .map(|user| user.metadata.name.as_deref().unwrap())
            .collect();
        assert_eq!(names, ["cn-billing-o-us", "legacy-app", "app"]);
        for user in &made.users {
            let text = yaml::to_string(user).unwrap();
            let read: KafkaUser = yaml::from_str(&text).unwrap();
            assert_eq!(read.spec, user.spec);
            let name = user
                .spec
                .authentication
                .principal_name
                .clone()
                .unwrap_or_else(|| user.metadata.name.clone().unwrap());
            let principal = format!("User:{name}");
            let had: BTreeSet<AclBinding> = snapshot
                .acls
                .iter()
                .filter(|acl| acl.principal == principal && acl.resource_type != kafka::AclResourceType::User)
                .cloned()
                .collect();
            assert_eq!(rights::bindings(&user.spec, &principal), had, "{text}");
        }
        let app = &made.users[2].spec;
        assert_eq!(
            app.authentication.password_from.as_ref().unwrap().secret_name,
            "app-password"
        );
        assert_eq!(app.quotas.as_ref().unwrap().producer_byte_rate, Some(1024));
        for told in [
            "User:*",
            "DescribeTokens",
            "Secret app-password",
            "user Legacy_App: no KafkaUser can have this name",
        ] {
            assert!(
                made.notes.iter().any(|note| note.contains(told)),
                "{told}: {:?}",
                made.notes
            );
        }
    }
}
