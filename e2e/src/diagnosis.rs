//! What is printed when a wait ended without its result: conditions, pods, the operator's last words. It reads only,
//! and what it cannot read it leaves out.

use serde_json::Value;

use crate::harness::{Context, RELEASE};

/// Lines of the operator's log that are shown.
const LOG_LINES: &str = "--tail=40";

/// Prints the state of the resources, the pods in `namespace` and the end of the operator's log.
pub fn print(context: &Context, namespace: &str, operator_namespace: &str) {
    println!("  ---- state of {namespace}");
    if let Ok(list) = context.kubectl_json(&["-n", namespace, "get", "pk,pkt,pku"]) {
        for item in items(&list) {
            println!("  {}", summary(item));
        }
    }
    for place in [namespace, operator_namespace] {
        show(context, &["-n", place, "get", "pods", "-o", "wide"]);
    }
    let warnings = [
        "-n",
        namespace,
        "get",
        "events",
        "--field-selector=type=Warning",
        "--sort-by=.lastTimestamp",
    ];
    show(context, &warnings);
    println!("  ---- last lines of the operator");
    let deployment = format!("deployment/{RELEASE}");
    show(context, &["-n", operator_namespace, "logs", &deployment, LOG_LINES]);
    println!("  ----");
}

fn show(context: &Context, arguments: &[&str]) {
    if let Ok(text) = context.kubectl(arguments) {
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.get(lines.len().saturating_sub(40)..).unwrap_or_default() {
            println!("  {line}");
        }
    }
}

/// The members of a list, or nothing.
pub fn items(list: &Value) -> &[Value] {
    list.pointer("/items")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Kind, name, every condition and the next action on one line.
pub fn summary(resource: &Value) -> String {
    let text = |pointer: &str| {
        resource
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("-")
            .to_owned()
    };
    let conditions: Vec<String> = resource
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|condition| {
            let field = |name: &str| condition.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
            format!(
                "{}={} {} ({})",
                field("type"),
                field("status"),
                field("reason"),
                field("message")
            )
        })
        .collect();
    format!(
        "{} {}: {}; next: {}",
        text("/kind"),
        text("/metadata/name"),
        conditions.join("; "),
        text("/status/nextAction")
    )
}

/// The condition `kind` of a resource, when its status is about the present generation.
pub fn condition<'a>(resource: &'a Value, kind: &str) -> Option<&'a Value> {
    let generation = resource.pointer("/metadata/generation");
    let current = resource.pointer("/status/observedGeneration") == generation;
    let conditions = resource.pointer("/status/conditions").and_then(Value::as_array)?;
    conditions
        .iter()
        .find(|condition| current && condition.get("type") == Some(&kind.into()))
}

/// Whether the condition `kind` holds for the present generation.
pub fn holds(resource: &Value, kind: &str) -> bool {
    condition(resource, kind).is_some_and(|condition| condition.get("status") == Some(&"True".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_condition_of_an_older_generation_does_not_hold() {
        let resource = |observed: i64| {
            json!({"metadata": {"generation": 2}, "status": {"observedGeneration": observed,
                "conditions": [{"type": "Ready", "status": "True"}, {"type": "Stalled", "status": "False"}]}})
        };
        assert!(holds(&resource(2), "Ready"));
        assert!(!holds(&resource(1), "Ready"));
        assert!(!holds(&resource(2), "Stalled"));
        assert!(!holds(&json!({}), "Ready"));
    }
}
