//! `crd`: the custom resource definitions, as the types define them.

mod reference;

use super::yaml;
use crate::api::{KafkaTopic, KafkaUser, ProductionKafka};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use std::path::PathBuf;

/// Arguments of `crd`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write `<plural>.<group>.yaml` files into this folder instead of printing.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Write every field as a page in Markdown instead.
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    reference: Option<PathBuf>,
}

/// Why the definitions couldn't be written.
#[derive(Debug, thiserror::Error)]
pub enum CrdError {
    #[error(transparent)]
    Yaml(#[from] yaml::YamlError),
    #[error("write {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// File name and text of every definition.
pub fn definitions() -> Result<Vec<(String, String)>, yaml::YamlError> {
    all().iter().map(document).collect()
}

fn all() -> [CustomResourceDefinition; 3] {
    [ProductionKafka::crd(), KafkaTopic::crd(), KafkaUser::crd()]
}

/// Every field as a page in Markdown.
pub fn reference() -> String {
    reference::markdown(&all())
}

fn document(crd: &CustomResourceDefinition) -> Result<(String, String), yaml::YamlError> {
    let name = crd.metadata.name.clone().unwrap_or_default();
    Ok((format!("{name}.yaml"), yaml::to_string(crd)?))
}

/// Prints or writes the definitions.
pub fn run(args: &Args) -> Result<(), CrdError> {
    if let Some(path) = &args.reference {
        return std::fs::write(path, reference()).map_err(|source| CrdError::Write {
            path: path.clone(),
            source,
        });
    }
    for (name, text) in definitions()? {
        match &args.dir {
            Some(dir) => {
                let path = dir.join(name);
                std::fs::write(&path, text).map_err(|source| CrdError::Write { path, source })?;
            }
            None => print!("---\n{text}"),
        }
    }
    Ok(())
}
