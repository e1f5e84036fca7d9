//! A real cluster, sabotaged in every way that an object shows, while no operator is there to repair it: `verify` must see all of it.
//! That each sabotage fails its own control and no other is shown by tables in the operator's unit tests.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::verify::judged;
use super::{CLUSTER, NAMESPACE, merge, say, settled};
use crate::harness::Context;
use crate::{exec, install};

/// A copy of a broker's pod that no machine can run.
const INTRUDER: &str = "intruder-0";
const CONFIGURATION: &str = "intruder";
const ROLE: &str = "trust-sabotage";
const POLICY: &str = "validatingadmissionpolicybinding/productionkafka-system-productionkafka-objects";
/// All that can be brought about without another cluster. 5 is about nothing yet, 11 needs racks, and a class of volumes is
/// everybody's.
const EXPECTED: [u64; 33] = [
    1, 2, 3, 4, 6, 7, 8, 10, 12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26, 29, 31, 32, 33, 34, 35, 37, 38, 39, 40, 41,
    42, 43, 44,
];
/// Lines of the intruder's configuration, each of which speaks against one control.
const PROPERTIES: [(&str, &str); 9] = [
    ("listener.security.protocol.map", "CONTROLLER:SSL,SCRAM:SASL_PLAINTEXT"),
    ("ssl.enabled.protocols", "TLSv1.1,TLSv1.3"),
    ("listener.name.replication.ssl.client.auth", "requested"),
    ("ssl.endpoint.identification.algorithm", ""),
    ("authorizer.class.name", "com.example.Yes"),
    ("allow.everyone.if.no.acl.found", "true"),
    ("super.users", "User:root"),
    ("auto.create.topics.enable", "true"),
    ("max.connections.per.ip", ""),
];

pub fn run(context: &Context) -> Result<()> {
    install::scale(context, 0)?;
    let result = sabotage(context).and_then(|()| judged(context, ""));
    restore(context)?;
    let (code, failed, _) = result?;
    let expected = BTreeSet::from(EXPECTED);
    let missed: Vec<_> = expected.difference(&failed).collect();
    let more: Vec<_> = failed.difference(&expected).collect();
    ensure!(missed.is_empty(), "sabotaged and not seen: {missed:?}");
    ensure!(more.is_empty(), "not sabotaged, and failed: {more:?}");
    ensure!(code == 3, "it ended with {code}");
    say(&format!(
        "{} controls failed, all of those that were sabotaged",
        failed.len()
    ));
    settled(context)
}

fn sabotage(context: &Context) -> Result<()> {
    context.kubectl(&[
        "label",
        "--overwrite",
        "namespace",
        NAMESPACE,
        "pod-security.kubernetes.io/enforce=privileged",
    ])?;
    context.kubectl(&["-n", NAMESPACE, "delete", "pdb,networkpolicy", "--all"])?;
    context.kubectl(&["delete", POLICY])?;
    rights(context)?;
    merge(context, &in_sync(1))?;
    expired(context)?;
    configuration(context)?;
    let pod = intruder(&broker(context)?)?;
    create(context, &pod)
}

/// Replicas that must have a record before it's acknowledged.
fn in_sync(least: i32) -> Value {
    json!({"highAvailability": {"minInSyncReplicas": least}})
}

/// What no operator needs, given to its account.
fn rights(context: &Context) -> Result<()> {
    let grant = |groups: &str, resources: &[&str], verbs: &[&str]| json!({"apiGroups": [groups], "resources": resources, "verbs": verbs});
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": ROLE},
        "rules": [
            grant("*", &["leases"], &["get"]),
            grant("rbac.authorization.k8s.io", &["rolebindings"], &["create"]),
            grant("", &["pods/exec"], &["create"]),
            grant("", &["secrets"], &["list"]),
        ],
    });
    create(context, &role)?;
    let account = format!("--serviceaccount={}:productionkafka", install::NAMESPACE);
    context.kubectl(&[
        "create",
        "clusterrolebinding",
        ROLE,
        &format!("--clusterrole={ROLE}"),
        &account,
    ])?;
    Ok(())
}

