//! Access control lists: from what users are granted to what must change in Kafka.
//!
//! Pure. The ACL Job carries the changes out; the controller compiles the document that the Job reads.

mod compile;
mod diff;
mod document;
mod report;
mod rule;

pub use compile::document;
pub use diff::{Diff, Scope};
pub use document::{AclDocument, DocumentError};
pub use report::{PrincipalReport, SyncReport};
pub use rule::AclRule;
