//! Content keys for the cache: what was built from the same files and settings is built once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// Lower-case hexadecimal SHA-256.
pub fn hex(bytes: &[u8]) -> String {
    lower_hex(&Sha256::digest(bytes))
}

/// Two lower-case digits per byte.
pub fn lower_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Lower-case hexadecimal SHA-256 of a file.
pub fn file(path: &Path) -> Result<String> {
    Ok(hex(&fs::read(path).with_context(|| format!("read {}", path.display()))?))
}

/// Twelve hex digits over the given settings and over every file below `folder`, names and contents.
pub fn key(folder: &Path, settings: &[&str]) -> Result<String> {
    let mut hasher = Sha256::new();
    for setting in settings {
        hasher.update(setting.len().to_le_bytes());
        hasher.update(setting);
    }
    for path in files(folder)? {
        let name = path
            .strip_prefix(folder)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        let content = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        for part in [name.as_bytes(), &content] {
            hasher.update(part.len().to_le_bytes());
            hasher.update(part);
        }
    }
    Ok(lower_hex(&hasher.finalize()).chars().take(12).collect())
}

/// Every regular file below `folder`, sorted by path.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(current) = pending.pop() {
        for entry in fs::read_dir(&current).with_context(|| format!("list {}", current.display()))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                pending.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_follows_names_contents_and_settings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::write(path.join("a"), "1").unwrap();
        let first = key(path, &["x"]).unwrap();
        assert_eq!(first, key(path, &["x"]).unwrap());
        assert_ne!(first, key(path, &["y"]).unwrap());
        fs::write(path.join("a"), "2").unwrap();
        assert_ne!(first, key(path, &["x"]).unwrap());
        fs::write(path.join("a"), "1").unwrap();
        fs::rename(path.join("a"), path.join("b")).unwrap();
        assert_ne!(first, key(path, &["x"]).unwrap());
    }
}
