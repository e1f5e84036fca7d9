//! The local Kafka image, with the layout of `apache/kafka`: assembled from Maven Central, Debian and a JDK, because no
//! image can be pulled where this runs. The operator must not rely on anything that only this image has.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

use super::pack::{self, EPOCH, Image};
use super::{archive, cached, debian, java, remove};
use crate::versions::{self, Kafka};
use crate::{digest, exec, paths};

/// Debian packages of the lowest layer; the JDK needs nothing but libc.
const BASE_PACKAGES: [&str; 4] = ["libc6", "libtinfo6", "bash", "busybox-static"];

/// Modules of the run-time image: what Kafka, Connect, Kerberos, JMX and debugging use. `java.desktop` is needed by
/// log4j-core for java.beans.
const MODULES: &str = "java.base,java.compiler,java.desktop,java.instrument,java.logging,java.management,\
java.management.rmi,java.naming,java.net.http,java.prefs,java.rmi,java.scripting,java.security.jgss,java.security.sasl,\
java.sql,java.sql.rowset,java.transaction.xa,java.xml,java.xml.crypto,jdk.charsets,jdk.crypto.cryptoki,jdk.crypto.ec,\
jdk.httpserver,jdk.jdwp.agent,jdk.jfr,jdk.localedata,jdk.management,jdk.management.agent,jdk.management.jfr,\
jdk.naming.dns,jdk.naming.rmi,jdk.net,jdk.nio.mapmode,jdk.sctp,jdk.security.auth,jdk.security.jgss,jdk.unsupported,\
jdk.xml.dom,jdk.zipfs";

/// `images/kafka/image.json`.
#[derive(Deserialize)]
struct Look {
    config: Value,
    owners: BTreeMap<String, u64>,
    /// Octal.
    modes: BTreeMap<String, String>,
}

/// Name of the image inside the cluster: the same as upstream's.
pub fn image_name(version: &str) -> String {
    format!("docker.io/apache/kafka:{version}")
}

/// Whether the image needs no building.
pub fn is_cached(kafka: Kafka) -> bool {
    entry(kafka)
        .and_then(|entry| Ok(paths::built()?.join(entry).exists()))
        .unwrap_or(false)
}

/// The docker archive of one release.
pub fn image(kafka: Kafka) -> Result<PathBuf> {
    cached(&entry(kafka)?, |archive| {
        println!("assembling the image of Kafka {} (about half a minute)", kafka.version);
        let work = archive.with_extension("work");
        remove(&work)?;
        let built = assemble(kafka, &work, archive);
        remove(&work)?;
        built
    })
}

fn source() -> PathBuf {
    paths::repository().join("images/kafka")
}

fn entry(kafka: Kafka) -> Result<String> {
    let jdk = java::home()
        .ok()
        .and_then(|home| java::full_version(&home))
        .unwrap_or_default();
    let recipe = digest::key(&source(), &[&jdk, &format!("{kafka:?}"), MODULES, "1"])?;
    Ok(format!("image-kafka-{}-{recipe}.tar", kafka.version))
}

fn assemble(kafka: Kafka, work: &Path, archive: &Path) -> Result<()> {
    let layer = |name: &str| work.join(name);
    base_layer(&layer("base")).context("base layer")?;
    java_layer(&layer("java")).context("Java layer")?;
    kafka_layer(kafka, &layer("kafka"), "opt/kafka").context("Kafka layer")?;
    let mut layers = vec![layer("base"), layer("java"), layer("kafka")];
    set_times(work)?;
    archive::train(&layers, &source().join("train.sh"), &layer("archive"))?;
    layers.push(layer("archive"));
    if !kafka.tools {
        layers.push(client_tools_layer(&layer("kafka"), &layer("tools")).context("client tools layer")?);
    }
    let text = fs::read_to_string(source().join("image.json"))?;
    let look: Look = serde_json::from_str(&text).context("parse images/kafka/image.json")?;
    let modes = look
        .modes
        .into_iter()
        .map(|(path, mode)| Ok((path, u32::from_str_radix(&mode, 8)?)));
    let image = Image {
        name: image_name(kafka.version),
        config: look.config,
        owners: look.owners,
        modes: modes.collect::<Result<_>>()?,
    };
    pack::docker_archive(&image, &layers, archive)
}

