//! Why an init step failed: what was tried on which file, host or disk.

use std::path::PathBuf;
use std::time::Duration;

use super::plan::Refusal;
use super::properties::ConfigError;

#[derive(Debug, thiserror::Error)]
pub enum NodeInitError {
    #[error("copy {from} to {to}")]
    Copy {
        from: PathBuf,
        to: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("read {path}")]
    ReadConfig {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("use the configuration {path}")]
    Config {
        path: PathBuf,
        #[source]
        source: ConfigError,
    },
    #[error("{0}")]
    Refused(Box<Refusal>),
    #[error("make this controller the only voter")]
    SoleVoter(#[from] super::sole_voter::SoleVoterError),
    #[error(
        "wait until {host} resolves: no address after {}s; a node that starts before the others can resolve it never \
         joins. Check the headless Service (publishNotReadyAddresses) and the cluster's DNS",
        timeout.as_secs()
    )]
    Unresolved {
        host: String,
        timeout: Duration,
        #[source]
        source: std::io::Error,
    },
    #[error("remove {path}, a rest of an interrupted format")]
    Clean {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "vm.max_map_count of this machine is {found}, and spec.tuning.os.requireMaxMapCount asks for {least}: raise it \
         there (sysctl -w vm.max_map_count={least}, or the chart's nodeTuning)"
    )]
    MapCount { found: u64, least: u64 },
    #[error("start the storage tool {tool}")]
    StartTool {
        tool: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("format with {tool}: no end after {}s", timeout.as_secs())]
    ToolTimeout { tool: PathBuf, timeout: Duration },
    #[error("format with {tool}: {status}: {output}")]
    ToolFailed {
        tool: PathBuf,
        status: std::process::ExitStatus,
        output: String,
    },
    #[error("format with {tool}: it reported success, but {path} is not formatted for this node")]
    NotFormatted { tool: PathBuf, path: PathBuf },
}
