//! A change of one finalised feature (KIP-584, KIP-778).

/// Which direction a change may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeatureUpgrade {
    Upgrade,
    /// Refused by Kafka when metadata would be lost.
    SafeDowngrade,
    /// May lose metadata; `KRaft` refuses it for `metadata.version`.
    UnsafeDowngrade,
}

/// One feature's new finalised level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureChange {
    /// E.g. `metadata.version`.
    pub feature: String,
    /// 0 switches the feature off.
    pub level: i16,
    pub upgrade: FeatureUpgrade,
}
