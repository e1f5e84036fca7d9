//! Which certificate each node should run with, and which former one it may go on with. Kafka reads the certificates between
//! nodes when it starts; one that's merely renewed by time is taken up by the next restart that happens anyway. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Key in a node's Secret; nobody but the operator reads it.
pub const FORMER: &str = "former.json";
/// More of them than ever run at a time.
const KEPT: usize = 4;

/// A certificate that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Former {
    pub serial: String,
    pub not_after: Timestamp,
    /// Whoever runs with it may go on while it has `renewBefore` left: what replaced it differs in nothing but its time.
    pub tolerated: bool,
}

/// The former ones once `last` was replaced too, the newest last.
pub fn succeeded(before: &[Former], last: Former) -> Vec<Former> {
    let tolerated = last.tolerated;
    let kept = before.iter().rev().take(KEPT - 1).rev().cloned();
    let mut all: Vec<Former> = kept
        .map(|former| Former {
            tolerated: former.tolerated && tolerated,
            ..former
        })
        .collect();
    all.push(last);
    all
}

/// As it's stored.
pub fn write(formers: &[Former]) -> String {
    serde_json::to_string(formers).unwrap_or_default()
}

/// What can't be read is nothing: whoever runs with a former certificate is restarted then.
pub fn read(text: Option<&String>) -> Vec<Former> {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// The certificates of all nodes.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// Serial of each node's newest one.
    pub serials: BTreeMap<i32, String>,
    pub formers: BTreeMap<i32, Vec<Former>>,
    pub renew_before: Duration,
}

impl Running {
    /// Another certificate takes the place of the newest one, which ends at `end`. `by_time`: that's all that is against it.
    pub fn replaced(&mut self, id: i32, (serial, by_time): (&str, bool), end: Option<Timestamp>) {
        let last = self.serials.insert(id, serial.to_owned());
        if let (Some(serial), Some(not_after)) = (last, end) {
            let formers = self.formers.entry(id).or_default();
            let last = Former {
                serial,
                not_after,
                tolerated: by_time,
            };
            *formers = succeeded(formers, last);
        }
    }

    /// The serial with which the node should run, given the one that it runs with.
    pub fn wanted<'a>(&'a self, id: i32, runs: Option<&'a str>, now: Timestamp) -> Option<&'a str> {
        let newest = self.serials.get(&id)?.as_str();
        let may_go_on = |serial: &str| {
            let former = self.former(id, serial);
            former.is_some_and(|former| former.tolerated && now < early(former.not_after, self.renew_before))
        };
        Some(runs.filter(|serial| may_go_on(serial)).unwrap_or(newest))
    }

    /// The node runs with a former certificate of which less than half of `renewBefore` is left: it can't wait for a maintenance
    /// window.
    pub fn is_pressing(&self, id: i32, runs: Option<&str>, now: Timestamp) -> bool {
        let former = runs.and_then(|serial| self.former(id, serial));
        former.is_some_and(|former| now >= early(former.not_after, self.renew_before / 2))
    }

    /// End of the former certificate that the node runs with.
    pub fn end_of_former(&self, id: i32, runs: Option<&str>) -> Option<Timestamp> {
        self.former(id, runs?).map(|former| former.not_after)
    }

    /// The node runs with a certificate that nobody accepts any more.
    pub fn has_ended(&self, id: i32, runs: Option<&str>, now: Timestamp) -> bool {
        self.end_of_former(id, runs).is_some_and(|end| end <= now)
    }

    fn former(&self, id: i32, serial: &str) -> Option<&Former> {
        self.formers.get(&id)?.iter().find(|former| former.serial == serial)
    }
}

fn early(end: Timestamp, by: Duration) -> Timestamp {
    end.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hour * 3_600).unwrap()
    }

    fn former(serial: &str, end: i64, tolerated: bool) -> Former {
        Former {
            serial: serial.into(),
            not_after: at(end),
            tolerated,
        }
    }

    fn running(formers: Vec<Former>) -> Running {
        Running {
            serials: BTreeMap::from([(0, "new".to_owned())]),
            formers: BTreeMap::from([(0, formers)]),
            renew_before: Duration::from_hours(10),
        }
    }

    #[test]
    fn a_node_goes_on_with_a_former_certificate_until_its_end_is_near() {
        let by_time = running(vec![former("old", 100, true)]);
        let wanted = |hour| by_time.wanted(0, Some("old"), at(hour));
        assert_eq!((wanted(0), wanted(89)), (Some("old"), Some("old")));
        assert_eq!((wanted(90), wanted(200)), (Some("new"), Some("new")));
        assert_eq!(by_time.wanted(0, Some("unknown"), at(0)), Some("new"));
        assert_eq!(by_time.wanted(0, None, at(0)), Some("new"));
        assert_eq!(by_time.wanted(1, Some("old"), at(0)), None);
        let asked = running(vec![former("old", 100, false)]);
        assert_eq!(asked.wanted(0, Some("old"), at(0)), Some("new"));
        let pressing = |hour| by_time.is_pressing(0, Some("old"), at(hour));
        assert_eq!((pressing(94), pressing(95)), (false, true));
        assert!(!by_time.is_pressing(0, Some("new"), at(95)));
    }

    #[test]
    fn what_is_not_tolerated_any_more_takes_those_before_it_along() {
        let first = succeeded(&[], former("a", 1, true));
        let second = succeeded(&first, former("b", 2, true));
        assert!(second.iter().all(|former| former.tolerated));
        let third = succeeded(&second, former("c", 3, false));
        assert!(third.iter().all(|former| !former.tolerated));
        let many = (0..9).fold(third, |all, end| succeeded(&all, former("x", end, true)));
        assert_eq!((many.len(), many[3].not_after), (KEPT, at(8)));
        assert_eq!(read(Some(&write(&many))), many);
        assert_eq!(read(Some(&"[{".to_owned())), []);
    }
}
