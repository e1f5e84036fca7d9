//! Everything there is, as text that two runs can be compared by: what is random or counts writes is replaced by what it
//! stands for.

use super::apiserver::State;
use super::call::Key;
use super::kafka::KafkaState;
use super::secrets;
use serde_json::{Value, json};

/// One line per field of every object, and of Kafka.
pub fn text(state: &State, kafka: &KafkaState) -> String {
    let mut lines = Vec::new();
    for (key, object) in state.all() {
        flatten(&key.to_string(), &masked(key, object), &mut lines);
    }
    lines.push(format!("kafka defaults: {:?}", kafka.defaults));
    lines.push(format!("kafka topics: {:?}", kafka.topics));
    lines.push(format!(
        "kafka brokers: {:?} {:?}",
        kafka.registered, kafka.broker_configs
    ));
    lines.push(format!("kafka reassignments: {:?}", kafka.moving));
    lines.push(format!("kafka users: {:?}", kafka.scram.keys()));
    lines.extend(kafka.acls.iter().map(|acl| format!("kafka acl: {acl:?}")));
    lines.extend(kafka.disks.values().map(|disk| format!("disk: {disk:?}")));
    let mut all = lines.join("\n");
    for (random, name) in names(state) {
        all = all.replace(&random, &name);
    }
    let mut sorted: Vec<&str> = all.lines().collect();
    sorted.sort_unstable();
    sorted.join("\n")
}

fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(field, value)| flatten(&format!("{path} {field}"), value, lines)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| flatten(&format!("{path} {index}"), item, lines)),
        value => lines.push(format!("{path}: {}", masked_time(value))),
    }
}

fn masked_time(value: &Value) -> Value {
    let is_time = value
        .as_str()
        .is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok());
    if is_time { json!("<time>") } else { value.clone() }
}

fn masked(key: &Key, object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.retain(|field, _| !matches!(field.as_str(), "resourceVersion" | "generation"));
    if let Some(wish) = object.pointer_mut("/metadata/annotations/productionkafka.dev~1wish") {
        *wish = json!("<wish>");
    }
    if key.plural == "secrets" {
        let keys: Vec<String> = secrets::texts(&object).into_keys().collect();
        object["data"] = json!(keys);
    }
    mask_leader(&mut object);
    if key.plural == "jobs" {
        object["status"] = json!(object["status"]["conditions"]);
    }
    object
}

/// Which of the controllers leads is theirs to say, and depends on which was up first.
fn mask_leader(object: &mut Value) {
    let Some(leader) = object.pointer_mut("/status/quorum/leaderId") else {
        return;
    };
    let leads = format!("controller {leader} leads");
    *leader = json!("<leader>");
    let conditions = object["status"]["conditions"].as_array_mut();
    for condition in conditions.into_iter().flatten() {
        if let Some(message) = condition["message"].as_str() {
            condition["message"] = json!(message.replace(&leads, "<leader> leads"));
        }
    }
}

/// What is random, and what it stands for; longest first is not needed, none is part of another.
fn names(state: &State) -> Vec<(String, String)> {
    let mut names = Vec::new();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(map) = state.get(&Key::new("configmaps", "orders-identity")) {
        let identity: Value = serde_json::from_str(map["data"]["identity.json"].as_str().unwrap()).unwrap();
        names.extend(text(&identity["clusterId"]).map(|id| (id, "<cluster>".to_owned())));
        for (node, id) in identity["directoryIds"].as_object().into_iter().flatten() {
            names.extend(text(id).map(|id| (id, format!("<directory {node}>"))));
        }
    }
    for (key, object) in state.all() {
        names.extend(text(&object["metadata"]["uid"]).map(|uid| (uid, format!("<uid {key}>"))));
        let revision = &object["spec"]["template"]["metadata"]["annotations"]["productionkafka.dev/revision"];
        names.extend(text(revision).map(|revision| (revision, format!("<revision {key}>"))));
        if key.plural == "secrets" {
            names.extend(secrets::serial(object).map(|serial| (serial, format!("<serial {key}>"))));
        }
    }
    names
}

/// The first lines that only one of two end states has.
pub fn difference(expected: &str, actual: &str) -> String {
    let missing = expected
        .lines()
        .filter(|line| !actual.lines().any(|other| other == *line))
        .map(|line| format!("- {line}"));
    let extra = actual
        .lines()
        .filter(|line| !expected.lines().any(|other| other == *line))
        .map(|line| format!("+ {line}"));
    missing.take(8).chain(extra.take(8)).collect::<Vec<_>>().join("\n")
}
