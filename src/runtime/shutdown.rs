//! One cloneable token that says "stop", set by SIGTERM or SIGINT.
//!
//! Nothing here ends the process: whoever holds a token finishes its current step and returns.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Sets the token. Dropping it counts as a request to stop, so that a lost task cannot leave a process unstoppable.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

impl ShutdownTrigger {
    pub fn request(&self) {
        self.0.send_replace(true);
    }
}

/// Tells whether and when the process should stop.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// A token with its trigger, for tests and for stopping one part of a process.
    pub fn manual() -> (ShutdownTrigger, Self) {
        let (sender, receiver) = watch::channel(false);
        (ShutdownTrigger(sender), Self(receiver))
    }

    /// A token set by the first SIGTERM (kubelet) or SIGINT (terminal). Must be called inside a tokio runtime.
    pub fn on_signals() -> std::io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (trigger, token) = Self::manual();
        tokio::spawn(async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal = name, "stopping");
            trigger.request();
        });
        Ok(token)
    }

    pub fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Resolves when a stop is requested; at once if it already was.
    pub async fn requested(&self) {
        let mut receiver = self.0.clone();
        // An error means that the trigger is gone, which counts as a request.
        let _ = receiver.wait_for(|requested| *requested).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_sees_the_request_even_if_late() {
        let (trigger, token) = Shutdown::manual();
        let clone = token.clone();
        assert!(!clone.is_requested());
        let waiting = tokio::spawn(async move { clone.requested().await });
        trigger.request();
        waiting.await.unwrap();
        assert!(token.is_requested());
        token.requested().await;
    }

    #[tokio::test]
    async fn a_lost_trigger_counts_as_a_request() {
        let (trigger, token) = Shutdown::manual();
        drop(trigger);
        assert!(token.is_requested());
        token.requested().await;
    }
}
