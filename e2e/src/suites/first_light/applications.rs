//! Bad `KafkaUser` and `KafkaTopic` resources, and changes that can't be made, all refused by the API server: one line per case.

use super::table::{Case, api};

/// The user has a SCRAM password; its cluster is `valid`.
pub const USERS: &[Case] = &[
    api(
        "user-with-a-long-name",
        &[(
            "/metadata/name",
            r#""a-name-with-more-than-sixty-characters-which-is-what-a-certificate-holds""#,
        )],
        &["metadata.name", "at most 60 characters"],
    ),
    api(
        "user-without-cluster",
        &[("/spec/cluster", "null")],
        &["spec.cluster", "Required"],
    ),
    api(
        "user-without-authentication",
        &[("/spec/authentication", "null")],
        &["spec.authentication", "Required"],
    ),
    api(
        "user-of-unknown-type",
        &[("/spec/authentication/type", r#""Plain""#)],
        &["authentication.type", "Unsupported value"],
    ),
    api(
        "password-of-a-certificate",
        &[(
            "/spec/authentication",
            r#"{"type": "Mtls", "passwordFrom": {"secretName": "x"}}"#,
        )],
        &["passwordFrom needs type: ScramSha512"],
    ),
    api(
        "principal-of-a-password",
        &[("/spec/authentication/principalName", r#""alice""#)],
        &["principalName needs type: External"],
    ),
    api(
        "principal-of-everybody",
        &[("/spec/authentication", r#"{"type": "External", "principalName": "*"}"#)],
        &["principalName", "should match"],
    ),
    api(
        "rotation-of-nothing",
        &[(
            "/spec/authentication",
            r#"{"type": "External", "rotation": {"overlap": "1h"}}"#,
        )],
        &["rotation isn't possible with type: External"],
    ),
    api(
        "right-without-operation",
        &[(
            "/spec/acls",
            r#"[{"resource": {"type": "Topic", "name": "x"}, "operations": []}]"#,
        )],
        &["operations", "at least 1"],
    ),
    api(
        "right-to-an-unknown-operation",
        &[(
            "/spec/acls",
            r#"[{"resource": {"type": "Topic", "name": "x"}, "operations": ["Execute"]}]"#,
        )],
        &["operations", "Unsupported value"],
    ),
    api(
        "right-to-nothing",
        &[(
            "/spec/acls",
            r#"[{"resource": {"type": "Topic"}, "operations": ["Read"]}]"#,
        )],
        &["name is needed for every resource type but Cluster"],
    ),
    api(
        "producer-of-no-topic",
        &[("/spec/roles", r#"[{"type": "Producer"}]"#)],
        &["Producer and Consumer need topic"],
    ),
    api(
        "consumer-of-no-group",
        &[("/spec/roles", r#"[{"type": "Consumer", "topic": {"name": "x"}}]"#)],
        &["Consumer and Connect need group"],
    ),
    api(
        "streams-without-an-id",
        &[("/spec/roles", r#"[{"type": "Streams"}]"#)],
        &["Streams and applicationId need each other"],
    ),
    api(
        "administrator-of-a-topic",
        &[("/spec/roles", r#"[{"type": "Admin", "topic": {"name": "x"}}]"#)],
        &["topic needs type: Producer or Consumer"],
    ),
    api(
        "producer-in-a-group",
        &[(
            "/spec/roles",
            r#"[{"type": "Producer", "topic": {"name": "x"}, "group": {"name": "y"}}]"#,
        )],
        &["group needs type: Consumer or Connect"],
    ),
    api(
        "transactions-of-a-consumer",
        &[(
            "/spec/roles",
            r#"[{"type": "Consumer", "topic": {"name": "x"}, "group": {"name": "y"}, "transactionalId": {"name": "z"}}]"#,
        )],
        &["transactionalId needs type: Producer"],
    ),
    api(
        "quota-of-nothing",
        &[("/spec/quotas", r#"{"producerByteRate": 0}"#)],
        &["producerByteRate", "greater than or equal to 1"],
    ),
    api(
        "user-with-an-unknown-field",
        &[("/spec/acl", "[]")],
        &["unknown field", "acl"],
    ),
];

/// The topic has three partitions; its cluster is `valid`.
pub const TOPICS: &[Case] = &[
    api(
        "topic-without-cluster",
        &[("/spec/cluster", "null")],
        &["spec.cluster", "Required"],
    ),
    api(
        "topic-without-partitions",
        &[("/spec/partitions", "0")],
        &["spec.partitions", "greater than or equal to 1"],
    ),
    api(
        "topic-with-many-replicas",
        &[("/spec/replicationFactor", "9")],
        &["spec.replicationFactor", "less than or equal to 7"],
    ),
    api(
        "topic-with-a-space",
        &[("/spec/topicName", r#""two words""#)],
        &["spec.topicName", "should match"],
    ),
    api(
        "topic-that-asks-to-be-kept-somehow",
        &[("/spec/deletionPolicy", r#""Retain""#)],
        &["spec.deletionPolicy", "Unsupported value"],
    ),
    api(
        "topic-with-an-unknown-field",
        &[("/spec/replicas", "3")],
        &["unknown field", "replicas"],
    ),
];

/// Changes of the user.
pub const USER_CHANGES: &[Case] = &[
    api(
        "user-moves",
        &[("/spec/cluster", r#""other""#)],
        &["cluster can't be changed"],
    ),
    api(
        "user-of-another-type",
        &[("/spec/authentication/type", r#""Mtls""#)],
        &["authentication.type can't be changed"],
    ),
];

/// Changes of the topic.
pub const TOPIC_CHANGES: &[Case] = &[
    api(
        "topic-moves",
        &[("/spec/cluster", r#""other""#)],
        &["cluster can't be changed"],
    ),
    api(
        "fewer-partitions",
        &[("/spec/partitions", "2")],
        &["partitions can't be lowered"],
    ),
    api(
        "another-topic",
        &[("/spec/topicName", r#""other""#)],
        &["topicName can't be changed"],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn cases_are_different_and_say_something() {
        let all: Vec<&Case> = [USERS, TOPICS, USER_CHANGES, TOPIC_CHANGES]
            .into_iter()
            .flatten()
            .collect();
        let names: BTreeSet<&str> = all.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.iter().all(|case| !case.says.is_empty() && !case.changes.is_empty()));
    }
}
