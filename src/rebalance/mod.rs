//! Which replicas should move, how many at a time, and how fast: the planner of reassignments. Pure.
//!
//! A plan is made from live facts in every pass and never remembered: what is done already is not planned again, what
//! is under way counts as done, so any interruption resumes. A plan that cannot reach its goal is refused whole.
//! Kafka itself gives up a replica only after its successor is in sync; nothing here orders otherwise.

mod board;
mod empty;
mod factor;
mod plan;
mod progress;
mod spread;
#[cfg(test)]
mod tests;
mod throttle;
mod wave;
mod world;

pub use plan::{Finding, Move, Plan, Work, plan};
pub use progress::{Progress, Sample, progress, under_way};
pub use throttle::{Throttle, ThrottleChange, ThrottleTarget, TopicThrottle, needed_throttle, throttle_changes};
pub use wave::{Limits, next_wave};
pub use world::{Broker, BrokerState, Goal, Ongoing, Partition, PartitionId, Rules, World};
