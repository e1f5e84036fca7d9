//! `cargo e2e release --to DIR`: what a version is published as. The operator's image, compiled twice in different places and
//! refused unless both are the same bytes; a bill of materials; and charts that install this image by its digest.
//!
//! Pushes nothing: it prints what to push and where the digest has to appear.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::build::pack::Image;
use crate::build::{crates, go, oci, operator};
use crate::cli::ReleaseArgs;
use crate::{check, digest, exec, paths, versions};

/// What the image is compiled from; `images/operator/Dockerfile.dockerignore` lets in the same.
const SOURCES: [&str; 6] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "src",
    "e2e/Cargo.toml",
    "e2e/src",
];
const CHARTS: [&str; 3] = ["productionkafka-crds", "productionkafka", "productionkafka-node-tuning"];

pub fn release(arguments: &ReleaseArgs) -> Result<ExitCode> {
    let to = std::path::absolute(&arguments.to)?;
    fs::create_dir_all(&to).with_context(|| format!("create {}", to.display()))?;
    judge(arguments)?;
    let work = tempfile::tempdir().context("a folder to work in")?;
    let image = operator::image_named(&format!("{}:{}", arguments.repository, env!("CARGO_PKG_VERSION")));
    let (digest, archive) = compiled(&image, &work.path().join("one"))?;
    let (other, _) = compiled(&image, &work.path().join("another/place"))?;
    ensure!(
        digest == other,
        "the same source gave {digest} and {other}: nobody could make the image again"
    );
    let name = format!("operator-{}.tar", env!("CARGO_PKG_VERSION"));
    fs::copy(&archive, to.join(&name)).with_context(|| format!("write {name}"))?;
    println!("{} {digest}", image.name);
    bill(&work.path().join("one/source"), &to)?;
    for chart in CHARTS {
        package(chart, (&arguments.repository, &digest), work.path(), &to)?;
    }
    sums(&to)?;
    println!("{} holds the release. Push it, digest and all:", to.display());
    println!(
        "  skopeo copy --preserve-digests oci-archive:{name} docker://{}",
        image.name
    );
    Ok(ExitCode::SUCCESS)
}

fn judge(arguments: &ReleaseArgs) -> Result<()> {
    let judges = if arguments.without_advisories {
        println!("published vulnerabilities of the dependencies are NOT checked");
        check::OF_THE_SOURCE
    } else {
        &["all"]
    };
    check::dependencies(judges).context("what the release is compiled from")
}

/// Compiles the operator from a copy of its source in `folder`, and packs the image there.
fn compiled(image: &Image, folder: &Path) -> Result<(String, PathBuf)> {
    let (source, layer) = (folder.join("source"), folder.join("layer"));
    copy(&source)?;
    println!("compiling the operator in {} (minutes)", folder.display());
    operator::fill(&layer, &source, &folder.join("target"))?;
    let archive = folder.join("operator.tar");
    Ok((oci::archive(image, &[layer], &archive)?, archive))
}

/// Copies what the image is compiled from.
fn copy(to: &Path) -> Result<()> {
    for name in SOURCES {
        let target = to.join(name);
        fs::create_dir_all(target.parent().context("a parent")?)?;
        let mut copy = Command::new("cp");
        exec::quietly(copy.arg("-R").arg(paths::repository().join(name)).arg(&target))?;
    }
    Ok(())
}

/// Writes `sbom.cdx.json`, in `CycloneDX`: every crate that is compiled in, and the jar beside the binary.
fn bill(source: &Path, to: &Path) -> Result<()> {
    let cyclonedx = crates::program("cargo-cyclonedx", versions::CYCLONEDX)?;
    let mut command = Command::new(cyclonedx);
    command.args([
        "cyclonedx",
        "--format",
        "json",
        "--spec-version",
        "1.5",
        "--override-filename",
        "bill",
    ]);
    command.args(["--target", &format!("{}-unknown-linux-gnu", std::env::consts::ARCH)]);
    command.arg("--manifest-path").arg(source.join("Cargo.toml"));
    command.env("SOURCE_DATE_EPOCH", crate::build::pack::EPOCH.to_string());
    exec::quietly(&mut command)?;
    let text = fs::read_to_string(source.join("bill.json")).context("the bill of materials")?;
    let mut bill: Value = serde_json::from_str(&text.replace(&source.display().to_string(), "/source"))?;
    let components = bill
        .get_mut("components")
        .and_then(Value::as_array_mut)
        .context("components")?;
    components.push(exporter());
    println!("sbom.cdx.json: {} components", components.len());
    ensure!(components.len() > 50, "too few to be all");
    // A random number would make each run another file.
    if let Some(fields) = bill.as_object_mut() {
        fields.remove("serialNumber");
    }
    fs::write(to.join("sbom.cdx.json"), serde_json::to_vec_pretty(&bill)?).context("write sbom.cdx.json")
}

