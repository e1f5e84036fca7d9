//! Which controllers vote, brought to what the resource asks for: one change of the voter set at a time (KIP-853). Pure:
//! [`plan`] turns facts into at most one step that carries its reason.
//!
//! | the controllers                                         | step                                              |
//! |---------------------------------------------------------|---------------------------------------------------|
//! | nobody leads, or Kafka can't be asked                    | hold                                              |
//! | an earlier change may still take effect                  | hold until its time is over and nothing is open   |
//! | a voter's disk is gone, its node is back with another    | wait until it has all data, remove the old, add it |
//! | one that's asked for doesn't vote                        | wait until it has all data, add it                |
//! | one that isn't asked for votes                           | remove it once all others vote; the leader last   |
//! | of two that vote, the leader is to go                    | restart it, so that the other one leads           |
//!
//! What whoever carries it out owes to it: write the attempt before the request, with its time; ask for the quorum again
//! after an answer that didn't come; carry out exactly the voter that is named, by id and directory. Repeating a step does
//! no harm: Kafka refuses to add who votes and to remove who doesn't.
//!
//! It must not count on an answer: after a request that timed out, Kafka may take up another change while the first isn't
//! committed (KAFKA-20740), and two changes at once can make two majorities that share no voter.

mod plan;
mod reason;
mod recovery;
mod world;

pub use plan::{SETTLES_AFTER, Step, may_go, plan};
pub use reason::Reason;
pub use recovery::{Objection, Standing, Stranded, objections};
pub use world::{Attempt, Replica, Seen, VoterId, World};

#[cfg(test)]
mod tests;
