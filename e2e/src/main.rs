//! `cargo e2e`: the local Kubernetes cluster, the images, and the end-to-end suites.

mod admin;
mod alerts;
mod build;
mod check;
mod cli;
mod client;
mod cluster;
mod commands;
mod conform;
mod definitions;
mod demo;
mod diagnosis;
mod digest;
mod exec;
#[allow(dead_code, reason = "what suites work with; each suite uses a part of it")]
mod harness;
mod install;
#[allow(dead_code, reason = "suites use what they need of it")]
mod ledger;
mod packages;
mod paths;
mod planned;
mod release;
mod resources;
mod schemas;
mod suites;
mod versions;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match commands::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
