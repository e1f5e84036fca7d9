//! Kafka configuration resources: what a key's effective value is, where it comes from, and changes to it.

/// What a configuration belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigResource {
    /// One broker's own dynamic configuration.
    Broker(i32),
    /// The default of all brokers (resource BROKER with an empty name).
    ClusterDefault,
    Topic(String),
}

/// Where an effective value comes from, in Kafka's order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConfigSource {
    DynamicTopic,
    DynamicBroker,
    DynamicDefaultBroker,
    /// `server.properties`.
    StaticBroker,
    Default,
    /// A source this client has no name for (loggers, client metrics, groups, newer ones).
    Other(i8),
}

/// One key as `DescribeConfigs` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    pub name: String,
    /// `None` when unset or when `sensitive`.
    pub value: Option<String>,
    pub source: ConfigSource,
    /// A change needs a restart of the broker.
    pub read_only: bool,
    pub sensitive: bool,
    /// Every source that has a value, the effective one first; empty unless asked for.
    pub synonyms: Vec<ConfigSynonym>,
}

/// A value that a source has for a key, whether or not a higher source hides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The key in that source, e.g. `log.retention.ms` for a topic's `retention.ms`.
    pub name: String,
    /// `None` when sensitive.
    pub value: Option<String>,
    pub source: ConfigSource,
}

/// How much of each resource's configuration is wanted. By default every key without synonyms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigQuery {
    /// `None`: every key.
    pub keys: Option<Vec<String>>,
    pub synonyms: bool,
}

/// An edit of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigOp {
    Set {
        name: String,
        value: String,
    },
    /// Removes the dynamic value, so that the next source in order applies.
    Delete {
        name: String,
    },
}

/// The edits of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    pub resource: ConfigResource,
    pub ops: Vec<ConfigOp>,
}

/// Resource types on the wire (Kafka's `ConfigResource.Type`).
const TOPIC: i8 = 2;
const BROKER: i8 = 4;

impl ConfigResource {
    pub(crate) fn wire(&self) -> (i8, String) {
        match self {
            Self::Broker(id) => (BROKER, id.to_string()),
            Self::ClusterDefault => (BROKER, String::new()),
            Self::Topic(name) => (TOPIC, name.clone()),
        }
    }

    pub(crate) fn from_wire(resource_type: i8, name: &str) -> Option<Self> {
        match (resource_type, name) {
            (TOPIC, name) => Some(Self::Topic(name.to_owned())),
            (BROKER, "") => Some(Self::ClusterDefault),
            (BROKER, id) => id.parse().ok().map(Self::Broker),
            _ => None,
        }
    }
}

impl ConfigSource {
    pub(crate) fn from_wire(source: i8) -> Self {
        match source {
            1 => Self::DynamicTopic,
            2 => Self::DynamicBroker,
            3 => Self::DynamicDefaultBroker,
            4 => Self::StaticBroker,
            5 => Self::Default,
            other => Self::Other(other),
        }
    }
}
