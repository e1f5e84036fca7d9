//! Commands inside a running cluster: in its network, mounts and processes, with KUBECONFIG and PATH set.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::spec::Spec;
use super::state::State;
use crate::paths;

/// Whether the cluster serves.
pub fn is_up(name: &str) -> Result<bool> {
    let folder = paths::cluster(name)?;
    Ok(folder.join("ready").exists() && State::read(&folder).is_some_and(|state| state.is_alive()))
}

/// A command inside the cluster `name`, in the caller's working directory.
pub fn command(name: &str, words: &[String]) -> Result<Command> {
    if !is_up(name)? {
        bail!("cluster {name} is not up: start it with `cargo e2e --name {name} up`");
    }
    let spec = Spec::read(name)?;
    let state = State::read(&spec.folder).context("read the cluster's state")?;
    let inner = state.inner().context("find the cluster's first process")?;
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--target={}", inner.pid))
        .args(["--net", "--mount", "--pid", "--"]);
    // When this command is ended, what it runs inside ends too; `nsenter` forks and would leave it behind.
    command
        .args(["setpriv", "--pdeathsig", "TERM", "env", "-C"])
        .arg(env::current_dir()?);
    command
        .args(words)
        .env("KUBECONFIG", spec.admin_kubeconfig())
        .env("PATH", path(&spec)?);
    Ok(command)
}

/// Replaces this process by the command, so that its exit status and signals are the caller's.
pub fn replace(mut command: Command) -> Result<()> {
    Err(command.exec()).with_context(|| format!("start `{}`", crate::exec::describe(&command)))
}

/// The cluster's programs come first: `kubectl` is of its version.
fn path(spec: &Spec) -> Result<OsString> {
    let existing = env::var_os("PATH").unwrap_or_default();
    let all = spec.program_folders.iter().cloned().chain(env::split_paths(&existing));
    env::join_paths(all).context("put the cluster's programs on PATH")
}
