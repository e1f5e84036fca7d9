//! Subcommands, one file each. This file only parses the command line and starts a runtime of the right size.

pub mod acl_sync;
mod capacity;
mod client_config;
mod connection;
pub(crate) mod crd;
mod file;
mod import;
pub mod node_init;
mod node_tuning;
mod offline;
pub(crate) mod plan;
pub mod probe;
mod quorum;
mod render;
mod run;
mod verify;
pub mod yaml;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Runs hardened Apache Kafka clusters on Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "productionkafka", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator.
    Run(Box<run::Args>),
    /// Print the custom resource definitions, or write one file per kind.
    Crd(crd::Args),
    /// Show what applying a ProductionKafka would change, restart and wait for; changes nothing.
    Plan(plan::Args),
    /// Print the objects that a ProductionKafka leads to, without a Kubernetes cluster.
    Render(render::Args),
    /// Compare the workload that a ProductionKafka states with what it gives, number by number.
    Capacity(capacity::Args),
    /// Print the client configuration of a KafkaUser on one of its cluster's listeners.
    ClientConfig(client_config::Args),
    /// Write KafkaTopic and KafkaUser resources for what exists in a Kafka cluster.
    Import(import::Args),
    /// Explain the quorum of a cluster, and what helps when nobody leads.
    Quorum(quorum::Args),
    /// Check a running cluster against 46 controls, and say what was seen.
    Verify(verify::Args),
    /// Bring the access rights in Kafka to a document's (what ACL Jobs run).
    AclSync(acl_sync::Args),
    /// Prepare a Kafka pod (what its init containers run).
    NodeInit(node_init::Args),
    /// Set kernel parameters of a machine (what the chart productionkafka-node-tuning runs).
    NodeTuning(node_tuning::Args),
    /// Answer a probe (what the kubelet runs in a Kafka pod).
    Probe(probe::Args),
}

/// Parses the arguments of this process and runs the subcommand.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(problem) => return unparsed(&problem),
    };
    match cli.command {
        Command::Run(args) => block_on(true, run::run(*args)),
        Command::Crd(args) => exit(crd::run(&args)),
        Command::Plan(args) => block_on(false, plan::run(args)),
        Command::Render(args) => exit(render::run(&args)),
        Command::Capacity(args) => capacity::run(&args),
        Command::ClientConfig(args) => block_on(false, client_config::run(args)),
        Command::Import(args) => block_on(false, import::run(args)),
        Command::Quorum(args) => block_on(false, quorum::run(args)),
        Command::Verify(args) => block_on(false, verify::run(args)),
        Command::AclSync(args) => block_on(false, acl_sync::run(args)),
        Command::NodeInit(args) => block_on(false, async { exit(node_init::run(args).await) }),
        Command::NodeTuning(args) => block_on(false, node_tuning::run(args)),
        Command::Probe(args) => block_on(false, probe::run(args)),
    }
}

/// A help that was asked for, or what's wrong with the arguments: an error as any other, since `plan` says with 2 that
/// something would change.
fn unparsed(problem: &clap::Error) -> ExitCode {
    let _ = problem.print();
    if problem.use_stderr() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Runs on two worker threads, or on this thread alone: probes start every few seconds and must stay small.
fn block_on(threads: bool, future: impl Future<Output = ExitCode>) -> ExitCode {
    let mut builder = if threads {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2);
        builder
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    match builder.enable_all().build() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => {
            eprintln!("productionkafka: start a runtime: {error}");
            ExitCode::FAILURE
        }
    }
}

fn exit<E: std::error::Error>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Prints an error with its causes.
pub(crate) fn print_error(error: &dyn std::error::Error) {
    eprintln!("productionkafka: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
}
