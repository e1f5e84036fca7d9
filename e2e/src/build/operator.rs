//! The operator image, from this checkout: one static binary and the JMX exporter jar, nothing else. The Dockerfile in
//! `images/operator` gives users the same content.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::pack::{Image, docker_archive};
use super::{cached, java, remove};
use crate::{digest, exec, packages, paths, versions};

/// User and group of the process: the usual number for "not root".
const USER: &str = "65532:65532";

/// Name of the image inside the cluster; the tag is the crate's version, which both workspace members share.
pub fn image_name() -> String {
    format!("docker.io/productionkafka/operator:{}", env!("CARGO_PKG_VERSION"))
}

/// Builds the operator and packs it. The archive lies in the checkout's own `target` and is replaced every time.
pub fn image() -> Result<PathBuf> {
    let folder = paths::repository().join("target/e2e");
    let layer = folder.join("operator-image");
    // Several checkouts share the compiled dependencies. The lock is held until the binary is copied out.
    let lock = super::lock("operator-target")?;
    let target = paths::cache()?.join("operator-target");
    fill(&layer, &paths::repository(), &target)?;
    drop(lock);
    let archive = folder.join("operator.tar");
    docker_archive(&image_named(&image_name()), &[layer], &archive)?;
    Ok(archive)
}

/// What the image is beside its files.
pub fn image_named(name: &str) -> Image {
    Image {
        name: name.to_owned(),
        config: json!({"User": USER, "Entrypoint": ["/productionkafka"], "Env": ["PATH=/"], "WorkingDir": "/"}),
        ..Image::default()
    }
}

/// Fills a folder with the image's files: the binary compiled from `source` in `target`, and the exporter.
pub fn fill(layer: &Path, source: &Path, target: &Path) -> Result<()> {
    remove(layer)?;
    fs::create_dir_all(layer)?;
    compile(source, target, &layer.join("productionkafka"))?;
    let jar = exporter()?;
    fs::copy(&jar, layer.join("jmx_prometheus_javaagent.jar")).with_context(|| format!("copy {}", jar.display()))?;
    Ok(())
}

/// Compiles in a target folder of its own: other flags in the usual one would rebuild everything each time. No path of this machine
/// is left in the binary, so that the same source gives the same bytes elsewhere.
fn compile(source: &Path, target: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(target)?;
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(source);
    cargo.args([
        "build",
        "--release",
        "--locked",
        "--package",
        "productionkafka",
        "--target",
        &triple,
        "--target-dir",
    ]);
    cargo.arg(target);
    // Static, so that it also runs inside the Kafka image, whatever libc that has.
    let places = [(source, "/source"), (target, "/target"), (&cargo_home()?, "/cargo")];
    let remapped = places.map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()));
    cargo.env(
        "RUSTFLAGS",
        format!("-C target-feature=+crt-static {}", remapped.join(" ")),
    );
    let mapped = places.map(|(path, name)| format!("-ffile-prefix-map={}={name}", path.display()));
    cargo.env("CFLAGS", mapped.join(" "));
    exec::run(&mut cargo).context("compile the operator")?;
    let binary = target.join(triple).join("release/productionkafka");
    fs::copy(&binary, to).with_context(|| format!("copy {}", binary.display()))?;
    Ok(())
}

/// Where cargo keeps the sources of dependencies.
fn cargo_home() -> Result<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"));
    let given = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    given.or_else(home).context("neither CARGO_HOME nor HOME is set")
}

/// The exporter from Maven Central, checked against its pinned digest.
fn exporter() -> Result<PathBuf> {
    cached(&format!("jmx-exporter-{}.jar", versions::JMX_EXPORTER), |scratch| {
        packages::for_images()?;
        let folder = tempfile::tempdir_in(scratch.parent().unwrap_or(Path::new("/tmp")))?;
        let mut maven = Command::new("mvn");
        maven
            .args([
                "-B",
                "-q",
                "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
            ])
            .env("JAVA_HOME", java::home()?);
        maven.arg(format!(
            "-Dmaven.repo.local={}",
            paths::cache()?.join("maven").display()
        ));
        maven.arg(format!(
            "-Dartifact=io.prometheus.jmx:jmx_prometheus_javaagent:{}",
            versions::JMX_EXPORTER
        ));
        maven
            .arg(format!("-DoutputDirectory={}", folder.path().display()))
            .current_dir(folder.path());
        let _lock = super::lock("maven")?;
        exec::quietly(&mut maven)?;
        let jars = digest::files(folder.path())?;
        let jar = jars.first().context("Maven copied the jar")?;
        let found = digest::file(jar)?;
        if found != versions::JMX_EXPORTER_SHA256 {
            bail!(
                "the JMX exporter has SHA-256 {found}, expected {}",
                versions::JMX_EXPORTER_SHA256
            );
        }
        fs::rename(jar, scratch).context("keep the jar")
    })
}
