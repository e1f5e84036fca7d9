//! The rights of some principals, as the ACL Job reads them, and the hash by which a set is known.

use std::collections::BTreeSet;
use std::fmt::Write;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::diff::Diff;
use crate::kafka::AclBinding;

/// What the ACLs of the managed principals shall be. Sets, so that equal content is equal text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AclDocument {
    /// `User:<name>` of everyone whose ACLs belong to us, those included who shall have none any more.
    pub managed_principals: BTreeSet<String>,
    pub bindings: BTreeSet<AclBinding>,
}

#[derive(Debug, Error)]
pub enum DocumentError {
    #[error("read the ACL document as JSON")]
    Json(#[from] serde_json::Error),
    #[error("the ACL document grants to {principal}, which it does not list as managed")]
    Unmanaged { principal: String },
}

impl AclDocument {
    /// Reads a document and checks that it grants only to principals that it manages.
    pub fn parse(json: &[u8]) -> Result<Self, DocumentError> {
        let document: Self = serde_json::from_slice(json)?;
        let stranger = document
            .bindings
            .iter()
            .find(|it| !document.managed_principals.contains(&it.principal));
        match stranger {
            Some(binding) => Err(DocumentError::Unmanaged {
                principal: binding.principal.clone(),
            }),
            None => Ok(document),
        }
    }

    /// Both documents in one: what several ConfigMaps hold is carried out together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.managed_principals.extend(other.managed_principals);
        self.bindings.extend(other.bindings);
        self
    }

    /// The canonical text: keys in the order of the type, members in order of the sets, no spaces.
    pub fn to_json(&self) -> String {
        // Plain structs, strings and sets have no value that JSON cannot hold.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// SHA-256 of the canonical text, 64 lower-case hexadecimal digits.
    pub fn content_hash(&self) -> String {
        let digest = digest::digest(&digest::SHA256, self.to_json().as_bytes());
        digest
            .as_ref()
            .iter()
            .fold(String::with_capacity(64), |mut text, byte| {
                // Writing to a string does not fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }

    /// What has to change where Kafka holds `actual`.
    pub fn diff(&self, actual: &BTreeSet<AclBinding>) -> Diff {
        Diff::between(&self.bindings, actual, &self.managed_principals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"managedPrincipals":["User:app","User:gone"],"bindings":[{"principal":"User:app","resourceType":"Topic","resourceName":"payments","patternType":"Literal","operation":"Read","permission":"Allow","host":"*"}]}"#;

    #[test]
    fn the_text_is_stable() {
        let document = AclDocument::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(document.to_json(), TEXT);
    }

    /// `printf %s "$TEXT" | sha256sum`
    #[test]
    fn the_hash_is_sha256_of_the_text() {
        let document = AclDocument::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(
            document.content_hash(),
            "cb581f67cd7951b95e5ea4f66dde25bf28a03f25c2513b39c66e52eda83f4970"
        );
        let without = AclDocument {
            bindings: BTreeSet::new(),
            ..document.clone()
        };
        assert_ne!(without.content_hash(), document.content_hash());
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        let shuffled = TEXT.replace(r#"["User:app","User:gone"]"#, r#"["User:gone","User:app","User:gone"]"#);
        assert_ne!(shuffled, TEXT);
        let (one, other) = (
            AclDocument::parse(TEXT.as_bytes()),
            AclDocument::parse(shuffled.as_bytes()),
        );
        assert_eq!(one.unwrap().content_hash(), other.unwrap().content_hash());
    }

    #[test]
    fn a_grant_to_a_stranger_is_refused() {
        let text = TEXT.replace(r#"["User:app","User:gone"]"#, r#"["User:gone"]"#);
        let error = AclDocument::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(error, DocumentError::Unmanaged { principal } if principal == "User:app"));
    }

    #[test]
    fn an_unknown_field_or_operation_is_refused() {
        for text in [
            TEXT.replace("\"host\"", "\"hosts\""),
            TEXT.replace("\"Read\"", "\"Reed\""),
        ] {
            assert!(
                matches!(AclDocument::parse(text.as_bytes()), Err(DocumentError::Json(_))),
                "{text}"
            );
        }
    }
}
