//! Leader election on a `coordination.k8s.io/v1` Lease, with the protocol of client-go.
//!
//! At most one process acts, because a candidate takes over only after it has watched the record stay unchanged for the
//! lease duration on its own monotonic clock, and the leader stops on its own clock before that. Wall clocks are never
//! compared. Every write carries the resourceVersion it is based on, so of two writers one gets 409 Conflict.
//!
//! | state | next |
//! |---|---|
//! | no record | create it |
//! | no holder, or it is us | write our name |
//! | another holder, record changed within the lease duration | wait |
//! | another holder, record unchanged for the lease duration | write our name |
//! | write refused with 409 | not leader; look again |
//! | leader, no successful renewal within the renew deadline | lost |
//! | leader, record names another | lost |
//! | leader, asked to stop | clear the holder so that the next candidate need not wait |

use std::time::Duration;

mod announcement;
mod election;
mod leadership;
mod protocol;
#[cfg(test)]
mod tests;

pub use election::LeaderElection;
pub use leadership::{Fence, Leadership, Outcome};

/// Which Lease to use and how long its phases last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseConfig {
    pub namespace: String,
    pub name: String,
    /// Unique per process: the pod name.
    pub identity: String,
    /// A candidate waits this long without a change before it takes over. Whole seconds.
    pub lease_duration: Duration,
    /// A leader that could not renew for this long gives up.
    pub renew_deadline: Duration,
    /// Time between two attempts.
    pub retry_period: Duration,
    /// Kept free at the end of the lease duration for requests in flight and clocks of different speed.
    pub margin: Duration,
    /// The ServiceAccount by whose annotation the API server's admission policy tells who leads; none: there's no policy.
    pub announced_in: Option<String>,
}

impl LeaseConfig {
    /// client-go's defaults: 15 s, 10 s, 2 s; margin 2 s.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>, identity: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            identity: identity.into(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
            margin: Duration::from_secs(2),
            announced_in: None,
        }
    }

    fn check(&self) -> Result<(), LeaseError> {
        let ordered = self.lease_duration >= self.renew_deadline + self.margin
            && self.renew_deadline > self.retry_period
            && self.retry_period > Duration::ZERO;
        let whole = self.lease_duration.subsec_nanos() == 0 && i32::try_from(self.lease_duration.as_secs()).is_ok();
        if ordered && whole && !self.identity.is_empty() {
            Ok(())
        } else {
            Err(LeaseError::Configuration)
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    #[error(
        "configure leader election: identity must be set, the lease duration in whole seconds and at least renew \
         deadline plus margin, and the renew deadline longer than the retry period"
    )]
    Configuration,
    #[error("acquire the leader lease: asked to stop")]
    ShuttingDown,
    #[error("{verb} lease {namespace}/{name}")]
    Request {
        verb: &'static str,
        namespace: String,
        name: String,
        #[source]
        source: Box<kube::Error>,
    },
    #[error("{verb} lease {namespace}/{name}: no answer in time")]
    Timeout {
        verb: &'static str,
        namespace: String,
        name: String,
    },
}
