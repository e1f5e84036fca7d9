//! Which operations Kafka asks for on which resource (`AclEntry.supportedOperations`). An ACL for any other is stored and never
//! looked at: whoever wrote it believes in a right that isn't there, or in a ban.

use crate::kafka::AclOperation::{
    self, All, Alter, AlterConfigs, ClusterAction, Create, CreateTokens, Delete, Describe, DescribeConfigs,
    DescribeTokens, IdempotentWrite, Read, TwoPhaseCommit, Write,
};
use crate::kafka::AclResourceType;

/// The operations that mean something on a resource of this type; `All` always does.
pub const fn operations(resource: AclResourceType) -> &'static [AclOperation] {
    match resource {
        AclResourceType::Topic => &[
            All,
            Read,
            Write,
            Create,
            Delete,
            Alter,
            Describe,
            DescribeConfigs,
            AlterConfigs,
        ],
        AclResourceType::Group => &[All, Read, Delete, Describe, DescribeConfigs, AlterConfigs],
        AclResourceType::Cluster => &[
            All,
            Create,
            Alter,
            Describe,
            ClusterAction,
            DescribeConfigs,
            AlterConfigs,
            IdempotentWrite,
        ],
        AclResourceType::TransactionalId => &[All, Write, Describe, TwoPhaseCommit],
        AclResourceType::DelegationToken => &[All, Describe],
        AclResourceType::User => &[All, CreateTokens, DescribeTokens],
    }
}
