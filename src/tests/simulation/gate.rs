//! Numbers everything that the operator changes, at the apiserver or in Kafka, and strikes at one chosen number.

use std::sync::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// What happens at the chosen write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operator dies; the write isn't carried out.
    KillBefore,
    /// The write is carried out and the operator dies before it knows.
    KillUnanswered,
    /// The operator dies after the answer, before its next request.
    KillAfter,
    /// The write isn't carried out; the answer is this status.
    Refuse(u16),
    /// The write is carried out; the connection breaks before the answer.
    LoseAnswer,
}

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    Free,
    /// Whoever asks is dead: it gets no answer, ever.
    Closed,
    Struck(Fault),
}

#[derive(Default)]
struct State {
    plan: Option<(usize, Fault)>,
    trace: Vec<String>,
    dead: bool,
}

/// All requests of the operator pass here.
#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
    death: Notify,
}

impl Gate {
    pub fn new(plan: Option<(usize, Fault)>) -> Self {
        Self {
            state: Mutex::new(State {
                plan,
                ..State::default()
            }),
            death: Notify::new(),
        }
    }

    /// Strikes at the write of that number.
    pub fn arm(&self, fault: (usize, Fault)) {
        self.lock().plan = Some(fault);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A request that changes nothing.
    pub fn read(&self) -> Passage {
        if self.lock().dead { self.die() } else { Passage::Free }
    }

    /// A request that changes something.
    pub fn write(&self, what: String) -> Passage {
        let mut state = self.lock();
        if state.dead {
            drop(state);
            return self.die();
        }
        state.trace.push(what);
        let Some((_, fault)) = state.plan.filter(|(number, _)| *number == state.trace.len()) else {
            return Passage::Free;
        };
        state.dead = matches!(fault, Fault::KillBefore | Fault::KillUnanswered | Fault::KillAfter);
        drop(state);
        match fault {
            Fault::KillBefore => self.die(),
            fault => Passage::Struck(fault),
        }
    }

    /// Tells whoever runs the operator that it's dead.
    pub fn die(&self) -> Passage {
        self.death.notify_one();
        Passage::Closed
    }

    /// Waits for the operator's death.
    pub async fn death(&self) {
        self.death.notified().await;
    }

    pub fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// A new process may ask again.
    pub fn revive(&self) {
        self.lock().dead = false;
    }

    /// Writes so far, refused ones included.
    pub fn writes(&self) -> usize {
        self.lock().trace.len()
    }

    pub fn trace(&self) -> Vec<String> {
        self.lock().trace.clone()
    }
}
