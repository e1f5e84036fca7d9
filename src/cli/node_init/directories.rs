//! Looking at log directories: what is on each disk, before anything is decided.
//!
//! Kafka's formatter writes the bootstrap checkpoint before `meta.properties` (`Formatter.doFormat`), so a format that was
//! interrupted leaves known files and no identity. Anything else without an identity is data and must not be formatted.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::properties::{NodeConfig, Properties};

pub(super) const METADATA_PARTITION: &str = "__cluster_metadata-0";

/// One log directory and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directory {
    pub path: PathBuf,
    pub state: DirectoryState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DirectoryState {
    /// Nothing but what a new file system or an interrupted format leaves; the latter is to be removed first.
    Empty {
        leftovers: Vec<PathBuf>,
    },
    Formatted(Identity),
    /// Files, but no `meta.properties`; one of them as example.
    Foreign {
        example: String,
    },
    /// `meta.properties` without the ids that it must have.
    Damaged {
        missing: &'static str,
    },
    Unreadable {
        kind: io::ErrorKind,
        message: String,
    },
}

/// The content of `meta.properties`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// `cluster.id`.
    pub cluster: String,
    /// `node.id`.
    pub node: String,
    /// `directory.id`; absent until Kafka 3.7, the broker then adds one.
    pub directory: Option<String>,
}

/// Makes the missing log directories and looks at all of them. A disk that cannot be read is a state, not an error.
pub(super) fn inspect_all(config: &NodeConfig) -> Vec<Directory> {
    let directory = |path: &PathBuf| Directory {
        path: path.clone(),
        state: inspect(path).unwrap_or_else(|error| unreadable(&error)),
    };
    config.directories.iter().map(directory).collect()
}

fn unreadable(error: &io::Error) -> DirectoryState {
    DirectoryState::Unreadable {
        kind: error.kind(),
        message: error.to_string(),
    }
}

fn inspect(path: &Path) -> io::Result<DirectoryState> {
    fs::DirBuilder::new().recursive(true).mode(0o750).create(path)?;
    match fs::read_to_string(path.join("meta.properties")) {
        Ok(text) => return Ok(identity(&Properties::parse(&text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut leftovers = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match classify(&entry.path())? {
            Entry::FileSystem => {}
            Entry::Leftover => leftovers.push(entry.path()),
            Entry::Data => {
                return Ok(DirectoryState::Foreign {
                    example: entry.file_name().to_string_lossy().into_owned(),
                });
            }
        }
    }
    leftovers.sort();
    Ok(DirectoryState::Empty { leftovers })
}

fn identity(properties: &Properties) -> DirectoryState {
    let Some(cluster) = properties.get("cluster.id") else {
        return DirectoryState::Damaged { missing: "cluster.id" };
    };
    let Some(node) = properties.get("node.id") else {
        return DirectoryState::Damaged { missing: "node.id" };
    };
    DirectoryState::Formatted(Identity {
        cluster: cluster.to_owned(),
        node: node.to_owned(),
        directory: properties.get("directory.id").map(str::to_owned),
    })
}

enum Entry {
    FileSystem,
    Leftover,
    Data,
}

fn classify(path: &Path) -> io::Result<Entry> {
    Ok(match path.file_name().and_then(OsStr::to_str) {
        Some("lost+found") => Entry::FileSystem,
        Some("meta.properties.tmp" | "bootstrap.checkpoint" | "bootstrap.checkpoint.tmp") => Entry::Leftover,
        Some(METADATA_PARTITION) if holds_only_bootstrap_checkpoint(path)? => Entry::Leftover,
        _ => Entry::Data,
    })
}

/// A controller that ever ran has log segments and a quorum state beside the checkpoint.
fn holds_only_bootstrap_checkpoint(partition: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(partition)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !(name.starts_with("00000000000000000000-0000000000") && name.contains(".checkpoint")) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes what an interrupted format left: a bootstrap checkpoint with the voters of the first day must not survive into
/// a later format without voters.
pub(super) fn remove_leftover(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}
