//! Twenty edits of a running cluster: what `plan` says of each is compared with what then happens, pod by pod and object by object.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE, resource, say};
use crate::harness::{Context, Report};
use crate::planned::{self, Planned};
use crate::{diagnosis, exec};

/// The longest is a roll of every node.
const DONE: Duration = Duration::from_mins(8);
/// Without Jobs: those that are done go by themselves, after their time to live.
const KINDS: &str = "configmap,secret,service,networkpolicy,poddisruptionbudget,persistentvolumeclaim,statefulset";

type Edit = (&'static str, fn(&mut Value));

/// Of the spec, each on top of the ones before.
#[expect(clippy::semicolon_if_nothing_returned, reason = "one expression each")]
const EDITS: [Edit; 20] = [
    ("a retention", |spec| {
        set(spec, "/tuning/config/log.retention.ms", json!("86400000"))
    }),
    ("a greatest message", |spec| {
        set(spec, "/tuning/config/message.max.bytes", json!("2000000"))
    }),
    ("a limit of connections", |spec| {
        set(spec, "/tuning/config/max.connections.per.ip", json!("60"))
    }),
    ("a setting that is read at start", |spec| {
        set(spec, "/tuning/config/queued.max.requests", json!("600"))
    }),
    ("deletion protection", |spec| {
        set(spec, "/maintenance/deletionProtection", json!(true))
    }),
    ("a threshold", |spec| {
        set(spec, "/monitoring/thresholds/consumerLagWarning", json!(200))
    }),
    ("quotas of everybody", |spec| {
        set(spec, "/defaultUserQuotas/producerByteRate", json!(50_000_000))
    }),
    ("a workload", |spec| {
        set(spec, "/capacity/workload/messagesPerSecond", json!(20))
    }),
    ("larger disks", |spec| {
        set(spec, "/nodePools/1/storage/volumes/0/size", json!("3Gi"))
    }),
    ("peers of a listener", |spec| {
        let peer = json!([{"podSelector": {"matchLabels": {"app": "readings"}}}]);
        set(spec, "/listeners/0/allowedPeers", peer);
    }),
    ("no network policies", |spec| {
        set(spec, "/security/networkPolicy/enabled", json!(false))
    }),
    ("network policies", |spec| {
        set(spec, "/security/networkPolicy/enabled", json!(true))
    }),
    ("a listener", |spec| {
        let listener = json!({"name": "mtls", "port": 9095, "authentication": {"type": "Mtls"}});
        if let Some(all) = spec.pointer_mut("/listeners").and_then(Value::as_array_mut) {
            all.push(listener);
        }
    }),
    ("a heap", |spec| set(spec, "/tuning/jvm/heap", json!("300m"))),
    ("a label of pods", |spec| {
        set(spec, "/nodePools/1/template/labels/team", json!("readings"))
    }),
    ("a request of processors", |spec| {
        set(spec, "/nodePools/1/resources/requests/cpu", json!("60m"))
    }),
    ("another profile", |spec| set(spec, "/tuning/profile", json!("Latency"))),
    ("one listener less", |spec| {
        if let Some(all) = spec.pointer_mut("/listeners").and_then(Value::as_array_mut) {
            all.pop();
        }
    }),
    ("a super user", |spec| {
        set(spec, "/security/authorization/superUsers", json!(["User:admin"]))
    }),
    ("a fourth broker", |spec| set(spec, "/nodePools/1/replicas", json!(4))),
];

pub fn run(context: &Context, report: &mut Report) {
    report.long("twenty edits happen as planned", "a quarter of an hour", || {
        let outcome = all(context);
        // Whatever became of them, the suite has to be able to clean up.
        let free = json!({"spec": {"maintenance": {"deletionProtection": false}}}).to_string();
        context.kubectl(&["-n", NAMESPACE, "patch", "pk", CLUSTER, "--type=merge", "-p", &free])?;
        outcome
    });
}

fn all(context: &Context) -> Result<()> {
    let mut restarted = 0;
    for (number, (name, edit)) in EDITS.into_iter().enumerate() {
        restarted += happens(context, edit).with_context(|| format!("edit {}, {name}", number + 1))?;
    }
    say(&format!("{} edits, {restarted} restarts", EDITS.len()));
    Ok(())
}

/// Sets a field, whatever of its parents is missing.
fn set(value: &mut Value, pointer: &str, new: Value) {
    let mut at = value;
    for key in pointer.split('/').skip(1) {
        at = match at {
            Value::Array(items) => match key.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                Some(item) => item,
                None => return,
            },
            other => {
                if !other.is_object() {
                    *other = json!({});
                }
                match other.as_object_mut() {
                    Some(fields) => fields.entry(key).or_insert(Value::Null),
                    None => return,
                }
            }
        };
    }
    *at = new;
}

/// Plans, makes and compares an edit; how many pods restarted.
fn happens(context: &Context, edit: fn(&mut Value)) -> Result<usize> {
    let mut wanted = resource(context)?;
    edit(wanted.get_mut("spec").context("a spec")?);
    let plan = planned::whole(context, wanted.clone())?;
    ensure!(plan.exit_code == 0 || plan.exit_code == 2, "{}", plan.text());
    let (objects, pods) = (objects(context)?, pods(context)?);
    let spec = json!([{"op": "replace", "path": "/spec", "value": wanted.get("spec")}]).to_string();
    context.kubectl(&["-n", NAMESPACE, "patch", "pk", CLUSTER, "--type=json", "-p", &spec])?;
    settled(context)?;
    same_restarts(&plan, &pods, &self::pods(context)?)?;
    same_objects(&plan, &objects, &self::objects(context)?)?;
    Ok(plan.pods.len())
}

