//! The `format` step: inspect, decide, wait for the name, format, check.

use std::error::Error;
use std::fs;

use super::directories::{Directory, DirectoryState, METADATA_PARTITION, inspect_all, remove_leftover};
use super::plan::{Facts, FormatPlan, Voter, plan};
use super::properties::{NodeConfig, Properties};
use super::sole_voter::{self, Order, Outcome};
use super::storage_tool::Quorum;
use crate::model::identity::FirstFormat;
use base64::Engine as _;

use super::{FormatArgs, NodeInitError, host, limits, storage_tool};

pub(super) async fn run(args: &FormatArgs) -> Result<(), NodeInitError> {
    let result = format(args).await;
    if let Err(error) = &result {
        // Best effort: outside a pod there is no such file, and the error is returned anyway.
        let _ = fs::write(&args.termination_log, explain(error));
    }
    result
}

async fn format(args: &FormatArgs) -> Result<(), NodeInitError> {
    let facts = gather(args)?;
    for warning in limits::warnings() {
        eprintln!("warning: {warning}");
    }
    limits::enforce(args.least_map_count)?;
    match plan(&facts) {
        FormatPlan::Refuse { why } => Err(NodeInitError::Refused(Box::new(why))),
        FormatPlan::AlreadyFormatted { failing } => {
            for path in failing {
                eprintln!(
                    "warning: {} cannot be read; Kafka will run without this disk",
                    path.display()
                );
            }
            println!("node {} is formatted", args.node_id);
            stand_alone(args, &facts)?;
            host::wait_until_resolvable(&args.node_host, args.resolve_timeout).await
        }
        FormatPlan::Format {
            initial_voters,
            reason,
            leftovers,
        } => {
            println!("formatting node {}: {reason}", args.node_id);
            host::wait_until_resolvable(&args.node_host, args.resolve_timeout).await?;
            for path in leftovers {
                remove_leftover(&path).map_err(|source| NodeInitError::Clean { path, source })?;
            }
            let quorum = Quorum::of(facts.config.is_static, initial_voters.as_deref());
            storage_tool::format(args, quorum).await?;
            check(args, &facts.config, initial_voters.as_deref())
        }
    }
}

/// Carries out a person's decision to go on with this controller alone.
fn stand_alone(args: &FormatArgs, facts: &Facts) -> Result<(), NodeInitError> {
    let Some(log_end) = args.sole_voter else {
        return Ok(());
    };
    let directory = facts
        .directories
        .iter()
        .find(|directory| directory.path == facts.config.metadata_directory);
    let id = directory.and_then(|directory| match &directory.state {
        DirectoryState::Formatted(identity) => uuid_of(identity.directory.as_deref()?),
        _ => None,
    });
    let order = Order {
        partition: &facts.config.metadata_directory.join(METADATA_PARTITION),
        id: i32::try_from(args.node_id).unwrap_or(i32::MAX),
        directory: id.unwrap_or_default(),
        log_end,
        now_ms: jiff::Timestamp::now().as_millisecond(),
    };
    match sole_voter::make(&order)? {
        Outcome::Done => println!("controller {} is the only voter from offset {log_end} on", args.node_id),
        Outcome::Already => println!("controller {} is the only voter already", args.node_id),
    }
    Ok(())
}

/// Kafka writes ids as 22 characters of base64url.
fn uuid_of(text: &str) -> Option<uuid::Uuid> {
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()?;
    uuid::Uuid::from_slice(&bytes).ok()
}

fn gather(args: &FormatArgs) -> Result<Facts, NodeInitError> {
    let path = || args.config.clone();
    let text = fs::read_to_string(&args.config).map_err(|source| NodeInitError::ReadConfig { path: path(), source })?;
    let config = NodeConfig::from_properties(&Properties::parse(&text))
        .map_err(|source| NodeInitError::Config { path: path(), source })?;
    Ok(Facts {
        node_id: args.node_id,
        cluster_id: args.cluster_id.clone(),
        node_host: args.node_host.clone(),
        initial_voters: args.initial_voters.clone().filter(|voters| !voters.trim().is_empty()),
        permitted: FirstFormat::permitted(&args.first_format, &args.pod_uid),
        directories: inspect_all(&config),
        config,
    })
}

/// Every directory must now carry this node's ids, and a voter's metadata directory the id that the others expect.
fn check(args: &FormatArgs, config: &NodeConfig, initial_voters: Option<&str>) -> Result<(), NodeInitError> {
    let voter = initial_voters.and_then(|voters| {
        voters
            .split(',')
            .filter_map(Voter::parse)
            .find(|voter| voter.id == args.node_id)
    });
    let is_ours = |directory: &Directory| {
        let DirectoryState::Formatted(identity) = &directory.state else {
            return false;
        };
        let expected = voter
            .filter(|_| directory.path == config.metadata_directory)
            .map(|voter| voter.directory_id);
        identity.cluster == args.cluster_id
            && identity.node == args.node_id.to_string()
            && expected.is_none_or(|id| identity.directory.as_deref() == Some(id))
    };
    match inspect_all(config).into_iter().find(|directory| !is_ours(directory)) {
        Some(directory) => Err(NodeInitError::NotFormatted {
            tool: args.storage_tool.clone(),
            path: directory.path,
        }),
        None => Ok(()),
    }
}

/// The error with its causes, one per line.
fn explain(error: &NodeInitError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}\nbecause: {cause}");
        source = cause.source();
    }
    text
}
