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

/// The feature that says how metadata is written: a release reads its own level and lower ones.
pub const METADATA: &str = "metadata.version";

impl KafkaVersion {
    /// The catalogue's entry for `4.3.1`-like text.
    pub fn parse(text: &str) -> Option<Self> {
        CATALOGUE.into_iter().find(|version| version.to_string() == text)
    }

    /// The second number: `3` of `4.3.1`.
    pub const fn minor(self) -> u16 {
        self.minor
    }

    /// Levels that a cluster formatted by this release has, in the order in which they are raised, without
    /// `kraft.version`: that one can't be lowered again and belongs to the quorum (`kafka-storage.sh version-mapping`).
    pub fn features(self) -> [(&'static str, i16); 6] {
        let (metadata, share) = match self.minor {
            0..=2 => (29, 1),
            3 => (30, 1),
            _ => (33, 2),
        };
        [
            (METADATA, metadata),
            ("transaction.version", 2),
            ("group.version", 1),
            ("eligible.leader.replicas.version", 1),
            ("share.version", share),
            ("streams.version", 1),
        ]
    }

    /// Highest `metadata.version` that this release reads.
    pub fn metadata_level(self) -> i16 {
        self.features()[0].1
    }

    /// The first release of the catalogue that reads this `metadata.version`.
    pub fn reading(level: i32) -> Option<Self> {
        CATALOGUE
            .into_iter()
            .find(|version| i32::from(version.metadata_level()) >= level)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_reads_what_older_ones_wrote() {
        let version = |text| KafkaVersion::parse(text).unwrap();
        assert_eq!(version("4.2.1").metadata_level(), 29);
        assert_eq!(KafkaVersion::reading(30), Some(version("4.3.1")));
        assert_eq!(KafkaVersion::reading(31), Some(version("4.4.0")));
        assert_eq!(KafkaVersion::reading(34), None);
    }
}
