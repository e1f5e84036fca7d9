//! Settings that change, of Kafka's own store and of the nodes' files. Pure.

use super::SettingChange;
use super::asked::Asked;
use crate::tuning;
use std::collections::{BTreeMap, BTreeSet};

/// What would be altered in Kafka while it runs.
pub(super) fn changes(asked: &Asked) -> Vec<SettingChange> {
    let edits = asked.edits.iter().flatten().cloned();
    let change = |edit: crate::controller::settings::Edit| SettingChange {
        key: edit.key,
        old: edit.old,
        new: edit.new,
        why: None,
    };
    edits.map(change).collect()
}

/// What differs between two `.properties` files.
pub(super) fn of_files(old: &str, new: &str) -> Vec<SettingChange> {
    let (old, new) = (lines(old), lines(new));
    let keys: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let change = |key: &str| {
        let value = |file: &BTreeMap<&str, &str>| file.get(key).map(|value| (*value).to_owned());
        let (old, new) = (value(&old), value(&new));
        let key = key.to_owned();
        let why = None;
        (old != new).then_some(SettingChange { key, old, new, why })
    };
    keys.into_iter().filter_map(change).collect()
}

/// Adds why the profile sets what the resource doesn't.
pub(super) fn explain<'a>(changes: impl Iterator<Item = &'a mut SettingChange>, own: &BTreeMap<String, String>) {
    for change in changes.filter(|change| change.new.is_some() && !own.contains_key(&change.key)) {
        change.why = tuning::reason(&change.key);
    }
}

fn lines(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_differ_by_key() {
        let change = |key: &str, old: Option<&str>, new: Option<&str>| SettingChange {
            key: key.into(),
            old: old.map(str::to_owned),
            new: new.map(str::to_owned),
            why: None,
        };
        assert_eq!(
            of_files("a=1\nb=2\n# c=3\nd=x=y\n", "a=1\nb=3\ne=5\nd=x=y\n"),
            [change("b", Some("2"), Some("3")), change("e", None, Some("5"))]
        );
        assert_eq!(of_files("a=1", "a=1"), []);
    }
}
