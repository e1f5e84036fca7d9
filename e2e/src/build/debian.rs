//! The lowest layer of an image: some Debian packages with a shell, without anything that only an installation needs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::remove;
use crate::{digest, exec};

/// Folders that programs expect.
const FOLDERS: [&str; 14] = [
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib64",
    "etc",
    "tmp",
    "root",
    "home/appuser",
    "proc",
    "sys",
    "dev",
    "run",
    "var/tmp",
    "var/lib",
];

/// Fills `root` with the packages, `busybox-static` among them, whose commands it links.
pub fn layer(root: &Path, packages: &[&str]) -> Result<()> {
    for folder in FOLDERS {
        fs::create_dir_all(root.join(folder))?;
    }
    for folder in ["bin", "sbin", "lib", "lib64"] {
        symlink(format!("usr/{folder}"), root.join(folder))?;
    }
    let archives = tempfile::tempdir_in(root.parent().context("the layer has a parent")?)?;
    exec::quietly(
        Command::new("apt-get")
            .args(["download", "-q"])
            .args(packages)
            .current_dir(archives.path()),
    )?;
    for package in digest::files(archives.path())? {
        unpack(&package, root)?;
    }
    for clutter in [
        "usr/share",
        "etc/skel",
        "usr/lib/x86_64-linux-gnu/gconv",
        "usr/lib/aarch64-linux-gnu/gconv",
    ] {
        remove(&root.join(clutter))?;
    }
    let applets = exec::output(Command::new(root.join("usr/bin/busybox")).arg("--list"))?;
    for applet in applets.lines().filter(|applet| *applet != "busybox") {
        let path = root.join("usr/bin").join(applet);
        if !path.exists() {
            symlink("busybox", path)?;
        }
    }
    Ok(())
}

/// `dpkg-deb -x` would replace the links `/lib` and `/bin` by folders.
fn unpack(package: &Path, root: &Path) -> Result<()> {
    let files = tempfile::NamedTempFile::new()?;
    exec::run(
        Command::new("dpkg-deb")
            .arg("--fsys-tarfile")
            .arg(package)
            .stdout(files.reopen()?),
    )?;
    exec::quietly(
        Command::new("tar")
            .arg("-C")
            .arg(root)
            .args(["--keep-directory-symlink", "-xf"])
            .arg(files.path()),
    )
}
