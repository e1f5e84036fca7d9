//! Programs from crates.io: compiled once per version and kept in the cache.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::cached;
use crate::exec;

/// The program of the crate with this name.
pub fn program(name: &str, version: &str) -> Result<PathBuf> {
    let folder = cached(&format!("{name}-{version}"), |scratch| {
        println!("compiling {name} {version} (minutes the first time)");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // Optimising would take longer than all that they are asked.
        cargo.args([
            "install",
            "--quiet",
            "--locked",
            "--debug",
            "--version",
            version,
            name,
            "--root",
        ]);
        exec::quietly(cargo.arg(scratch))
    })?;
    Ok(folder.join("bin").join(name))
}
