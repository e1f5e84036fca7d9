//! Every YAML block of the documentation is about fields that exist: of a resource, of a part of one, or of a chart's values. A field
//! that is renamed makes the page that names it fail.

use crate::api::{KafkaTopic, KafkaUser, ProductionKafka};
use crate::cli::yaml;
use kube::CustomResourceExt;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Blocks of other people's resources: their page and a word of theirs.
const OTHERS: [(&str, &str); 1] = [("connect-an-application.md", "volumeMounts")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    for folder in [
        "docs",
        "docs/runbooks",
        "charts/productionkafka",
        "charts/productionkafka-crds",
    ] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        pages.extend(paths.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    pages
}

/// The text between fences, without the indentation that all lines share.
fn blocks(text: &str) -> Vec<String> {
    let fenced = text.split("```yaml\n").skip(1);
    fenced
        .map(|rest| {
            let body = rest.split("```").next().unwrap();
            let indent = |line: &str| line.len() - line.trim_start().len();
            let least = body
                .lines()
                .filter(|line| !line.trim().is_empty())
                .map(indent)
                .min()
                .unwrap_or(0);
            body.lines()
                .map(|line| line.get(least..).unwrap_or_default().to_owned() + "\n")
                .collect()
        })
        .collect()
}

fn schema(kind: &str) -> Value {
    let crd = match kind {
        "KafkaTopic" => KafkaTopic::crd(),
        "KafkaUser" => KafkaUser::crd(),
        _ => ProductionKafka::crd(),
    };
    serde_json::to_value(crd).unwrap()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Paths of a value's fields that its schema doesn't know.
fn unknown(value: &Value, schema: &Value, path: &str) -> Vec<String> {
    if schema["x-kubernetes-preserve-unknown-fields"] == Value::Bool(true) {
        return Vec::new();
    }
    match value {
        Value::Object(fields) => {
            let below = |(name, value): (&String, &Value)| {
                let path = format!("{path}.{name}");
                let others = schema.get("additionalProperties").filter(|others| others.is_object());
                let property = schema["properties"].get(name).or(others);
                property.map_or_else(|| vec![path.clone()], |property| unknown(value, property, &path))
            };
            fields.iter().flat_map(below).collect()
        }
        Value::Array(items) => items
            .iter()
            .flat_map(|item| unknown(item, &schema["items"], path))
            .collect(),
        _ => Vec::new(),
    }
}

/// What's wrong with a block; a part of a resource must fit one kind.
fn problem(block: &str) -> Option<String> {
    if block.contains("apiVersion:") {
        let documents: Vec<&str> = block
            .split("\n---\n")
            .filter(|one| one.contains("productionkafka.dev"))
            .collect();
        return documents.into_iter().find_map(whole);
    }
    let value: Value = match yaml::from_str(block) {
        Ok(value) => value,
        Err(error) => return Some(error.to_string()),
    };
    let value = value.get("spec").cloned().unwrap_or(value);
    let mut candidates = vec![values()];
    for kind in ["ProductionKafka", "KafkaUser", "KafkaTopic"] {
        candidates.push(schema(kind)["properties"]["spec"].clone());
    }
    // A list without its field is one of listeners.
    candidates.push(schema("ProductionKafka")["properties"]["spec"]["properties"]["listeners"].clone());
    let fits =
        |schema: &Value| value.is_array() == schema.get("items").is_some() && unknown(&value, schema, "").is_empty();
    let closest = candidates
        .iter()
        .map(|schema| unknown(&value, schema, ""))
        .min_by_key(Vec::len);
    (!candidates.iter().any(fits)).then(|| format!("{:?}", closest.unwrap_or_default()))
}

fn whole(document: &str) -> Option<String> {
    let value: Value = match yaml::from_str(document) {
        Ok(value) => value,
        Err(error) => return Some(error.to_string()),
    };
    let wrong = unknown(
        &value["spec"],
        &schema(value["kind"].as_str()?)["properties"]["spec"],
        "spec",
    );
    (!wrong.is_empty()).then(|| format!("{wrong:?}"))
}

/// The operator's chart's values, as a schema.
fn values() -> Value {
    let text = std::fs::read_to_string(root().join("charts/productionkafka/values.schema.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_yaml_block_names_fields_that_exist() {
    let mut seen = 0;
    for page in pages() {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        for block in blocks(&std::fs::read_to_string(&page).unwrap()) {
            seen += 1;
            if !OTHERS
                .iter()
                .any(|(other, word)| name == *other && block.contains(word))
            {
                let problem = problem(&block);
                assert!(problem.is_none(), "{name}: {}\n{block}", problem.unwrap_or_default());
            }
        }
    }
    assert!(seen > 12, "only {seen} blocks were found");
}

#[test]
fn a_field_that_does_not_exist_is_found() {
    for (block, wrong) in [
        ("spec:\n  tuning: {profil: Latency}\n", ".tuning"),
        ("- {name: x, port: 1, authentification: {}}\n", "authentification"),
        (
            "kind: KafkaTopic\napiVersion: productionkafka.dev/v1alpha1\nspec: {partition: 3}\n",
            "spec.partition",
        ),
        ("podMonitor: {enable: true}\n", "enable"),
    ] {
        let problem = problem(block).unwrap_or_default();
        assert!(problem.contains(wrong), "{block}: {problem}");
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") || file.contains(' ') {
                continue;
            }
            assert!(page.parent().unwrap().join(file).exists(), "{}: {link}", page.display());
        }
    }
}