/// The status says that certificates expire.
fn expired(context: &Context) -> Result<()> {
    let resource = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])?;
    let mut conditions = resource.pointer("/status/conditions").cloned().context("conditions")?;
    for condition in conditions.as_array_mut().into_iter().flatten() {
        if condition["type"] == "CertificatesValid" {
            condition["status"] = json!("False");
        }
    }
    let patch = json!({"status": {"conditions": conditions}}).to_string();
    let words = [
        "-n",
        NAMESPACE,
        "patch",
        &format!("pk/{CLUSTER}"),
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ];
    context.kubectl(&words).map(drop)
}

fn broker(context: &Context) -> Result<Value> {
    context.kubectl_json(&["-n", NAMESPACE, "get", "pod", &format!("{CLUSTER}-brokers-100-0")])
}

/// A broker's configuration with other lines, and without what logs denied requests.
fn configuration(context: &Context) -> Result<()> {
    let name = configured_by(&broker(context)?).context("the broker has a configuration")?;
    let map = context.kubectl_json(&["-n", NAMESPACE, "get", "configmap", &name])?;
    let lines = map
        .pointer("/data/server.properties")
        .and_then(Value::as_str)
        .context("server.properties")?;
    let is_kept = |line: &&str| !PROPERTIES.iter().any(|(key, _)| line.starts_with(&format!("{key}=")));
    let kept = lines.lines().filter(is_kept).map(str::to_owned);
    let added = PROPERTIES.iter().filter(|(key, _)| *key != "max.connections.per.ip");
    let text: Vec<String> = kept.chain(added.map(|(key, value)| format!("{key}={value}"))).collect();
    let copy = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": CONFIGURATION, "namespace": NAMESPACE, "labels": map.pointer("/metadata/labels")},
        "data": {"server.properties": text.join("\n")},
    });
    create(context, &copy)
}

fn configured_by(pod: &Value) -> Option<String> {
    let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array)?;
    let mut names = volumes
        .iter()
        .filter_map(|volume| volume.pointer("/configMap/name")?.as_str());
    names.next().map(str::to_owned)
}

/// The broker's pod again, with everything that it shouldn't have. It mounts the same keys.
fn intruder(broker: &Value) -> Result<Value> {
    let mut spec = broker.get("spec").cloned().context("a spec")?;
    let fields = spec.as_object_mut().context("fields")?;
    fields.remove("nodeName");
    for (field, value) in [
        ("nodeSelector", json!({"nowhere": "true"})),
        ("hostNetwork", json!(true)),
        ("automountServiceAccountToken", json!(true)),
        ("securityContext", json!({"runAsUser": 0})),
    ] {
        fields.insert(field.to_owned(), value);
    }
    for volume in spec
        .pointer_mut("/volumes")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(name) = volume.pointer_mut("/configMap/name") {
            *name = json!(CONFIGURATION);
        }
    }
    let container = spec
        .pointer_mut("/containers/0")
        .and_then(Value::as_object_mut)
        .context("a container")?;
    container.insert("securityContext".into(), json!({"privileged": true}));
    container.insert("resources".into(), json!({}));
    let environment = json!([
        {"name": "KEYSTORE_PASSWORD", "value": "x"},
        {"name": "KAFKA_JMX_OPTS", "value": "-Dcom.sun.management.jmxremote.port=9999"},
    ]);
    container.insert("env".into(), environment);
    Ok(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": INTRUDER, "namespace": NAMESPACE, "labels": broker.pointer("/metadata/labels")},
        "spec": spec,
    }))
}

fn create(context: &Context, object: &Value) -> Result<()> {
    let words = ["kubectl", "create", "-f", "-"];
    exec::output_with_input(&mut context.command(&words)?, &object.to_string()).map(drop)
}

/// Takes away what was added, and lets the operator make the rest anew.
fn restore(context: &Context) -> Result<()> {
    let gone = |what: &[&str]| {
        let words = [
            &[
                "-n",
                NAMESPACE,
                "delete",
                "--ignore-not-found",
                "--wait",
                "--grace-period=0",
                "--force",
            ],
            what,
        ]
        .concat();
        context.kubectl(&words).map(drop)
    };
    gone(&["pod", INTRUDER])?;
    gone(&["configmap", CONFIGURATION])?;
    context.kubectl(&["delete", "clusterrolebinding,clusterrole", ROLE, "--ignore-not-found"])?;
    merge(context, &in_sync(2))?;
    context.restricted_namespace(NAMESPACE)?;
    install::scale(context, 1)?;
    install::operator(context, "")
}