fn exporter() -> Value {
    let version = versions::JMX_EXPORTER;
    json!({
        "type": "library", "group": "io.prometheus.jmx", "name": "jmx_prometheus_javaagent", "version": version,
        "bom-ref": format!("pkg:maven/io.prometheus.jmx/jmx_prometheus_javaagent@{version}"),
        "purl": format!("pkg:maven/io.prometheus.jmx/jmx_prometheus_javaagent@{version}"),
        "hashes": [{"alg": "SHA-256", "content": versions::JMX_EXPORTER_SHA256}],
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    })
}

/// Packs a chart, which installs the image by its digest.
fn package(chart: &str, (repository, digest): (&str, &str), work: &Path, to: &Path) -> Result<()> {
    let folder = work.join("charts");
    copy_chart(chart, &folder)?;
    let folder = folder.join(chart);
    if chart == "productionkafka" {
        let path = folder.join("values.yaml");
        let pinned = pinned(&fs::read_to_string(&path)?, repository, digest)?;
        fs::write(&path, pinned)?;
    }
    let mut helm = Command::new(go::one("helm")?);
    exec::quietly(helm.arg("package").arg(&folder).arg("--destination").arg(to))
}

/// Copies a chart into `folder`, with what its links point to.
fn copy_chart(chart: &str, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut copy = Command::new("cp");
    copy.arg("-RL").arg(paths::repository().join("charts").join(chart));
    exec::quietly(copy.arg(folder))
}

/// The chart's values with the image's repository and digest.
fn pinned(values: &str, repository: &str, digest: &str) -> Result<String> {
    let mut text = values.to_owned();
    for (from, into) in [
        (
            "\n  repository: docker.io/productionkafka/operator\n",
            format!("\n  repository: {repository}\n"),
        ),
        ("\n  digest: \"\"\n", format!("\n  digest: \"{digest}\"\n")),
    ] {
        ensure!(
            text.matches(from).count() == 1,
            "values.yaml has no line {from:?}, or several"
        );
        text = text.replace(from, &into);
    }
    Ok(text)
}

/// `SHA256SUMS` of everything else.
fn sums(folder: &Path) -> Result<()> {
    let mut lines = String::new();
    for file in digest::files(folder)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name != "SHA256SUMS" {
            writeln!(lines, "{}  {name}", digest::file(&file)?)?;
        }
    }
    fs::write(folder.join("SHA256SUMS"), lines).context("write SHA256SUMS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charts_values_can_be_pinned() {
        let values = fs::read_to_string(paths::repository().join("charts/productionkafka/values.yaml")).unwrap();
        let text = pinned(&values, "registry.example/kafka/operator", "sha256:0123").unwrap();
        assert!(text.contains("  repository: registry.example/kafka/operator\n"));
        assert!(text.contains("  digest: \"sha256:0123\"\n"));
        assert!(pinned("image: {}\n", "x", "y").is_err());
    }

    #[test]
    fn charts_are_copied_with_what_they_link_to() {
        let folder = tempfile::tempdir().unwrap();
        for chart in CHARTS {
            copy_chart(chart, folder.path()).unwrap();
        }
        let files = digest::files(folder.path()).unwrap();
        let definitions = files
            .iter()
            .filter(|file| file.starts_with(folder.path().join("productionkafka-crds/files")));
        assert!(definitions.count() >= 3);
        assert!(files.iter().all(|file| !file.symlink_metadata().unwrap().is_symlink()));
    }

    #[test]
    fn sources_are_what_the_dockerfile_gets() {
        let path = paths::repository().join("images/operator/Dockerfile.dockerignore");
        let text = fs::read_to_string(path).unwrap();
        let let_in: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix('!')).collect();
        assert_eq!(let_in, SOURCES);
    }
}
