//! Ending a cluster, whatever state it is in, and removing everything it left: control groups and its folder.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::cgroup;
use super::state::State;
use crate::build::remove;
use crate::paths;

/// Ends the cluster `name`.
pub fn down(name: &str) -> Result<()> {
    let existed = paths::cluster(name)?.exists();
    clean(name)?;
    println!("cluster {name} {}", if existed { "is down" } else { "was not up" });
    Ok(())
}

/// Ends the processes if they run and removes what is left of the cluster.
pub fn clean(name: &str) -> Result<()> {
    let folder = paths::cluster(name)?;
    if let Some(state) = State::read(&folder).filter(State::is_alive) {
        end(&state).with_context(|| format!("end the processes of cluster {name}"))?;
    }
    cgroup::remove(name)?;
    remove(&folder)
}

/// `unshare` ignores SIGTERM while it waits; killed, it takes the first process inside with it, and that one the rest.
fn end(state: &State) -> Result<()> {
    let inner = state.inner();
    kill(Pid::from_raw(state.pid), Signal::SIGKILL).with_context(|| format!("kill process {}", state.pid))?;
    let deadline = Instant::now() + Duration::from_secs(30);
    while state.is_alive() || inner.is_some_and(super::state::Inner::exists) {
        if Instant::now() > deadline {
            bail!("process {} was killed 30 s ago and is still there", state.pid);
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}
