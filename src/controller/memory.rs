//! What's remembered of each cluster between passes. Everything here can be lost: it's read again or made again from what
//! the apiserver and Kafka hold. Secrets are kept so that a deleted Secret comes back with the same content.

use super::accepted::Accepted;
use super::admission::Refused;
use super::delays::Delays;
use super::fill::Fill;
use super::kafka::KafkaFacts;
use super::lag::Lags;
use super::reload::Reloads;
use super::rendered::Rendered;
use super::rollout::Refusal;
use super::settings::DynamicSettings;
use super::stores::ClusterKey;
use super::survivors::Survivors;
use super::trust::Trust;
use crate::api::{ProductionKafkaStatus, RebalanceStatus, UpgradeStatus};
use crate::kafka::KafkaAdmin;
use crate::model::encryption::AtRest;
use crate::model::{Cluster, Facts, Found, Identity};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// A client that's open, with what it was opened for.
#[derive(Clone)]
pub struct OpenClient {
    pub admin: Arc<dyn KafkaAdmin>,
    pub opened_for: String,
}

/// One cluster's memory.
#[derive(Clone, Default)]
pub struct Memory {
    /// Uid of the resource this memory is of.
    pub uid: String,
    /// Facts, and the generation they were gathered for.
    pub facts: Option<(i64, Facts)>,
    /// What StorageClasses show of encryption at rest; `None`: they can't be read.
    pub at_rest: Option<Vec<AtRest>>,
    /// Identity with the resourceVersion of its ConfigMap.
    pub identity: Option<(String, Identity)>,
    pub trust: Option<Arc<Trust>>,
    /// Which certificates brokers show to clients.
    pub reloads: Reloads,
    pub client: Option<OpenClient>,
    pub kafka: Option<Arc<KafkaFacts>>,
    /// How full the volumes are.
    pub fill: Fill,
    /// How far consumer groups are behind.
    pub lags: Lags,
    /// End of the certificate that ends first.
    pub certificates_until: Option<Timestamp>,
    /// Pods that take long to get ready, and since when that is known.
    pub delays: Delays,
    /// What controllers have, while nobody leads.
    pub survivors: Survivors,
    /// Validated cluster, for users and topics.
    pub cluster: Option<Arc<Cluster>>,
    /// What Kubernetes has assigned, and what it was read from.
    pub found: super::found::Known,
    pub assigned: Found,
    /// Its objects, and what they follow from.
    pub rendered: Option<Arc<Rendered>>,
    /// What validation accepted last.
    pub accepted: Option<Accepted>,
    /// The current generation, if validation refused it.
    pub refused: Option<Refused>,
    /// Last status written.
    pub status: Option<ProductionKafkaStatus>,
    /// How far the feature levels are behind the version.
    pub upgrade: Option<UpgradeStatus>,
    /// For which level controllers that have left were last registered with the levels of the others, and when.
    pub renewed: Option<(String, Timestamp)>,
    /// Replicas that are moved, and what became of the last request.
    pub rebalance: Option<RebalanceStatus>,
    /// What the last look at the dynamic configuration led to.
    pub settings: Option<DynamicSettings>,
    /// Why other disks aren't taken up yet.
    pub disks: Option<String>,
    /// Why nothing is done for a decision to go on with one controller.
    pub recovery_refused: Option<String>,
    /// What comes next for the quorum's voters, if they aren't those that are asked for.
    pub voting: Option<String>,
    /// What Kubernetes has against the restart that was decided.
    pub restart_refused: Option<Refusal>,
    /// What it has against the restart by which a controller hands over its lead.
    pub handover_refused: Option<Refusal>,
    /// Names of volume claims that somebody has deleted and that are still there.
    pub leaving: BTreeSet<String>,
    /// The finalizer of a protected cluster couldn't be set or taken off.
    pub not_held: bool,
    /// What the last hold of a roll was about, so that an event is said once.
    pub holds: Vec<&'static str>,
}

/// A cluster, its client, and what was seen of it last.
pub type InSight = (ClusterKey, Arc<dyn KafkaAdmin>, Arc<KafkaFacts>);

#[derive(Default)]
pub struct Memories(Mutex<HashMap<ClusterKey, Memory>>);

impl Memories {
    /// A copy of what's remembered.
    pub fn get(&self, key: &ClusterKey) -> Memory {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
            .unwrap_or_default()
    }

    /// Remembers. Only the pass of this cluster writes, and passes of one cluster never overlap.
    pub fn put(&self, key: ClusterKey, memory: Memory) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, memory);
    }

    /// Clusters that Kafka was last seen of, with whom to ask and what was seen.
    pub fn in_sight(&self) -> Vec<InSight> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let in_sight = |(key, memory): (&ClusterKey, &Memory)| {
            let (client, facts) = (memory.client.as_ref()?, memory.kafka.as_ref()?);
            Some((key.clone(), Arc::clone(&client.admin), Arc::clone(facts)))
        };
        all.iter().filter_map(in_sight).collect()
    }

    pub fn forget(&self, key: &ClusterKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
