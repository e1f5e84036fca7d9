//! Which process is the cluster's outermost one, told apart from another process that got the same number later.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Identity of a process: number, start time and boot. A number alone is reused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub pid: i32,
    /// In clock ticks after boot, field 22 of `/proc/PID/stat`.
    pub start_time: u64,
    pub boot: String,
}

/// The first process inside the cluster's namespaces, by its number outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inner {
    pub pid: i32,
    start_time: u64,
}

impl State {
    /// The identity of this very process; it survives `exec`.
    pub fn of_this_process() -> Result<Self> {
        let pid = i32::try_from(std::process::id()).context("process number fits")?;
        let start_time = stat(pid).context("read /proc/self/stat")?.start_time;
        Ok(Self {
            pid,
            start_time,
            boot: boot_id()?,
        })
    }

    /// The state in a cluster's folder; `None` when there is none.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join("state.json")).ok()?).ok()
    }

    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join("state.json");
        fs::write(&path, serde_json::to_vec(self)?).with_context(|| format!("write {}", path.display()))
    }

    /// Whether that very process still runs and is what we started.
    pub fn is_alive(&self) -> bool {
        let same_boot = boot_id().is_ok_and(|boot| boot == self.boot);
        let same_process = stat(self.pid).is_some_and(|stat| stat.start_time == self.start_time && stat.state != 'Z');
        same_boot && same_process
    }

    /// The child of `unshare`: commands enter the namespaces through it.
    pub fn inner(&self) -> Option<Inner> {
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        numbers.find_map(|pid| {
            let stat = stat(pid)?;
            (stat.parent == self.pid && stat.state != 'Z').then_some(Inner {
                pid,
                start_time: stat.start_time,
            })
        })
    }
}

impl Inner {
    /// Whether it still exists; once it is gone, so is every process of the cluster.
    pub fn exists(self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.start_time == self.start_time)
    }
}

struct Stat {
    state: char,
    parent: i32,
    start_time: u64,
}

fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The command name in parentheses may hold anything, so fields are counted after the last parenthesis.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        start_time: fields.get(19)?.parse().ok()?,
    })
}

fn boot_id() -> Result<String> {
    let path = "/proc/sys/kernel/random/boot_id";
    Ok(fs::read_to_string(path)
        .with_context(|| format!("read {path}"))?
        .trim()
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_a_name_with_parentheses() {
        let text = "42 (a) (b c) S 7 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 100 10";
        let stat = parse_stat(text).unwrap();
        assert_eq!((stat.state, stat.parent, stat.start_time), ('S', 7, 98765));
    }

    #[test]
    fn a_reused_number_or_another_boot_is_not_our_process() {
        let this = State::of_this_process().unwrap();
        assert!(this.is_alive());
        assert!(
            !State {
                start_time: this.start_time + 1,
                ..this.clone()
            }
            .is_alive()
        );
        assert!(
            !State {
                boot: "another".to_owned(),
                ..this
            }
            .is_alive()
        );
    }
}
