//! ACL bindings as Kafka stores them, with their numbers on the wire.
//!
//! The JSON form (`PascalCase` names) is what the ACL Job reads; it is stable.

use serde::{Deserialize, Serialize};

/// One complete permission: who may (not) do what on which resource from where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AclBinding {
    /// `User:<name>`.
    pub principal: String,
    pub resource_type: AclResourceType,
    /// A name, a prefix, or `*`; `kafka-cluster` for the cluster itself.
    pub resource_name: String,
    pub pattern_type: AclPatternType,
    pub operation: AclOperation,
    pub permission: AclPermission,
    /// A client address, or `*`.
    pub host: String,
}

/// Selects bindings; `None` matches all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AclFilter {
    pub resource_type: Option<AclResourceType>,
    pub resource_name: Option<String>,
    pub pattern_type: Option<AclPatternType>,
    pub principal: Option<String>,
    pub host: Option<String>,
    pub operation: Option<AclOperation>,
    pub permission: Option<AclPermission>,
}

impl AclFilter {
    /// Every binding of the cluster.
    pub fn any() -> Self {
        Self::default()
    }
}

/// Kafka's number for "any" in every enumeration of a filter.
const ANY: i8 = 1;

macro_rules! wire_enum {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[repr(i8)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($variant = $code),+ }

        impl $name {
            /// Every value, in the order of Kafka's numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub(crate) fn wire(self) -> i8 {
                self as i8
            }

            pub(crate) fn filter(value: Option<Self>) -> i8 {
                value.map_or(ANY, Self::wire)
            }

            pub(crate) fn from_wire(code: i8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

wire_enum!(
    /// What kind of thing is protected (Kafka's `ResourceType`).
    AclResourceType { Topic = 2, Group = 3, Cluster = 4, TransactionalId = 5, DelegationToken = 6, User = 7 }
);
wire_enum!(
    /// How the resource name is meant (Kafka's `PatternType`).
    AclPatternType { Literal = 3, Prefixed = 4 }
);
wire_enum!(
    /// What is done (Kafka's `AclOperation`).
    AclOperation {
        All = 2,
        Read = 3,
        Write = 4,
        Create = 5,
        Delete = 6,
        Alter = 7,
        Describe = 8,
        ClusterAction = 9,
        DescribeConfigs = 10,
        AlterConfigs = 11,
        IdempotentWrite = 12,
        CreateTokens = 13,
        DescribeTokens = 14,
        TwoPhaseCommit = 15,
    }
);
wire_enum!(
    /// Allowed or refused; a matching Deny always wins.
    AclPermission { Deny = 2, Allow = 3 }
);
