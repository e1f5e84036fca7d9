//! Finding a JDK of version 17 or later: `JAVA_HOME`, else the newest below `/usr/lib/jvm`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result};

/// The home folder of the JDK to build with; it has `bin/jlink`.
pub fn home() -> Result<PathBuf> {
    let installed = fs::read_dir("/usr/lib/jvm")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let given = env::var_os("JAVA_HOME").map(PathBuf::from);
    let mut homes: Vec<(u32, PathBuf)> = installed
        .chain(given)
        .filter_map(|home| version(&home).map(|version| (version, home)))
        .collect();
    homes.sort();
    let newest = homes.into_iter().rev().find(|(version, _)| *version >= 17);
    newest
        .map(|(_, home)| home)
        .context("no JDK of version 17 or later in JAVA_HOME or /usr/lib/jvm")
}

/// Its version as the `release` file says it, for example `25.0.3`.
pub fn full_version(home: &Path) -> Option<String> {
    let release = fs::read_to_string(home.join("release")).ok()?;
    let value = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    Some(value.trim_matches('"').to_owned())
}

/// The feature version, if `home` is a JDK that can make a run-time image.
pub fn version(home: &Path) -> Option<u32> {
    if !home.join("bin/jlink").is_file() {
        return None;
    }
    full_version(home)?.split(['.', '-', '+']).next()?.parse().ok()
}
