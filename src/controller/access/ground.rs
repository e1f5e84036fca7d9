//! What a pass over users stands on: the cluster as its own pass last left it. Without a broker that serves there's none, and
//! nothing is done.

use crate::controller::context::Context;
use crate::controller::memory::Memory;
use crate::controller::stores::ClusterKey;
use crate::controller::trust::Trust;
use crate::kafka::admin::KafkaAdmin;
use crate::model::{ClientAuth, ClientListener, Cluster, Found, Identity};
use crate::pki::CertificateAuthority;
use crate::render;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Name of the feature that hosts as networks depend on.
const METADATA: &str = "metadata.version";

pub struct Ground {
    pub key: ClusterKey,
    pub cluster: Arc<Cluster>,
    pub identity: Identity,
    pub trust: Arc<Trust>,
    pub admin: Arc<dyn KafkaAdmin>,
    pub metadata_version: Option<i32>,
    /// What Kubernetes has assigned.
    pub found: Found,
    /// Hash of what users' Secrets hold of the cluster.
    pub mark: u64,
}

impl Ground {
    /// `None`: there's no cluster, or no broker of it serves yet.
    pub fn of(context: &Context, key: &ClusterKey) -> Option<Self> {
        Self::from(context.memories.get(key), key)
    }

    fn from(memory: Memory, key: &ClusterKey) -> Option<Self> {
        let kafka = memory.kafka.filter(|kafka| kafka.partitions.is_some())?;
        let features = kafka.features.as_ref();
        let level = features.and_then(|features| features.finalized.get(METADATA).copied());
        let (cluster, trust) = (memory.cluster?, memory.trust?);
        let ground = Self {
            key: key.clone(),
            identity: memory.identity?.1,
            admin: memory.client?.admin,
            metadata_version: level.map(i32::from),
            mark: mark(&cluster, &trust, &memory.assigned),
            found: memory.assigned,
            cluster,
            trust,
        };
        Some(ground)
    }

    /// Whom a client of the listener trusts: the cluster's authority, and that of the listener's own certificate.
    pub fn authorities(&self, listener: &ClientListener) -> Option<String> {
        let own = self.trust.cluster_ca.public()?;
        Some(match self.found.authorities.get(&listener.name) {
            Some(given) => format!("{}\n{}\n", own.trim_end(), given.trim()),
            None => own.to_owned(),
        })
    }

    /// The first listener with this authentication.
    pub fn listener(&self, wanted: &ClientAuth) -> Option<&ClientListener> {
        let mut listeners = self.cluster.listeners.iter();
        listeners.find(|listener| listener.authentication == *wanted)
    }
}

fn mark(cluster: &Cluster, trust: &Trust, found: &Found) -> u64 {
    let mut hasher = DefaultHasher::new();
    for listener in &cluster.listeners {
        (matches!(listener.authentication, ClientAuth::Mtls)).hash(&mut hasher);
        (matches!(listener.authentication, ClientAuth::ScramSha512)).hash(&mut hasher);
        render::bootstrap_servers(cluster, listener, found).hash(&mut hasher);
        found.authorities.get(&listener.name).hash(&mut hasher);
    }
    trust.cluster_ca.public().hash(&mut hasher);
    trust
        .clients_ca
        .signer()
        .map(CertificateAuthority::cert_pem)
        .hash(&mut hasher);
    let security = &cluster.security;
    format!(
        "{:?} {:?} {:?}",
        security.key_algorithm, security.leaf_lifetime, security.renew_before
    )
    .hash(&mut hasher);
    hasher.finish()
}
