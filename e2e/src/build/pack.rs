//! Packs folders as layers of a docker archive, the format that `ctr images import` and `docker load` take.
//!
//! The same input gives the same bytes: entries are sorted, and owners, modes and times are normalised.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// Modification time of every entry, in seconds: 2026-01-01. Class-data archives record the times of the jars, so the
/// files are set to it before an archive is made from them.
pub const EPOCH: u64 = 1_767_225_600;

/// How an image looks beside its files.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// With registry, for example `docker.io/apache/kafka:4.3.1`.
    pub name: String,
    /// The `config` section: user, environment, entry point.
    pub config: Value,
    /// Owner and group of everything below a path (absolute inside the image); the longest match wins, else root.
    pub owners: BTreeMap<String, u64>,
    /// Modes that differ from 0755 and 0644.
    pub modes: BTreeMap<String, u32>,
}

impl Image {
    fn owner(&self, path: &str) -> u64 {
        let covers =
            |prefix: &str| path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
        let matching = self.owners.iter().filter(|(prefix, _)| covers(prefix));
        matching
            .max_by_key(|(prefix, _)| prefix.len())
            .map_or(0, |(_, owner)| *owner)
    }
}

/// Writes the archive with one layer per folder, lowest first.
pub fn docker_archive(image: &Image, layers: &[PathBuf], to: &Path) -> Result<()> {
    let scratch = tempfile::tempdir_in(to.parent().context("the archive has a folder")?)?;
    let packed = write_layers(image, layers, scratch.path())?;
    write_archive(image, &packed, to).with_context(|| format!("write {}", to.display()))
}

/// Packs each folder as a layer in a scratch folder: SHA-256 and file, lowest first.
pub(super) fn write_layers(image: &Image, layers: &[PathBuf], scratch: &Path) -> Result<Vec<(String, PathBuf)>> {
    let write = |(number, folder): (usize, &PathBuf)| {
        let file = scratch.join(number.to_string());
        let digest = write_layer(image, folder, &file).with_context(|| format!("pack {}", folder.display()))?;
        Ok((digest, file))
    };
    layers.iter().enumerate().map(write).collect()
}

fn write_archive(image: &Image, layers: &[(String, PathBuf)], to: &Path) -> Result<()> {
    let config = configuration(image, layers.iter().map(|(digest, _)| digest.as_str()))?;
    let config_name = format!("{}.json", crate::digest::hex(&config));
    let names: Vec<String> = layers.iter().map(|(digest, _)| format!("{digest}/layer.tar")).collect();
    let manifest = json!([{"Config": config_name, "RepoTags": [image.name], "Layers": names}]);

    let mut archive = Builder::new(BufWriter::new(File::create(to)?));
    append(&mut archive, &config_name, config.len() as u64, config.as_slice())?;
    for (name, (_, file)) in names.iter().zip(layers) {
        append(&mut archive, name, fs::metadata(file)?.len(), File::open(file)?)?;
    }
    let manifest = serde_json::to_vec(&manifest)?;
    append(
        &mut archive,
        "manifest.json",
        manifest.len() as u64,
        manifest.as_slice(),
    )?;
    archive.into_inner()?.flush()?;
    Ok(())
}

/// The image's configuration: how it runs, and the digests of its layers, lowest first.
pub(super) fn configuration<'a>(image: &Image, layers: impl Iterator<Item = &'a str>) -> Result<Vec<u8>> {
    let diff_ids: Vec<String> = layers.map(|digest| format!("sha256:{digest}")).collect();
    let history: Vec<Value> = diff_ids
        .iter()
        .map(|_| json!({"created": "2026-01-01T00:00:00Z"}))
        .collect();
    Ok(serde_json::to_vec(&json!({
        "created": "2026-01-01T00:00:00Z", "architecture": architecture(), "os": "linux", "config": image.config,
        "rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": history,
    }))?)
}

pub(super) fn append(archive: &mut Builder<impl Write>, name: &str, size: u64, content: impl Read) -> Result<()> {
    let mut header = plain_header(EntryType::Regular, 0o644);
    header.set_size(size);
    Ok(archive.append_data(&mut header, name, content)?)
}

