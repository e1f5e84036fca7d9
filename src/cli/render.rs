//! `render`: the objects that a resource leads to, by the operator's own functions, from the file alone. What's made at random or
//! assigned by Kubernetes has placeholders: the cluster's id and directory ids, certificates, addresses. Secrets aren't printed.

use super::offline::{self, OfflineError, Source};
use super::yaml::{self, YamlError};
use crate::model::identity::Plan;
use crate::model::{Cluster, Found};
use crate::render::{self, Child, Input};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Arguments of `render`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Image of the operator, whose binary prepares each pod.
    #[arg(long, env = "OPERATOR_IMAGE", default_value = concat!("docker.io/productionkafka/operator:", env!("CARGO_PKG_VERSION")))]
    operator_image: String,
}

#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error(transparent)]
    Offline(#[from] OfflineError),
    #[error(transparent)]
    Yaml(#[from] YamlError),
}

/// Prints one YAML document for each object.
pub fn run(args: &Args) -> Result<(), RenderError> {
    let cluster = offline::cluster(&args.source)?;
    for child in objects(&cluster, &args.operator_image, &args.source.zones) {
        print!("---\n{}", yaml::to_string(&document(&child, &cluster))?);
    }
    Ok(())
}

fn objects(cluster: &Cluster, operator_image: &str, zones: &[String]) -> Vec<Child> {
    let plan = Plan {
        names: &cluster.names,
        pools: &cluster.pools,
        zones,
    };
    // Ids that tell each other apart and are the same each time.
    let mut count = 0_u8;
    let identity = plan.complete(None, &mut || {
        count = count.wrapping_add(1);
        [count; 16]
    });
    render::children(&Input {
        cluster,
        identity: &identity,
        operator_image,
        certificates: &BTreeMap::new(),
        withhold_voters: &BTreeSet::new(),
        found: &Found::default(),
    })
}

/// The object without what ties it to a resource that doesn't exist.
fn document(child: &Child, cluster: &Cluster) -> Value {
    let mut body = child.body.clone();
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("ownerReferences");
        metadata
            .entry("namespace")
            .or_insert_with(|| json!(cluster.names.namespace));
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_example_renders_the_same_each_time() {
        for file in ["minimal.yaml", "production.yaml"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(file);
            let cluster = offline::of_path(&path).unwrap();
            let twice = [0, 1].map(|_| objects(&cluster, "operator:1", &["a".to_owned()]));
            let [first, second] =
                twice.map(|all| all.iter().map(|child| document(child, &cluster)).collect::<Vec<_>>());
            assert_eq!(first, second, "{file}");
            let sets = first.iter().filter(|object| object["kind"] == "StatefulSet");
            let nodes = cluster.brokers() + cluster.controllers();
            let combined = cluster
                .pools
                .iter()
                .filter(|pool| pool.roles.broker && pool.roles.controller);
            let twice: i32 = combined.map(|pool| pool.replicas).sum();
            assert_eq!(i32::try_from(sets.count()).unwrap(), nodes - twice, "{file}");
            for object in &first {
                assert_ne!(object["kind"], "Secret");
                assert!(object["metadata"]["name"].is_string() && object["metadata"]["namespace"].is_string());
                assert!(object["metadata"].get("ownerReferences").is_none());
            }
        }
    }
}
