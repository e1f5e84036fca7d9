use super::*;

const CLUSTER: &str = "MkU3OEVBNTcwNTJENDM2Qg";
const HOST: &str = "orders-controllers-1-0.orders-nodes.kafka.svc";
const DIR_0: &str = "AAAAAAAAQACAAAAAAAAAAA";
const DIR_1: &str = "AAAAAAAAQACAAAAAAAAAAQ";

fn voters() -> String {
    format!("0@orders-controllers-0-0.orders-nodes.kafka.svc:9090:{DIR_0},1@{HOST}:9090:{DIR_1}")
}

fn identity(cluster: &str, node: &str, directory: Option<&str>) -> DirectoryState {
    DirectoryState::Formatted(Identity {
        cluster: cluster.into(),
        node: node.into(),
        directory: directory.map(str::to_owned),
    })
}

fn ours(directory: &str) -> DirectoryState {
    identity(CLUSTER, "1", Some(directory))
}

fn empty() -> DirectoryState {
    DirectoryState::Empty { leftovers: vec![] }
}

fn unreadable(kind: ErrorKind) -> DirectoryState {
    DirectoryState::Unreadable {
        kind,
        message: kind.to_string(),
    }
}

/// Node 1 with its disks at `/d0`, `/d1`, …, metadata on the first.
fn facts(is_controller: bool, initial_voters: Option<String>, states: Vec<DirectoryState>) -> Facts {
    let paths: Vec<PathBuf> = (0..states.len())
        .map(|index| PathBuf::from(format!("/d{index}")))
        .collect();
    let directories = paths
        .iter()
        .cloned()
        .zip(states)
        .map(|(path, state)| Directory { path, state })
        .collect();
    let config = NodeConfig {
        node_id: 1,
        is_controller,
        is_static: false,
        metadata_directory: "/d0".into(),
        directories: paths,
    };
    Facts {
        node_id: 1,
        cluster_id: CLUSTER.into(),
        node_host: HOST.into(),
        initial_voters,
        permitted: Some(FirstFormat::Voter),
        config,
        directories,
    }
}

fn controller(states: Vec<DirectoryState>) -> Facts {
    facts(true, None, states)
}

fn bootstrapping(states: Vec<DirectoryState>) -> Facts {
    facts(true, Some(voters()), states)
}

fn broker(states: Vec<DirectoryState>) -> Facts {
    facts(false, None, states)
}

fn done() -> FormatPlan {
    FormatPlan::AlreadyFormatted { failing: vec![] }
}

fn format(initial_voters: Option<String>, reason: FormatReason) -> FormatPlan {
    FormatPlan::Format {
        initial_voters,
        reason,
        leftovers: vec![],
    }
}

#[test]
fn formatted_disks_need_no_format() {
    let old_kafka = identity(CLUSTER, "1", None);
    let table = [
        ("one disk", controller(vec![ours(DIR_0)]), done()),
        ("two disks", broker(vec![ours(DIR_0), ours(DIR_1)]), done()),
        ("while bootstrapping", bootstrapping(vec![ours(DIR_1)]), done()),
        ("no directory ids", broker(vec![old_kafka.clone(), old_kafka]), done()),
        (
            "a data disk with I/O errors",
            broker(vec![ours(DIR_0), unreadable(ErrorKind::Other)]),
            FormatPlan::AlreadyFormatted {
                failing: vec!["/d1".into()],
            },
        ),
    ];
    for (case, facts, expected) in table {
        assert_eq!(plan(&facts), expected, "{case}");
    }
}

#[test]
fn a_voter_is_made_with_permission_only() {
    let empty_disk = |permitted| Facts {
        permitted,
        ..bootstrapping(vec![empty()])
    };
    let refused = FormatPlan::Refuse {
        why: Refusal::NotPermitted,
    };
    assert_eq!(plan(&empty_disk(None)), refused);
    let observer = plan(&empty_disk(Some(FirstFormat::Observer)));
    assert_eq!(observer, format(None, FormatReason::ReplacedDisk));
    let formatted = Facts {
        permitted: None,
        ..bootstrapping(vec![ours(DIR_1)])
    };
    assert_eq!(plan(&formatted), done(), "a disk that's formatted needs none");
}

