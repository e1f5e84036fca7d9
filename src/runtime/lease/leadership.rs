//! Holding the lease: renew until told to stop or until it is lost.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::election::{Attempt, LeaderElection};

/// How leadership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Another process leads, or renewal failed for too long: the process must exit without another write.
    Lost,
    /// Given up on request.
    Released,
}

/// Tells whether this process still leads. Clones go to whoever is about to do something disruptive.
#[derive(Clone, Debug)]
pub struct Fence(watch::Receiver<Option<Instant>>);

impl Fence {
    /// Of a process that never leads, and so never writes.
    pub fn never() -> Self {
        Self(watch::channel(None).1)
    }

    /// False from `margin` before the moment another candidate could take over, counted from the start of the last
    /// successful renewal on the local monotonic clock; also once leadership was lost or given up.
    pub fn is_valid(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }
}

/// The held lease. It runs out unless [`Leadership::hold`] is awaited.
#[derive(Debug)]
pub struct Leadership {
    election: LeaderElection,
    valid_until: watch::Sender<Option<Instant>>,
    renewed: Instant,
}

impl Leadership {
    /// `renewed` is when the successful write was *sent*.
    pub(super) fn new(election: LeaderElection, renewed: Instant) -> Self {
        let (valid_until, _) = watch::channel(Some(renewed + validity(&election)));
        Self {
            election,
            valid_until,
            renewed,
        }
    }

    pub fn fence(&self) -> Fence {
        Fence(self.valid_until.subscribe())
    }

    /// See [`Fence::is_valid`].
    pub fn is_valid(&self) -> bool {
        self.fence().is_valid()
    }

    /// Renews until `drained` resolves, then releases the lease. `drained` must resolve only when nothing of this process
    /// writes any more, because the next leader starts at once.
    pub async fn hold(mut self, drained: impl Future<Output = ()> + Send) -> Outcome {
        tokio::pin!(drained);
        let retry_period = self.election.config().retry_period;
        loop {
            let renewal = async {
                sleep(retry_period).await;
                let leads = self.renew().await;
                if leads {
                    self.election.announce().await;
                }
                leads
            };
            let leads = tokio::select! {
                biased;
                () = &mut drained => break,
                leads = renewal => leads,
            };
            if !leads {
                self.valid_until.send_replace(None);
                return Outcome::Lost;
            }
        }
        self.valid_until.send_replace(None);
        self.election.release().await;
        Outcome::Released
    }

    /// One renewal; false if the lease is lost.
    async fn renew(&mut self) -> bool {
        let deadline = self.renewed + self.election.config().renew_deadline;
        match timeout_at(deadline, self.election.attempt()).await {
            Ok(Ok(Attempt::Leading { sent })) => {
                self.renewed = sent;
                self.valid_until.send_replace(Some(sent + validity(&self.election)));
                return true;
            }
            Ok(Ok(Attempt::Held { by, .. })) => {
                tracing::error!(holder = by, "another process holds the leader lease");
                return false;
            }
            Ok(Ok(Attempt::Beaten)) => tracing::warn!("the leader lease changed while it was renewed"),
            Ok(Err(error)) => tracing::warn!(error = %error, source = source(&error), "cannot renew the leader lease"),
            Err(_) => tracing::warn!("the leader lease could not be renewed in time"),
        }
        Instant::now() < deadline
    }
}

fn source(error: &super::LeaseError) -> Option<String> {
    std::error::Error::source(error).map(ToString::to_string)
}

fn validity(election: &LeaderElection) -> Duration {
    election
        .config()
        .lease_duration
        .saturating_sub(election.config().margin)
}
