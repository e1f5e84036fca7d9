//! Fields that a server-side apply would take away: those that the apiserver has noted as the operator's and that the wish
//! doesn't name any more. Pure.

use serde_json::{Map, Value};

/// Paths of the fields that `manager` has applied to `live` and that aren't in `wanted`.
pub(super) fn removed(live: &Value, wanted: &Value, manager: &str) -> Vec<String> {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let is_ours = |entry: &&Value| {
        let says = |field: &str, value: &str| entry.get(field).and_then(Value::as_str) == Some(value);
        says("manager", manager) && says("operation", "Apply") && entry.get("subresource").is_none()
    };
    let owned = entries.into_iter().flatten().filter(is_ours);
    let owned = owned.filter_map(|entry| entry.get("fieldsV1")?.as_object());
    let mut found = Vec::new();
    for fields in owned {
        walk(fields, wanted, "", &mut found);
    }
    found
}

/// `f:name` is a field, `k:{…}` an item of a list by its keys; `.` and `v:…` say nothing that a path could name.
fn walk(fields: &Map<String, Value>, wanted: &Value, path: &str, found: &mut Vec<String>) {
    for (step, below) in fields {
        let (next, path) = if let Some(name) = step.strip_prefix("f:") {
            let path = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            };
            (wanted.get(name), path)
        } else if let Some(keys) = step.strip_prefix("k:") {
            let Ok(Value::Object(keys)) = serde_json::from_str(keys) else {
                continue;
            };
            (item(wanted, &keys), format!("{path}[{}]", label(&keys)))
        } else {
            continue;
        };
        match (next, below.as_object()) {
            (None, _) => found.push(path),
            (Some(next), Some(below)) => walk(below, next, &path, found),
            _ => {}
        }
    }
}

/// The item with these keys; one that leaves a key out has its default.
fn item<'a>(list: &'a Value, keys: &Map<String, Value>) -> Option<&'a Value> {
    let has = |item: &&Value| {
        let same = |(key, value): (&String, &Value)| item.get(key).is_none_or(|own| own == value);
        keys.iter().all(same)
    };
    list.as_array()?.iter().find(has)
}

fn label(keys: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    keys.values().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_ours_and_is_not_wanted_goes() {
        let owned = json!({
            "f:metadata": {"f:labels": {"f:a": {}, "f:b": {}}},
            "f:spec": {
                "f:containers": {"k:{\"name\":\"kafka\"}": {".": {}, "f:name": {}, "f:image": {}, "f:ports":
                    {"k:{\"containerPort\":9092,\"protocol\":\"TCP\"}": {"f:containerPort": {}}}}},
                "f:tolerations": {},
            },
        });
        let live = json!({"metadata": {"managedFields": [
            {"manager": "productionkafka", "operation": "Apply", "fieldsV1": owned},
            {"manager": "productionkafka", "operation": "Apply", "subresource": "status", "fieldsV1": {"f:status": {}}},
            {"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:data": {}}},
        ]}});
        let whole = json!({
            "metadata": {"labels": {"a": "1", "b": "2"}},
            "spec": {"containers": [{"name": "kafka", "image": "i", "ports": [{"containerPort": 9092}]}], "tolerations": []},
        });
        assert_eq!(removed(&live, &whole, "productionkafka"), Vec::<String>::new());
        let less = json!({
            "metadata": {"labels": {"a": "1"}},
            "spec": {"containers": [{"name": "kafka", "image": "i", "ports": []}]},
        });
        assert_eq!(
            removed(&live, &less, "productionkafka"),
            [
                "metadata.labels.b",
                "spec.containers[kafka].ports[9092,TCP]",
                "spec.tolerations"
            ]
        );
    }
}