/// Writes one layer and returns its SHA-256.
fn write_layer(image: &Image, folder: &Path, to: &Path) -> Result<String> {
    let mut layer = Builder::new(Hashing {
        inner: BufWriter::new(File::create(to)?),
        hasher: Sha256::new(),
    });
    for path in entries(folder)? {
        let relative = path.strip_prefix(folder)?;
        append_entry(&mut layer, image, &path, relative)?;
    }
    let mut written = layer.into_inner()?;
    written.flush()?;
    Ok(crate::digest::lower_hex(&written.hasher.finalize()))
}

fn append_entry(layer: &mut Builder<impl Write>, image: &Image, path: &Path, relative: &Path) -> Result<()> {
    let inside = format!("/{}", relative.display());
    let metadata = path.symlink_metadata()?;
    let set_owner = |header: &mut Header| {
        header.set_uid(image.owner(&inside));
        header.set_gid(image.owner(&inside));
    };
    if metadata.is_symlink() {
        let mut header = plain_header(EntryType::Symlink, 0o777);
        set_owner(&mut header);
        layer.append_link(&mut header, relative, fs::read_link(path)?)?;
        return Ok(());
    }
    let executable = metadata.is_dir() || metadata.permissions().mode() & 0o111 != 0;
    let usual = if executable { 0o755 } else { 0o644 };
    let mode = image.modes.get(&inside).copied().unwrap_or(usual);
    if metadata.is_dir() {
        let mut header = plain_header(EntryType::Directory, mode);
        set_owner(&mut header);
        layer.append_data(&mut header, relative, io::empty())?;
        return Ok(());
    }
    let mut header = plain_header(EntryType::Regular, mode);
    set_owner(&mut header);
    header.set_size(metadata.len());
    layer.append_data(&mut header, relative, File::open(path)?)?;
    Ok(())
}

fn plain_header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(EPOCH);
    header.set_size(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Everything below `folder`, parents before their children, in byte order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(current) = pending.pop() {
        for entry in fs::read_dir(&current).with_context(|| format!("list {}", current.display()))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                pending.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The image's name for the machine's processor.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

struct Hashing<W> {
    inner: W,
    hasher: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn image() -> Image {
        Image {
            name: "docker.io/example/thing:1".to_owned(),
            config: json!({"User": "1000"}),
            owners: BTreeMap::from([("/opt".to_owned(), 1), ("/opt/kafka".to_owned(), 1000)]),
            modes: BTreeMap::from([("/tmp".to_owned(), 0o1777)]),
        }
    }

    fn tree(folder: &Path, order: &[&str]) {
        for name in order {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name).unwrap();
        }
        fs::create_dir_all(folder.join("tmp")).unwrap();
        symlink("kafka", folder.join("opt/link")).unwrap();
    }

    #[test]
    fn same_content_gives_the_same_bytes_whatever_the_order_and_time_of_writing() {
        let long = format!("opt/kafka/{}", "deep/".repeat(30) + "file");
        let mut archives = Vec::new();
        for order in [["opt/kafka/a", "opt/b", &long], [&long, "opt/b", "opt/kafka/a"]] {
            let work = tempfile::tempdir().unwrap();
            let layer = work.path().join("layer");
            tree(&layer, &order);
            let archive = work.path().join("image.tar");
            docker_archive(&image(), &[layer], &archive).unwrap();
            archives.push(fs::read(archive).unwrap());
        }
        assert!(archives[0] == archives[1]);
    }

    #[test]
    fn owners_modes_and_links_are_as_asked() {
        let work = tempfile::tempdir().unwrap();
        let layer = work.path().join("layer");
        tree(&layer, &["opt/kafka/a", "opt/b", "opt/kafkaesque"]);
        let file = work.path().join("layer.tar");
        write_layer(&image(), &layer, &file).unwrap();
        let mut archive = tar::Archive::new(File::open(file).unwrap());
        let found: BTreeMap<String, (u64, u32, u64)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                let path = entry.path().unwrap().display().to_string();
                (
                    path,
                    (header.uid().unwrap(), header.mode().unwrap(), header.mtime().unwrap()),
                )
            })
            .collect();
        assert_eq!(found["opt/kafka/a"], (1000, 0o644, EPOCH));
        assert_eq!(found["opt/kafkaesque"], (1, 0o644, EPOCH));
        assert_eq!(found["tmp"], (0, 0o1777, EPOCH));
        assert_eq!(found["opt/link"].1, 0o777);
    }
}
