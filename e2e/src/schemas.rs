//! JSON schemas for kubeconform, made from the OpenAPI document in the Kubernetes module: no download, and always of
//! the version that the local cluster runs. Unknown fields are refused, which the API server itself would only warn of.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::build::{self, go};
use crate::{exec, versions};

const PREFIX: &str = "#/definitions/";

/// A folder with one file per kind, made when it is missing.
pub fn folder() -> Result<PathBuf> {
    build::cached(&format!("schemas-{}-2", versions::KUBERNETES), |scratch| {
        let text = fs::read(document()?).context("read the OpenAPI document of Kubernetes")?;
        let document: Value = serde_json::from_slice(&text).context("parse the OpenAPI document of Kubernetes")?;
        let definitions = document
            .get("definitions")
            .and_then(Value::as_object)
            .context("definitions")?;
        fs::create_dir_all(scratch)?;
        definitions
            .keys()
            .try_for_each(|name| write(scratch, definitions, name))
    })
}

/// The template that kubeconform fills for each object.
pub fn location(folder: &Path) -> String {
    format!(
        "{}/{{{{.ResourceKind}}}}-{{{{.Group}}}}-{{{{.ResourceAPIVersion}}}}.json",
        folder.display()
    )
}

/// Name of the file for a kind. kubeconform takes what stands before the slash of `apiVersion` for the group, even where
/// there is none.
pub fn file(kind: &str, group: &str, version: &str) -> String {
    let group = if group.is_empty() { version } else { group };
    format!("{}-{group}-{version}.json", kind.to_lowercase())
}

fn document() -> Result<PathBuf> {
    let mut download = go::command(&go::Programs::kubernetes_module());
    let answer = exec::output(download.args(["mod", "download", "-json", "k8s.io/kubernetes"]))?;
    let answer: Value = serde_json::from_str(&answer).context("parse the answer of go mod download")?;
    let folder = answer
        .get("Dir")
        .and_then(Value::as_str)
        .context("the module's folder")?;
    Ok(Path::new(folder).join("api/openapi-spec/swagger.json"))
}

/// Writes a definition that is a kind, with everything that it refers to.
fn write(folder: &Path, definitions: &Map<String, Value>, name: &str) -> Result<()> {
    let kinds = definitions
        .get(name)
        .and_then(|it| it.get("x-kubernetes-group-version-kind"));
    let Some(kinds) = kinds.and_then(Value::as_array) else {
        return Ok(());
    };
    // Options of requests are registered for every group; nobody writes them to a file.
    if kinds.len() != 1 {
        return Ok(());
    }
    let text = |kind: &Value, field: &str| {
        kind.get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_lowercase()
    };
    for kind in kinds {
        let schema = json!({"$ref": format!("{PREFIX}{name}"), "definitions": closure(definitions, name)});
        let (group, version) = (text(kind, "group"), text(kind, "version"));
        let file = file(&text(kind, "kind"), &group, &version);
        fs::write(folder.join(&file), schema.to_string()).with_context(|| format!("write {file}"))?;
    }
    Ok(())
}

/// A definition and all that it names, directly or not.
fn closure(definitions: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let (mut found, mut open) = (Map::new(), BTreeSet::from([name.to_owned()]));
    while let Some(name) = open.pop_first() {
        let Some(definition) = definitions.get(&name) else {
            continue;
        };
        references(definition, &mut open);
        found.insert(name.clone(), strict(&name, definition));
        open.retain(|name| !found.contains_key(name));
    }
    found
}

fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let name = fields
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|text| text.strip_prefix(PREFIX));
            into.extend(name.map(str::to_owned));
            fields.values().for_each(|value| references(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}

/// OpenAPI calls both of these strings although numbers are as good; and it does not say that fields are complete.
fn strict(name: &str, definition: &Value) -> Value {
    if name.ends_with("intstr.IntOrString") || name.ends_with("resource.Quantity") {
        return json!({"type": ["string", "number"]});
    }
    // What a schema's own fields may hold is not described further.
    if name.ends_with(".JSONSchemaProps") {
        return json!({"type": "object"});
    }
    let mut definition = definition.clone();
    if let Some(fields) = definition.as_object_mut()
        && fields.contains_key("properties")
    {
        fields.insert("additionalProperties".to_owned(), json!(false));
    }
    definition
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_holds_what_it_refers_to_and_nothing_else() {
        let definitions = json!({
            "a.Pod": {"properties": {"spec": {"$ref": "#/definitions/a.Spec"}}},
            "a.Spec": {"properties": {"self": {"$ref": "#/definitions/a.Spec"}}},
            "a.Other": {"properties": {}},
        });
        let closure = closure(definitions.as_object().unwrap(), "a.Pod");
        let names: Vec<&String> = closure.keys().collect();
        assert_eq!(names, ["a.Pod", "a.Spec"]);
        assert_eq!(closure["a.Spec"]["additionalProperties"], json!(false));
    }
}
