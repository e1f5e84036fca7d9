//! The leader's name where the API server's admission policy reads it: an annotation of a ServiceAccount that has no rights.
//!
//! The policy can't go by the Lease itself. Once no binding of any policy has needed Leases for a second, an API server stops to
//! follow them for good and judges by what it saw last (kubernetes/kubernetes#130887): after the operator was uninstalled and
//! installed again, nobody would lead. ServiceAccounts it follows for itself, for as long as it runs.
//!
//! The annotation is read first, then the Lease, and our name is written on top of the version that was read only if the Lease
//! names us. A former leader that was paused in between meets 409 where the new one has written, and is overwritten where it
//! hasn't yet. It must not decide who leads: that's the Lease's.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

use super::{LeaseConfig, protocol};

/// Names the pod that leads.
pub const ANNOTATION: &str = "productionkafka.dev/leader";
/// The annotation is looked at again after this time: `kubectl replace` takes it off.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// What came of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Named,
    /// The Lease names another, or another write came first.
    NotUs,
}

/// Keeps the annotation at this process's name while it leads.
pub(super) struct Announcement {
    accounts: Api<ServiceAccount>,
    leases: Api<Lease>,
    account: String,
    named: Option<Instant>,
    /// A failure is told once, until the next success.
    failed: bool,
}

impl Announcement {
    /// `None` where no policy asks for it.
    pub(super) fn new(client: &kube::Client, config: &LeaseConfig) -> Option<Self> {
        Some(Self {
            accounts: Api::namespaced(client.clone(), &config.namespace),
            leases: Api::namespaced(client.clone(), &config.namespace),
            account: config.announced_in.clone()?,
            named: None,
            failed: false,
        })
    }

    /// For the leader, after each renewal: at most one look a minute once it's named. A failure isn't an error: the API server
    /// then refuses what only the leader may do, and the next renewal tries again.
    pub(super) async fn keep(&mut self, config: &LeaseConfig) {
        if self.named.is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
            return;
        }
        self.named = None;
        let outcome = tokio::time::timeout(config.retry_period, Box::pin(self.tell(config))).await;
        let problem = match outcome {
            Ok(Ok(Told::Named)) => {
                self.named = Some(Instant::now());
                self.failed = false;
                return;
            }
            Ok(Ok(Told::NotUs)) => "another write came first, or the Lease names another".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        if !std::mem::replace(&mut self.failed, true) {
            tracing::warn!(
                account = self.account,
                problem,
                "cannot announce the leader to the admission policy: until then the API server refuses to evict or delete"
            );
        }
    }

    async fn tell(&self, config: &LeaseConfig) -> Result<Told, kube::Error> {
        let metadata = self.accounts.get_metadata(&self.account).await?.metadata;
        let told = metadata.annotations.as_ref().and_then(|all| all.get(ANNOTATION));
        if told == Some(&config.identity) {
            return Ok(Told::Named);
        }
        let lease = self.leases.get(&config.name).await?;
        if protocol::holder(&lease) != Some(&config.identity) {
            return Ok(Told::NotUs);
        }
        let patch = json!({"metadata": {
            "resourceVersion": metadata.resource_version,
            "annotations": {ANNOTATION: config.identity},
        }});
        let params = PatchParams {
            field_manager: Some("productionkafka".into()),
            ..PatchParams::default()
        };
        match self
            .accounts
            .patch_metadata(&self.account, &params, &Patch::Merge(&patch))
            .await
        {
            Ok(_) => Ok(Told::Named),
            Err(kube::Error::Api(status)) if status.is_conflict() => Ok(Told::NotUs),
            Err(error) => Err(error),
        }
    }
}