fn base_layer(root: &Path) -> Result<()> {
    debian::layer(root, &BASE_PACKAGES)?;
    account_files(root)
}

fn account_files(root: &Path) -> Result<()> {
    let users = "root:x:0:0:root:/root:/bin/sh\nappuser:x:1000:1000::/home/appuser:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n";
    fs::write(root.join("etc/passwd"), users)?;
    fs::write(root.join("etc/group"), "root:x:0:\nappuser:x:1000:\nnobody:x:65534:\n")?;
    fs::write(
        root.join("etc/nsswitch.conf"),
        "passwd: files\ngroup: files\nhosts: files dns\n",
    )?;
    Ok(fs::write(
        root.join("etc/os-release"),
        "ID=kafka-local\nNAME=\"locally assembled Kafka image\"\n",
    )?)
}

fn java_layer(root: &Path) -> Result<()> {
    let jdk = java::home()?;
    let home = root.join("opt/java/openjdk");
    fs::create_dir_all(root.join("opt/java"))?;
    // Before 21 the level is a number.
    let compress = if java::version(&jdk).is_some_and(|version| version >= 21) {
        "zip-6"
    } else {
        "2"
    };
    let mut link = Command::new(jdk.join("bin/jlink"));
    link.args([
        "--add-modules",
        MODULES,
        "--strip-debug",
        "--no-header-files",
        "--no-man-pages",
    ]);
    exec::quietly(link.arg(format!("--compress={compress}")).arg("--output").arg(&home))?;
    // jlink leaves the JDK's own class-data archive out.
    exec::quietly(Command::new(home.join("bin/java")).arg("-Xshare:dump"))?;
    for unused in [
        "classes_nocoops.jsa",
        "classes_coh.jsa",
        "classes_nocoops_coh.jsa",
        "classes_coh_nocoops.jsa",
    ] {
        remove(&home.join("lib/server").join(unused))?;
    }
    Ok(())
}

/// A distribution's folder `at`, and the folders that the upstream image has beside it.
fn kafka_layer(kafka: Kafka, root: &Path, at: &str) -> Result<()> {
    let home = root.join(at);
    for folder in ["libs", "bin", "config", "licenses"] {
        fs::create_dir_all(home.join(folder))?;
    }
    for folder in [
        "etc/kafka/docker",
        "etc/kafka/secrets",
        "var/lib/kafka/data",
        "mnt/shared/config",
        "usr/logs",
    ] {
        fs::create_dir_all(root.join(folder))?;
    }
    libraries(kafka, &home.join("libs"))?;
    for file in digest::files(&source().join("bin"))? {
        install(&file, &home.join("bin"), 0o755)?;
    }
    for file in digest::files(&source().join("config"))? {
        install(&file, &home.join("config"), 0o644)?;
    }
    install(&source().join("docker/run"), &root.join("etc/kafka/docker"), 0o755)?;
    launchers(&home.join("bin"))
}

/// Everything that lies in `libs`, from Maven Central.
pub(super) fn libraries(kafka: Kafka, to: &Path) -> Result<()> {
    let mut maven = Command::new("mvn");
    maven
        .args(["-B", "-q", "-f"])
        .arg(source().join("pom.xml"))
        .env("JAVA_HOME", java::home()?);
    maven.arg(format!(
        "-Dmaven.repo.local={}",
        paths::cache()?.join("maven").display()
    ));
    maven
        .arg(format!("-Dkafka.version={}", kafka.version))
        .arg(format!("-Dlog4j.version={}", kafka.log4j));
    maven.arg(format!("-Dlibs.dir={}", to.display()));
    for (present, switch) in [(kafka.tools, "-Dwithout.tools"), (kafka.connect, "-Dwithout.connect")] {
        if !present {
            maven.arg(switch);
        }
    }
    // Two Mavens must not write to one repository at the same time.
    let _lock = super::lock("maven")?;
    exec::quietly(maven.arg("prepare-package"))
}

