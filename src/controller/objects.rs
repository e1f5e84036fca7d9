//! The resources themselves, whole, as the watches tell them. One that this version can't read stops nobody else's watch:
//! what was last read of it stays.

use super::stores::{Feed, Share, Shares, Table, feed, lock};
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use std::sync::{Arc, Mutex};

/// One object, by namespace and name.
struct Row<K> {
    /// As it was last read; `None` when it never could be.
    object: Option<Arc<K>>,
    is_readable: bool,
}

/// Whole objects of one kind, by namespace and name.
pub struct Objects<K>(Mutex<Shares<Row<K>>>);

impl<K: ResourceExt + Clone> Objects<K> {
    /// Takes in an event.
    pub fn event(&self, share: &Share, event: Event<DeserializeGuard<K>>) {
        let mut tables = lock(&self.0);
        let table = tables.entry(share.clone()).or_insert_with(Table::new);
        let row = |guard: &DeserializeGuard<K>| {
            let key = (guard.namespace().unwrap_or_default(), guard.name_any());
            let object = match &guard.0 {
                Ok(object) => Some(Arc::new(slim(object))),
                Err(_) => table.rows.get(&key).and_then(|row| row.object.clone()),
            };
            let is_readable = guard.0.is_ok();
            (key, Row { object, is_readable })
        };
        let event: Feed<(String, String), Row<K>> = feed(event, row);
        table.feed(event);
    }

    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let key = (namespace.to_owned(), name.to_owned());
        lock(&self.0)
            .values()
            .find_map(|table| table.rows.get(&key)?.object.clone())
    }

    /// The objects of a namespace that satisfy `is`, by name.
    pub fn select(&self, namespace: &str, is: impl Fn(&K) -> bool) -> Vec<Arc<K>> {
        let tables = lock(&self.0);
        let rows = tables.values().flat_map(|table| &table.rows);
        let mut found: Vec<Arc<K>> = rows
            .filter(|((of, _), _)| of == namespace)
            .filter_map(|(_, row)| row.object.as_ref())
            .filter(|object| is(object))
            .map(Arc::clone)
            .collect();
        found.sort_by(|one, other| one.meta().name.cmp(&other.meta().name));
        found
    }

    /// How many can't be read as they are now.
    pub fn unreadable(&self) -> usize {
        let tables = lock(&self.0);
        let rows = tables.values().flat_map(|table| table.rows.values());
        rows.filter(|row| !row.is_readable).count()
    }
}

/// Without what nobody here reads and what is most of an object: who wrote which field, and what `kubectl apply` said last.
fn slim<K: ResourceExt + Clone>(object: &K) -> K {
    let mut object = object.clone();
    object.managed_fields_mut().clear();
    object
        .annotations_mut()
        .remove("kubectl.kubernetes.io/last-applied-configuration");
    object
}

impl<K> Default for Objects<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::KafkaTopic;
    use serde_json::json;

    fn topic(name: &str, spec: &serde_json::Value) -> DeserializeGuard<KafkaTopic> {
        let object = json!({
            "apiVersion": "productionkafka.dev/v1alpha1", "kind": "KafkaTopic",
            "metadata": {"name": name, "namespace": "kafka"}, "spec": spec,
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn what_cannot_be_read_keeps_its_last_form_until_it_goes() {
        let objects = Objects::<KafkaTopic>::default();
        let good = json!({"cluster": "orders", "partitions": 3});
        let bad = json!({"cluster": {"of": "the future"}});
        objects.event(&None, Event::Apply(topic("known", &good)));
        objects.event(&None, Event::Apply(topic("known", &bad)));
        objects.event(&None, Event::Apply(topic("new", &bad)));
        assert_eq!(objects.get("kafka", "known").unwrap().spec.partitions, 3);
        assert_eq!((objects.get("kafka", "new"), objects.unreadable()), (None, 2));
        objects.event(&None, Event::Init);
        objects.event(&None, Event::InitApply(topic("known", &bad)));
        objects.event(&None, Event::InitApply(topic("new", &good)));
        objects.event(&None, Event::InitDone);
        assert!(
            objects.get("kafka", "known").is_some(),
            "a list that's made anew loses nothing"
        );
        assert!(objects.get("kafka", "new").is_some());
        assert_eq!(objects.unreadable(), 1);
        objects.event(&None, Event::Delete(topic("known", &bad)));
        assert_eq!((objects.get("kafka", "known"), objects.unreadable()), (None, 0));
    }
}
