//! The last spec that validation accepted. While a newer one is refused the cluster is kept as that one says.
//!
//! It's kept in a ConfigMap that the resource owns: it survives the operator and goes with the resource, so that what a
//! former resource was allowed is nothing to the next one. Written once per accepted generation, before anything is built
//! from it; status and annotations would carry a whole spec through every read and write of the resource.

use super::apply;
use super::context::Context;
use super::error::PassError;
use super::identity::cluster_key;
use super::ledger::ObjectKey;
use super::memory::Memory;
use super::stores::ClusterKey;
use crate::api::{ProductionKafka, ProductionKafkaSpec};
use crate::model::{Cluster, ClusterNames};
use crate::render::{self, ACCEPTED, Child, Kind};
use kube::ResourceExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest text that is kept; a ConfigMap holds 1 MiB. A longer spec is no reason to refuse the cluster.
const LONGEST: usize = 768 * 1024;

#[derive(Serialize, Deserialize)]
struct Text {
    generation: i64,
    /// None when it's too long to keep: an older one would be wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    spec: Option<ProductionKafkaSpec>,
}

/// What was accepted last, and the object that remembers it.
#[derive(Clone, Debug)]
pub struct Accepted {
    pub generation: i64,
    spec: Option<ProductionKafkaSpec>,
    child: Child,
}

impl Accepted {
    /// What is remembered of an accepted spec.
    pub fn new(cluster: &Cluster, spec: &ProductionKafkaSpec) -> Self {
        let mut text = Text {
            generation: cluster.generation,
            spec: Some(spec.clone()),
        };
        let mut json = serde_json::to_string(&text).unwrap_or_default();
        if json.len() > LONGEST {
            text.spec = None;
            json = serde_json::to_string(&text).unwrap_or_default();
        }
        Self {
            generation: text.generation,
            spec: text.spec,
            child: render::accepted_config_map(cluster, &json),
        }
    }

    pub fn child(&self) -> &Child {
        &self.child
    }
}

/// Remembers the spec that `cluster` was made of; one write per generation.
pub async fn keep(
    context: &Context,
    cluster: &Cluster,
    spec: &ProductionKafkaSpec,
    memory: &mut Memory,
) -> Result<(), PassError> {
    let known = memory
        .accepted
        .take()
        .filter(|known| known.generation == cluster.generation);
    let accepted = known.unwrap_or_else(|| Accepted::new(cluster, spec));
    let child = accepted.child.clone();
    memory.accepted = Some(accepted);
    apply::child(context, &cluster.names.namespace, &child).await?;
    Ok(())
}

/// The resource with the spec and generation that were accepted last.
pub async fn resource(
    context: &Context,
    refused: &ProductionKafka,
    memory: &Memory,
) -> Result<Option<ProductionKafka>, PassError> {
    let text = match &memory.accepted {
        Some(known) => Some((known.generation, known.spec.clone())),
        None => load(context, refused).await?.map(|text| (text.generation, text.spec)),
    };
    let Some((generation, Some(spec))) = text else {
        return Ok(None);
    };
    let mut accepted = refused.clone();
    accepted.spec = spec;
    accepted.metadata.generation = Some(generation);
    Ok(Some(accepted))
}

async fn load(context: &Context, refused: &ProductionKafka) -> Result<Option<Text>, PassError> {
    let names = ClusterNames {
        cluster: refused.name_any(),
        namespace: refused.namespace().unwrap_or_default(),
        domain: context.settings.cluster_domain.clone(),
    };
    let ClusterKey { namespace, .. } = cluster_key(&names);
    let key = ObjectKey::new(Kind::ConfigMap, &namespace, &names.accepted());
    let Some(object) = apply::get(context, &key).await? else {
        return Ok(None);
    };
    let uid = refused.uid().unwrap_or_default();
    if object.owner_references().iter().all(|owner| owner.uid != uid) {
        return Ok(None);
    }
    let text = object
        .data
        .pointer(&format!("/data/{ACCEPTED}"))
        .and_then(Value::as_str);
    match serde_json::from_str(text.unwrap_or_default()) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            tracing::warn!(name = %key.name, %error, "what was accepted before can't be read");
            Ok(None)
        }
    }
}
