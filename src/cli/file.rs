//! The one `ProductionKafka` of a file. What else is in it is passed over: resources are often kept together.

use crate::api::ProductionKafka;
use crate::cli::yaml::{self, YamlError};
use serde_json::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A file that holds no resource to plan.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Yaml(#[from] YamlError),
    #[error("the file holds {0} resources of kind ProductionKafka, and one is wanted")]
    Count(usize),
    #[error("the ProductionKafka has no metadata.name")]
    Name,
    #[error("the file names namespace {file}, the command line {given}")]
    Namespace { file: String, given: String },
    #[error("not a ProductionKafka")]
    Resource(#[source] serde_json::Error),
}

/// The text of a file, or of standard input.
pub fn read(path: &Path) -> Result<String, FileError> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    let path = path.to_owned();
    text.map_err(|source| FileError::Read { path, source })
}

/// The resource, with its namespace.
pub fn resource(text: &str, given: Option<&str>, otherwise: &str) -> Result<ProductionKafka, FileError> {
    let mut found = Vec::new();
    for document in documents(text) {
        let value: Value = yaml::from_str(&document)?;
        if value.get("kind").and_then(Value::as_str) == Some("ProductionKafka") {
            found.push(value);
        }
    }
    let count = found.len();
    let (Some(value), 1) = (found.pop(), count) else {
        return Err(FileError::Count(count));
    };
    let mut resource: ProductionKafka = serde_json::from_value(value).map_err(FileError::Resource)?;
    if resource.metadata.name.is_none() {
        return Err(FileError::Name);
    }
    if let (Some(file), Some(given)) = (&resource.metadata.namespace, given)
        && file != given
    {
        let (file, given) = (file.clone(), given.to_owned());
        return Err(FileError::Namespace { file, given });
    }
    let namespace = resource
        .metadata
        .namespace
        .get_or_insert_with(|| given.unwrap_or(otherwise).to_owned());
    if namespace.is_empty() {
        otherwise.clone_into(namespace);
    }
    Ok(resource)
}

/// The documents of a YAML stream that hold anything.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            documents.push(String::new());
        } else if let Some(last) = documents.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    documents.retain(|document| document.lines().any(says));
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../examples/production.yaml");

    #[test]
    fn the_one_cluster_among_other_resources_is_found() {
        let resource = resource(EXAMPLE, None, "default").unwrap();
        assert_eq!(resource.metadata.name.as_deref(), Some("orders"));
        assert_eq!(resource.metadata.namespace.as_deref(), Some("kafka"));
        assert_eq!(resource.spec.node_pools.len(), 2);
    }

    #[test]
    fn json_is_read_too_and_the_namespace_comes_from_the_file_the_caller_or_the_context() {
        let spec = r#"{"nodePools": [], "listeners": []}"#;
        let json = |metadata: &str| {
            format!(
                r#"{{"kind": "ProductionKafka", "apiVersion": "productionkafka.dev/v1alpha1", "metadata": {metadata}, "spec": {spec}}}"#
            )
        };
        let of = |metadata: &str, given: Option<&str>| resource(&json(metadata), given, "context");
        let namespace = |metadata: &str, given| of(metadata, given).unwrap().metadata.namespace.unwrap();
        assert_eq!(namespace(r#"{"name": "a"}"#, None), "context");
        assert_eq!(namespace(r#"{"name": "a"}"#, Some("given")), "given");
        assert_eq!(namespace(r#"{"name": "a", "namespace": "file"}"#, Some("file")), "file");
        let error = of(r#"{"name": "a", "namespace": "file"}"#, Some("given")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file names namespace file, the command line given"
        );
        assert!(matches!(of("{}", None), Err(FileError::Name)));
    }

    #[test]
    fn what_is_no_cluster_is_an_error() {
        assert!(matches!(resource("kind: Secret", None, "x"), Err(FileError::Count(0))));
        assert!(matches!(resource("", None, "x"), Err(FileError::Count(0))));
        let two = format!("{EXAMPLE}\n---\n{EXAMPLE}");
        assert!(matches!(resource(&two, None, "x"), Err(FileError::Count(2))));
        assert!(matches!(resource("a: [", None, "x"), Err(FileError::Yaml(_))));
        let wrong = "kind: ProductionKafka\napiVersion: v1\nmetadata: {name: a}\nspec: {nodePools: 3}";
        assert!(matches!(resource(wrong, None, "x"), Err(FileError::Resource(_))));
        assert!(matches!(
            read(Path::new("/nowhere/x.yaml")),
            Err(FileError::Read { .. })
        ));
    }
}
