//! One rendered object, in the form in which it's applied and compared.

use k8s_openapi::Resource;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// An object to apply.
#[derive(Clone, PartialEq)]
pub struct Child {
    pub kind: Kind,
    pub name: String,
    /// With `apiVersion`, `kind` and `metadata`.
    pub body: Value,
}

impl Child {
    /// Typed objects of `k8s_openapi` can always be written as JSON.
    pub(super) fn new<T: Serialize>(kind: Kind, name: &str, object: &T) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            body: serde_json::to_value(object).unwrap_or_default(),
        }
    }
}

impl Child {
    /// Adds an annotation.
    pub fn annotate(&mut self, key: &str, value: &str) {
        if let Some(metadata) = self.body.get_mut("metadata").and_then(Value::as_object_mut) {
            let annotations = metadata
                .entry("annotations")
                .or_insert_with(|| Value::Object(serde_json::Map::new()));
            if let Some(annotations) = annotations.as_object_mut() {
                annotations.insert(key.to_owned(), Value::String(value.to_owned()));
            }
        }
    }
}

/// The body may hold keys and passwords, so it's never printed.
impl fmt::Debug for Child {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.kind.as_str(), self.name)
    }
}

/// Kinds that the operator creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    ConfigMap,
    Secret,
    Service,
    NetworkPolicy,
    PodDisruptionBudget,
    PersistentVolumeClaim,
    StatefulSet,
    Job,
    /// Of the Gateway API, which not every cluster has.
    TLSRoute,
}

impl Kind {
    /// Every kind that's watched, in the order in which they're applied.
    pub const ALL: [Self; 8] = [
        Self::ConfigMap,
        Self::Secret,
        Self::Service,
        Self::NetworkPolicy,
        Self::PodDisruptionBudget,
        Self::PersistentVolumeClaim,
        Self::StatefulSet,
        Self::Job,
    ];

    pub const fn as_str(self) -> &'static str {
        self.names().2
    }

    /// `v1`, `apps/v1`, …
    pub const fn api_version(self) -> &'static str {
        self.names().0
    }

    /// Name in the path of the API.
    pub const fn plural(self) -> &'static str {
        self.names().1
    }

    const fn names(self) -> (&'static str, &'static str, &'static str) {
        use k8s_openapi::api::{apps, batch, core, networking, policy};
        const fn of<T: Resource>() -> (&'static str, &'static str, &'static str) {
            (T::API_VERSION, T::URL_PATH_SEGMENT, T::KIND)
        }
        match self {
            Self::ConfigMap => of::<core::v1::ConfigMap>(),
            Self::Secret => of::<core::v1::Secret>(),
            Self::Service => of::<core::v1::Service>(),
            Self::NetworkPolicy => of::<networking::v1::NetworkPolicy>(),
            Self::PodDisruptionBudget => of::<policy::v1::PodDisruptionBudget>(),
            Self::PersistentVolumeClaim => of::<core::v1::PersistentVolumeClaim>(),
            Self::StatefulSet => of::<apps::v1::StatefulSet>(),
            Self::Job => of::<batch::v1::Job>(),
            // From Gateway API 1.5 on, in its standard channel.
            Self::TLSRoute => ("gateway.networking.k8s.io/v1", "tlsroutes", "TLSRoute"),
        }
    }
}
