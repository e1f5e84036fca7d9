//! Does a live object say what we would send? A subset compare that knows defaults, quantities and list keys, so that a
//! steady object is never written. Pure.

use crate::api::Quantity;
use crate::model::measure;
use serde_json::{Map, Value};

/// True when everything in `wanted` stands in `live`. What `live` has beyond that belongs to others.
pub fn says(live: &Value, wanted: &Value) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => object(live, wanted),
        (Value::Array(wanted), Value::Array(live)) => array(live, wanted),
        (Value::String(wanted), Value::String(live)) => wanted == live || same_quantity(wanted, live),
        _ => wanted == live || is_empty(wanted) && is_empty(live),
    }
}

fn object(live: &Map<String, Value>, wanted: &Map<String, Value>) -> bool {
    wanted.iter().all(|(key, wanted)| match live.get(key) {
        Some(live) => says(live, wanted),
        // The apiserver drops what is empty.
        None => is_empty(wanted),
    })
}

/// Lists of named items match by name and may have more items; others match item by item.
fn array(live: &[Value], wanted: &[Value]) -> bool {
    let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
    if !wanted.is_empty() && wanted.iter().all(|item| name(item).is_some()) {
        return wanted.iter().all(|wanted| {
            live.iter()
                .find(|live| name(live) == name(wanted))
                .is_some_and(|live| says(live, wanted))
        });
    }
    live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| says(live, wanted))
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
        }
    }
}
