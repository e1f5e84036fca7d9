//! Certificate authorities and leaf certificates of a Kafka cluster.
//!
//! Pure apart from key and serial generation, which is confined to `entropy`: the clock is always an argument. Nothing
//! here knows of Kubernetes or of Kafka listeners; callers say which names and usages a certificate must carry.

mod authority;
mod decide;
mod entropy;
mod error;
mod facts;
mod leaf;
mod own;
mod parse;
mod secret;
mod succession;
#[cfg(test)]
mod tests;

pub use authority::{AuthorityRequest, CertificateAuthority};
pub use decide::{ExistingLeaf, IssueReason, LeafDecision, Renewal, decide};
pub use entropy::KeyAlgorithm;
pub use error::PkiError;
pub use facts::{CertificateFacts, PublicKeyAlgorithm, inspect, serial_of};
pub use leaf::{Leaf, LeafRequest, Usages, issue};
pub use own::problem as own_certificate_problem;
pub use secret::SecretPem;
pub use succession::{Beside, Outlook, Step, Succession, trusts};
