//! cli

pub mod acl_sync;
pub mod probe;
