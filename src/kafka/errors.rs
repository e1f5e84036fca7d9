//! What can go wrong between us and a broker, and which of it is worth another try.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::ResponseError;
use thiserror::Error;

use super::admin::Target;

/// A Kafka error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub i16);

impl ErrorCode {
    pub const UNKNOWN_SERVER_ERROR: Self = Self(-1);
    pub const UNKNOWN_TOPIC_OR_PARTITION: Self = Self(3);
    pub const LEADER_NOT_AVAILABLE: Self = Self(5);
    pub const NOT_LEADER_OR_FOLLOWER: Self = Self(6);
    pub const REQUEST_TIMED_OUT: Self = Self(7);
    pub const BROKER_NOT_AVAILABLE: Self = Self(8);
    pub const REPLICA_NOT_AVAILABLE: Self = Self(9);
    pub const NETWORK_EXCEPTION: Self = Self(13);
    pub const NOT_COORDINATOR: Self = Self(16);
    pub const CLUSTER_AUTHORIZATION_FAILED: Self = Self(31);
    pub const UNSUPPORTED_VERSION: Self = Self(35);
    pub const TOPIC_ALREADY_EXISTS: Self = Self(36);
    pub const INVALID_PARTITIONS: Self = Self(37);
    pub const INVALID_REPLICATION_FACTOR: Self = Self(38);
    pub const INVALID_REPLICA_ASSIGNMENT: Self = Self(39);
    pub const INVALID_CONFIG: Self = Self(40);
    pub const NOT_CONTROLLER: Self = Self(41);
    pub const INVALID_REQUEST: Self = Self(42);
    pub const POLICY_VIOLATION: Self = Self(44);
    pub const SECURITY_DISABLED: Self = Self(54);
    pub const KAFKA_STORAGE_ERROR: Self = Self(56);
    pub const LOG_DIR_NOT_FOUND: Self = Self(57);
    pub const PREFERRED_LEADER_NOT_AVAILABLE: Self = Self(80);
    pub const ELECTION_NOT_NEEDED: Self = Self(84);
    pub const NO_REASSIGNMENT_IN_PROGRESS: Self = Self(85);
    pub const THROTTLING_QUOTA_EXCEEDED: Self = Self(89);
    pub const RESOURCE_NOT_FOUND: Self = Self(91);
    pub const INVALID_UPDATE_VERSION: Self = Self(95);
    pub const FEATURE_UPDATE_FAILED: Self = Self(96);
    pub const BROKER_ID_NOT_REGISTERED: Self = Self(102);
    pub const MISMATCHED_ENDPOINT_TYPE: Self = Self(114);
    pub const DUPLICATE_VOTER: Self = Self(126);
    pub const VOTER_NOT_FOUND: Self = Self(127);
    pub const CONTROLLER_ID_NOT_REGISTERED: Self = Self(136);

    /// True when the same request may succeed later or elsewhere without anyone changing anything.
    pub fn is_retriable(self) -> bool {
        matches!(
            self,
            Self::LEADER_NOT_AVAILABLE
                | Self::NOT_LEADER_OR_FOLLOWER
                | Self::REQUEST_TIMED_OUT
                | Self::BROKER_NOT_AVAILABLE
                | Self::NETWORK_EXCEPTION
                | Self::NOT_CONTROLLER
                | Self::THROTTLING_QUOTA_EXCEEDED
        )
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ResponseError::try_from_code(self.0) {
            Some(ResponseError::Unknown(code)) => write!(f, "Kafka error {code}"),
            Some(known) => write!(f, "{known:?} ({})", self.0),
            None => f.write_str("no error"),
        }
    }
}

/// Kafka's refusal: its code and, if it gave one, its explanation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct BrokerError {
    pub code: ErrorCode,
    pub message: Option<String>,
}

impl BrokerError {
    pub fn new(code: ErrorCode, message: Option<String>) -> Self {
        Self { code, message }
    }

