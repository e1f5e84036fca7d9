//! Starting a cluster from outside: builds what is missing, starts the outermost process, and follows its progress.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::spec::Spec;
use super::{down, enter};
use crate::cli::UpArgs;
use crate::versions::{self, Kafka};
use crate::{build, paths};

/// Starts the cluster `name`, or says that it runs already.
pub fn up(name: &str, arguments: &UpArgs) -> Result<()> {
    let started = Instant::now();
    if !nix::unistd::geteuid().is_root() {
        bail!("a local cluster needs root: it makes namespaces, mounts and control groups");
    }
    let folder = paths::cluster(name)?;
    fs::create_dir_all(paths::clusters()?)?;
    let lock = File::create(paths::clusters()?.join(format!("{name}.lock")))?;
    lock.lock()
        .with_context(|| format!("another command is starting or ending {name}"))?;
    if enter::is_up(name)? {
        return already_up(name, arguments);
    }
    down::clean(name)?;
    let kafka: Vec<Kafka> = arguments
        .kafka
        .iter()
        .map(|version| release(version))
        .collect::<Result<_>>()?;
    let artefacts = build::all(&kafka)?;
    let spec = Spec {
        name: name.to_owned(),
        nodes: arguments.nodes,
        kafka: arguments.kafka.clone(),
        folder,
        program_folders: artefacts.programs.folders().to_vec(),
        store: artefacts.store,
    };
    if let Err(error) = attempt(&spec) {
        println!("{error:#}; trying once more");
        attempt(&spec)?;
    }
    println!(
        "cluster {name} is up after {:.1} s; `cargo e2e status` shows its files",
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

fn already_up(name: &str, arguments: &UpArgs) -> Result<()> {
    let spec = Spec::read(name)?;
    let missing: Vec<&String> = arguments
        .kafka
        .iter()
        .filter(|version| !spec.kafka.contains(version))
        .collect();
    if spec.nodes != arguments.nodes || !missing.is_empty() {
        bail!(
            "cluster {name} is up with {} node(s) and Kafka {}: end it first with `cargo e2e --name {name} down`",
            spec.nodes,
            spec.kafka.join(", ")
        );
    }
    println!("cluster {name} is up already");
    Ok(())
}

fn release(version: &str) -> Result<Kafka> {
    let known = versions::KAFKA.map(|kafka| kafka.version).join(", ");
    versions::kafka(version)
        .with_context(|| format!("no image can be assembled for Kafka {version}; known are {known}"))
}

/// One start in a fresh folder. What a failed one said is on the terminal; its folder is gone.
fn attempt(spec: &Spec) -> Result<()> {
    fs::create_dir_all(spec.logs())?;
    spec.write()?;
    start(spec)
}

/// Starts the outermost process in a session of its own, so that it outlives this command and its terminal.
fn start(spec: &Spec) -> Result<()> {
    let path = spec.logs().join("boot.log");
    let log = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    let mut launch = Command::new("setsid");
    launch
        .arg(std::env::current_exe()?)
        .args(["--name", &spec.name, "launch"])
        .current_dir("/");
    launch.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut child = launch.spawn().context("start setsid")?;
    let mut shown = 0;
    loop {
        let ended = child.try_wait()?;
        let text = fs::read_to_string(&path).unwrap_or_default();
        let complete = text.rfind('\n').map_or(0, |end| end + 1);
        print!("{}", text.get(shown..complete).unwrap_or_default());
        shown = complete.max(shown);
        if spec.ready_mark().exists() {
            return Ok(());
        }
        if let Some(status) = ended {
            down::clean(&spec.name).context("clean up after a failed start")?;
            bail!(
                "the cluster {} did not start ({status}); what it said is above",
                spec.name
            );
        }
        sleep(Duration::from_millis(50));
    }
}
