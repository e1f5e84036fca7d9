//! The custom resources: what a user may write and what the operator answers in `status`.
//!
//! Types, and tables of what is refused. Every list, map and string is bounded (CEL cost), integers are signed (the apiserver knows int32 and
//! int64 only), and defaults are the production posture. What can be said without seeing another object is a CEL rule
//! here; the rest is `model::validate`.

mod availability;
mod capacity;
mod cluster;
mod listeners;
mod maintenance;
mod pools;
mod quantity;
pub mod refused;
mod security;
mod status;
mod topic;
mod tuning;
mod user;

pub use availability::{HighAvailability, Rack};
pub use capacity::{BrokerLimits, Capacity, Workload};
pub use cluster::{ProductionKafka, ProductionKafkaSpec, REBALANCE, REBALANCE_THROTTLE};
pub use listeners::{
    Authentication, AuthenticationType, Exposure, ExposureType, Gateway, Kerberos, Listener, ListenerCertificate,
    LoadBalancer, NetworkPeer, NodeAddressType, NodePort, OAuth, Plain, TrafficPolicy,
};
pub use maintenance::{
    DELETION_PROTECTION, Finalize, KnownVulnerabilities, Maintenance, MaintenanceWindow, Monitoring,
    SingleReplicaPartitions, Thresholds, Upgrade,
};
pub use pools::{NodePool, PodTemplate, Reclaim, Resources, Role, Storage, Volume};
pub use quantity::{DurationText, Quantity};
pub use security::{
    Audit, Authorization, DelegationTokens, EncryptionAtRest, EncryptionRequirement, GivenAuthority, KeyAlgorithm,
    NetworkPolicySettings, Security, Tls, TlsVersion,
};
pub use status::{
    AnsweredRestart, CapacityStatus, Condition, ConditionStatus, ListenerStatus, NodeStatus, ObserverStatus,
    PartitionProblem, ProductionKafkaStatus, QuorumStatus, RebalanceGoal, RebalancePhase, RebalanceStatus,
    ReplicationStatus, RolloutPhase, RolloutPod, RolloutStatus, SurvivorStatus, TopicShare, UpgradeStatus,
    VolumeStatus, VoterStatus,
};
pub use topic::{DeletionPolicy, KafkaTopic, KafkaTopicSpec, KafkaTopicStatus};
pub use tuning::{Flush, Jvm, OperatingSystem, Profile, Tuning};
pub use user::{
    AclOperation, AclPermission, AclResource, AclResourceType, AclRule, KafkaUser, KafkaUserSpec, KafkaUserStatus,
    PasswordFrom, Pattern, PatternType, Quotas, RoleType, Rotation, RotationPhase, RotationStatus, UserAuthentication,
    UserAuthenticationType, UserRole,
};

/// API group of every kind.
pub const GROUP: &str = "productionkafka.dev";
/// The served and stored version.
pub const VERSION: &str = "v1alpha1";
