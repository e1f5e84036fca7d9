//! The shell: watches, passes, writes. Decisions are made in pure modules; this one carries them out, and only while this
//! process leads.

mod accepted;
mod acls;
mod admission;
mod apply;
mod authority;
mod cluster;
mod compare;
mod containers;
pub mod context;
mod delays;
mod disks;
mod dynamic;
mod error;
mod facts;
mod finalize;
mod forming;
mod identity;
pub mod kafka;
pub mod ledger;
pub mod memory;
pub mod objects;
pub mod pods;
mod prune;
pub mod queue;
mod rebalance;
mod reclaim;
mod removal;
mod rendered;
mod report;
mod resource;
pub mod rollout;
mod scale;
pub mod scram;
pub mod secrets;
pub mod settings;
mod status;
pub mod stores;
mod topic;
mod trust;
mod upkeep;
mod user;
pub(crate) mod watches;

pub use context::{Context, Settings, World};
pub use watches::start;
