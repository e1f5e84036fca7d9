//! The load client of the workload ledger: `e2e/ledger/*.java`, compiled against the libraries of the Kafka image. The
//! classes run with whatever release of those libraries an image holds.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{cached, java, kafka, remove};
use crate::versions::{self, DEFAULT_KAFKA};
use crate::{digest, exec, packages, paths};

/// Folder of the sources and of their logging configuration.
pub fn source() -> PathBuf {
    paths::repository().join("e2e/ledger")
}

/// The jar; made on first use. A ConfigMap carries it, so it must stay below 1 MiB.
pub fn jar() -> Result<PathBuf> {
    cached(
        &format!("ledger-{}.jar", digest::key(&source(), &[DEFAULT_KAFKA, "1"])?),
        |jar| {
            packages::for_images()?;
            let work = tempfile::tempdir()?;
            let (libraries, classes) = (work.path().join("libs"), work.path().join("classes"));
            let release = versions::kafka(DEFAULT_KAFKA).context("the default release is known")?;
            kafka::libraries(release, &libraries).context("fetch the libraries of Kafka")?;
            let sources = digest::files(&source())?;
            let sources = sources.iter().filter(|path| path.extension() == Some("java".as_ref()));
            let home = java::home()?;
            let mut compile = Command::new(home.join("bin/javac"));
            compile.args(["--release", "17", "-Xlint:all", "-Werror", "-cp"]);
            // Everything but the client is for the run time, and warns about what javac does not find of it.
            let client = libraries.join(format!("kafka-clients-{DEFAULT_KAFKA}.jar"));
            compile.arg(client).arg("-d").arg(&classes).args(sources);
            exec::quietly(&mut compile).context("compile the load client")?;
            remove(jar)?;
            let mut pack = Command::new(home.join("bin/jar"));
            pack.arg("--create").arg("--file").arg(jar).arg("-C").arg(&classes);
            exec::quietly(pack.arg(".")).context("pack the load client")
        },
    )
}

/// Configuration of the client's log.
pub fn log_configuration() -> Result<String> {
    let path = source().join("log4j2.properties");
    fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
}
