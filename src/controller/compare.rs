//! Does a live object say what we would send, and where not? A subset compare that knows defaults, quantities and list keys,
//! so that a steady object is never written. Pure.

use crate::api::Quantity;
use crate::model::measure;
use serde_json::{Map, Value};
use std::fmt;

/// True when everything in `wanted` stands in `live`. What `live` has beyond that belongs to others.
pub fn says(live: &Value, wanted: &Value) -> bool {
    let mut same = true;
    walk(live, wanted, &Path::Root, &mut |_| same = false);
    same
}

/// Paths of the fields in which `live` says something else than `wanted`, such as `spec.containers[kafka].image`.
pub fn differences(live: &Value, wanted: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(live, wanted, &Path::Root, &mut |path| found.push(path.to_string()));
    found
}

/// Where a value stands, from the inside out: nothing is written down while nothing differs.
enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, &'a str),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => formatter.write_str(name),
            Self::Field(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Item(parent, name) => write!(formatter, "{parent}[{name}]"),
        }
    }
}

type Report<'r> = &'r mut dyn FnMut(&Path<'_>);

fn walk(live: &Value, wanted: &Value, path: &Path<'_>, report: Report<'_>) {
    let same = match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => return object(live, wanted, path, report),
        (Value::Array(wanted), Value::Array(live)) => return array(live, wanted, path, report),
        (Value::String(wanted), Value::String(live)) => wanted == live || same_quantity(wanted, live),
        _ => wanted == live || is_empty(wanted) && is_empty(live),
    };
    if !same {
        report(path);
    }
}

fn object(live: &Map<String, Value>, wanted: &Map<String, Value>, path: &Path<'_>, report: Report<'_>) {
    for (key, wanted) in wanted {
        let path = Path::Field(path, key);
        match live.get(key) {
            Some(live) => walk(live, wanted, &path, report),
            // The apiserver drops what is empty.
            None if is_empty(wanted) => {}
            None => report(&path),
        }
    }
}

/// Lists of named items match by name and may have more items; others match item by item.
fn array(live: &[Value], wanted: &[Value], path: &Path<'_>, report: Report<'_>) {
    fn name(item: &Value) -> Option<&str> {
        item.get("name").and_then(Value::as_str)
    }
    if !wanted.is_empty() && wanted.iter().all(|item| name(item).is_some()) {
        for wanted in wanted {
            let path = Path::Item(path, name(wanted).unwrap_or_default());
            match live.iter().find(|live| name(live) == name(wanted)) {
                Some(live) => walk(live, wanted, &path, report),
                None => report(&path),
            }
        }
        return;
    }
    if live.len() != wanted.len() {
        return report(path);
    }
    for (index, (live, wanted)) in live.iter().zip(wanted).enumerate() {
        walk(live, wanted, &Path::Item(path, &index.to_string()), report);
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_empty),
        Value::Array(list) => list.is_empty(),
        Value::Bool(flag) => !flag,
        _ => false,
    }
}

/// `1024Mi` and `1Gi`: the apiserver rewrites quantities to its own form.
fn same_quantity(one: &str, other: &str) -> bool {
    let milli = |text: &str| measure::milli(&Quantity(text.to_owned()));
    milli(one).is_some() && milli(one) == milli(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn live_may_say_more_but_not_less_and_not_other() {
        for (wanted, live, expected) in [
            (json!({"a": 1}), json!({"a": 1, "b": 2}), true),
            (json!({"a": 1, "b": 2}), json!({"a": 1}), false),
            (json!({"a": 1}), json!({"a": 2}), false),
            (json!({"a": {}}), json!({}), true),
            (json!({"a": null}), json!({}), true),
            (json!({"a": false}), json!({}), true),
            (json!({"a": true}), json!({}), false),
            (json!({"a": {"b": []}}), json!({}), true),
            (json!(["x", "y"]), json!(["x", "y"]), true),
            (json!(["x", "y"]), json!(["y", "x"]), false),
            (json!(["x"]), json!(["x", "y"]), false),
            (
                json!([{"name": "a", "v": 1}]),
                json!([{"name": "z"}, {"name": "a", "v": 1, "w": 2}]),
                true,
            ),
            (json!([{"name": "a", "v": 1}]), json!([{"name": "a", "v": 2}]), false),
            (
                json!([{"name": "a"}, {"name": "b"}]),
                json!([{"name": "b"}, {"name": "a"}]),
                true,
            ),
            (json!({"memory": "1024Mi"}), json!({"memory": "1Gi"}), true),
            (json!({"cpu": "0.5"}), json!({"cpu": "500m"}), true),
            (json!({"memory": "1Gi"}), json!({"memory": "2Gi"}), false),
        ] {
            assert_eq!(says(&live, &wanted), expected, "{wanted} in {live}");
            assert_eq!(differences(&live, &wanted).is_empty(), expected, "{wanted} in {live}");
        }
    }

    #[test]
    fn a_difference_is_named_by_its_path() {
        let wanted =
            json!({"spec": {"containers": [{"name": "kafka", "image": "b", "args": ["x", "y"]}], "more": true}});
        let live = json!({"spec": {"containers": [{"name": "kafka", "image": "a", "args": ["x", "z"]}], "other": 1}});
        assert_eq!(
            differences(&live, &wanted),
            [
                "spec.containers[kafka].args[1]",
                "spec.containers[kafka].image",
                "spec.more"
            ]
        );
        assert_eq!(differences(&json!("a"), &json!("b")), [""]);
    }
}
