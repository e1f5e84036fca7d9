//! The workload ledger: producers and a consumer over TLS that note every acknowledged record, and the judgement of what
//! Kafka kept of them.
//!
//! ```text
//! let ledger = Ledger::start(context, "kafka", "orders", Load::new("roll"))?;
//! … change the cluster …
//! let report = ledger.finish()?;
//! println!("{}", report.text());
//! report.verdict()?;
//! ```
//!
//! The load client is `e2e/ledger/*.java`, in a pod of the Kafka image; it notes and does not judge. Judging is pure.

mod files;
mod gaps;
mod load;
mod manifest;
mod report;
mod rows;
mod run;
mod samples;
mod verify;

pub use load::{Acks, Authentication, Load, Topic};
pub use report::Report;
pub use run::Ledger;
pub use samples::State;
