//! What must hold for every rendered cluster, whatever the golden files say.

use super::*;

fn server_properties_of(children: &[Child]) -> Vec<BTreeMap<String, String>> {
    let texts = children
        .iter()
        .filter_map(|child| child.body["data"]["server.properties"].as_str());
    texts
        .map(|text| {
            let pairs = text.lines().map(|line| line.split_once('=').unwrap());
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
        })
        .collect()
}

fn both() -> Vec<Child> {
    [demo().children(), combined().children()].concat()
}

/// Ends of a JSON value, with the path to each.
fn leaves(value: &Value, path: &str, visit: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| leaves(value, &format!("{path}/{key}"), visit)),
        Value::Array(list) => list.iter().for_each(|value| leaves(value, path, visit)),
        Value::String(text) => visit(path, text),
        _ => {}
    }
}

#[test]
fn no_protocol_is_plaintext() {
    for child in both().into_iter().chain(demo_acl_job()) {
        leaves(&child.body, "", &mut |path, text| {
            assert!(
                !text.to_ascii_uppercase().contains("PLAINTEXT"),
                "{child:?}{path}: {text}"
            );
        });
    }
}

#[test]
fn every_listener_has_a_tls_protocol_and_a_key() {
    let all = server_properties_of(&both());
    assert_eq!(all.len(), 7);
    for properties in all {
        let protocols: BTreeMap<&str, &str> = properties["listener.security.protocol.map"]
            .split(',')
            .map(|pair| pair.split_once(':').unwrap())
            .collect();
        for socket in properties["listeners"].split(',') {
            let name = socket.split_once("://").unwrap().0;
            assert!(["SSL", "SASL_SSL"].contains(&protocols[name]), "{name}");
            let prefix = format!("listener.name.{}.", name.to_lowercase());
            let expected = if ["CONTROLLER", "REPLICATION"].contains(&name) {
                "/etc/kafka/tls/node.pem"
            } else {
                "/etc/kafka/server-tls/server.pem"
            };
            assert_eq!(properties[&format!("{prefix}ssl.keystore.location")], expected);
            let proves = properties.get(&format!("{prefix}ssl.client.auth")).map(String::as_str) == Some("required");
            let scram = properties.contains_key(&format!("{prefix}sasl.enabled.mechanisms"));
            assert!(proves != scram, "{name} must ask for a certificate or for SCRAM");
        }
        assert_eq!(properties["allow.everyone.if.no.acl.found"], "false");
        assert!(!properties.contains_key("min.insync.replicas"));
    }
}

#[test]
fn names_of_users_are_read_from_certificates_on_client_listeners_only() {
    for properties in server_properties_of(&both()) {
        for (key, authority) in &properties {
            if let Some(listener) = key.strip_suffix(".ssl.truststore.location") {
                let internal = listener.ends_with(".controller") || listener.ends_with(".replication");
                let mapped = properties.contains_key(&format!("{listener}.ssl.principal.mapping.rules"));
                assert_eq!(authority.ends_with("/cluster-ca.crt"), internal, "{key}");
                assert_eq!(mapped, !internal, "{key}");
            }
        }
        assert!(!properties.contains_key("ssl.principal.mapping.rules"));
    }
}

#[test]
fn no_environment_or_argument_is_a_secret() {
    let children = [both(), demo_acl_job()].concat();
    for pod in pod_specs(&children) {
        let mut names = 0;
        for list in ["initContainers", "containers"] {
            for container in pod[list].as_array().into_iter().flatten() {
                for variable in container["env"].as_array().into_iter().flatten() {
                    names += 1;
                    let name = variable["name"].as_str().unwrap();
                    let from = variable["valueFrom"].as_object();
                    let sources = from.into_iter().flat_map(|from| from.keys());
                    for source in sources {
                        assert!(
                            ["configMapKeyRef", "fieldRef"].contains(&source.as_str()),
                            "{name} from {source}"
                        );
                    }
                    let text = format!("{name}={}", variable["value"]).to_lowercase();
                    for word in ["password", "secret", "token", "begin ", "private"] {
                        assert!(!text.contains(word), "{text}");
                    }
                }
                let words = container["command"].to_string().to_lowercase();
                assert!(!words.contains("password"), "{words}");
            }
        }
        assert!(names > 0 || pod["restartPolicy"] == "Never");
    }
}

#[test]
fn everything_but_the_identity_cas_and_disks_goes_with_the_resource() {
    let world = demo();
    let texts = BTreeMap::from([("ca.crt".to_owned(), "x".to_owned())]);
    let node = world.node(100);
    let is_disk = |child: &Child| child.kind == Kind::PersistentVolumeClaim;
    let (disks, mut owned): (Vec<Child>, Vec<Child>) = world.children().into_iter().partition(is_disk);
    assert_eq!(disks.len(), 6);
    owned.extend(demo_acl_job());
    owned.push(cluster_ca_cert_secret(&world.cluster, &texts));
    owned.push(operator_tls_secret(&world.cluster, &texts));
    owned.push(acl_sync_tls_secret(&world.cluster, &texts));
    owned.push(node_tls_secret(&world.cluster, &node, (&node.names.tls_secret, &texts)));
    owned.push(node_tls_secret(
        &world.cluster,
        &node,
        (&node.names.server_tls_secret, &texts),
    ));
    for child in owned {
        let reference = &child.body["metadata"]["ownerReferences"][0];
        assert_eq!(reference["uid"], "11111111-2222-4333-8444-555555555555", "{child:?}");
        assert_eq!(reference["kind"], "ProductionKafka");
        assert_eq!(reference["controller"], true);
    }
    let kept = [
        identity_config_map(&world.cluster.names, &world.identity),
        cluster_ca_secret(&world.cluster.names, &texts),
        clients_ca_secret(&world.cluster.names, &texts),
    ];
    for child in disks.iter().chain(&kept) {
        assert!(child.body["metadata"]["ownerReferences"].is_null(), "{child:?}");
    }
}

