//! The one place that reads and writes YAML, so that the library behind it can be replaced.

use serde::{Serialize, de::DeserializeOwned};

/// YAML that couldn't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum YamlError {
    #[error("can't write as YAML: {0}")]
    Write(String),
    #[error("not valid YAML: {0}")]
    Read(String),
}

/// Writes a value as a YAML document. Strings that another reader could take for booleans or dates are quoted.
pub fn to_string<T: Serialize>(value: &T) -> Result<String, YamlError> {
    serde_saphyr::to_string(value).map_err(|error| YamlError::Write(error.to_string()))
}

/// Reads one YAML document.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    serde_saphyr::from_str(text).map_err(|error| YamlError::Read(error.to_string()))
}
