//! What this process last applied, and at which version the apiserver has it: while neither the wish nor the object has
//! changed, nothing is read and nothing is written. Only a cache: an empty one costs reads, never a wrong write.

use crate::render::Kind;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// Key of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    pub kind: Kind,
    pub namespace: String,
    pub name: String,
}

impl ObjectKey {
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// An applied object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Hash of what was wanted.
    pub wish: u64,
    pub uid: String,
    /// Generation or resourceVersion after the write.
    pub version: String,
}

#[derive(Default)]
pub struct Ledger(Mutex<HashMap<ObjectKey, Entry>>);

impl Ledger {
    pub fn get(&self, key: &ObjectKey) -> Option<Entry> {
        self.lock().get(key).cloned()
    }

    pub fn record(&self, key: ObjectKey, entry: Entry) {
        self.lock().insert(key, entry);
    }

    pub fn forget(&self, key: &ObjectKey) {
        self.lock().remove(key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectKey, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hash of a wish; only compared within this process.
pub fn wish(body: &serde_json::Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.to_string().hash(&mut hasher);
    hasher.finish()
}
