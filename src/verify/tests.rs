//! What the operator writes passes; each sabotage fails exactly the control that it's about.

use super::*;
use crate::render::Kind;
use crate::render::tests::demo;
use serde_json::json;
use std::collections::BTreeSet;

/// The documented cluster as it would run, with its images pinned and all that a person has to do done.
fn sound() -> Seen {
    let world = demo();
    let children = world.children();
    let of = |kind: Kind| {
        children
            .iter()
            .filter(move |child| child.kind == kind)
            .map(|child| child.body.clone())
    };
    let pods = of(Kind::StatefulSet).map(|set| {
        let mut pod = set["spec"]["template"].clone();
        pod["metadata"]["name"] = json!(format!("{}-0", set["metadata"]["name"].as_str().unwrap()));
        for list in ["containers", "initContainers"] {
            for container in pod["spec"][list].as_array_mut().unwrap() {
                container["image"] = json!(format!("registry.example/kafka@sha256:{}", "0".repeat(64)));
            }
        }
        pod
    });
    let files = of(Kind::ConfigMap).map(|map| {
        let name = map["metadata"]["name"].as_str().unwrap().to_owned();
        (name, serde_json::from_value(map["data"].clone()).unwrap_or_default())
    });
    let condition = |kind: &str, status: &str, reason: &str| json!({"type": kind, "status": status, "reason": reason, "message": ""});
    let node = |id: i32, roles: &str, rack: &str| json!({"id": id, "roles": roles, "rack": rack});
    let spare = crate::render::Spare {
        brokers: true,
        controllers: true,
    };
    let rule = |resources: &[&str], verbs: &[&str]| Rule {
        groups: vec![String::new()],
        resources: resources.iter().map(|one| (*one).to_owned()).collect(),
        verbs: verbs.iter().map(|one| (*one).to_owned()).collect(),
    };
    Seen {
        resource: json!({
            "metadata": {"finalizers": ["productionkafka.dev/deletion-protection"]},
            "spec": {
                "highAvailability": {"replicationFactor": 3, "minInSyncReplicas": 2},
                "maintenance": {"deletionProtection": true},
            },
            "status": {
                "conditions": [
                    condition("Upgradeable", "True", "Newest"),
                    condition("CertificatesValid", "True", "Current"),
                    condition("EncryptedAtRest", "True", "ShownByStorageClass"),
                ],
                "nodes": [node(0, "Controller", "a"), node(1, "Controller", "b"), node(2, "Controller", "c")],
            },
        }),
        namespace: json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}),
        pods: pods.collect(),
        files: files.collect(),
        claims: of(Kind::PersistentVolumeClaim).collect(),
        budgets: crate::render::budgets(&world.cluster, spare, false)
            .into_iter()
            .map(|child| child.body)
            .collect(),
        policies: of(Kind::NetworkPolicy).collect(),
        admission: Some(
            [
                "workloads",
                "objects",
                "resources",
                "protected-clusters",
                "protected-data",
            ]
            .map(|end| format!("ops-productionkafka-{end}"))
            .to_vec(),
        ),
        rules: Some(vec![
            rule(&["secrets"], &["create", "get", "patch"]),
            rule(&["pods"], &["get", "list", "watch"]),
        ]),
    }
}

fn failed(seen: &Seen) -> BTreeSet<u8> {
    judge(seen)
        .iter()
        .filter(|one| one.verdict == Verdict::Fail)
        .map(|one| one.id)
        .collect()
}

#[test]
fn what_the_operator_writes_passes_and_nothing_is_passed_over() {
    let outcomes = judge(&sound());
    let ids: Vec<u8> = outcomes.iter().map(|one| one.id).collect();
    assert_eq!(ids, (1..=46).collect::<Vec<u8>>());
    for one in &outcomes {
        let expected = match CONTROLS[usize::from(one.id) - 1].check {
            Some(_) if one.id == 5 => Verdict::NotApplicable,
            Some(_) => Verdict::Pass,
            None => Verdict::NotChecked,
        };
        assert_eq!(one.verdict, expected, "{one:?}");
        assert!(!one.evidence.is_empty() && !one.title.is_empty());
        assert_eq!(
            one.advice.is_empty(),
            matches!(one.verdict, Verdict::Pass | Verdict::NotApplicable),
            "{one:?}"
        );
    }
}

type Sabotage = (u8, fn(&mut Seen));

/// Of the first broker.
fn broker(seen: &mut Seen) -> &mut Value {
    seen.pods
        .iter_mut()
        .find(|pod| pod["metadata"]["name"] == "orders-brokers-100-0")
        .unwrap()
}

