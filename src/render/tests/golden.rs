//! Goldens, to be reviewed as YAML: `cargo insta review`, or `INSTA_UPDATE=always cargo test` and a look at the diff.

use super::*;
use crate::api::Profile;
use serde_json::json;

/// The bodies of the children that `wanted` selects, as YAML documents.
fn documents(children: &[Child], wanted: impl Fn(&Child) -> bool) -> String {
    let texts: Vec<String> = children
        .iter()
        .filter(|child| wanted(child))
        .map(|child| crate::cli::yaml::to_string(&child.body).unwrap())
        .collect();
    assert!(!texts.is_empty(), "nothing is selected");
    texts.join("---\n")
}

fn of_node(kind: Kind, stateful_set: &'static str) -> impl Fn(&Child) -> bool {
    move |child| child.kind == kind && child.name.starts_with(stateful_set)
}

fn of_kind(kind: Kind) -> impl Fn(&Child) -> bool {
    move |child| child.kind == kind
}

#[test]
fn a_controller_of_the_demo() {
    let children = demo().children();
    insta::assert_snapshot!(
        "controller_config_map",
        documents(&children, of_node(Kind::ConfigMap, "orders-controllers-0"))
    );
    insta::assert_snapshot!(
        "controller_stateful_set",
        documents(&children, of_node(Kind::StatefulSet, "orders-controllers-0"))
    );
}

#[test]
fn a_broker_of_the_demo() {
    let children = demo().children();
    insta::assert_snapshot!(
        "broker_config_map",
        documents(&children, of_node(Kind::ConfigMap, "orders-brokers-100"))
    );
    insta::assert_snapshot!(
        "broker_stateful_set",
        documents(&children, of_node(Kind::StatefulSet, "orders-brokers-100"))
    );
}

const SPARE: Spare = Spare {
    brokers: true,
    controllers: true,
};

#[test]
fn what_the_nodes_of_the_demo_share() {
    let mut children = demo().children();
    children.extend(budgets(&demo().cluster, SPARE, false));
    for (name, kind) in [
        ("services", Kind::Service),
        ("network_policies", Kind::NetworkPolicy),
        ("budgets", Kind::PodDisruptionBudget),
    ] {
        insta::assert_snapshot!(name, documents(&children, of_kind(kind)));
    }
}

#[test]
fn a_node_with_both_roles_and_two_disks() {
    let mut children = combined().children();
    children.extend(budgets(&combined().cluster, SPARE, false));
    for (name, kind) in [
        ("combined_config_map", Kind::ConfigMap),
        ("combined_stateful_set", Kind::StatefulSet),
        ("combined_claims", Kind::PersistentVolumeClaim),
        ("combined_services", Kind::Service),
        ("combined_network_policies", Kind::NetworkPolicy),
        ("combined_budgets", Kind::PodDisruptionBudget),
    ] {
        insta::assert_snapshot!(name, documents(&children, of_kind(kind)));
    }
}

#[test]
fn a_budget_is_closed_while_kafka_can_spare_no_node_of_its_kind() {
    let allowed = |cluster: &Cluster, brokers: bool, controllers: bool| -> Vec<Value> {
        let budgets = budgets(cluster, Spare { brokers, controllers }, false);
        let allowed = budgets
            .iter()
            .map(|budget| budget.body["spec"]["maxUnavailable"].clone());
        allowed.collect()
    };
    let (demo, combined) = (demo().cluster, combined().cluster);
    assert_eq!(allowed(&demo, false, true), [json!(1), json!(0)]);
    assert_eq!(allowed(&demo, true, false), [json!(0), json!(1)]);
    assert_eq!(allowed(&combined, true, false), [json!(0)]);
    assert_eq!(allowed(&combined, true, true), [json!(1)]);
}

#[test]
fn an_acl_job() {
    insta::assert_snapshot!("acl_job", documents(&demo_acl_job(), |_| true));
}

#[test]
fn the_identity() {
    let world = demo();
    let child = identity_config_map(&world.cluster.names, &world.identity);
    insta::assert_snapshot!("identity", documents(&[child], |_| true));
}

const CA: &str = "-----BEGIN CERTIFICATE-----\nY2E=\n-----END CERTIFICATE-----\n";

#[test]
fn properties_of_clients() {
    let scram = ClientCredentials::Scram {
        second: false,
        username: "billing",
        password: r#"p"a\ss"#,
    };
    let mtls = ClientCredentials::Mtls {
        certificate: "-----BEGIN CERTIFICATE-----\nY3J0\n-----END CERTIFICATE-----\n",
        key: "-----BEGIN KEY-----\na2V5\n-----END KEY-----\n",
    };
    insta::assert_snapshot!(
        "client_properties",
        [
            client_files("orders-scram-bootstrap.kafka.svc:9094", CA, scram, Profile::Balanced),
            client_files("orders-mtls-bootstrap.kafka.svc:9095", CA, mtls, Profile::Balanced),
        ]
        .iter()
        .flatten()
        .map(|(name, text)| format!("# {name}\n{text}"))
        .collect::<String>()
    );
}
