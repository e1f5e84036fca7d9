//! What `/healthz` and `/readyz` look at: heartbeats that must not stop, and gates that must be open.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Registered checks. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Health {
    checks: Arc<Mutex<Checks>>,
}

#[derive(Debug, Default)]
struct Checks {
    heartbeats: Vec<(&'static str, Heartbeat, Duration)>,
    gates: Vec<(&'static str, Gate)>,
}

/// Proof of progress: whoever works calls [`Heartbeat::beat`].
#[derive(Clone, Debug)]
pub struct Heartbeat(Arc<Mutex<Instant>>);

impl Heartbeat {
    pub fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn age(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// One condition of readiness, closed at first.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<AtomicBool>);

impl Gate {
    pub fn set(&self, open: bool) {
        self.0.store(open, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Health {
    /// Liveness fails once the heartbeat is older than `max_age`; the kubelet then restarts the container.
    #[must_use]
    pub fn heartbeat(&self, name: &'static str, max_age: Duration) -> Heartbeat {
        let heartbeat = Heartbeat(Arc::new(Mutex::new(Instant::now())));
        self.locked(|checks| checks.heartbeats.push((name, heartbeat.clone(), max_age)));
        heartbeat
    }

    /// Readiness fails until the gate is set open.
    #[must_use]
    pub fn readiness_gate(&self, name: &'static str) -> Gate {
        let gate = Gate::default();
        self.locked(|checks| checks.gates.push((name, gate.clone())));
        gate
    }

    pub(super) fn failing_liveness(&self) -> Vec<String> {
        self.locked(|checks| {
            let stale = checks
                .heartbeats
                .iter()
                .filter(|(_, heartbeat, max_age)| heartbeat.age() > *max_age);
            stale
                .map(|(name, heartbeat, _)| format!("{name}: no progress for {:?}", heartbeat.age()))
                .collect()
        })
    }

    pub(super) fn closed_gates(&self) -> Vec<String> {
        self.locked(|checks| {
            let closed = checks.gates.iter().filter(|(_, gate)| !gate.is_open());
            closed.map(|(name, _)| format!("{name}: not ready")).collect()
        })
    }

    fn locked<T>(&self, act: impl FnOnce(&mut Checks) -> T) -> T {
        act(&mut self.checks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
