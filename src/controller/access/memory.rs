//! What's remembered of the users of each cluster between passes. All of it can be lost: it's read again from Secrets and Kafka.

use super::look::Look;
use super::rights::Running;
use crate::acl::wave::{Known, Right};
use crate::controller::resource::Nowhere;
use crate::controller::stores::ClusterKey;
use crate::controller::trust::SecretData;
use crate::user::rotation::Rotation;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Credentials as they're stored, without what follows from other objects.
#[derive(Clone, Debug)]
pub struct Own {
    /// `password`, `password.next`, `user.crt`, `user.key`: those that there are.
    pub texts: SecretData,
    pub rotation: Rotation,
    /// When the certificate must be looked at again.
    pub until: Option<Timestamp>,
}

impl Own {
    pub fn text(&self, key: &str) -> Option<&str> {
        self.texts.0.get(key).map(String::as_str)
    }
}

/// What's known of one user.
#[derive(Clone, Debug, Default)]
pub struct Held {
    pub uid: String,
    /// What the Secret was last written for.
    pub mark: Option<u64>,
    pub own: Option<Own>,
    /// Its Secret was looked for in this pass, and there's none.
    pub is_absent: bool,
    /// Rights under each of its names.
    pub rights: Vec<Right>,
    /// Everything is in place and said.
    pub settled: bool,
    /// When it was last tried in vain to hold it.
    pub unheld: Option<Timestamp>,
    /// Passes that failed for this user alone, one after the other, and when it's tried again.
    pub failures: u32,
    pub retry: Option<Timestamp>,
    /// The last status written, by its hash: the watch may not have brought it yet.
    pub said: Option<u64>,
}

/// What's known of all users of a cluster.
#[derive(Default)]
pub struct Access {
    pub users: HashMap<String, Held>,
    pub nowhere: Nowhere,
    /// What Kafka was last seen to have.
    pub look: Option<Look>,
    pub known: Known,
    /// Principals with rights in Kafka that nobody shall have.
    pub strays: Vec<Right>,
    /// Whether Jobs of an earlier process were looked for.
    pub is_alone: bool,
    pub job: Option<Running>,
    /// No documents of Jobs are left.
    pub is_clean: bool,
}

#[derive(Default)]
pub struct Accesses {
    all: Mutex<HashMap<ClusterKey, Access>>,
    /// What holds rights up, for the cluster's status.
    troubles: Mutex<HashMap<ClusterKey, String>>,
}

impl Accesses {
    /// Takes it out: passes over the users of one cluster never overlap.
    pub fn take(&self, key: &ClusterKey) -> Access {
        lock(&self.all).remove(key).unwrap_or_default()
    }

    pub fn put(&self, key: &ClusterKey, access: Access) {
        lock(&self.all).insert(key.clone(), access);
    }

    /// Notes what holds rights up; `None`: nothing.
    pub fn note(&self, key: &ClusterKey, trouble: Option<String>) {
        let mut troubles = lock(&self.troubles);
        match trouble {
            Some(trouble) => troubles.insert(key.clone(), trouble),
            None => troubles.remove(key),
        };
    }

    pub fn trouble(&self, key: &ClusterKey) -> Option<String> {
        lock(&self.troubles).get(key).cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
