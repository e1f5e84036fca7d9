//! Class-data archives of the Kafka image: a training run in a chroot made of the image's own layers, so that the
//! recorded paths and times are those of the image. Cuts the start of a node by about 40 %.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use rcgen::{CertificateParams, DnType, KeyPair};

use super::remove;
use crate::exec;

/// Runs `script` in the image and puts `kafka.jsa` and `storage.jsa` into `layer` at `/opt/kafka`.
pub fn train(layers: &[PathBuf], script: &Path, layer: &Path) -> Result<()> {
    let root = layer.with_extension("root");
    let archives = layer.join("opt/kafka");
    fs::create_dir_all(&archives)?;
    fs::create_dir_all(root.join("archive"))?;
    for source in layers {
        // Hard links keep the times and cost nothing.
        exec::quietly(Command::new("cp").arg("-al").arg(source.join(".")).arg(&root))?;
    }
    fs::copy(script, root.join("train.sh")).with_context(|| format!("copy {}", script.display()))?;
    certificate(&root.join("training"))?;
    let run = exec::quietly(&mut isolated(&root, &archives));
    let removed = remove(&root);
    run.context("training run for the class-data archives")?;
    removed
}

/// A certificate that is its own authority, for the node of the training run.
fn certificate(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut parameters = CertificateParams::new(vec!["localhost".to_owned()])?;
    parameters.distinguished_name.push(DnType::CommonName, "training");
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?.pem();
    fs::write(folder.join("node.pem"), key.serialize_pem() + &certificate)?;
    Ok(fs::write(folder.join("ca.crt"), certificate)?)
}

/// Own mounts, network and processes: nothing stays mounted, no port can clash, no process is left.
fn isolated(root: &Path, archives: &Path) -> Command {
    let steps = r#"mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/tmp" && mount --rbind /dev "$1/dev" &&
mount --bind "$2" "$1/archive" &&
exec chroot "$1" /usr/bin/env -i PATH=/opt/java/openjdk/bin:/usr/bin:/bin JAVA_HOME=/opt/java/openjdk LANG=C.UTF-8 /bin/sh /train.sh"#;
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "--net",
        "--pid",
        "--uts",
        "--fork",
        "--kill-child",
        "--",
        "sh",
        "-c",
        steps,
        "train",
    ]);
    command.arg(root).arg(archives);
    command
}
