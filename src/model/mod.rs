//! The validated world: what can exist, as opposed to what a user may write. Pure; knows no client, clock or randomness.

pub mod cluster;
pub mod disks;
pub mod dynamic_keys;
pub mod encryption;
mod found;
pub mod id;
pub mod identity;
pub mod measure;
pub mod names;
pub mod ports;
pub mod validate;
pub mod version;
pub mod vulnerabilities;
pub mod windows;
pub mod workload;

pub use cluster::{
    ClientAuth, ClientListener, Cluster, Disk, GivenAuthorities, MaintenancePolicy, Node, Pool, Roles,
    SecuritySettings, TokenLifetimes, UpgradePolicy, VolumeClaim,
};
pub use disks::{NodeDisk, NodeDisks};
pub use found::{Address, Found, with_port};
pub use id::KafkaId;
pub use identity::Identity;
pub use names::{ClusterNames, NodeNames};
pub use validate::{Facts, Finding, Findings, validate};
pub use version::KafkaVersion;
pub use windows::{Schedule, Window, WindowError};