    /// `Ok` for Kafka's error code 0.
    pub(crate) fn check(code: i16, message: Option<&str>) -> Result<(), Self> {
        match code {
            0 => Ok(()),
            code => Err(Self::new(
                ErrorCode(code),
                message.filter(|text| !text.is_empty()).map(str::to_owned),
            )),
        }
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{}: {message}", self.code),
            None => write!(f, "{}", self.code),
        }
    }
}

/// Why a call to Kafka failed as a whole.
#[derive(Debug, Clone, Error)]
pub enum KafkaError {
    #[error("no known endpoint for {target:?}")]
    NoEndpoint { target: Target },
    #[error("connect to {address}")]
    Connect { address: String, source: Arc<io::Error> },
    #[error("TLS handshake with {address} as {server_name}")]
    Tls {
        address: String,
        server_name: String,
        source: Arc<io::Error>,
    },
    #[error("connection to {address} broke")]
    Disconnected { address: String, source: Arc<io::Error> },
    /// The order may have been carried out all the same.
    #[error("{api} got no answer within {after:?}")]
    Timeout {
        api: &'static str,
        after: Duration,
        /// The last fault before the deadline, if an attempt ended at all.
        #[source]
        last: Option<Box<KafkaError>>,
    },
    #[error("{address} does not support {api} in a version this client speaks")]
    UnsupportedApi { api: &'static str, address: String },
    #[error("{api} refused by {address}: {error}")]
    Broker {
        api: &'static str,
        address: String,
        error: BrokerError,
    },
    #[error("{address} answered {api} with something this client cannot read: {what}")]
    Protocol {
        api: &'static str,
        address: String,
        what: ProtocolFault,
    },
}

/// How an answer broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProtocolFault {
    #[error("a frame of {length} bytes, the limit is {limit}")]
    FrameLength { length: i64, limit: usize },
    #[error("a body that does not decode")]
    Undecodable,
    #[error("a request that does not encode in version {version}")]
    Unencodable { version: i16 },
    #[error("no entry for {0}")]
    Missing(String),
    #[error("an identifier that is no Kafka id: {0}")]
    Identifier(String),
    #[error("a page that does not come after the one before: {0}")]
    Page(String),
}

impl KafkaError {
    /// A fixed word for metrics and conditions.
    pub fn category(&self) -> &'static str {
        match self {
            Self::NoEndpoint { .. } => "no_endpoint",
            Self::Connect { .. } => "connect",
            Self::Tls { .. } => "tls",
            Self::Disconnected { .. } => "disconnected",
            Self::Timeout { .. } => "timeout",
            Self::UnsupportedApi { .. } => "unsupported_api",
            Self::Broker { .. } => "broker",
            Self::Protocol { .. } => "protocol",
        }
    }

    /// The whole chain of causes in one line, for people.
    pub fn explain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// Kafka's own error code, if Kafka was reached and refused.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Broker { error, .. } => Some(error.code),
            _ => None,
        }
    }

    /// True when another node, or the same one a little later, may answer.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Connect { .. } => true,
            // A certificate that one side refused (rustls reports InvalidData) stays refused until it is changed.
            Self::Tls { source, .. } | Self::Disconnected { source, .. } => source.kind() != io::ErrorKind::InvalidData,
            Self::Broker { error, .. } => error.code.is_retriable(),
            _ => false,
        }
    }

    /// True when the request certainly was not carried out.
    pub fn is_certainly_not_done(&self) -> bool {
        match self {
            Self::NoEndpoint { .. } | Self::Connect { .. } | Self::Tls { .. } | Self::UnsupportedApi { .. } => true,
            Self::Broker { error, .. } => {
                matches!(
                    error.code,
                    ErrorCode::NOT_CONTROLLER | ErrorCode::NOT_LEADER_OR_FOLLOWER
                )
            }
            Self::Disconnected { .. } | Self::Timeout { .. } | Self::Protocol { .. } => false,
        }
    }
}
