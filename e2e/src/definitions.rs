//! JSON schemas of our own kinds for kubeconform, from `crds/`: what a misspelt field in an example is found by. Rules in
//! CEL are not part of them; only an API server applies those.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::{digest, paths, schemas};

/// A folder with one file per kind and version, as the checkout has them now.
pub fn folder() -> Result<TempDir> {
    let folder = tempfile::tempdir().context("make a folder for the schemas of our kinds")?;
    let crds = paths::repository().join("crds");
    let mut count = 0;
    for path in digest::files(&crds)? {
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let definition: Value = serde_saphyr::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
        count += write(folder.path(), &definition).with_context(|| format!("schemas of {}", path.display()))?;
    }
    ensure!(count > 0, "{} holds no definition", crds.display());
    Ok(folder)
}

/// Writes the schema of each version of a definition; how many there are.
fn write(folder: &Path, definition: &Value) -> Result<usize> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str);
    let (group, kind) = (text("/spec/group"), text("/spec/names/kind"));
    let (group, kind) = (group.context("a group")?, kind.context("a kind")?);
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let versions = versions.context("versions")?;
    for version in versions {
        let name = version
            .get("name")
            .and_then(Value::as_str)
            .context("a version's name")?;
        let schema = version.pointer("/schema/openAPIV3Schema").context("a schema")?;
        let file = folder.join(schemas::file(kind, group, name));
        fs::write(&file, resource(schema).to_string()).with_context(|| format!("write {}", file.display()))?;
    }
    Ok(versions.len())
}

/// What every resource has besides what its definition says.
fn resource(schema: &Value) -> Value {
    let mut schema = strict(schema);
    if let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, kind) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
            fields.insert(name.to_owned(), json!({"type": kind}));
        }
    }
    schema
}

/// A structural schema as plain JSON schema: fields are complete, `nullable` is a type, and what may be a number or text
/// is only that where it says so.
fn strict(schema: &Value) -> Value {
    let Some(fields) = schema.as_object() else {
        return schema.clone();
    };
    let mut fields: Map<String, Value> = fields
        .iter()
        .map(|(name, value)| (name.clone(), inner(name, value)))
        .collect();
    let open = ["additionalProperties", "x-kubernetes-preserve-unknown-fields"];
    if fields.contains_key("properties") && !open.iter().any(|name| fields.contains_key(*name)) {
        fields.insert("additionalProperties".to_owned(), json!(false));
    }
    if fields.get("nullable") == Some(&json!(true))
        && let Some(kind) = fields.get("type").cloned()
    {
        fields.insert("type".to_owned(), json!([kind, "null"]));
    }
    Value::Object(fields)
}

/// Names of properties are no words of the language; `anyOf` and the like only narrow what stands beside them.
fn inner(name: &str, value: &Value) -> Value {
    match (name, value) {
        ("properties", Value::Object(all)) => Value::Object(
            all.iter()
                .map(|(name, schema)| (name.clone(), strict(schema)))
                .collect(),
        ),
        ("items" | "additionalProperties", schema) => strict(schema),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_refused_at_every_depth() {
        let schema = json!({"properties": {
            "properties": {"type": "object", "properties": {"a": {"type": "string", "nullable": true}}},
            "list": {"items": {"properties": {}}},
            "map": {"additionalProperties": {"properties": {}}},
        }});
        let strict = resource(&schema);
        for pointer in [
            "",
            "/properties/properties",
            "/properties/list/items",
            "/properties/map/additionalProperties",
        ] {
            let place = strict.pointer(pointer).unwrap();
            assert_eq!(place["additionalProperties"], json!(false), "{pointer}");
        }
        let a = strict.pointer("/properties/properties/properties/a/type").unwrap();
        assert_eq!(a, &json!(["string", "null"]));
        assert_eq!(strict.pointer("/properties/metadata/type").unwrap(), "object");
    }

    #[test]
    fn every_kind_of_ours_has_a_schema() {
        let folder = folder().unwrap();
        assert!(
            folder
                .path()
                .join("productionkafka-productionkafka.dev-v1alpha1.json")
                .exists()
        );
        assert_eq!(digest::files(folder.path()).unwrap().len(), 3);
    }
}
