//! Nineteen more clusters, each of three nodes that are controller and broker, whose pods no Kubernetes node takes.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;

use super::NAMESPACE;
use crate::harness::Context;

const CLUSTERS: usize = 19;
const NODES: usize = 3;

/// Applies them and waits until every StatefulSet is there.
pub fn to_twenty(context: &Context) -> Result<()> {
    context.restricted_namespace(NAMESPACE)?;
    let items: Vec<_> = (0..CLUSTERS).map(unschedulable).collect();
    context.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string())?;
    context.wait_until("all StatefulSets are written", Duration::from_mins(3), || {
        let names = context.kubectl(&["-n", NAMESPACE, "get", "statefulsets", "-o", "name"])?;
        match names.lines().count() {
            count if count == CLUSTERS * NODES => Ok(Some(())),
            count => bail!("{count} of {}", CLUSTERS * NODES),
        }
    })
}

fn unschedulable(number: usize) -> serde_json::Value {
    json!({
        "apiVersion": "productionkafka.dev/v1alpha1",
        "kind": "ProductionKafka",
        "metadata": {"name": format!("small-{number}"), "namespace": NAMESPACE},
        "spec": {
            "version": "4.3.1",
            "nodePools": [{
                "name": "nodes",
                "roles": ["Controller", "Broker"],
                "replicas": NODES,
                "storage": {"volumes": [{"size": "1Gi"}]},
                "template": {"nodeSelector": {"e2e/no-such-node": "true"}},
            }],
            "listeners": [{"name": "scram", "port": 9094, "authentication": {"type": "ScramSha512"}}],
        },
    })
}
