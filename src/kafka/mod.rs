//! The admin client: typed questions and orders to a Kafka cluster over mutual TLS.
//!
//! It dials addresses it is given and verifies the server against a host name it is given, so DNS is never on its
//! path. It knows nothing of Kubernetes and takes no decisions: what an answer means is for the callers.

pub mod acls;
pub mod admin;
mod batches;
mod call;
pub mod client;
pub mod configs;
mod connection;
pub mod endpoint;
pub mod errors;
pub mod features;
pub mod groups;
mod negotiate;
pub mod partition;
mod pool;
pub mod quotas;
pub mod scram;
#[cfg(test)]
pub mod scripted;
pub mod secret;
pub mod shown;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod views;
mod wire;

pub use acls::{AclBinding, AclFilter, AclOperation, AclPatternType, AclPermission, AclResourceType};
pub use admin::{AdminFuture, Described, KafkaAdmin, Outcomes, Target};
pub use call::Observer;
pub use client::{ClientOptions, KafkaClient};
pub use configs::{ConfigChange, ConfigEntry, ConfigOp, ConfigQuery, ConfigResource, ConfigSource, ConfigSynonym};
pub use endpoint::{Endpoint, Endpoints};
pub use errors::{BrokerError, ErrorCode, KafkaError, ProtocolFault};
pub use features::{FeatureChange, FeatureUpgrade};
pub use partition::{LogDir, LogDirReplica, Reassignment, TopicPartition};
pub use pool::Transport;
pub use quotas::{QuotaChange, QuotaEntity, QuotaFilter, QuotaMatch, QuotaName, QuotaValues};
pub use secret::Secret;
pub use tls::{ClientIdentity, TlsError};
pub use views::{
    BrokerState, ClusterView, ControllerRegistration, FeatureLevels, FeaturesView, NewPartitions, NewTopic,
    PartitionState, PartitionsView, QuorumView, ReplicaState, ScramCredential, ScramDeletion, ScramMechanism,
    ScramUpsert, VoterEndpoint, VoterKey,
};
