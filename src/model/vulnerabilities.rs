//! Published vulnerabilities of the catalogue's releases: what `Upgradeable` warns of. Only those of the broker itself whose
//! cure is another release; what configuration cures, the operator configures.

use super::KafkaVersion;

/// One vulnerability, with the releases of the catalogue that have it.
struct Known {
    name: &'static str,
    about: &'static str,
    affected: &'static [&'static str],
}

/// From Apache Kafka's list of vulnerabilities.
const KNOWN: [Known; 3] = [
    Known {
        name: "CVE-2026-111073",
        about: "a compressed telemetry push exhausts a broker's memory",
        affected: &["4.2.1"],
    },
    Known {
        name: "CVE-2026-111108",
        about: "a crafted request exhausts a broker's memory",
        affected: &["4.2.1", "4.3.1"],
    },
    Known {
        name: "CVE-2026-111115",
        about: "a crafted request exhausts a broker's memory",
        affected: &["4.2.1", "4.3.1"],
    },
];

/// `CVE-…: what it is` of each vulnerability that `version` has.
pub fn of(version: KafkaVersion) -> Vec<String> {
    let text = version.to_string();
    KNOWN
        .iter()
        .filter(|known| known.affected.contains(&text.as_str()))
        .map(|known| format!("{}: {}", known.name, known.about))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::version::CATALOGUE;

    #[test]
    fn every_affected_release_is_in_the_catalogue_and_the_newest_has_none() {
        for known in &KNOWN {
            for release in known.affected {
                assert!(KafkaVersion::parse(release).is_some(), "{release}");
            }
        }
        assert_eq!(of(KafkaVersion::parse("4.2.1").unwrap()).len(), 3);
        assert!(of(*CATALOGUE.last().unwrap()).is_empty());
    }
}
