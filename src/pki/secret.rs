//! PEM text that holds a private key.
//!
//! `Debug` never shows the content and there is no `Display`, so a key cannot reach a log line by accident.

use std::fmt;

/// A private key in PEM form. Read it with [`SecretPem::expose`] at the one place that writes it to a Secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretPem(String);

impl SecretPem {
    pub fn new(pem: impl Into<String>) -> Self {
        Self(pem.into())
    }

    /// The PEM text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretPem(…)")
    }
}
