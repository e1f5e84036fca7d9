//! `node-init`: what the init containers of a Kafka pod run.
//!
//! `prepare` brings this binary into the pod; `format` checks every log directory, formats what is empty with the image's
//! own `StorageTool`, and refuses a disk that belongs to another cluster or node. It never passes a directory id and never
//! makes a voter out of a controller whose disk was lost (see `plan`).

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

mod directories;
mod error;
mod format;
mod host;
mod limits;
mod plan;
mod prepare;
mod properties;
mod sole_voter;
mod storage_tool;
#[cfg(test)]
mod tests;

pub use error::NodeInitError;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Copy this binary (and the JMX exporter, if the image has it) into a volume that the Kafka container mounts.
    Prepare(PrepareArgs),
    /// Check the log directories of this node and format the empty ones.
    Format(Box<FormatArgs>),
}

#[derive(Clone, Debug, Parser)]
pub struct PrepareArgs {
    /// Directory to copy to.
    #[arg(long)]
    pub to: PathBuf,
}

#[derive(Clone, Debug, Parser)]
pub struct FormatArgs {
    /// Node id that this pod was made for.
    #[arg(long, env = "PK_NODE_ID")]
    pub node_id: u32,
    /// Cluster id that every disk of this node must carry.
    #[arg(long, env = "PK_CLUSTER_ID")]
    pub cluster_id: String,
    /// Host name that the other nodes know this node by.
    #[arg(long, env = "PK_NODE_HOST")]
    pub node_host: String,
    /// Voters of the first day, `id@host:port:directoryId,…`; set only while the cluster is bootstrapped.
    #[arg(long, env = "PK_INITIAL_VOTERS")]
    pub initial_voters: Option<String>,
    /// Uid of this pod; set with the voters.
    #[arg(long, env = "PK_POD_UID", default_value = "")]
    pub pod_uid: String,
    /// What the operator permits a pod to format its disk as: the pod's uid and `Voter` or `Observer`.
    #[arg(long, env = "PK_FIRST_FORMAT", default_value = "")]
    pub first_format: String,
    /// Where the metadata log ends, if this controller is to go on as the only voter after the others were lost for good.
    #[arg(long, env = "PK_SOLE_VOTER")]
    pub sole_voter: Option<i64>,
    /// `vm.max_map_count` that this machine must have.
    #[arg(long, env = "PK_LEAST_MAP_COUNT")]
    pub least_map_count: Option<u64>,
    /// Broker or controller configuration.
    #[arg(long, default_value = "/etc/kafka/operator/server.properties")]
    pub config: PathBuf,
    /// The image's storage tool.
    #[arg(long, default_value = "/opt/kafka/bin/kafka-storage.sh")]
    pub storage_tool: PathBuf,
    /// How long to wait until the node's host name resolves.
    #[arg(long, default_value = "120s", value_parser = duration)]
    pub resolve_timeout: Duration,
    /// Where the kubelet reads the reason of a failure.
    #[arg(long, default_value = "/dev/termination-log", hide = true)]
    pub termination_log: PathBuf,
}

/// Runs the init step. A failure of `format` is also written to the termination log.
pub async fn run(args: Args) -> Result<(), NodeInitError> {
    match args.command {
        Command::Prepare(args) => prepare::run(&args),
        Command::Format(args) => format::run(&args).await,
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration: jiff::SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(duration).map_err(|_| "the duration is negative".to_owned())
}
