//! The content of a Secret, which nobody prints by accident.

use std::collections::BTreeMap;

/// One Secret's data; Debug shows the keys only.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretData(pub BTreeMap<String, String>);

impl std::fmt::Debug for SecretData {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}
