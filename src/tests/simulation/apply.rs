//! Server-side apply of one manager's whole wish, forced: what it sends is set, what it sent before and sends no more is
//! taken away, everything else stays. Lists of named items merge by name, owner references by uid, finalizers as a set.

use serde_json::{Map, Value};

/// `live` with `new` applied by a manager whose last wish was `last`.
pub fn applied(live: &Value, last: Option<&Value>, new: &Value) -> Value {
    merge("", Some(live), last, new)
}

fn merge(field: &str, live: Option<&Value>, last: Option<&Value>, new: &Value) -> Value {
    match new {
        Value::Object(new) => object(live, last, new),
        Value::Array(new) => match key_of(field, new) {
            Some(key) => list(key, live, last, new),
            None if field == "finalizers" => set(live, last, new),
            None => Value::Array(new.clone()),
        },
        _ => new.clone(),
    }
}

fn object(live: Option<&Value>, last: Option<&Value>, new: &Map<String, Value>) -> Value {
    let before = live.and_then(Value::as_object);
    let last = last.and_then(Value::as_object);
    let mut result = before.cloned().unwrap_or_default();
    for (field, value) in last
        .into_iter()
        .flatten()
        .filter(|(field, _)| !new.contains_key(*field))
    {
        if result.get_mut(field).is_some_and(|live| !subtract(live, value)) {
            result.remove(field);
        }
    }
    for (field, value) in new.iter().filter(|(_, value)| !value.is_null()) {
        let live = before.and_then(|live| live.get(field));
        let last = last.and_then(|last| last.get(field));
        result.insert(field.clone(), merge(field, live, last, value));
    }
    Value::Object(result)
}

/// Takes out of `live` what `last` had; false when nothing is left.
fn subtract(live: &mut Value, last: &Value) -> bool {
    let (Value::Object(live), Value::Object(last)) = (live, last) else {
        return false;
    };
    for (field, value) in last {
        if live.get_mut(field).is_some_and(|live| !subtract(live, value)) {
            live.remove(field);
        }
    }
    !live.is_empty()
}

fn key_of(field: &str, items: &[Value]) -> Option<&'static str> {
    let all_have = |key: &str| !items.is_empty() && items.iter().all(|item| item.get(key).is_some());
    match field {
        "ownerReferences" => all_have("uid").then_some("uid"),
        _ => all_have("name").then_some("name"),
    }
}

fn list(key: &str, live: Option<&Value>, last: Option<&Value>, new: &[Value]) -> Value {
    let items = |list: Option<&Value>| list.and_then(Value::as_array).cloned().unwrap_or_default();
    let find = |items: &[Value], wanted: &Value| items.iter().find(|item| item.get(key) == wanted.get(key)).cloned();
    let (live, last) = (items(live), items(last));
    let mut result: Vec<Value> = live
        .iter()
        .filter(|item| find(new, item).is_some() || find(&last, item).is_none())
        .cloned()
        .collect();
    for item in new {
        let merged = merge("", find(&live, item).as_ref(), find(&last, item).as_ref(), item);
        match result.iter_mut().find(|there| there.get(key) == item.get(key)) {
            Some(there) => *there = merged,
            None => result.push(merged),
        }
    }
    Value::Array(result)
}

fn set(live: Option<&Value>, last: Option<&Value>, new: &[Value]) -> Value {
    let items = |list: Option<&Value>| list.and_then(Value::as_array).cloned().unwrap_or_default();
    let last = items(last);
    let mut result: Vec<Value> = items(live)
        .into_iter()
        .filter(|item| new.contains(item) || !last.contains(item))
        .collect();
    result.extend(new.iter().filter(|item| !items(live).contains(item)).cloned());
    Value::Array(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_manager_takes_back_what_it_sent_and_nothing_else() {
        for (live, last, new, expected) in [
            (
                json!({"a": 1, "z": 9}),
                json!({"a": 1}),
                json!({"b": 2}),
                json!({"z": 9, "b": 2}),
            ),
            (
                json!({"m": {"a": 1, "z": 9}}),
                json!({"m": {"a": 1}}),
                json!({}),
                json!({"m": {"z": 9}}),
            ),
            (json!({"m": {"a": 1}}), json!({"m": {"a": 1}}), json!({}), json!({})),
            (
                json!({"env": [{"name": "V", "value": "1"}, {"name": "Z"}]}),
                json!({"env": [{"name": "V", "value": "1"}]}),
                json!({"env": [{"name": "W"}]}),
                json!({"env": [{"name": "Z"}, {"name": "W"}]}),
            ),
            (
                json!({"ownerReferences": [{"uid": "1", "name": "n"}]}),
                json!({"ownerReferences": [{"uid": "1", "name": "n"}]}),
                json!({"ownerReferences": [{"uid": "2", "name": "n"}]}),
                json!({"ownerReferences": [{"uid": "2", "name": "n"}]}),
            ),
            (
                json!({"finalizers": ["x", "f"]}),
                json!({"finalizers": ["f"]}),
                json!({"finalizers": []}),
                json!({"finalizers": ["x"]}),
            ),
            (
                json!({"l": [1, 2]}),
                json!({"l": [1, 2]}),
                json!({"l": [3]}),
                json!({"l": [3]}),
            ),
        ] {
            assert_eq!(
                applied(&live, Some(&last), &new),
                expected,
                "{last} then {new} on {live}"
            );
        }
    }
}
