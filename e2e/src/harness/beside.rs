//! The slow checks beside the suites: those wait for Kafka and Kubernetes half of their time, and leave a processor for what only
//! computes. It runs when nothing else wants to (`SCHED_IDLE`), so that suites don't notice.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command};

use anyhow::{Context as _, Result};

use crate::paths;

/// Runs its arguments so that everything else goes first (sched(7): autogroups, `SCHED_IDLE`).
const IDLE: &str = r#"echo 19 2>/dev/null > /proc/self/autogroup; exec chrt --idle 0 nice -n 19 "$0" "$@""#;

/// `cargo e2e check --part slow`, under way.
pub struct Beside {
    child: Child,
    log: PathBuf,
}

impl Beside {
    pub fn start() -> Result<Self> {
        let folder = paths::repository().join("target/e2e");
        fs::create_dir_all(&folder)?;
        let log = folder.join("slow-checks.log");
        let file = File::create(&log).with_context(|| format!("write {}", log.display()))?;
        // A session of its own: the kernel may share processors between sessions, whatever the class inside of one.
        let mut command = Command::new("setsid");
        command.args(["setpriv", "--pdeathsig", "TERM", "sh", "-c", IDLE]);
        command.arg(std::env::current_exe()?).args(["check", "--part", "slow"]);
        command.stdout(file.try_clone()?).stderr(file);
        println!("beside the suites: the slow checks, in {}", log.display());
        let child = command.spawn().context("start the slow checks")?;
        Ok(Self { child, log })
    }

    /// Waits for their end and prints what they said; whether they passed.
    pub fn finish(mut self) -> Result<bool> {
        let status = self.child.wait().context("wait for the slow checks")?;
        println!("the slow checks, which ran beside the suites");
        print!("{}", String::from_utf8_lossy(&fs::read(&self.log)?));
        Ok(status.success())
    }
}

impl Drop for Beside {
    /// After an error nobody waits for them. What they have started ends by itself: it's neither server nor load.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
