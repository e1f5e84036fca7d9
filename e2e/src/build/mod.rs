//! Everything that is made once and kept in the cache: Go programs, the Kafka image, the operator image.
//!
//! A result's folder or file name holds the key of what it was made from; it appears by a rename, so that a crash
//! leaves no half-made entry behind, and a lock per entry keeps two commands from making the same thing twice.

pub mod archive;
pub mod crates;
pub mod debian;
pub mod go;
pub mod java;
pub mod kafka;
pub mod ledger;
pub mod oci;
pub mod operator;
pub mod pack;
pub mod peers;
pub mod store;
pub mod system;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result, anyhow};

use crate::versions::Kafka;
use crate::{packages, paths};

/// What a cluster starts from.
#[derive(Clone, Debug)]
pub struct Artefacts {
    pub programs: go::Programs,
    /// The images that every node has from the start, unpacked.
    pub store: PathBuf,
}

/// Builds what is not in the cache yet. Go programs and Kafka images are made side by side: the first waits for the
/// compiler, the second mostly for the network.
pub fn all(kafka: &[Kafka]) -> Result<Artefacts> {
    packages::for_cluster()?;
    if kafka.iter().any(|kafka| !kafka::is_cached(*kafka)) {
        packages::for_images()?;
    }
    let (programs, kafka_images) = thread::scope(|scope| {
        let images = scope.spawn(|| {
            kafka
                .iter()
                .map(|kafka| kafka::image(*kafka))
                .collect::<Result<Vec<_>>>()
        });
        let programs = go::all();
        (
            programs,
            images
                .join()
                .unwrap_or_else(|_| Err(anyhow!("building the Kafka image crashed"))),
        )
    });
    let programs = programs?;
    let mut archives = vec![system::pause()?];
    archives.extend(kafka_images?);
    let store = store::unpacked(&archives)?;
    Ok(Artefacts { programs, store })
}

/// Held by who makes or uses `what`; the kernel frees it when the process ends.
pub fn lock(what: &str) -> Result<File> {
    let folder = paths::built()?.join(".locks");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let path = folder.join(what);
    let file = File::create(&path).with_context(|| format!("open {}", path.display()))?;
    file.lock().with_context(|| format!("lock {}", path.display()))?;
    Ok(file)
}

/// Makes the cache entry `name` with `make`, which gets a scratch path to fill, unless it is there already.
pub fn cached(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let entry = paths::built()?.join(name);
    if entry.exists() {
        return Ok(entry);
    }
    let _lock = lock(name)?;
    if entry.exists() {
        return Ok(entry);
    }
    let scratch = paths::built()?.join(format!(".making-{name}"));
    remove(&scratch)?;
    make(&scratch).with_context(|| format!("build {name}"))?;
    fs::rename(&scratch, &entry).with_context(|| format!("move {} into place", entry.display()))?;
    Ok(entry)
}

/// Removes a file or a whole folder; that it is not there is fine.
pub fn remove(path: &Path) -> Result<()> {
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(());
    };
    let removed = if metadata.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.with_context(|| format!("remove {}", path.display()))
}
