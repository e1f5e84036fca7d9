//! The ACL Job: makes the ACLs of the managed principals what a document says, grants first, and proves it.
//!
//! It runs with its own certificate, which may change ACLs and nothing else, and tells its result in the termination
//! message. Running it again changes nothing.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use thiserror::Error;

use super::connection::{self, ConnectionError};
use crate::acl::{AclDocument, Diff, DocumentError, SyncReport};
use crate::kafka::{AclBinding, AclFilter, KafkaAdmin, KafkaClient, KafkaError};

/// Brokers apply metadata a moment after the controller committed it; so often and so far apart the result is re-read.
const VERIFY_ATTEMPTS: usize = 20;
const VERIFY_PAUSE: Duration = Duration::from_millis(500);

/// Bring the ACLs in Kafka to what a document says.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Brokers to ask, `host:port`; each must show a certificate for its host.
    #[arg(long, value_delimiter = ',', required = true, value_name = "HOST:PORT")]
    pub bootstrap: Vec<String>,
    /// Directory with ACL documents; together they are what shall be.
    #[arg(long, value_name = "DIR")]
    pub acls: PathBuf,
    /// Directory with `tls.crt`, `tls.key` and `ca.crt`.
    #[arg(long, value_name = "DIR")]
    pub tls: PathBuf,
    /// Where the result goes.
    #[arg(long, value_name = "FILE", default_value = "/dev/termination-log")]
    pub termination_log: PathBuf,
}

/// What keeps the Job from starting.
#[derive(Debug, Error)]
enum SetupError {
    #[error("read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("{}: {source}", path.display())]
    Document { path: PathBuf, source: DocumentError },
    #[error("there's no ACL document in {}", .0.display())]
    NoDocument(PathBuf),
}

/// Synchronises, writes the result, and says by the exit code whether everything is as desired.
pub async fn run(args: Args) -> ExitCode {
    let report = match set_up(&args).await {
        Ok((client, document)) => synchronise(&client, &document).await,
        Err(error) => SyncReport::failed(&error.to_string()),
    };
    let message = report.to_message();
    println!("{message}");
    if let Err(error) = tokio::fs::write(&args.termination_log, &message).await {
        eprintln!("write {}: {error}", args.termination_log.display());
        return ExitCode::FAILURE;
    }
    if report.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn set_up(args: &Args) -> Result<(KafkaClient, AclDocument), SetupError> {
    let document = documents(&args.acls).await?;
    let client = connection::open(&args.bootstrap, &args.tls, "productionkafka-acl-sync").await?;
    Ok((client, document))
}

/// Every `*.json` of the directory, in one. A mounted ConfigMap also has entries that begin with a dot.
async fn documents(dir: &Path) -> Result<AclDocument, SetupError> {
    let unreadable = |source| SetupError::Read {
        path: dir.to_owned(),
        source,
    };
    let mut entries = tokio::fs::read_dir(dir).await.map_err(unreadable)?;
    let mut all = AclDocument::default();
    let mut count = 0;
    while let Some(entry) = entries.next_entry().await.map_err(unreadable)? {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = connection::read(&path).await?;
        let one = AclDocument::parse(&text).map_err(|source| SetupError::Document { path, source })?;
        all = all.and(one);
        count += 1;
    }
    if count == 0 {
        return Err(SetupError::NoDocument(dir.to_owned()));
    }
    Ok(all)
}

async fn synchronise(admin: &dyn KafkaAdmin, document: &AclDocument) -> SyncReport {
    let mut report = SyncReport::default();
    if let Err(error) = change(admin, document, &mut report).await {
        report.error.get_or_insert_with(|| error.explain());
    }
    report
}

async fn change(admin: &dyn KafkaAdmin, document: &AclDocument, report: &mut SyncReport) -> Result<(), KafkaError> {
    let actual = all_acls(admin).await?;
    let diff = document.diff(&actual);
    report.unchanged = document.bindings.intersection(&actual).count();
    if !diff.grant.is_empty() {
        report.record_grants(&admin.create_acls(diff.grant.iter().cloned().collect()).await?);
    }
    if !diff.revoke.is_empty() {
        report.record_revocations(&admin.delete_acls(diff.revoke.iter().cloned().collect()).await?);
    }
    if !diff.is_empty() && report.is_success() {
        verify(admin, document, report).await?;
    }
    Ok(())
}

async fn verify(admin: &dyn KafkaAdmin, document: &AclDocument, report: &mut SyncReport) -> Result<(), KafkaError> {
    let mut left = Diff::default();
    for attempt in 0..VERIFY_ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(VERIFY_PAUSE).await;
        }
        left = document.diff(&all_acls(admin).await?);
        if left.is_empty() {
            return Ok(());
        }
    }
    let principals = left
        .grant
        .iter()
        .chain(&left.revoke)
        .map(|binding| binding.principal.as_str())
        .collect();
    let why = format!(
        "after the change {} ACLs are missing and {} remain",
        left.grant.len(),
        left.revoke.len()
    );
    report.record_mismatch(&principals, &why);
    Ok(())
}

async fn all_acls(admin: &dyn KafkaAdmin) -> Result<BTreeSet<AclBinding>, KafkaError> {
    Ok(admin.describe_acls(AclFilter::any()).await?.into_iter().collect())
}

#[cfg(test)]
mod tests;
