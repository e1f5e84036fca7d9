//! Whether and how a node's disks are formatted. Pure.
//!
//! | disks | decision |
//! |---|---|
//! | one carries another cluster's or node's id, or data without id, or an id twice | refuse |
//! | one cannot be read | refuse, unless it is a failing data disk of a node that is otherwise formatted |
//! | all carry this node's ids | nothing to do, no JVM is started |
//! | none formatted, controller, among the initial voters: permitted as voter | format as initial voter |
//! | the same, permitted as observer: the disk isn't the first one | format without initial controllers |
//! | the same, not permitted: the operator hasn't seen this pod's volume | refuse, to be tried again |
//! | none formatted, otherwise | format without initial controllers: observer or broker |
//! | some formatted | format the rest without initial controllers |
//!
//! The last row holds even while the cluster is being bootstrapped: a controller whose metadata disk is empty beside a
//! formatted one has lost it, and formatted as initial voter it would vote with an empty log under its old identity.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::directories::{Directory, DirectoryState, Identity};
use super::properties::NodeConfig;
use crate::model::identity::FirstFormat;

/// Everything the decision depends on.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub node_id: u32,
    pub cluster_id: String,
    pub node_host: String,
    pub initial_voters: Option<String>,
    /// What the operator lets this very pod make of an empty disk while the quorum is formed.
    pub permitted: Option<FirstFormat>,
    pub config: NodeConfig,
    pub directories: Vec<Directory>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FormatPlan {
    /// `failing` are data disks that Kafka will take offline.
    AlreadyFormatted {
        failing: Vec<PathBuf>,
    },
    Format {
        initial_voters: Option<String>,
        reason: FormatReason,
        leftovers: Vec<PathBuf>,
    },
    Refuse {
        why: Refusal,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormatReason {
    Bootstrap,
    NewNode,
    NewDisk,
    LostMetadataDisk,
    ReplacedDisk,
}

impl fmt::Display for FormatReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bootstrap => "first start of the cluster, as initial voter",
            Self::NewNode => "new node",
            Self::NewDisk => "new disk beside formatted ones",
            Self::ReplacedDisk => "the disk isn't the first one of this controller: joins as observer",
            Self::LostMetadataDisk => "the metadata disk is empty although others are formatted: joins as observer",
        })
    }
}

/// Why this node must not start, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "the configuration is for node {configured}, the pod for node {expected}: the pod mounts the configuration of \
         another node; delete the pod once its StatefulSet names the right one"
    )]
    WrongConfig { configured: u32, expected: u32 },
    #[error(
        "the disk {path} belongs to Kafka cluster {found}, this is cluster {expected}: attach the volume of this node, or \
         empty the volume if its data is not needed. Nothing was changed"
    )]
    ForeignCluster {
        path: PathBuf,
        found: String,
        expected: String,
    },
    #[error(
        "the disk {path} belongs to node {found}, this is node {expected}: attach the volume of this node, or empty the \
         volume if its data is not needed. Nothing was changed"
    )]
    ForeignNode {
        path: PathBuf,
        found: String,
        expected: u32,
    },
    #[error(
        "the disks {first} and {second} carry the same directory id {id}: one is a copy of the other; empty the volume \
         that is the copy. Nothing was changed"
    )]
    DuplicateDirectory {
        first: PathBuf,
        second: PathBuf,
        id: String,
    },
    #[error(
        "the disk {path} holds files ({example}) but no meta.properties: it is not known whose data this is. Restore \
         meta.properties, or empty the volume if its data is not needed. Nothing was changed"
    )]
    UnknownData { path: PathBuf, example: String },
    #[error(
        "the disk {path} has a meta.properties without {missing}: the file is damaged. Restore it, or empty the volume and \
         let Kafka replicate its data again. Nothing was changed"
    )]
    Damaged { path: PathBuf, missing: &'static str },
    #[error(
        "the disk {path} cannot be used: {message}. Kafka runs as uid 1000 with fsGroup 1000; check that the volume is \
         mounted, writable and owned by that group"
    )]
    Unusable { path: PathBuf, message: String },
    #[error(
        "the operator hasn't looked at this pod's volume yet, so the disk isn't formatted as a voter's: wait, this is tried \
         again; if it doesn't end, look at the operator's log, and delete this pod if the quorum has formed meanwhile"
    )]
    NotPermitted,
    #[error("the initial voters {voters:?} are not a list of id@host:port:directoryId with this node at {host}")]
    BadVoters { voters: String, host: String },
}

pub(super) fn plan(facts: &Facts) -> FormatPlan {
    match decide(facts) {
        Ok(plan) => plan,
        Err(why) => FormatPlan::Refuse { why },
    }
}

fn decide(facts: &Facts) -> Result<FormatPlan, Refusal> {
    if facts.config.node_id != facts.node_id {
        return Err(Refusal::WrongConfig {
            configured: facts.config.node_id,
            expected: facts.node_id,
        });
    }
    check_identities(facts)?;
    let (empty, formatted) = (count_empty(facts), count_formatted(facts));
    let failing = failing_disks(facts, empty, formatted)?;
    if empty == 0 {
        return Ok(FormatPlan::AlreadyFormatted { failing });
    }
    let (initial_voters, reason) = if formatted > 0 {
        (None, rest_reason(facts))
    } else {
        first_format(facts)?
    };
    Ok(FormatPlan::Format {
        initial_voters,
        reason,
        leftovers: leftovers(facts),
    })
}

