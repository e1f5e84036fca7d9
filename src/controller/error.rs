//! What can go wrong in a pass, what that's called in metrics, and when to try again.

use crate::kafka::errors::KafkaError;
use crate::pki::PkiError;
use std::time::Duration;

/// A pass that couldn't be finished.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    #[error("{verb} {kind} {namespace}/{name}")]
    Kubernetes {
        verb: &'static str,
        kind: &'static str,
        namespace: String,
        name: String,
        #[source]
        source: Box<kube::Error>,
    },
    #[error("{verb} {kind} {namespace}/{name}: no answer in time")]
    Timeout {
        verb: &'static str,
        kind: &'static str,
        namespace: String,
        name: String,
    },
    #[error("read {kind} {namespace}/{name}: {problem}")]
    Content {
        kind: &'static str,
        namespace: String,
        name: String,
        problem: String,
    },
    #[error(
        "{kind} {namespace}/{name} exists already and isn't this resource's (its owner: {owner}): rename or delete one"
    )]
    Foreign {
        kind: &'static str,
        namespace: String,
        name: String,
        owner: String,
    },
    #[error(
        "wait until Kubernetes has removed {kind} {namespace}/{name}, which belongs to a former resource of this name"
    )]
    Former {
        kind: &'static str,
        namespace: String,
        name: String,
    },
    #[error("make a certificate for {what}")]
    Certificate {
        what: String,
        #[source]
        source: PkiError,
    },
    #[error("{what} in Kafka")]
    Kafka {
        what: &'static str,
        #[source]
        source: Box<KafkaError>,
    },
    #[error("the system gave no random bytes")]
    Randomness,
    #[error("this process doesn't lead any more")]
    NotLeading,
}

impl PassError {
    /// Kubernetes has no such kind, or no such object.
    pub fn is_unknown_kind(&self) -> bool {
        matches!(self, Self::Kubernetes { source, .. } if matches!(source.as_ref(), kube::Error::Api(status) if status.code == 404))
    }

    /// A fixed word for metrics and logs.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Kubernetes { source, .. } => match source.as_ref() {
                kube::Error::Api(status) if status.code == 403 => "forbidden",
                kube::Error::Api(status) if status.code == 409 => "conflict",
                kube::Error::Api(status) if status.code == 422 => "invalid",
                kube::Error::Api(_) => "apiserver",
                _ => "connection",
            },
            Self::Timeout { .. } => "timeout",
            Self::Content { .. } => "content",
            Self::Foreign { .. } => "foreign",
            Self::Former { .. } => "former",
            Self::Certificate { .. } => "certificate",
            Self::Kafka { .. } => "kafka",
            Self::Randomness => "randomness",
            Self::NotLeading => "not_leading",
        }
    }

    /// First wait before the next try; the caller doubles it per failure of the same object.
    pub fn first_retry(&self) -> Duration {
        match self.category() {
            "conflict" => Duration::from_millis(100),
            "kafka" => Duration::from_secs(2),
            "forbidden" | "invalid" | "content" => Duration::from_secs(10),
            _ => Duration::from_secs(1),
        }
    }

    /// The error with its causes, each text once (kube prints sources inside its own text).
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        text
    }
}
