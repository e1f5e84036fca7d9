//! Subcommands, one file each. This file only parses the command line and starts a runtime of the right size.

pub(crate) mod crd;
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
    /// Print the custom resource definitions, or write one file per kind.
    Crd(crd::Args),
}

/// Parses the arguments of this process and runs the subcommand.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Crd(args) => exit(crd::run(&args)),
    }
}

fn exit<E: std::error::Error>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("productionkafka: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}
