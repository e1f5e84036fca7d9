//! Images already unpacked by containerd: a node that starts links this folder instead of importing archives, which
//! takes seconds of processor time per node.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, statfs};
use nix::unistd::Pid;

use super::{cached, remove};
use crate::{digest, exec};

/// The folder for this set of archives, made on first use.
pub fn unpacked(archives: &[PathBuf]) -> Result<PathBuf> {
    let version = exec::output(Command::new("containerd").arg("--version"))?;
    let names = archives
        .iter()
        .map(|archive| archive.file_name().unwrap_or_default().to_string_lossy().into_owned());
    let key = digest::hex(names.chain([version]).collect::<Vec<_>>().join("\n").as_bytes());
    cached(&format!("store-{}", key.get(..12).unwrap_or(&key)), |root| {
        println!("unpacking the images for the nodes");
        let state = root.with_extension("state");
        remove(&state)?;
        fs::create_dir_all(root)?;
        fs::create_dir_all(&state)?;
        let imported = import(root, &state, archives);
        remove(&state)?;
        imported
    })
}

/// Gives a new containerd root the content of a store. Links are enough for layers, which are never written to; the
/// databases are copied.
pub fn link(store: &Path, root: &Path) -> Result<()> {
    fs::create_dir_all(root).with_context(|| format!("create {}", root.display()))?;
    exec::quietly(Command::new("cp").arg("-al").arg(store.join(".")).arg(root))?;
    for plugin in fs::read_dir(store)?.flatten().filter(|entry| entry.path().is_dir()) {
        for file in fs::read_dir(plugin.path())?
            .flatten()
            .filter(|entry| entry.path().extension() == Some("db".as_ref()))
        {
            let to = root.join(plugin.file_name()).join(file.file_name());
            remove(&to)?;
            fs::copy(file.path(), &to).with_context(|| format!("copy {}", file.path().display()))?;
        }
    }
    Ok(())
}

/// An overlay cannot lie on another one, as inside of a container; there, layers are copied.
pub fn snapshotter(folder: &Path) -> &'static str {
    let on_overlay = statfs(folder).is_ok_and(|found| found.filesystem_type() == OVERLAYFS_SUPER_MAGIC);
    if on_overlay { "native" } else { "overlayfs" }
}

fn import(root: &Path, state: &Path, archives: &[PathBuf]) -> Result<()> {
    let mut daemon = Daemon::start(root, state)?;
    let deadline = Instant::now() + Duration::from_secs(30);
    while !exec::succeeds(daemon.ctr().arg("version")) {
        if Instant::now() > deadline {
            bail!(
                "containerd does not answer: {}",
                fs::read_to_string(state.join("log")).unwrap_or_default()
            );
        }
        sleep(Duration::from_millis(50));
    }
    for archive in archives {
        let mut import = daemon.ctr();
        import
            .args(["--namespace=k8s.io", "images", "import"])
            .arg(format!("--snapshotter={}", snapshotter(root)));
        exec::quietly(import.arg(archive)).with_context(|| format!("import {}", archive.display()))?;
    }
    daemon.stop()
}

/// A containerd of our own, without pods; ended when dropped, and by the kernel when this program dies.
struct Daemon {
    child: Child,
    socket: PathBuf,
}

impl Daemon {
    fn start(root: &Path, state: &Path) -> Result<Self> {
        let socket = state.join("socket");
        let config = format!(
            "version = 2\nroot = \"{}\"\nstate = \"{}\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\n  address = \"{}\"\n",
            root.display(),
            state.display(),
            socket.display()
        );
        let path = state.join("config.toml");
        fs::write(&path, config)?;
        let log = fs::File::create(state.join("log"))?;
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "containerd", "--config"])
            .arg(path);
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("start containerd")?;
        Ok(Self { child, socket })
    }

    fn ctr(&self) -> Command {
        let mut command = Command::new("ctr");
        command.arg("--address").arg(&self.socket);
        command
    }

    fn stop(&mut self) -> Result<()> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGTERM).context("end containerd")?;
        self.child.wait().context("wait for containerd").map(drop)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Already ended after `stop`; then both calls fail, and that is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
