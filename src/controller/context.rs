//! What every pass shares: clients, settings, caches. Built once per process; nothing here decides anything.

use super::access::memory::Accesses;
use super::kafka::Connector;
use super::ledger::Ledger;
use super::memory::Memories;
use super::stores::Stores;
use super::topics::AllTopics;
use crate::runtime::lease::Fence;
use crate::runtime::metrics::Metrics;
use kube::runtime::events::Recorder;
use std::sync::Arc;

/// Name of this operator as field manager, event reporter and label value.
pub const MANAGER: &str = "productionkafka";
/// Field manager of `status`.
pub const STATUS_MANAGER: &str = "productionkafka-status";

/// Settings of the process.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Image of this operator: what init containers and ACL Jobs run.
    pub operator_image: String,
    /// DNS domain of the Kubernetes cluster, for certificates.
    pub cluster_domain: String,
    /// Volumes may be deleted where a resource asks for it.
    pub may_delete_volumes: bool,
    /// The API server refuses to delete what is protected.
    pub protects: bool,
}

/// Time and randomness, so that tests can hold them still.
pub struct World {
    pub now: fn() -> jiff::Timestamp,
    pub random: fn(&mut [u8; 32]) -> bool,
}

impl World {
    /// The system's clock and random numbers.
    pub fn real() -> Self {
        Self {
            now: jiff::Timestamp::now,
            random: |bytes| aws_lc_rs::rand::fill(bytes).is_ok(),
        }
    }
}

pub struct Context {
    pub client: kube::Client,
    pub settings: Settings,
    pub stores: Arc<Stores>,
    pub ledger: Ledger,
    pub memories: Memories,
    pub access: Accesses,
    pub topics: AllTopics,
    pub connector: Arc<dyn Connector>,
    pub metrics: Metrics,
    /// Valid while this process leads. No write without it.
    pub fence: Option<Fence>,
    pub recorder: Recorder,
    pub world: World,
}

impl Context {
    /// True while this process may write.
    pub fn leads(&self) -> bool {
        self.fence.as_ref().is_none_or(Fence::is_valid)
    }

    pub fn now(&self) -> jiff::Timestamp {
        (self.world.now)()
    }
}
