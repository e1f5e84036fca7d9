//! Access control lists: from what users are granted to what must change in Kafka.
//!
//! Pure. The ACL Job carries the changes out; the controller decides whose rights it brings.

mod diff;
mod document;
mod report;
pub mod rights;
mod roles;
mod rule;
mod supported;
pub mod wave;

pub use diff::Diff;
pub use document::{AclDocument, DocumentError};
pub use report::{PrincipalReport, SyncReport};
pub use rule::AclRule;
