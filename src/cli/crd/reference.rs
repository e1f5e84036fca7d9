//! Every field of every kind as a table in Markdown, from the definitions themselves: what `kubectl explain --recursive` says, to be
//! read without a cluster.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;
use std::fmt::Write as _;

const HEAD: &str = "\
# Reference of all fields

Made from the types by `productionkafka crd --reference docs/reference.md`; `kubectl explain productionkafka.spec` says the same.
`[]` is an entry of a list, `{}` a value of a map. Fields without a default can be left out unless they are required.
";

/// The whole page.
pub fn markdown<'a>(definitions: impl IntoIterator<Item = &'a CustomResourceDefinition>) -> String {
    let mut text = HEAD.to_owned();
    for definition in definitions {
        let document = serde_json::to_value(definition).unwrap_or_default();
        let kind = document
            .pointer("/spec/names/kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let schema = document
            .pointer("/spec/versions/0/schema/openAPIV3Schema")
            .unwrap_or(&Value::Null);
        for part in ["spec", "status"] {
            let _ = write!(
                text,
                "\n## {kind} {part}\n\n| field | type | default | |\n|---|---|---|---|\n"
            );
            let root = schema.pointer(&format!("/properties/{part}")).unwrap_or(&Value::Null);
            fields(root, "", &mut text);
        }
    }
    text
}

/// One line for each property, its own before those below it.
fn fields(schema: &Value, path: &str, text: &mut String) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, property) in properties.into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let default = match property.get("default") {
            Some(default) => code(default),
            None if required.contains(&name.as_str()) => "required".to_owned(),
            None => String::new(),
        };
        let (kind, about) = (kind(property), about(property));
        let _ = writeln!(text, "| `{path}` | {kind} | {default} | {about} |");
        below(property, &path, text);
    }
}

fn below(schema: &Value, path: &str, text: &mut String) {
    fields(schema, path, text);
    if let Some(items) = schema.get("items") {
        below(items, &format!("{path}[]"), text);
    }
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
        below(values, &format!("{path}{{}}"), text);
    }
}

/// What may be written there: words of a choice, a range, a pattern's type.
fn kind(schema: &Value) -> String {
    let word = |field: &str| schema.get(field).and_then(Value::as_str);
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let choices = choices.iter().filter(|choice| !choice.is_null());
        return choices.map(code).collect::<Vec<_>>().join(", ");
    }
    match word("type") {
        Some("array") => format!("list of {}", schema.get("items").map(kind).unwrap_or_default()),
        Some("object") if schema.get("additionalProperties").is_some() => "map".to_owned(),
        Some("integer") => {
            let bound = |field: &str| schema.get(field).and_then(Value::as_f64);
            match (bound("minimum"), bound("maximum")) {
                (Some(least), Some(most)) => format!("integer {least} to {most}"),
                (Some(least), None) => format!("integer from {least}"),
                _ => "integer".to_owned(),
            }
        }
        Some(other) => other.to_owned(),
        None if schema.get("x-kubernetes-int-or-string").is_some() => "quantity".to_owned(),
        None => "any".to_owned(),
    }
}

fn code(value: &Value) -> String {
    match value {
        Value::Object(fields) if fields.len() > 2 => "see below".to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

/// On one line.
fn about(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_page_in_the_repository_is_that_of_the_types() {
        let written = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md")).unwrap();
        assert!(
            written == super::super::reference(),
            "docs/reference.md isn't what the types say: run `cargo run -- crd --reference docs/reference.md`"
        );
        for line in [
            "| `nodePools[].replicas` |",
            "| `tuning.profile` | `Balanced`, `Throughput`,",
            "| `conditions[].reason` |",
        ] {
            assert!(written.contains(line), "{line}");
        }
    }
}