fn install(file: &Path, folder: &Path, mode: u32) -> Result<()> {
    let to = folder.join(file.file_name().context("a file has a name")?);
    fs::copy(file, &to).with_context(|| format!("copy {}", file.display()))?;
    Ok(fs::set_permissions(&to, fs::Permissions::from_mode(mode))?)
}

/// One script per line of `tools.tsv`: name, class, heap, service name.
fn launchers(folder: &Path) -> Result<()> {
    let list = fs::read_to_string(source().join("tools.tsv")).context("read images/kafka/tools.tsv")?;
    for line in list.lines() {
        let mut fields = line.split('\t');
        let (name, class) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let path = folder.join(name);
        fs::write(
            &path,
            launcher(
                class,
                fields.next().unwrap_or_default(),
                fields.next().unwrap_or_default(),
            ),
        )?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn launcher(class: &str, heap: &str, service: &str) -> String {
    let heap = if heap.is_empty() {
        String::new()
    } else {
        format!("export KAFKA_HEAP_OPTS=\"${{KAFKA_HEAP_OPTS:-{heap}}}\"\n")
    };
    let service = if service.is_empty() {
        String::new()
    } else {
        format!("-name {service} ")
    };
    format!("#!/bin/sh\n{heap}exec \"$(dirname \"$0\")/kafka-run-class.sh\" {service}{class} \"$@\"\n")
}

/// For a release without tools: those of the default release in a folder of their own, under the usual names too.
fn client_tools_layer(kafka: &Path, layer: &Path) -> Result<PathBuf> {
    let complete = versions::kafka(versions::DEFAULT_KAFKA).context("the default release is known")?;
    let at = format!("opt/kafka-tools-{}", complete.version);
    let scratch = layer.with_extension("scratch");
    kafka_layer(complete, &scratch, &at)?;
    fs::create_dir_all(layer.join("opt/kafka/bin"))?;
    fs::rename(scratch.join(&at), layer.join(&at))?;
    remove(&scratch)?;
    for tool in digest::files(&layer.join(&at).join("bin"))? {
        let name = tool
            .file_name()
            .context("a file has a name")?
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&tool)?;
        // What kafka_2.13 itself holds is there in the right version: the server, StorageTool and ConfigCommand.
        if text.contains(" org.apache.kafka.") {
            let path = layer.join("opt/kafka/bin").join(&name);
            fs::write(&path, format!("#!/bin/sh\nexec /{at}/bin/{name} \"$@\"\n"))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
    }
    debug_assert!(kafka.join("opt/kafka/bin").is_dir());
    set_times(layer)?;
    Ok(layer.to_path_buf())
}

/// Class-data archives hold the times of the jars and are refused when those differ.
fn set_times(folder: &Path) -> Result<()> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(EPOCH);
    for path in digest::files(folder)? {
        let file = File::options()
            .append(true)
            .open(&path)
            .with_context(|| format!("open {}", path.display()))?;
        file.set_modified(time)
            .with_context(|| format!("set the time of {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_keep_a_given_heap() {
        let text = launcher("org.apache.kafka.tools.TopicCommand", "-Xmx512M", "");
        assert!(
            text.contains("${KAFKA_HEAP_OPTS:--Xmx512M}")
                && text.contains(" org.apache.kafka.tools.TopicCommand \"$@\"")
        );
        assert!(!launcher("kafka.tools.StorageTool", "", "").contains("HEAP"));
    }

    #[test]
    fn the_image_description_is_complete() {
        let text = fs::read_to_string(source().join("image.json")).unwrap();
        let look: Look = serde_json::from_str(&text).unwrap();
        assert_eq!(look.config["User"], "appuser");
        assert_eq!(look.owners["/opt/kafka"], 1000);
        assert_eq!(u32::from_str_radix(&look.modes["/tmp"], 8).unwrap(), 0o1777);
    }
}
