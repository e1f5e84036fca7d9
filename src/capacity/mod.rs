//! Whether a cluster suffices: what a workload needs against what the resource gives, with the arithmetic of each number, and
//! how full the volumes really are and when they'll be full. The command `capacity`, the condition `CapacitySufficient` and the
//! metrics all print these numbers. Pure; nothing here resizes anything.

mod estimate;
mod supply;
mod trend;
pub mod units;
mod usage;

pub use estimate::{Estimate, Figure, Unit, estimate};
pub use supply::Supply;
pub use trend::{Forecast, Trend};
pub use usage::{TopicSize, Usage, Volume};
