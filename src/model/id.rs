//! Kafka's 128-bit ids (cluster id, directory ids) in Kafka's own text form.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::fmt;

/// 16 bytes as 22 characters of unpadded base64url, never with a `-`, which Kafka's tools would read as an option
/// (KAFKA-15754; `Uuid.randomUuid` follows the same rule).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KafkaId(String);

impl KafkaId {
    /// The id of 16 random bytes, as a version 4 UUID. `None` when the text has a `-`: draw again.
    pub fn from_random(mut bytes: [u8; 16]) -> Option<Self> {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let text = URL_SAFE_NO_PAD.encode(bytes);
        (!text.contains('-')).then_some(Self(text))
    }

    /// Draws from `random` until an id is usable.
    pub fn draw(random: &mut dyn FnMut() -> [u8; 16]) -> Self {
        loop {
            if let Some(id) = Self::from_random(random()) {
                return id;
            }
        }
    }

    /// Reads Kafka's text form; `None` unless it's 22 characters that decode to 16 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (text.len() == 22 && bytes.len() == 16).then(|| Self(text.to_owned()))
    }

    /// The 22 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KafkaId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_id_is_22_characters_without_a_dash(bytes: [u8; 16]) {
            if let Some(id) = KafkaId::from_random(bytes) {
                prop_assert_eq!(id.as_str().len(), 22);
                prop_assert!(!id.as_str().contains('-') && !id.as_str().contains('='));
                prop_assert_eq!(KafkaId::parse(id.as_str()), Some(id));
            }
        }
    }

    #[test]
    fn padded_and_short_texts_are_no_ids() {
        for text in ["", "AAAAAAAAAAAAAAAAAAAAAA==", "AAAA", "AAAAAAAAAAAAAAAAAAAA+A"] {
            assert_eq!(KafkaId::parse(text), None, "{text}");
        }
    }
}