#[test]
fn only_a_fresh_controller_of_the_first_day_is_a_voter() {
    let two_empty = || vec![empty(), empty()];
    let late = facts(true, Some(voters().replace("1@", "2@")), vec![empty()]);
    let table = [
        (
            "first day",
            bootstrapping(vec![empty()]),
            format(Some(voters()), FormatReason::Bootstrap),
        ),
        (
            "first day, two disks",
            bootstrapping(two_empty()),
            format(Some(voters()), FormatReason::Bootstrap),
        ),
        ("controller not in the list", late, format(None, FormatReason::NewNode)),
        (
            "disk lost later",
            controller(vec![empty()]),
            format(None, FormatReason::NewNode),
        ),
        ("broker", broker(two_empty()), format(None, FormatReason::NewNode)),
        (
            "broker given voters",
            facts(false, Some(voters()), vec![empty()]),
            format(None, FormatReason::NewNode),
        ),
        (
            "new data disk",
            broker(vec![ours(DIR_0), empty()]),
            format(None, FormatReason::NewDisk),
        ),
        (
            "new data disk on the first day",
            bootstrapping(vec![ours(DIR_1), empty()]),
            format(None, FormatReason::NewDisk),
        ),
        (
            "metadata disk lost",
            controller(vec![empty(), ours(DIR_1)]),
            format(None, FormatReason::LostMetadataDisk),
        ),
        (
            "metadata disk lost on the first day",
            bootstrapping(vec![empty(), ours(DIR_1)]),
            format(None, FormatReason::LostMetadataDisk),
        ),
        (
            "broker's metadata disk lost",
            broker(vec![empty(), ours(DIR_1)]),
            format(None, FormatReason::NewDisk),
        ),
    ];
    for (case, facts, expected) in table {
        assert_eq!(plan(&facts), expected, "{case}");
    }
}

#[test]
fn rests_of_an_interrupted_format_are_removed() {
    let rest = PathBuf::from("/d0/bootstrap.checkpoint");
    let facts = bootstrapping(vec![
        DirectoryState::Empty {
            leftovers: vec![rest.clone()],
        },
        empty(),
    ]);
    let FormatPlan::Format { leftovers, .. } = plan(&facts) else {
        panic!("it must format")
    };
    assert_eq!(leftovers, [rest]);
}

#[test]
fn a_disk_of_unclear_origin_is_refused_with_its_name_and_a_way_out() {
    let foreign = || DirectoryState::Foreign {
        example: "payments-0".into(),
    };
    let denied = || unreadable(ErrorKind::PermissionDenied);
    let broken = || unreadable(ErrorKind::Other);
    let mut wrong_config = broker(vec![empty()]);
    wrong_config.config.node_id = 2;
    let other_cluster = || identity("b3RoZXJjbHVzdGVyb3RoZXI", "1", Some(DIR_0));
    let other_node = || identity(CLUSTER, "7", Some(DIR_1));
    let table: [(&str, Facts, &[&str]); 13] = [
        (
            "other cluster",
            broker(vec![other_cluster()]),
            &["/d0", "b3RoZXJjbHVzdGVyb3RoZXI", CLUSTER, "empty the volume"],
        ),
        (
            "other cluster beside empty",
            broker(vec![empty(), other_cluster()]),
            &["/d1", "b3RoZXJjbHVzdGVyb3RoZXI"],
        ),
        (
            "other node",
            broker(vec![ours(DIR_0), other_node()]),
            &["/d1", "node 7", "node 1", "attach the volume"],
        ),
        (
            "other node on the first day",
            bootstrapping(vec![other_node()]),
            &["/d0", "node 7"],
        ),
        (
            "copied disk",
            broker(vec![ours(DIR_0), ours(DIR_0)]),
            &["/d0", "/d1", DIR_0, "copy"],
        ),
        (
            "data without identity",
            broker(vec![foreign()]),
            &["/d0", "payments-0", "meta.properties"],
        ),
        (
            "data beside formatted",
            broker(vec![ours(DIR_0), foreign()]),
            &["/d1", "payments-0"],
        ),
        (
            "damaged",
            broker(vec![DirectoryState::Damaged { missing: "node.id" }]),
            &["/d0", "node.id", "Restore"],
        ),
        (
            "permission denied",
            broker(vec![ours(DIR_0), denied()]),
            &["/d1", "permission denied", "fsGroup"],
        ),
        ("metadata disk broken", broker(vec![broken(), ours(DIR_1)]), &["/d0"]),
        ("only disk broken", broker(vec![broken()]), &["/d0"]),
        (
            "broken while another is empty",
            broker(vec![ours(DIR_0), broken(), empty()]),
            &["/d1"],
        ),
        ("configuration of another node", wrong_config, &["node 2", "node 1"]),
    ];
    for (case, facts, words) in table {
        let FormatPlan::Refuse { why } = plan(&facts) else {
            panic!("{case}: {:?}", plan(&facts))
        };
        let message = why.to_string();
        for word in words {
            assert!(message.contains(word), "{case}: {word:?} is not in {message:?}");
        }
    }
}

#[test]
fn voters_that_would_break_the_quorum_are_refused() {
    let moved = voters().replace(HOST, "elsewhere.svc");
    let short = voters().replace(DIR_1, "short");
    for text in [
        moved,
        short,
        "1".into(),
        format!("1@{HOST}:9090"),
        format!("x@{HOST}:9090:{DIR_1}"),
        voters() + ",",
    ] {
        let facts = facts(true, Some(text.clone()), vec![empty()]);
        let FormatPlan::Refuse {
            why: Refusal::BadVoters { .. },
        } = plan(&facts)
        else {
            panic!("{text}")
        };
    }
}