#[test]
fn every_object_says_what_it_is_and_whose() {
    let user = UserOwner {
        namespace: "kafka",
        name: "billing",
        uid: "u",
        cluster: "orders",
    };
    let secret = credentials_secret(&user, &BTreeMap::from([("password".into(), "hunter2".into())]));
    assert_eq!(secret.name, "billing-kafka-credentials");
    assert_eq!(secret.body["data"]["password"], "aHVudGVyMg==");
    assert_eq!(secret.body["metadata"]["ownerReferences"][0]["kind"], "KafkaUser");
    assert!(
        !format!("{secret:?}").contains("aHVudGVyMg"),
        "Debug must not show a Secret"
    );
    for child in [demo().children(), demo_acl_job(), vec![secret]].concat() {
        assert_eq!(child.body["kind"], child.kind.as_str());
        assert_eq!(child.body["apiVersion"], child.kind.api_version());
        assert_eq!(child.body["metadata"]["name"], *child.name);
        assert_eq!(child.body["metadata"]["namespace"], "kafka");
        assert_eq!(child.body["metadata"]["labels"][labels::CLUSTER], "orders");
        assert_eq!(child.body["metadata"]["labels"][labels::MANAGED_BY], "productionkafka");
    }
}

#[test]
fn selectors_find_exactly_the_pods_they_mean() {
    let world = demo();
    let mut children = world.children();
    let spare = Spare {
        brokers: true,
        controllers: true,
    };
    children.extend(budgets(&world.cluster, spare, false));
    let job = demo_acl_job().pop().unwrap();
    let pods: Vec<Value> = [0, 1, 2, 100, 101, 102]
        .map(|id| world.template(id)["metadata"]["labels"].clone())
        .into_iter()
        .chain([job.body["spec"]["template"]["metadata"]["labels"].clone()])
        .collect();
    let found = |selector: &Value| {
        let wanted = selector.as_object().unwrap();
        let selected = |pod: &&Value| wanted.iter().all(|(key, value)| pod[key] == *value);
        pods.iter().filter(selected).count()
    };
    for (name, kind, expected) in [
        ("orders-nodes", Kind::Service, 6),
        ("orders-scram-bootstrap", Kind::Service, 3),
        ("orders-mtls-bootstrap", Kind::Service, 3),
        ("orders-nodes", Kind::NetworkPolicy, 6),
        ("orders-controllers", Kind::NetworkPolicy, 3),
        ("orders-brokers", Kind::NetworkPolicy, 3),
        ("orders-acl-sync", Kind::NetworkPolicy, 1),
        ("orders-controllers", Kind::PodDisruptionBudget, 3),
        ("orders-brokers", Kind::PodDisruptionBudget, 3),
        ("orders-brokers-101", Kind::StatefulSet, 1),
    ] {
        let child = children
            .iter()
            .find(|child| child.kind == kind && child.name == name)
            .unwrap();
        let spec = &child.body["spec"];
        let selector = match kind {
            Kind::Service => &spec["selector"],
            Kind::NetworkPolicy => &spec["podSelector"]["matchLabels"],
            _ => &spec["selector"]["matchLabels"],
        };
        assert_eq!(found(selector), expected, "{child:?}");
    }
}

#[test]
fn a_template_cant_take_over_the_operators_labels() {
    let mut world = demo();
    let template = &mut world.cluster.pools[1].template;
    template.labels.insert(labels::CLUSTER.into(), "other".into());
    template.labels.insert("team".into(), "data".into());
    let all = world.template(100)["metadata"]["labels"].clone();
    assert_eq!(all[labels::CLUSTER], "orders");
    assert_eq!(all["team"], "data");
}

#[test]
fn policies_can_be_left_to_the_platform() {
    let mut world = demo();
    world.cluster.security.network_policy = false;
    assert!(!world.children().iter().any(|child| child.kind == Kind::NetworkPolicy));
}

#[test]
fn two_renders_are_equal_to_the_byte() {
    let text = |world: &World| {
        let bodies: Vec<String> = world.children().iter().map(|child| child.body.to_string()).collect();
        bodies.join("\n")
    };
    assert_eq!(text(&demo()), text(&demo()));
    assert_eq!(text(&combined()), text(&combined()));
}

#[test]
fn children_come_in_the_order_of_application() {
    for children in [demo().children(), combined().children()] {
        assert!(children.is_sorted_by_key(|child| child.kind));
        let names: BTreeSet<(Kind, &String)> = children.iter().map(|child| (child.kind, &child.name)).collect();
        assert_eq!(names.len(), children.len(), "two children have one name");
    }
}

#[test]
fn a_pod_mounts_what_exists() {
    for world in [demo(), combined()] {
        let children = world.children();
        for pod in pod_specs(&children) {
            let config = pod["volumes"][0]["configMap"]["name"].as_str().unwrap();
            assert!(
                children
                    .iter()
                    .any(|child| child.kind == Kind::ConfigMap && child.name == config)
            );
        }
    }
}
