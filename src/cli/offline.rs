//! A cluster from a file alone: validated by the operator's own rules, as far as they need nothing but the file.

use super::file::{self, FileError};
use crate::api::ProductionKafka;
use crate::model::{Cluster, Facts, Findings, validate};
use std::path::PathBuf;

/// Which file, and what it doesn't say itself.
#[derive(Debug, clap::Args)]
pub struct Source {
    /// File with the ProductionKafka, YAML or JSON; `-`: standard input. Other resources in it are passed over.
    pub file: PathBuf,
    /// Its namespace, if the file names none.
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// DNS domain of the Kubernetes cluster.
    #[arg(long, env = "CLUSTER_DOMAIN", default_value = "cluster.local")]
    pub cluster_domain: String,
    /// Zones of the Kubernetes nodes, for a resource with a topology key.
    #[arg(long, value_delimiter = ',', default_value = "zone-a,zone-b,zone-c")]
    pub zones: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the resource is refused:{}", listed(.0))]
    Refused(Findings),
}

fn listed(findings: &Findings) -> String {
    findings.0.iter().map(|finding| format!("\n  {finding}")).collect()
}

/// The cluster. What only a Kubernetes cluster knows (StorageClasses, zones, Secrets) isn't judged; protection from deletion
/// is taken as available.
pub fn cluster(source: &Source) -> Result<Cluster, OfflineError> {
    let text = file::read(&source.file)?;
    let resource = file::resource(&text, source.namespace.as_deref(), "default")?;
    validated(&resource, source).map_err(OfflineError::Refused)
}

fn validated(resource: &ProductionKafka, source: &Source) -> Result<Cluster, Findings> {
    let facts = Facts {
        cluster_domain: source.cluster_domain.clone(),
        zones: Some(source.zones.clone()),
        may_delete_volumes: true,
        protects: true,
        ..Facts::default()
    };
    validate(resource, &facts)
}

/// From the path, so that tests read it as users do.
#[cfg(test)]
pub fn of_path(path: &std::path::Path) -> Result<Cluster, OfflineError> {
    cluster(&Source {
        file: path.to_owned(),
        namespace: None,
        cluster_domain: "cluster.local".into(),
        zones: ["a", "b", "c"].map(str::to_owned).into(),
    })
}