fn property(seen: &mut Seen, key: &str, value: Option<&str>) {
    let map = broker(seen)["spec"]["volumes"][0]["configMap"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let file = seen.files.get_mut(&map).unwrap().get_mut("server.properties").unwrap();
    let mut lines: Vec<String> = file
        .lines()
        .filter(|line| !line.starts_with(&format!("{key}=")))
        .map(str::to_owned)
        .collect();
    lines.extend(value.map(|value| format!("{key}={value}")));
    *file = lines.join("\n");
}

fn account(seen: &mut Seen, resource: &str, verb: &str) {
    seen.rules.as_mut().unwrap().push(Rule {
        groups: vec!["rbac.authorization.k8s.io".into()],
        resources: vec![resource.into()],
        verbs: vec![verb.into()],
    });
}

fn reason(seen: &mut Seen, kind: &str, status: &str, reason: &str) {
    let conditions = seen.resource["status"]["conditions"].as_array_mut().unwrap();
    let one = conditions.iter_mut().find(|one| one["type"] == kind).unwrap();
    (one["status"], one["reason"]) = (json!(status), json!(reason));
}

#[expect(clippy::semicolon_if_nothing_returned, reason = "one expression each")]
const SABOTAGES: &[Sabotage] = &[
    (
        1,
        |seen| seen.namespace = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}),
    ),
    (2, |seen| {
        broker(seen)["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true)
    }),
    (2, |seen| {
        broker(seen)["spec"]["containers"][0]["securityContext"]["capabilities"] = json!({"drop": []})
    }),
    (2, |seen| broker(seen)["spec"]["hostNetwork"] = json!(true)),
    (2, |seen| {
        broker(seen)["spec"]["volumes"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "x", "hostPath": {"path": "/"}}))
    }),
    (2, |seen| {
        broker(seen)["spec"]["securityContext"]["seccompProfile"] = json!({"type": "Unconfined"})
    }),
    (3, |seen| {
        broker(seen)["spec"]["initContainers"][0]["securityContext"]["readOnlyRootFilesystem"] = json!(false)
    }),
    (4, |seen| {
        broker(seen)["spec"]["securityContext"]["runAsUser"] = json!(0)
    }),
    (6, |seen| {
        broker(seen)["spec"]["automountServiceAccountToken"] = json!(true)
    }),
    (6, |seen| {
        let token = json!({"name": "x", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}});
        broker(seen)["spec"]["volumes"].as_array_mut().unwrap().push(token);
    }),
    (7, |seen| {
        drop(
            broker(seen)["spec"]["containers"][0]["resources"]["limits"]
                .as_object_mut()
                .unwrap()
                .remove("memory"),
        )
    }),
    (8, |seen| {
        broker(seen)["spec"]["containers"][0]["image"] = json!("docker.io/apache/kafka:4.3.1")
    }),
    (10, |seen| drop(seen.budgets.pop())),
    (11, |seen| seen.resource["status"]["nodes"][1]["rack"] = json!("a")),
    (12, |seen| {
        seen.admission
            .as_mut()
            .unwrap()
            .retain(|name| !name.ends_with("-objects"))
    }),
    (12, |seen| {
        seen.admission
            .as_mut()
            .unwrap()
            .retain(|name| !name.ends_with("-resources"))
    }),
    (13, |seen| {
        account(seen, "leases", "get");
        seen.rules.as_mut().unwrap().last_mut().unwrap().groups = vec!["*".into()];
    }),
    (14, |seen| account(seen, "rolebindings", "create")),
    (15, |seen| account(seen, "pods/exec", "create")),
    (15, |seen| account(seen, "users", "impersonate")),
    (16, |seen| account(seen, "secrets", "list")),
    (21, |seen| {
        seen.resource["spec"]["maintenance"]["deletionProtection"] = json!(false)
    }),
    (21, |seen| seen.resource["metadata"]["finalizers"] = json!([])),
    (21, |seen| {
        seen.claims[0]["metadata"]["ownerReferences"] = json!([{"kind": "StatefulSet"}])
    }),
    (22, |seen| reason(seen, "Upgradeable", "True", "Vulnerable")),
    (23, |seen| {
        property(
            seen,
            "listener.security.protocol.map",
            Some("REPLICATION:SSL,APPS:SASL_PLAINTEXT"),
        )
    }),
    (24, |seen| {
        property(seen, "ssl.enabled.protocols", Some("TLSv1.1,TLSv1.3"))
    }),
    (25, |seen| {
        property(seen, "listener.name.replication.ssl.client.auth", Some("requested"))
    }),
    (26, |seen| {
        property(seen, "ssl.endpoint.identification.algorithm", Some(""))
    }),
    (29, |seen| {
        broker(seen)["spec"]["volumes"][1]["secret"]["secretName"] = json!("orders-brokers-101-tls")
    }),
    (29, |seen| {
        broker(seen)["spec"]["volumes"][1]["secret"]["defaultMode"] = json!(0o444)
    }),
    (31, |seen| reason(seen, "CertificatesValid", "False", "Expiring")),
    (32, |seen| {
        let env = broker(seen)["spec"]["containers"][0]["env"].as_array_mut().unwrap();
        env.push(json!({"name": "KEYSTORE_PASSWORD", "value": "x"}));
    }),
    (33, |seen| property(seen, "authorizer.class.name", None)),
    (34, |seen| {
        property(seen, "allow.everyone.if.no.acl.found", Some("true"))
    }),
    (35, |seen| {
        property(
            seen,
            "super.users",
            Some("User:CN=kafka-node,O=productionkafka;User:root"),
        )
    }),
    (37, |seen| property(seen, "auto.create.topics.enable", Some("true"))),
    (37, |seen| {
        property(seen, "unclean.leader.election.enable", Some("true"))
    }),
    (38, |seen| {
        seen.resource["spec"]["highAvailability"]["minInSyncReplicas"] = json!(1)
    }),
    (39, |seen| {
        let env = broker(seen)["spec"]["containers"][0]["env"].as_array_mut().unwrap();
        env.retain(|one| one["name"] != "KAFKA_OPTS");
    }),
    (40, |seen| property(seen, "max.connections.per.ip", None)),
    (41, |seen| {
        let env = broker(seen)["spec"]["containers"][0]["env"].as_array_mut().unwrap();
        env.push(json!({"name": "KAFKA_JMX_OPTS", "value": "-Dcom.sun.management.jmxremote.port=9999"}));
    }),
    (42, |seen| {
        seen.policies
            .retain(|policy| policy["metadata"]["name"] != "orders-nodes")
    }),
    (43, |seen| reason(seen, "EncryptedAtRest", "False", "NotShown")),
    (44, |seen| {
        for files in seen.files.values_mut() {
            files.remove("log4j2.yaml");
        }
    }),
];

