//! Control groups of a cluster: one folder per node below one folder per cluster, in every hierarchy.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::spec::Node;

const ROOT: &str = "/sys/fs/cgroup";

/// The cluster's folder inside a hierarchy.
fn cluster_group(cluster: &str) -> String {
    format!("productionkafka-{cluster}")
}

/// The kubelet's `cgroupRoot` for one node.
pub fn node_group(cluster: &str, node: &Node) -> String {
    format!("/{}/{}", cluster_group(cluster), node.name)
}

/// Whether the machine has the unified hierarchy only.
pub fn is_unified() -> bool {
    Path::new(ROOT).join("cgroup.controllers").exists()
}

/// Makes the groups of one node. Kubelet wants its root to exist in every hierarchy.
pub fn create(cluster: &str, node: &Node) -> Result<()> {
    for hierarchy in hierarchies()? {
        let parent = hierarchy.join(cluster_group(cluster));
        make(&hierarchy, &parent)?;
        make(&parent, &parent.join(&node.name))?;
    }
    Ok(())
}

fn make(parent: &Path, group: &Path) -> Result<()> {
    fs::create_dir_all(group).with_context(|| format!("create {}", group.display()))?;
    if is_unified() {
        let available = fs::read_to_string(parent.join("cgroup.controllers")).unwrap_or_default();
        let enable: Vec<String> = available
            .split_whitespace()
            .map(|controller| format!("+{controller}"))
            .collect();
        let path = parent.join("cgroup.subtree_control");
        return fs::write(&path, enable.join(" ")).with_context(|| format!("write {}", path.display()));
    }
    // A new cpuset has neither processors nor memory nodes, and refuses every process.
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if let Ok(value) = fs::read_to_string(parent.join(file)) {
            fs::write(group.join(file), value).with_context(|| format!("write {}/{file}", group.display()))?;
        }
    }
    Ok(())
}

/// Removes all groups of a cluster once its processes are gone; waits a little for the kernel to let go of them.
pub fn remove(cluster: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    for hierarchy in hierarchies()? {
        let group = hierarchy.join(cluster_group(cluster));
        while let Err(error) = remove_tree(&group) {
            if Instant::now() > deadline {
                return Err(error);
            }
            sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

/// Only folders can be removed in a cgroup file system; their files go with them.
fn remove_tree(group: &Path) -> Result<()> {
    if !group.is_dir() {
        return Ok(());
    }
    for child in folders(group)? {
        remove_tree(&child)?;
    }
    fs::remove_dir(group).with_context(|| format!("remove {}", group.display()))
}

fn hierarchies() -> Result<Vec<PathBuf>> {
    if is_unified() {
        Ok(vec![PathBuf::from(ROOT)])
    } else {
        folders(Path::new(ROOT))
    }
}

/// Real folders only: version 1 has links such as `cpu -> cpu,cpuacct`.
fn folders(parent: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(parent).with_context(|| format!("list {}", parent.display()))?;
    Ok(entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect())
}
