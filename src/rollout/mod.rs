//! Which Kafka pods may be replaced now, and why not otherwise. Pure: [`plan`] turns facts into one decision that
//! carries its reason, and into the state to write before the decision is carried out.
//!
//! What whoever carries it out owes to it: list the pods live and ask Kafka after that before an act; write the state
//! with the resourceVersion read, so that a second actor's write fails; dry-run the replacement's creation and come back
//! with the refusal; then delete exactly the pods named, by uid. Repeating a decision does no harm.
//!
//! | phase            | meaning                                   | leaves it when                                 |
//! |------------------|-------------------------------------------|------------------------------------------------|
//! | Settled          | every pod runs what it should             | something is due                               |
//! | Waiting          | something is due, a guard holds           | all guards pass                                |
//! | Rolling          | pods are being replaced                   | they're ready, in sync, caught-up voters again |
//! | Halted           | one of them doesn't come back             | it does, or the resource asks for another thing |
//! | Paused           | a person said so                          | a person says so                               |
//! | RestoringLeaders | nothing is due, leaders aren't back       | all replicas are in sync                       |

mod choose;
mod decision;
mod due;
mod foresee;
mod guards;
mod leaders;
mod partitions;
mod plan;
mod progress;
mod reason;
mod sight;
mod state;
mod world;

pub use decision::{Decision, Restart, Victim};
pub use due::{STUCK, reasons as reasons_to_restart};
pub use foresee::{Foreseen, Held, foresee, unseen};
pub use guards::{STABLE, VIEW_BOUND};
pub use plan::plan;
pub use reason::{Few, Reason, Reasons};
pub use state::{Batch, Member, State};
pub use world::{
    Broker, KafkaView, Node, Partition, Phase, Pod, Policy, Quorum, Recovery, RestartReason, SingleReplica, Software,
    Voter, World,
};

#[cfg(test)]
mod tests;
