//! Where things live: the checkout, the cache outside of it, and one folder per running cluster.
//!
//! Nothing is written into the checkout except Cargo's own `target`.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The root of the checkout that this program was built from.
pub fn repository() -> PathBuf {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    member.parent().unwrap_or(member).to_path_buf()
}

/// `$XDG_CACHE_HOME/productionkafka`, by default `~/.cache/productionkafka`.
pub fn cache() -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(base) => PathBuf::from(base),
        None => PathBuf::from(env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?).join(".cache"),
    };
    Ok(base.join("productionkafka"))
}

/// Programs and images, one entry per version and recipe.
pub fn built() -> Result<PathBuf> {
    Ok(cache()?.join("built"))
}

/// The parent of all cluster folders.
pub fn clusters() -> Result<PathBuf> {
    Ok(cache()?.join("clusters"))
}

/// The folder of one cluster: configuration, logs, data of etcd, containerd and volumes.
pub fn cluster(name: &str) -> Result<PathBuf> {
    Ok(clusters()?.join(name))
}
