//! What each command of the command line does, in terms of the other modules.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::build::{go, operator};
use crate::cli::{self, Cli, Target};
use crate::cluster::{Spec, boot, containerd, down, enter, up};
use crate::{check, demo, harness, paths, release};

/// Carries out one command.
pub fn run(cli: Cli) -> Result<ExitCode> {
    let Cli { target, command } = cli;
    let name = target.name.as_str();
    fits(&target, &command)?;
    match command {
        cli::Command::Up(arguments) => up::up(name, &arguments)?,
        cli::Command::Down => down::down(name)?,
        cli::Command::Status => status(name)?,
        cli::Command::Kubectl(rest) => enter::replace(inside(&target, &with("kubectl", rest.words))?)?,
        cli::Command::Helm(rest) => enter::replace(inside(&target, &with("helm", rest.words))?)?,
        cli::Command::Sh(rest) => enter::replace(inside(&target, &rest.words)?)?,
        cli::Command::Tool(rest) => tool(&rest.words)?,
        cli::Command::Load { archive } => load(name, &archive)?,
        cli::Command::Images => images(&target)?,
        cli::Command::Test(arguments) => return harness::test(&target, &arguments),
        cli::Command::Bench(arguments) => return harness::bench(&target, &arguments),
        cli::Command::Demo => demo::demo(&target)?,
        cli::Command::Check(arguments) => return check::check(arguments),
        cli::Command::Logs { log } => logs(name, log.as_deref())?,
        cli::Command::Release(arguments) => return release::release(&arguments),
        cli::Command::Launch => boot::launch(name)?,
        cli::Command::Init => boot::init(name)?,
        cli::Command::Boot => boot::boot(name)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses what would start, end or read a local cluster while the caller means another one, and the other way round.
fn fits(target: &Target, command: &cli::Command) -> Result<()> {
    use cli::Command::{Down, Load, Logs, Status, Up};
    let images = &target.images;
    if target.use_current_context && matches!(command, Up(_) | Down | Status | Load { .. } | Logs { .. }) {
        bail!("this command is about local clusters only: leave --use-current-context out");
    }
    if !target.use_current_context && (images.operator_image.is_some() || images.kafka_image.is_some()) {
        bail!("a local cluster gets the images that are built here: name images with --use-current-context only");
    }
    Ok(())
}

/// A command that sees the target cluster: inside the local one, or plainly with the caller's own KUBECONFIG.
pub fn inside(target: &Target, words: &[String]) -> Result<Command> {
    if !target.use_current_context {
        return enter::command(&target.name, words);
    }
    let (program, arguments) = words.split_first().context("a command has at least one word")?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

fn with(program: &str, words: Vec<String>) -> Vec<String> {
    std::iter::once(program.to_owned()).chain(words).collect()
}

fn tool(words: &[String]) -> Result<()> {
    let (program, arguments) = words.split_first().context("name a program")?;
    let mut command = Command::new(go::one(program)?);
    command.args(arguments);
    enter::replace(command)
}

fn status(name: &str) -> Result<()> {
    if !enter::is_up(name)? {
        bail!("cluster {name} is not up");
    }
    let spec = Spec::read(name)?;
    println!("cluster     {name}");
    println!("nodes       {}", spec.nodes);
    println!("kafka       {}", spec.kafka.join(", "));
    println!("folder      {}", spec.folder.display());
    println!("kubeconfig  {}", spec.admin_kubeconfig().display());
    println!("audit log   {}", spec.audit_log().display());
    println!("logs        {}", spec.logs().display());
    let words = ["kubectl", "get", "nodes", "-L", "topology.kubernetes.io/zone"].map(str::to_owned);
    enter::replace(enter::command(name, &words)?)
}

/// Imports a docker archive on every node of a local cluster.
pub fn load(name: &str, archive: &Path) -> Result<()> {
    if !enter::is_up(name)? {
        bail!("cluster {name} is not up");
    }
    let archive = archive
        .canonicalize()
        .with_context(|| format!("find {}", archive.display()))?;
    for node in Spec::read(name)?.node_list() {
        containerd::import(&node, &archive)?;
        println!("{} has {}", node.name, archive.display());
    }
    Ok(())
}

fn images(target: &Target) -> Result<()> {
    let archive = operator::image()?;
    println!("{} is in {}", operator::image_name(), archive.display());
    if target.use_current_context || !enter::is_up(&target.name)? {
        return Ok(());
    }
    load(&target.name, &archive)
}

fn logs(name: &str, wanted: Option<&str>) -> Result<()> {
    let folder = paths::cluster(name)?.join("log");
    let files = crate::digest::files(&folder).with_context(|| format!("cluster {name} has no logs"))?;
    for file in files {
        let log = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match wanted {
            None => println!("{:>10}  {}", file.metadata()?.len(), file.display()),
            Some(prefix) if log.starts_with(prefix) => print!("{}", String::from_utf8_lossy(&fs::read(&file)?)),
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_local_cluster_and_the_callers_own_are_never_mixed_up() {
        let fits = |words: &[&str]| {
            let cli = Cli::try_parse_from([&["e2e"], words].concat()).unwrap();
            fits(&cli.target, &cli.command).is_ok()
        };
        for command in ["up", "down", "status", "logs"] {
            assert!(fits(&[command]), "{command}");
            assert!(!fits(&[command, "--use-current-context"]), "{command}");
        }
        let image = ["demo", "--kafka-image", "r/k:1"];
        assert!(!fits(&image));
        assert!(fits(&[&image[..], &["--use-current-context"]].concat()));
    }
}
