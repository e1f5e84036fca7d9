//! Takes empty brokers out of the cluster. Everything here is about brokers that the identity names as drained: from
//! that commit on there is no way back, and each step is done again until the last is seen to be done.
//!
//! Kafka takes the configuration of a broker only while it's registered, and a running broker registers again: so its
//! settings go after its pod and before its registration. Volumes are the last to go,
//! where the pool had `storage.reclaim: Delete`.

use super::apply;
use super::context::Context;
use super::error::PassError;
use super::ledger::ObjectKey;
use super::pods::PodFact;
use super::rebalance::brake;
use super::reclaim;
use crate::kafka::configs::{ConfigChange, ConfigOp, ConfigResource, ConfigSource};
use crate::kafka::errors::KafkaError;
use crate::kafka::{BrokerState, KafkaAdmin};
use crate::model::{Cluster, Identity, NodeNames};
use crate::render::Kind;
use kube::ResourceExt;
use std::collections::BTreeSet;

/// The brokers of one cluster that are being removed.
pub struct Removal<'a> {
    pub context: &'a Context,
    pub cluster: &'a Cluster,
    pub identity: &'a Identity,
    pub pods: &'a [PodFact],
}

/// How far the removal of one broker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Going,
    /// Nothing is left of it.
    Gone,
    /// A topic was placed on it in the last moment: it has to be emptied again.
    Holds,
}

impl Removal<'_> {
    /// One step for each broker.
    pub async fn drive(&self, admin: &dyn KafkaAdmin) -> Result<Vec<(i32, Stage)>, PassError> {
        // Asked anew: what was seen earlier says nothing about what may be taken away now.
        let asked = futures::future::try_join(admin.describe_cluster(true), admin.partitions());
        let (brokers, partitions) = asked.await.map_err(failed)?;
        if !partitions.errors.is_empty() {
            return Ok(Vec::new());
        }
        let mut stages = Vec::new();
        for &id in &self.identity.drained {
            if !self.context.leads() {
                return Err(PassError::NotLeading);
            }
            let Some(pool) = self.identity.pool_of(id) else {
                continue;
            };
            if partitions.partitions.iter().any(|one| one.replicas.contains(&id)) {
                stages.push((id, Stage::Holds));
                continue;
            }
            let registered = brokers.brokers.iter().find(|broker| broker.id == id);
            let names = self.cluster.names.node(pool, id);
            stages.push((id, self.step((id, &names), registered, admin).await?));
        }
        Ok(stages)
    }

    async fn step(
        &self,
        (id, names): (i32, &NodeNames),
        registered: Option<&BrokerState>,
        admin: &dyn KafkaAdmin,
    ) -> Result<Stage, PassError> {
        let serves = registered.is_some_and(|broker| !broker.fenced);
        if self.delete(Kind::StatefulSet, &names.stateful_set).await? || self.pod_exists(names).await? || serves {
            return Ok(Stage::Going);
        }
        if registered.is_some() {
            unregister(id, admin).await?;
            return Ok(Stage::Going);
        }
        let left = self.delete(Kind::Secret, &names.tls_secret).await?
            || self.delete(Kind::Secret, &names.server_tls_secret).await?
            || reclaim::of_removed(self.context, names, id, self.identity).await?
            || self.is_cached(&names.stateful_set);
        Ok(if left { Stage::Going } else { Stage::Gone })
    }

    /// Deletes an object of this cluster; false when there's none.
    async fn delete(&self, kind: Kind, name: &str) -> Result<bool, PassError> {
        let key = self.key(kind, name);
        let Some(live) = apply::get(self.context, &key).await? else {
            return Ok(false);
        };
        let mine = |uid: &str| uid == self.cluster.uid;
        if !live.owner_references().iter().any(|owner| mine(&owner.uid)) {
            return Ok(false);
        }
        if live.metadata.deletion_timestamp.is_none() {
            tracing::info!(kind = kind.as_str(), name, "removing what was a broker's");
            apply::delete(self.context, &key, &live.uid().unwrap_or_default()).await?;
        }
        Ok(true)
    }

    async fn pod_exists(&self, names: &NodeNames) -> Result<bool, PassError> {
        let cached = self.pods.iter().any(|pod| pod.name == names.pod);
        Ok(cached || apply::pod_exists(self.context, names.namespace(), &names.pod).await?)
    }

    /// A watch that lags would make the broker one that exists, and that has to leave again.
    fn is_cached(&self, name: &str) -> bool {
        self.context.stores.child(&self.key(Kind::StatefulSet, name)).is_some()
    }

    fn key(&self, kind: Kind, name: &str) -> ObjectKey {
        ObjectKey::new(kind, &self.cluster.names.namespace, name)
    }
}

/// Takes away what was set for these brokers alone, while they can be asked for it; but for their cordons, which hold
/// until the end. What isn't found here is lost sight of, and harmless: their ids have no data.
pub async fn forget_settings(brokers: &BTreeSet<i32>, admin: &dyn KafkaAdmin) {
    for &id in brokers {
        if let Err(error) = forget(id, admin).await {
            tracing::warn!(broker = id, %error, "can't look for settings of a broker that leaves");
        }
    }
}

async fn forget(id: i32, admin: &dyn KafkaAdmin) -> Result<(), KafkaError> {
    let resource = ConfigResource::Broker(id);
    let described = admin.describe_configs(vec![resource.clone()]).await?;
    let entries = described.into_values().find_map(Result::ok).unwrap_or_default();
    let own = entries
        .into_iter()
        .filter(|entry| entry.source == ConfigSource::DynamicBroker && entry.name != brake::CORDONED);
    let ops: Vec<ConfigOp> = own.map(|entry| ConfigOp::Delete { name: entry.name }).collect();
    if ops.is_empty() {
        return Ok(());
    }
    let outcomes = admin
        .incremental_alter_configs(vec![ConfigChange { resource, ops }], false)
        .await?;
    for error in outcomes.into_values().filter_map(Result::err) {
        tracing::warn!(broker = id, %error, "settings of a broker that leaves stay");
    }
    Ok(())
}

/// Settings that nobody could read any more, then the registration.
async fn unregister(id: i32, admin: &dyn KafkaAdmin) -> Result<(), PassError> {
    let outcomes = admin.incremental_alter_configs(vec![brake::forgotten(id)], false);
    let refusal = outcomes.await.map_err(failed)?.into_values().find_map(Result::err);
    if let Some(error) = refusal {
        tracing::warn!(broker = id, %error, "the settings of a removed broker stay");
    }
    tracing::info!(broker = id, "unregistering a removed broker");
    admin.unregister_broker(id).await.map_err(failed)
}

fn failed(source: KafkaError) -> PassError {
    PassError::Kafka {
        what: "remove a broker",
        source: Box::new(source),
    }
}
