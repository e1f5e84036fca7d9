//! Client quotas (KIP-546): who they apply to and their values.

use std::collections::BTreeMap;

/// One dimension of whom a quota applies to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaName {
    /// Everybody without a quota of their own.
    Default,
    Named(String),
}

/// Whom a quota applies to; a dimension that is `None` plays no part.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuotaEntity {
    /// The principal's name without `User:`.
    pub user: Option<QuotaName>,
    pub client_id: Option<QuotaName>,
}

/// Quotas of one entity: key (`producer_byte_rate` in bytes/s, `consumer_byte_rate` in bytes/s,
/// `request_percentage`, `controller_mutation_rate` in partitions/s) to value, per broker.
pub type QuotaValues = BTreeMap<String, f64>;

/// Which values of one dimension are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuotaMatch {
    Is(QuotaName),
    Any,
}

/// Which quotas are asked for; empty and not `strict` means all of users and client ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuotaFilter {
    pub user: Option<QuotaMatch>,
    pub client_id: Option<QuotaMatch>,
    /// Only entities that have no dimension besides those named here.
    pub strict: bool,
}

/// The edits of one entity: `None` removes a key.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaChange {
    pub entity: QuotaEntity,
    pub ops: BTreeMap<String, Option<f64>>,
}
