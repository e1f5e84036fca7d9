//! The candidate: reads the record, writes what `protocol` decides, and measures how long the record rests.

use k8s_openapi::api::coordination::v1::Lease;
use std::time::Duration;

use kube::api::{Api, ObjectMeta, PostParams};
use tokio::time::{Instant, sleep, timeout};

use super::announcement::Announcement;
use super::protocol::{self, Step};
use super::{Leadership, LeaseConfig, LeaseError};
use crate::runtime::shutdown::Shutdown;

/// The result of one look at the record, with at most one write.
#[derive(Debug)]
pub(super) enum Attempt {
    /// Our name is in the record. `sent` is before the write left this process.
    Leading {
        sent: Instant,
    },
    Held {
        by: String,
        left: Duration,
    },
    /// Another write came first.
    Beaten,
}

/// A record and since when it has been the same.
#[derive(Debug)]
struct Observed {
    record: Lease,
    since: Instant,
}

/// A candidate for leadership.
pub struct LeaderElection {
    api: Api<Lease>,
    config: LeaseConfig,
    observed: Option<Observed>,
    announcement: Option<Box<Announcement>>,
}

impl std::fmt::Debug for LeaderElection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeaderElection")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl LeaderElection {
    pub fn new(client: kube::Client, config: LeaseConfig) -> Result<Self, LeaseError> {
        config.check()?;
        Ok(Self {
            announcement: Announcement::new(&client, &config).map(Box::new),
            api: Api::namespaced(client, &config.namespace),
            config,
            observed: None,
        })
    }

    pub(super) fn config(&self) -> &LeaseConfig {
        &self.config
    }

    /// Waits until this process leads. Errors of the API server are logged and tried again; only a request to stop ends
    /// the wait without leadership.
    pub async fn acquire(mut self, shutdown: &Shutdown) -> Result<Leadership, LeaseError> {
        loop {
            let attempt = async {
                timeout(self.config.renew_deadline, self.attempt())
                    .await
                    .unwrap_or_else(|_| Err(self.timed_out("acquire")))
            };
            let result = tokio::select! {
                biased;
                () = shutdown.requested() => return Err(LeaseError::ShuttingDown),
                result = attempt => result,
            };
            let mut pause = self.config.retry_period;
            match result {
                Ok(Attempt::Leading { sent }) => {
                    tracing::info!(identity = self.config.identity, "leading");
                    self.announce().await;
                    return Ok(Leadership::new(self, sent));
                }
                Ok(Attempt::Held { by, left }) => {
                    tracing::debug!(holder = by, "waiting for the leader lease");
                    pause = pause.min(left);
                }
                Ok(Attempt::Beaten) => {}
                Err(error) => {
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(error = %error, source, "cannot acquire the leader lease");
                }
            }
            tokio::select! {
                () = shutdown.requested() => return Err(LeaseError::ShuttingDown),
                () = sleep(pause) => {}
            }
        }
    }

    /// Tells the admission policy that this process leads, unless it was told of late.
    pub(super) async fn announce(&mut self) {
        if let Some(announcement) = &mut self.announcement {
            announcement.keep(&self.config).await;
        }
    }

    /// Reads the record and writes it if the protocol says so. A leader writes on top of what it wrote last and reads only
    /// if that is refused.
    pub(super) async fn attempt(&mut self) -> Result<Attempt, LeaseError> {
        if let Some(ours) = self.our_last_write()
            && let Attempt::Leading { sent } = self.write(Some(ours), Step::Renew).await?
        {
            return Ok(Attempt::Leading { sent });
        }
        let read = self
            .api
            .get_opt(&self.config.name)
            .await
            .map_err(|source| self.failed("get", source))?;
        let observed_for = self.observe(read.clone());
        let step = protocol::next(read.as_ref(), observed_for, &self.config);
        match (step, read) {
            (Step::Wait(left), Some(record)) => Ok(Attempt::Held {
                by: protocol::holder(&record).unwrap_or_default().to_owned(),
                left,
            }),
            (_, read) => self.write(read, step).await,
        }
    }

    async fn write(&mut self, read: Option<Lease>, step: Step) -> Result<Attempt, LeaseError> {
        let params = PostParams {
            field_manager: Some("productionkafka".into()),
            ..PostParams::default()
        };
        let sent = Instant::now();
        let now = jiff::Timestamp::now();
        let (verb, written) = if let Some(record) = read {
            let record = protocol::held(record, step, &self.config, now);
            ("update", self.api.replace(&self.config.name, &params, &record).await)
        } else {
            let record = protocol::held(self.empty_record(), Step::Create, &self.config, now);
            ("create", self.api.create(&params, &record).await)
        };
        match written {
            Ok(record) => {
                self.observe(Some(record));
                Ok(Attempt::Leading { sent })
            }
            Err(kube::Error::Api(status))
                if status.is_conflict() || status.is_already_exists() || status.is_not_found() =>
            {
                Ok(Attempt::Beaten)
            }
            Err(source) => Err(self.failed(verb, source)),
        }
    }

    /// Clears the holder if it is still us. A failure is logged only: the lease then runs out by itself.
    pub(super) async fn release(self) {
        match timeout(self.config.renew_deadline / 2, self.try_release()).await {
            Ok(Ok(())) => tracing::info!("released the leader lease"),
            Ok(Err(error)) => tracing::warn!(error = %error, "cannot release the leader lease; it will run out"),
            Err(_) => tracing::warn!("no answer while releasing the leader lease; it will run out"),
        }
    }

    async fn try_release(&self) -> Result<(), LeaseError> {
        let name = &self.config.name;
        loop {
            let read = self
                .api
                .get_opt(name)
                .await
                .map_err(|source| self.failed("get", source))?;
            let Some(record) = read.filter(|record| protocol::holder(record) == Some(&self.config.identity)) else {
                return Ok(());
            };
            let record = protocol::released(record, jiff::Timestamp::now());
            match self.api.replace(name, &PostParams::default(), &record).await {
                Ok(_) => return Ok(()),
                // A renewal that was given up may still have arrived; the caller bounds the repetition in time.
                Err(kube::Error::Api(status)) if status.is_conflict() => {}
                Err(source) => return Err(self.failed("release", source)),
            }
        }
    }

    fn our_last_write(&self) -> Option<Lease> {
        let observed = self.observed.as_ref()?;
        (protocol::holder(&observed.record) == Some(&self.config.identity)).then(|| observed.record.clone())
    }

    /// Remembers the record and tells how long it has been the same. Only the spec counts, as in client-go: an annotation
    /// is no sign of life.
    fn observe(&mut self, read: Option<Lease>) -> Duration {
        let now = Instant::now();
        let unchanged_since = match (&self.observed, &read) {
            (Some(old), Some(new)) if old.record.metadata.uid == new.metadata.uid && old.record.spec == new.spec => {
                old.since
            }
            _ => now,
        };
        self.observed = read.map(|record| Observed {
            record,
            since: unchanged_since,
        });
        now.duration_since(unchanged_since)
    }

    fn empty_record(&self) -> Lease {
        let metadata = ObjectMeta {
            name: Some(self.config.name.clone()),
            namespace: Some(self.config.namespace.clone()),
            ..ObjectMeta::default()
        };
        Lease { metadata, spec: None }
    }

    fn failed(&self, verb: &'static str, source: kube::Error) -> LeaseError {
        let (namespace, name) = (self.config.namespace.clone(), self.config.name.clone());
        LeaseError::Request {
            verb,
            namespace,
            name,
            source: Box::new(source),
        }
    }

    fn timed_out(&self, verb: &'static str) -> LeaseError {
        LeaseError::Timeout {
            verb,
            namespace: self.config.namespace.clone(),
            name: self.config.name.clone(),
        }
    }
}
