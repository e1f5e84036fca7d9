//! The key that makes and checks delegation tokens (KIP-48): the same one on every node, made once. It's kept in a Secret as a
//! line of Kafka's own configuration, which a node adds to its other lines when it starts.

use super::context::Context;
use super::error::PassError;
use super::pods::PodFact;
use super::secrets;
use super::trust::SecretData;
use crate::model::Cluster;
use crate::render::{self, DELEGATION_FILE};
use std::collections::BTreeMap;

const KEY: &str = "delegation.token.secret.key";

/// What's remembered between passes.
#[derive(Clone, Debug, Default)]
pub struct Known {
    kept: Option<SecretData>,
    is_empty: bool,
}

/// Keeps the key if tokens are asked for; what changes with it and tells nothing of it.
pub async fn ensure(
    context: &Context,
    cluster: &Cluster,
    (pods, known): (&[PodFact], &mut Known),
) -> Result<Option<String>, PassError> {
    if cluster.security.delegation_tokens.is_none() {
        known.kept = None;
        if pods.iter().all(|pod| pod.delegation_key.is_none()) {
            let empty = render::delegation_secret(cluster, &BTreeMap::new()).into();
            secrets::retire(context, &cluster.names, &empty, &mut known.is_empty).await?;
        }
        return Ok(None);
    }
    known.is_empty = false;
    let data = match known.kept.take() {
        Some(data) => data,
        None => stored(context, cluster).await?,
    };
    let wish = render::delegation_secret(cluster, &data.0).into();
    let mark = data.0.values().map(|text| render::hash_of(text.as_bytes())).next();
    known.kept = Some(data);
    secrets::keep(context, &cluster.names, &wish).await?;
    Ok(mark)
}

/// As it's kept, or a new one: tokens that another one made are worth nothing then.
async fn stored(context: &Context, cluster: &Cluster) -> Result<SecretData, PassError> {
    let name = cluster.names.delegation_key();
    let found = secrets::read(context, &cluster.names.namespace, &name).await?;
    let found = found.and_then(|SecretData(mut data)| data.remove(DELEGATION_FILE));
    let line = match found.filter(|line| line.starts_with(KEY)) {
        Some(line) => line,
        None => format!("{KEY}={}\n", secrets::random_text(context)?),
    };
    Ok(SecretData(BTreeMap::from([(DELEGATION_FILE.to_owned(), line)])))
}
