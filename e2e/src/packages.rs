//! Programs of the operating system: found, or installed from Debian with a line that says so.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::exec;

/// A Debian package and a file or program that proves it is there.
struct Package {
    name: &'static str,
    proof: &'static str,
}

const fn package(name: &'static str, proof: &'static str) -> Package {
    Package { name, proof }
}

/// What a running cluster needs.
const CLUSTER: [Package; 12] = [
    package("containerd", "containerd"),
    package("runc", "runc"),
    package("containernetworking-plugins", "/usr/lib/cni/bridge"),
    package("iptables", "iptables"),
    package("iproute2", "ip"),
    package("conntrack", "conntrack"),
    package("ethtool", "ethtool"),
    package("kmod", "modprobe"),
    package("mount", "mount"),
    // The judge of certificates in the suite `trust`.
    package("openssl", "openssl"),
    package("procps", "sysctl"),
    package("util-linux", "nsenter"),
];

/// What building the images needs beside Rust and Go.
const IMAGES: [Package; 4] = [
    package("busybox-static", "busybox"),
    package("maven", "mvn"),
    package("gcc", "cc"),
    package("libc6-dev", "/usr/include/stdio.h"),
];

/// Installs what a cluster needs.
pub fn for_cluster() -> Result<()> {
    ensure(&CLUSTER)
}

/// Installs what building images needs, a JDK of version 17 or later included.
pub fn for_images() -> Result<()> {
    ensure(&IMAGES)?;
    if crate::build::java::home().is_err() {
        install(&["openjdk-17-jdk-headless"])?;
    }
    Ok(())
}

fn ensure(packages: &[Package]) -> Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .filter(|package| !present(package.proof))
        .map(|package| package.name)
        .collect();
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

fn present(proof: &str) -> bool {
    if proof.starts_with('/') {
        return Path::new(proof).exists();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(Into::into))
        .any(|folder| folder.join(proof).is_file())
}

fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if !nix::unistd::geteuid().is_root() {
        bail!("these packages are missing and installing them needs root: {names}");
    }
    if !present("apt-get") {
        bail!("these programs are missing and this is not a Debian system: {names}");
    }
    println!("installing packages of the operating system: {names}");
    exec::quietly(&mut apt(&["update"])).context("refresh the package lists")?;
    let mut command = apt(&["install", "--yes", "--no-install-recommends"]);
    exec::quietly(command.args(packages)).with_context(|| format!("install {names}"))
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    // A mirror that fails now and then is asked again; questions have no one to answer them.
    command
        .args(["-q", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=300"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}
