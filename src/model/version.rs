//! Catalogue of the Kafka versions that this operator runs.

use std::fmt;

/// A version of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KafkaVersion {
    minor: u16,
    patch: u16,
}

/// Newest last. The end-to-end suites run the default, 4.3.1.
pub const CATALOGUE: [KafkaVersion; 3] = [
    KafkaVersion { minor: 2, patch: 1 },
    KafkaVersion { minor: 3, patch: 1 },
    KafkaVersion { minor: 4, patch: 0 },
];

impl KafkaVersion {
    /// The catalogue's entry for `4.3.1`-like text.
    pub fn parse(text: &str) -> Option<Self> {
        CATALOGUE.into_iter().find(|version| version.to_string() == text)
    }

    /// The second number: `3` of `4.3.1`.
    pub const fn minor(self) -> u16 {
        self.minor
    }

    /// `4.2.1, 4.3.1, 4.4.0`, for messages.
    pub fn known() -> String {
        CATALOGUE.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for KafkaVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "4.{}.{}", self.minor, self.patch)
    }
}
