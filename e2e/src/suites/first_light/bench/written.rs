//! How long the objects of a new resource take: from the API server's receipt of the resource to its answer to the last of
//! the operator's creations.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::NAMESPACE;
use crate::harness::audit::Entry;
use crate::harness::{Context, Figures};

const REPEATS: usize = 9;
/// StatefulSets of a cluster in the shape of the example.
const NODES: usize = 6;

/// Clusters in the shape of the example, one after the other, whose pods no Kubernetes node takes: nothing starts beside
/// the operator.
pub fn alone(context: &Context, figures: &mut Figures) -> Result<()> {
    let Some(audit) = &context.audit else { return Ok(()) };
    context.restricted_namespace(NAMESPACE)?;
    let mut times = Vec::new();
    for number in 0..REPEATS {
        let name = format!("alone-{number}");
        let since = Timestamp::now();
        context.apply(&resource(&name).to_string())?;
        wait_written(context, &name)?;
        times.push(seconds(&audit.since(since, "")?, &name)?);
        context.kubectl(&["-n", NAMESPACE, "delete", "pk", &name])?;
        std::thread::sleep(Duration::from_secs(2));
    }
    figures.add_spread("resource_created_to_all_children_written_alone", times, "s");
    context.delete_namespace(NAMESPACE)
}

/// What the audit log says of a cluster with that name. The operator writes StatefulSets last.
pub fn seconds(entries: &[Entry], name: &str) -> Result<f64> {
    let resource = created(entries, "productionkafkas")
        .find(|entry| entry.name() == name)
        .context("the resource's creation")?;
    let prefix = format!("{name}-");
    let sets: Vec<&Entry> = created(entries, "statefulsets")
        .filter(|entry| entry.name().starts_with(&prefix))
        .collect();
    ensure!(sets.len() == NODES, "{} StatefulSets were created", sets.len());
    let last = sets.iter().map(|entry| entry.stage_timestamp).max();
    let last = last.context("a StatefulSet")?;
    Ok(last.duration_since(resource.request_received_timestamp).as_secs_f64())
}

fn created<'a>(entries: &'a [Entry], resource: &str) -> impl Iterator<Item = &'a Entry> {
    let is_wanted = move |entry: &&Entry| entry.is_created() && entry.resource() == resource;
    entries.iter().filter(is_wanted)
}

fn wait_written(context: &Context, name: &str) -> Result<()> {
    let selector = format!("productionkafka.dev/cluster={name}");
    context.wait_until("all StatefulSets are written", Duration::from_mins(1), || {
        let sets = context.kubectl(&["-n", NAMESPACE, "get", "statefulsets", "-l", &selector, "-o", "name"])?;
        match sets.lines().count() {
            NODES => Ok(Some(())),
            count => bail!("{count} of {NODES}"),
        }
    })?;
    // The audit log is written after the answer.
    std::thread::sleep(Duration::from_secs(1));
    Ok(())
}

fn resource(name: &str) -> Value {
    let pool = |pool: &str, role: &str| {
        json!({
            "name": pool, "roles": [role], "replicas": 3,
            "storage": {"volumes": [{"size": "1Gi"}]},
            "template": {"nodeSelector": {"e2e/no-such-node": "true"}},
        })
    };
    let listener =
        |name: &str, port: u16, kind: &str| json!({"name": name, "port": port, "authentication": {"type": kind}});
    json!({
        "apiVersion": "productionkafka.dev/v1alpha1",
        "kind": "ProductionKafka",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "nodePools": [pool("controllers", "Controller"), pool("brokers", "Broker")],
            "listeners": [listener("scram", 9094, "ScramSha512"), listener("mtls", 9095, "Mtls")],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(user: &str, resource: &str, name: &str, received: f64) -> Entry {
        let time = |second: f64| format!("2026-01-01T10:00:{second:06.3}Z");
        serde_json::from_value(json!({
            "verb": "patch", "requestURI": "/", "user": {"username": user}, "stage": "ResponseComplete",
            "objectRef": {"resource": resource, "name": name}, "responseStatus": {"code": 201},
            "requestReceivedTimestamp": time(received), "stageTimestamp": time(received + 0.1),
        }))
        .unwrap()
    }

    #[test]
    fn the_last_answer_counts() {
        let mut entries = vec![entry("admin", "productionkafkas", "a", 1.0)];
        assert!(seconds(&entries, "a").is_err());
        let sets = (0..6).map(|number| entry("operator", "statefulsets", &format!("a-{number}"), 1.5));
        entries.extend(sets);
        entries.push(entry("operator", "statefulsets", "b-0", 9.0));
        entries.push(entry("controller", "pods", "a-0-0", 9.0));
        assert!((seconds(&entries, "a").unwrap() - 0.6).abs() < 0.001);
    }
}