#[test]
fn each_sabotage_fails_exactly_its_control() {
    for (index, (id, sabotage)) in SABOTAGES.iter().enumerate() {
        let mut seen = sound();
        sabotage(&mut seen);
        assert_eq!(failed(&seen), BTreeSet::from([*id]), "sabotage {index} of control {id}");
    }
    let tried: BTreeSet<u8> = SABOTAGES.iter().map(|(id, _)| *id).collect();
    let checked = CONTROLS
        .iter()
        .filter(|control| control.check.is_some() && control.id != 5);
    assert_eq!(tried, checked.map(|control| control.id).collect());
}

#[test]
fn what_the_operator_itself_does_not_know_is_not_checked() {
    let mut seen = sound();
    reason(&mut seen, "EncryptedAtRest", "Unknown", "NotObserved");
    assert_eq!(judge(&seen)[42].verdict, Verdict::NotChecked);
}

#[test]
fn the_operator_knows_of_controls_that_have_a_check_and_each_once() {
    let known: BTreeSet<u8> = OF_OBJECTS.into_iter().chain(OF_RESOURCE).collect();
    assert_eq!(known.len(), OF_OBJECTS.len() + OF_RESOURCE.len());
    assert!(known.iter().all(|id| CONTROLS[usize::from(*id) - 1].check.is_some()));
    let mut seen = sound();
    assert!(failing(&seen, &OF_OBJECTS).is_empty() && failing(&seen, &OF_RESOURCE).is_empty());
    property(&mut seen, "super.users", Some("User:root"));
    let ids: Vec<u8> = failing(&seen, &OF_OBJECTS).iter().map(|one| one.id).collect();
    assert_eq!(ids, [35]);
}

#[test]
fn what_can_not_be_read_is_not_checked_rather_than_passed() {
    let mut seen = sound();
    (seen.admission, seen.rules) = (None, None);
    let unread: Vec<u8> = judge(&seen)
        .iter()
        .filter(|one| one.verdict == Verdict::NotChecked && CONTROLS[usize::from(one.id) - 1].check.is_some())
        .map(|one| one.id)
        .collect();
    assert_eq!(unread, [12, 13, 14, 15, 16, 21]);
    assert!(failed(&Seen::default()).len() > 20, "nothing at all passes for sound");
}
