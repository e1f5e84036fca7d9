//! Steps of an upgrade, in order.

use super::*;

fn levels(of: &[(&str, i16)]) -> BTreeMap<String, i16> {
    of.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect()
}

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hour * 3600).unwrap()
}

struct Case {
    finalized: Option<BTreeMap<String, i16>>,
    supported: BTreeMap<String, i16>,
    settled: bool,
    policy: Finalize,
    since: Option<Timestamp>,
    now: Timestamp,
}

/// 4.4.0 runs everywhere for an hour; the levels are those of 4.3.1; a day of soak.
fn case() -> Case {
    let version = |text| KafkaVersion::parse(text).unwrap().features();
    Case {
        finalized: Some(levels(&version("4.3.1"))),
        supported: levels(&version("4.4.0")),
        settled: true,
        policy: Finalize::Automatic,
        since: Some(at(0)),
        now: at(1),
    }
}

fn decided(case: &Case) -> Decision {
    decide(&World {
        now: case.now,
        version: KafkaVersion::parse("4.4.0").unwrap(),
        settled: case.settled,
        finalized: case.finalized.as_ref(),
        supported: &case.supported,
        policy: case.policy,
        soak: SignedDuration::from_hours(24),
        since: case.since,
    })
}

const METADATA: Raise = Raise {
    feature: "metadata.version",
    from: 30,
    to: 33,
};

#[test]
fn nothing_is_raised_before_the_soak_is_over() {
    assert_eq!(
        decided(&case()),
        Decision::Soak {
            until: at(24),
            next: METADATA
        }
    );
    assert_eq!(decided(&Case { now: at(24), ..case() }), Decision::Raise(METADATA));
}

#[test]
fn nothing_is_raised_while_a_node_runs_something_else_or_kafka_is_silent() {
    let late = || Case { now: at(99), ..case() };
    assert_eq!(
        decided(&Case {
            settled: false,
            ..late()
        }),
        Decision::NotYet
    );
    assert_eq!(
        decided(&Case {
            finalized: None,
            ..late()
        }),
        Decision::NotYet
    );
    assert_eq!(decided(&Case { since: None, ..late() }), Decision::Remember);
}

#[test]
fn by_hand_means_by_hand() {
    let manual = Case {
        policy: Finalize::Manual,
        now: at(99),
        ..case()
    };
    assert_eq!(decided(&manual), Decision::Manual { next: METADATA });
}

#[test]
fn one_feature_after_the_other_and_metadata_first() {
    let mut case = Case { now: at(25), ..case() };
    let mut order = Vec::new();
    while let Decision::Raise(raise) = decided(&case) {
        order.push(raise.to_string());
        case.finalized
            .as_mut()
            .unwrap()
            .insert(raise.feature.to_owned(), raise.to);
    }
    assert_eq!(order, ["metadata.version from 30 to 33", "share.version from 1 to 2"]);
    assert_eq!(decided(&case), Decision::Current);
}

#[test]
fn a_level_that_the_nodes_do_not_support_is_left() {
    let mut case = Case { now: at(25), ..case() };
    case.supported = levels(&KafkaVersion::parse("4.3.1").unwrap().features());
    assert_eq!(decided(&case), Decision::Current);
}

#[test]
fn kraft_version_is_never_touched() {
    for version in crate::model::version::CATALOGUE {
        assert!(version.features().iter().all(|(name, _)| *name != "kraft.version"));
    }
}
