//! Users in the same simulation: credentials that change while applications run, rights that somebody else has changed, quotas,
//! users that leave, and what many of them cost.

mod application;
mod many;
mod rights;
mod rotation;

use super::simulation::Simulation;
use serde_json::{Value, json};

/// A user of the example's cluster.
fn put(simulation: &Simulation, name: &str, spec: &Value) {
    let mut object = json!({
        "apiVersion": "productionkafka.dev/v1alpha1", "kind": "KafkaUser", "metadata": {},
        "spec": {"cluster": "orders", "authentication": {"type": "ScramSha512"}},
    });
    object["spec"]
        .as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    simulation.put("kafkausers", name, object);
}

fn topic(name: &str, operations: &[&str]) -> Value {
    json!({"resource": {"type": "Topic", "name": name}, "operations": operations})
}

/// What Kafka has of a principal, in short.
fn rights_of(simulation: &Simulation, principal: &str) -> Vec<String> {
    let state = simulation.kafka.state();
    let own = state.acls.iter().filter(|acl| acl.principal == principal);
    own.map(|acl| {
        format!(
            "{:?} {:?} {} {}",
            acl.permission, acl.operation, acl.resource_name, acl.host
        )
    })
    .collect()
}

fn is_ready(simulation: &Simulation, name: &str) -> bool {
    let ready = simulation.condition("kafkausers", name, "Ready");
    let generation = simulation.get("kafkausers", name).unwrap()["metadata"]["generation"].clone();
    ready["status"] == "True" && ready["observedGeneration"] == generation
}

async fn until_ready(simulation: &mut Simulation, name: &str) {
    let ready = simulation.until(|simulation| is_ready(simulation, name)).await;
    assert!(ready, "{}", simulation.condition("kafkausers", name, "Ready"));
}
