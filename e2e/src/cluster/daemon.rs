//! Starting a long-running program of the cluster with its output in a file of its own.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::spec::Spec;
use crate::exec;

/// Starts `command`; its output goes to `log/NAME.log`. Ends with the cluster's namespaces, nobody waits for it here.
/// The process number inside the cluster is kept in `pid/NAME`, so that a suite can end one program on purpose.
pub fn start(spec: &Spec, name: &str, command: &mut Command) -> Result<()> {
    let log = spec.logs().join(format!("{name}.log"));
    let file = File::create(&log).with_context(|| format!("create {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let child = command
        .spawn()
        .with_context(|| format!("start `{}`", exec::describe(command)))?;
    let pids = spec.folder.join("pid");
    fs::create_dir_all(&pids)?;
    fs::write(pids.join(name), child.id().to_string()).with_context(|| format!("note the process of {name}"))
}