fn check_identities(facts: &Facts) -> Result<(), Refusal> {
    let mut seen: Vec<(&str, &PathBuf)> = Vec::new();
    for Directory { path, state } in &facts.directories {
        match state {
            DirectoryState::Formatted(identity) => {
                check_owner(facts, path, identity)?;
                let Some(id) = identity.directory.as_deref() else {
                    continue;
                };
                if let Some((_, first)) = seen.iter().find(|(other, _)| *other == id) {
                    let (first, second) = ((*first).clone(), path.clone());
                    return Err(Refusal::DuplicateDirectory {
                        first,
                        second,
                        id: id.to_owned(),
                    });
                }
                seen.push((id, path));
            }
            DirectoryState::Foreign { example } => {
                return Err(Refusal::UnknownData {
                    path: path.clone(),
                    example: example.clone(),
                });
            }
            DirectoryState::Damaged { missing } => {
                return Err(Refusal::Damaged {
                    path: path.clone(),
                    missing,
                });
            }
            DirectoryState::Empty { .. } | DirectoryState::Unreadable { .. } => {}
        }
    }
    Ok(())
}

fn check_owner(facts: &Facts, path: &Path, identity: &Identity) -> Result<(), Refusal> {
    if identity.cluster != facts.cluster_id {
        let (found, expected) = (identity.cluster.clone(), facts.cluster_id.clone());
        return Err(Refusal::ForeignCluster {
            path: path.to_owned(),
            found,
            expected,
        });
    }
    if identity.node != facts.node_id.to_string() {
        let found = identity.node.clone();
        return Err(Refusal::ForeignNode {
            path: path.to_owned(),
            found,
            expected: facts.node_id,
        });
    }
    Ok(())
}

/// Disks with I/O errors that may stay: Kafka starts without a failed data directory, but not without its metadata
/// directory; a refused permission is a mistake of the deployment, and a format needs every disk.
fn failing_disks(facts: &Facts, empty: usize, formatted: usize) -> Result<Vec<PathBuf>, Refusal> {
    let mut failing = Vec::new();
    for Directory { path, state } in &facts.directories {
        let DirectoryState::Unreadable { kind, message } = state else {
            continue;
        };
        let may_fail = *path != facts.config.metadata_directory && *kind != ErrorKind::PermissionDenied;
        if !may_fail || empty > 0 || formatted == 0 {
            return Err(Refusal::Unusable {
                path: path.clone(),
                message: message.clone(),
            });
        }
        failing.push(path.clone());
    }
    Ok(failing)
}

fn rest_reason(facts: &Facts) -> FormatReason {
    let is_lost = |directory: &Directory| {
        directory.path == facts.config.metadata_directory && matches!(directory.state, DirectoryState::Empty { .. })
    };
    if facts.config.is_controller && facts.directories.iter().any(is_lost) {
        FormatReason::LostMetadataDisk
    } else {
        FormatReason::NewDisk
    }
}

fn first_format(facts: &Facts) -> Result<(Option<String>, FormatReason), Refusal> {
    let Some(voters) = facts.initial_voters.as_deref().filter(|_| facts.config.is_controller) else {
        return Ok((None, FormatReason::NewNode));
    };
    let bad = || Refusal::BadVoters {
        voters: voters.to_owned(),
        host: facts.node_host.clone(),
    };
    let parsed: Vec<Voter<'_>> = voters
        .split(',')
        .map(Voter::parse)
        .collect::<Option<_>>()
        .ok_or_else(bad)?;
    match parsed.iter().find(|voter| voter.id == facts.node_id) {
        // A wrong endpoint in the voter set cannot be repaired once the quorum stands.
        Some(voter) if voter.host != facts.node_host => Err(bad()),
        Some(_) => match facts.permitted {
            Some(FirstFormat::Voter) => Ok((Some(voters.to_owned()), FormatReason::Bootstrap)),
            Some(FirstFormat::Observer) => Ok((None, FormatReason::ReplacedDisk)),
            None => Err(Refusal::NotPermitted),
        },
        None => Ok((None, FormatReason::NewNode)),
    }
}

/// One entry of `--initial-controllers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Voter<'a> {
    pub id: u32,
    pub host: &'a str,
    pub directory_id: &'a str,
}

impl<'a> Voter<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (id, rest) = text.trim().split_once('@')?;
        let (endpoint, directory_id) = rest.rsplit_once(':')?;
        let (host, port) = endpoint.rsplit_once(':')?;
        let is_valid = !host.is_empty() && port.parse::<u16>().is_ok() && directory_id.len() == 22;
        is_valid.then_some(Self {
            id: id.parse().ok()?,
            host,
            directory_id,
        })
    }
}

fn leftovers(facts: &Facts) -> Vec<PathBuf> {
    let of = |directory: &Directory| match &directory.state {
        DirectoryState::Empty { leftovers } => leftovers.clone(),
        _ => Vec::new(),
    };
    facts.directories.iter().flat_map(of).collect()
}

fn count_empty(facts: &Facts) -> usize {
    facts
        .directories
        .iter()
        .filter(|directory| matches!(directory.state, DirectoryState::Empty { .. }))
        .count()
}

fn count_formatted(facts: &Facts) -> usize {
    facts
        .directories
        .iter()
        .filter(|directory| matches!(directory.state, DirectoryState::Formatted(_)))
        .count()
}

#[cfg(test)]
mod tests;
