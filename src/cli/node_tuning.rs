//! `node-tuning`: kernel settings of a whole machine, set and kept by a privileged pod of the chart `productionkafka-node-tuning`.
//! Only settings that Kafka's machines are commonly given can be named; each is written when it differs, and looked at again now
//! and then. It asks nobody and needs no rights in Kubernetes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::print_error;
use crate::runtime::shutdown::Shutdown;

/// What may be set. Not namespaced: the same for everything that runs on the machine.
const ALLOWED: [&str; 9] = [
    "fs.file-max",
    "fs.nr_open",
    "net.core.netdev_max_backlog",
    "net.core.rmem_max",
    "net.core.wmem_max",
    "vm.dirty_background_ratio",
    "vm.dirty_ratio",
    "vm.max_map_count",
    "vm.swappiness",
];
/// Limits that are only raised: something else on the machine may need more.
const LEAST: [&str; 6] = [
    "fs.file-max",
    "fs.nr_open",
    "net.core.netdev_max_backlog",
    "net.core.rmem_max",
    "net.core.wmem_max",
    "vm.max_map_count",
];

/// Arguments of `node-tuning`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A setting, for example `vm.swappiness=1`.
    #[arg(long, value_name = "KEY=NUMBER", value_parser = setting, required = true)]
    set: Vec<(String, u64)>,
    /// Where the kernel's settings are.
    #[arg(long, default_value = "/proc/sys", hide = true)]
    root: PathBuf,
    /// Seconds between two looks.
    #[arg(long, default_value = "300")]
    interval: u64,
}

fn setting(text: &str) -> Result<(String, u64), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=NUMBER")?;
    if !ALLOWED.contains(&key) {
        return Err(format!("not one of {}", ALLOWED.join(", ")));
    }
    let value = value.parse().map_err(|_| format!("{value:?} isn't a number"))?;
    Ok((key.to_owned(), value))
}

/// Until the process is told to end. A setting that can't be written is told each time, and the others are written all the same.
pub async fn run(args: Args) -> ExitCode {
    let end = match Shutdown::on_signals() {
        Ok(end) => end,
        Err(error) => {
            print_error(&error);
            return ExitCode::FAILURE;
        }
    };
    loop {
        for (key, value) in &args.set {
            match apply(&args.root, key, *value) {
                Ok(Some(before)) => println!("{key}: {before} -> {value}"),
                Ok(None) => {}
                Err(error) => eprintln!("productionkafka: set {key}: {error}"),
            }
        }
        tokio::select! {
            () = end.requested() => return ExitCode::SUCCESS,
            () = tokio::time::sleep(Duration::from_secs(args.interval.max(1))) => {}
        }
    }
}

/// The value before, if it was changed.
fn apply(root: &Path, key: &str, value: u64) -> std::io::Result<Option<u64>> {
    let file = root.join(key.replace('.', "/"));
    let text = fs::read_to_string(&file)?;
    let before: u64 = text.trim().parse().map_err(std::io::Error::other)?;
    let is_enough = if LEAST.contains(&key) {
        before >= value
    } else {
        before == value
    };
    if is_enough {
        return Ok(None);
    }
    fs::write(&file, value.to_string())?;
    Ok(Some(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_only_raised_and_the_rest_is_set() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("vm")).unwrap();
        let write = |name: &str, text: &str| fs::write(root.path().join("vm").join(name), text).unwrap();
        let read = |name: &str| fs::read_to_string(root.path().join("vm").join(name)).unwrap();
        write("max_map_count", "65530\n");
        write("swappiness", "60\n");
        assert_eq!(apply(root.path(), "vm.max_map_count", 262_144).unwrap(), Some(65_530));
        assert_eq!(apply(root.path(), "vm.max_map_count", 100_000).unwrap(), None);
        assert_eq!(read("max_map_count"), "262144");
        assert_eq!(apply(root.path(), "vm.swappiness", 1).unwrap(), Some(60));
        assert_eq!(apply(root.path(), "vm.swappiness", 1).unwrap(), None);
        assert!(apply(root.path(), "vm.dirty_ratio", 60).is_err());
    }

    #[test]
    fn only_known_settings_are_taken() {
        assert_eq!(setting("vm.swappiness=1"), Ok(("vm.swappiness".to_owned(), 1)));
        for wrong in [
            "kernel.core_pattern=1",
            "vm.swappiness",
            "vm.swappiness=low",
            "../vm.swappiness=1",
        ] {
            assert!(setting(wrong).is_err(), "{wrong}");
        }
    }
}
