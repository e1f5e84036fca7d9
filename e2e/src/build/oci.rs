//! Packs folders as an OCI image archive, whose manifest is in it: its digest is the one that a registry shows after
//! `skopeo copy --preserve-digests oci-archive:FILE docker://NAME`, so charts can pin it before anything is pushed.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::pack::{Image, append, architecture, configuration, write_layers};
use crate::digest;

/// Writes the archive with one layer per folder, lowest first. Gives the manifest's digest, `sha256:…`.
pub fn archive(image: &Image, layers: &[PathBuf], to: &Path) -> Result<String> {
    let scratch = tempfile::tempdir_in(to.parent().context("the archive has a folder")?)?;
    let packed = write_layers(image, layers, scratch.path())?;
    let config = configuration(image, packed.iter().map(|(digest, _)| digest.as_str()))?;
    let mut described = Vec::new();
    for (digest, file) in &packed {
        let size = fs::metadata(file)?.len();
        described.push(descriptor("application/vnd.oci.image.layer.v1.tar", digest, size));
    }
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", &digest::hex(&config), config.len() as u64),
        "layers": described,
    }))?;
    let name = digest::hex(&manifest);
    let index = index(image, &name, manifest.len() as u64)?;

    let mut archive = tar::Builder::new(BufWriter::new(File::create(to)?));
    for (path, bytes) in [
        ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        ("index.json".to_owned(), index),
        (blob(&name), manifest),
        (blob(&digest::hex(&config)), config),
    ] {
        append(&mut archive, &path, bytes.len() as u64, bytes.as_slice())?;
    }
    for (digest, file) in &packed {
        append(
            &mut archive,
            &blob(digest),
            fs::metadata(file)?.len(),
            File::open(file)?,
        )?;
    }
    archive.into_inner()?.flush()?;
    Ok(format!("sha256:{name}"))
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn blob(digest: &str) -> String {
    format!("blobs/sha256/{digest}")
}

fn descriptor(kind: &str, digest: &str, size: u64) -> Value {
    json!({"mediaType": kind, "digest": format!("sha256:{digest}"), "size": size})
}

/// The archive's one image, under the name that containerd gives it on import.
fn index(image: &Image, digest: &str, size: u64) -> Result<Vec<u8>> {
    let mut manifest = descriptor(MANIFEST, digest, size);
    if let Some(fields) = manifest.as_object_mut() {
        let tag = image.name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        fields.insert(
            "annotations".into(),
            json!({"io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": tag}),
        );
        fields.insert(
            "platform".into(),
            json!({"architecture": architecture(), "os": "linux"}),
        );
    }
    let index =
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest]});
    Ok(serde_json::to_vec(&index)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;

    #[test]
    fn everything_is_stored_under_its_own_digest_and_reached_from_the_index() {
        let work = tempfile::tempdir().unwrap();
        let layer = work.path().join("layer");
        fs::create_dir_all(&layer).unwrap();
        fs::write(layer.join("program"), "x").unwrap();
        let image = Image {
            name: "docker.io/example/thing:7".to_owned(),
            ..Image::default()
        };
        let file = work.path().join("image.tar");
        let digest = archive(&image, &[layer], &file).unwrap();
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(File::open(&file).unwrap()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), bytes);
        }
        let blobs: Vec<_> = files.iter().filter(|(path, _)| path.starts_with("blobs/")).collect();
        assert_eq!(blobs.len(), 3);
        assert!(blobs.iter().all(|(path, bytes)| **path == blob(&digest::hex(bytes))));
        let at = |digest: &Value| {
            let bytes = &files[&blob(digest.as_str().unwrap().trim_start_matches("sha256:"))];
            (
                bytes.len() as u64,
                serde_json::from_slice::<Value>(bytes).unwrap_or_default(),
            )
        };
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let listed = &index["manifests"][0];
        assert_eq!(listed["digest"], digest.as_str());
        assert_eq!(listed["annotations"]["org.opencontainers.image.ref.name"], "7");
        let (size, manifest) = at(&listed["digest"]);
        assert_eq!(listed["size"], size);
        let (size, config) = at(&manifest["config"]["digest"]);
        assert_eq!(manifest["config"]["size"], size);
        assert_eq!(config["rootfs"]["diff_ids"][0], manifest["layers"][0]["digest"]);
    }
}
