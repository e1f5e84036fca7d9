//! `crd`: the custom resource definitions, as the types define them.

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
    [ProductionKafka::crd(), KafkaTopic::crd(), KafkaUser::crd()]
        .iter()
        .map(document)
        .collect()
}

fn document(crd: &CustomResourceDefinition) -> Result<(String, String), yaml::YamlError> {
    let name = crd.metadata.name.clone().unwrap_or_default();
    Ok((format!("{name}.yaml"), yaml::to_string(crd)?))
}

/// Prints or writes the definitions.
pub fn run(args: &Args) -> Result<(), CrdError> {
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