/// Waits until nothing is under way and nothing is left to do.
fn settled(context: &Context) -> Result<()> {
    context.wait_until("nothing is left to do", DONE, || {
        let now = resource(context)?;
        let generation = now.pointer("/metadata/generation");
        let judged = now.pointer("/status/observedGeneration") == generation;
        if !judged || diagnosis::holds(&now, "Reconciling") || !diagnosis::holds(&now, "Ready") {
            bail!("{}", diagnosis::summary(&now));
        }
        let left = planned::whole(context, now)?;
        ensure!(left.exit_code == 0, "{}", left.text());
        Ok(Some(()))
    })
}

/// Process and time of creation of every node's pod.
type Pods = BTreeMap<String, (String, String)>;

fn pods(context: &Context) -> Result<Pods> {
    let list = context.kubectl_json(&["-n", NAMESPACE, "get", "pods", "-l", "productionkafka.dev/node-id"])?;
    let of = |pod: &Value| {
        let text = |field: &str| Some(pod.pointer(field)?.as_str()?.to_owned());
        Some((
            text("/metadata/name")?,
            (text("/metadata/uid")?, text("/metadata/creationTimestamp")?),
        ))
    };
    Ok(diagnosis::items(&list).iter().filter_map(of).collect())
}

fn same_restarts(plan: &Planned, before: &Pods, after: &Pods) -> Result<()> {
    let mut restarted: Vec<(&String, &String)> = after
        .iter()
        .filter(|(name, (uid, _))| before.get(*name).is_some_and(|(former, _)| former != uid))
        .map(|(name, (_, created))| (created, name))
        .collect();
    restarted.sort();
    let names: Vec<&String> = restarted.into_iter().map(|(_, name)| name).collect();
    ensure!(
        names == plan.pods.iter().collect::<Vec<_>>(),
        "planned {:?}, restarted {names:?}",
        plan.pods
    );
    Ok(())
}

/// Objects of the operator as `kind name`, without what others write into them. What belongs to a user follows its own resource.
type Objects = BTreeMap<String, String>;

fn objects(context: &Context) -> Result<Objects> {
    let words = [
        "kubectl",
        "-n",
        NAMESPACE,
        "get",
        KINDS,
        "-l",
        "app.kubernetes.io/managed-by=productionkafka",
        "-o",
        "json",
    ];
    let list: Value = serde_json::from_str(&exec::output(&mut context.command(&words)?)?)?;
    let mut all = Objects::new();
    let of_user = |object: &&Value| {
        object
            .pointer("/metadata/ownerReferences/0/kind")
            .and_then(Value::as_str)
            == Some("KafkaUser")
    };
    for object in diagnosis::items(&list).iter().filter(|object| !of_user(object)) {
        let mut said = object.clone();
        let text = |field: &str| {
            object
                .pointer(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        if let Some(fields) = said.as_object_mut() {
            fields.remove("status");
        }
        if let Some(metadata) = said.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.retain(|field, _| matches!(field.as_str(), "labels" | "annotations" | "ownerReferences"));
        }
        all.insert(
            format!("{} {}", text("/kind"), text("/metadata/name")),
            said.to_string(),
        );
    }
    // Of the resource itself, the finalizer.
    let own = resource(context)?.pointer("/metadata/finalizers").map(Value::to_string);
    all.insert(format!("ProductionKafka {CLUSTER}"), own.unwrap_or_default());
    Ok(all)
}

fn same_objects(plan: &Planned, before: &Objects, after: &Objects) -> Result<()> {
    let mut happened: Vec<String> = Vec::new();
    for (name, said) in after {
        match before.get(name) {
            None => happened.push(format!("Create {name}")),
            Some(former) if former != said => happened.push(format!("Change {name}")),
            Some(_) => {}
        }
    }
    happened.extend(
        before
            .keys()
            .filter(|name| !after.contains_key(*name))
            .map(|name| format!("Delete {name}")),
    );
    let listed = plan.document.pointer("/objects").and_then(Value::as_array);
    let told = listed.into_iter().flatten().map(|one| {
        let text = |field: &str| one.get(field).and_then(Value::as_str).unwrap_or_default();
        format!("{} {} {}", text("action"), text("kind"), text("name"))
    });
    let mut told: Vec<String> = told.collect();
    told.sort();
    happened.sort();
    let missing: Vec<&String> = happened.iter().filter(|one| !told.contains(one)).collect();
    let more: Vec<&String> = told.iter().filter(|one| !happened.contains(one)).collect();
    ensure!(
        missing.is_empty() && more.is_empty(),
        "not planned: {missing:?}; planned, and not happened: {more:?}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edit_changes_the_spec() {
        let mut spec = super::super::spec();
        for (name, edit) in EDITS {
            let before = spec.clone();
            edit(&mut spec);
            assert_ne!(before, spec, "{name}");
        }
    }
}
