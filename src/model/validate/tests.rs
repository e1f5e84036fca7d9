//! The valid resource that tests start from; the table of bad input is in `crate::tests`.

use super::*;
use crate::api::ProductionKafka;

/// The demo's cluster, as YAML.
pub const VALID: &str = "
apiVersion: productionkafka.dev/v1alpha1
kind: ProductionKafka
metadata: {name: orders, namespace: kafka, uid: 11111111-2222-4333-8444-555555555555, generation: 1}
spec:
  version: 4.3.1
  nodePools:
  - name: controllers
    roles: [Controller]
    replicas: 3
    storage: {volumes: [{size: 1Gi}]}
    resources: {requests: {cpu: 50m, memory: 512Mi}, limits: {memory: 768Mi}}
  - name: brokers
    roles: [Broker]
    replicas: 3
    storage: {volumes: [{size: 2Gi}]}
    resources: {requests: {cpu: 50m, memory: 512Mi}, limits: {memory: 768Mi}}
  highAvailability: {rack: {topologyKey: topology.kubernetes.io/zone}}
  listeners:
  - {name: scram, port: 9094, authentication: {type: ScramSha512}}
  - {name: mtls, port: 9095, authentication: {type: Mtls}}
";

pub fn facts() -> Facts {
    Facts {
        secrets: Some(
            [
                ("half", &["kafka.keytab"][..]),
                ("whole", &["kafka.keytab", "krb5.conf"]),
                ("empty", &[]),
                ("expired", &["tls.crt", "tls.key"]),
            ]
            .into_iter()
            .map(|(name, keys)| (name.to_owned(), keys.iter().map(|key| (*key).to_owned()).collect()))
            .collect(),
        ),
        unusable: [(
            "expired".to_owned(),
            "tls.crt expired at 2026-01-01T00:00:00Z".to_owned(),
        )]
        .into(),
        storage_classes: Some(vec![
            StorageClassFact {
                name: "standard".into(),
                default: true,
                expands: true,
                provisioner: "ebs.csi.aws.com".into(),
                parameters: [("encrypted".to_owned(), "true".to_owned())].into(),
                vouched: None,
            },
            StorageClassFact {
                name: "fixed".into(),
                default: false,
                expands: false,
                provisioner: "local.csi.openebs.io".into(),
                parameters: BTreeMap::new(),
                vouched: None,
            },
        ]),
        zones: Some(vec!["a".into(), "b".into(), "c".into()]),
        cluster_domain: "cluster.local".into(),
        ..Facts::default()
    }
}

pub fn valid_resource() -> ProductionKafka {
    crate::cli::yaml::from_str(VALID).unwrap()
}

pub fn valid_cluster() -> Cluster {
    validate(&valid_resource(), &facts()).unwrap()
}

#[test]
fn the_valid_resource_is_valid() {
    let cluster = valid_cluster();
    assert_eq!(cluster.brokers(), 3);
    assert_eq!(cluster.pools[1].heap_mib, 256);
    assert_eq!(cluster.image, "docker.io/apache/kafka:4.3.1");
}

#[test]
fn a_summary_is_bounded_and_says_how_many_are_left() {
    let findings = Findings(
        (0..50)
            .map(|n| Finding {
                path: format!("spec.f{n}"),
                message: "x".repeat(60),
            })
            .collect(),
    );
    let text = findings.summary(500);
    assert!(text.len() <= 500 && text.contains("and 4"), "{text}");
}
