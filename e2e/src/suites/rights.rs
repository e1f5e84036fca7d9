//! What the operator's account may do against what it did in all other suites together, by the API server's audit log: a right that
//! nobody uses is one that only a thief would.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::Timestamp;

use super::{ALL, Suite};
use crate::harness::audit::Entry;
use crate::harness::{Context, Report};
use crate::install;

pub const SUITE: Suite = Suite {
    name: "rights",
    about: "the operator's rights are those that the other suites saw it use",
    nodes: 3,
    kafka: &["4.3.1"],
    operator: true,
    namespaces: &[],
    run,
    bench: None,
};

/// Rights of every account, which nobody gave the operator.
const EVERYBODYS: [&str; 2] = ["authorization.k8s.io", "authentication.k8s.io"];

/// Used where no audit log shows it, or not by the suites that CI runs.
const UNSEEN: [(&str, &str); 9] = [
    (
        "update kafkatopics.productionkafka.dev/finalizers",
        "asked by OwnerReferencesPermissionEnforcement",
    ),
    (
        "update kafkausers.productionkafka.dev/finalizers",
        "asked by OwnerReferencesPermissionEnforcement",
    ),
    (
        "update productionkafkas.productionkafka.dev/finalizers",
        "asked by OwnerReferencesPermissionEnforcement",
    ),
    (
        "delete networkpolicies.networking.k8s.io",
        "of a resource that switches them off",
    ),
    (
        "delete poddisruptionbudgets.policy",
        "of a cluster whose nodes get both roles",
    ),
    (
        "delete tlsroutes.gateway.networking.k8s.io",
        "of a listener that is taken away",
    ),
    ("delete services", "of a listener that is taken away"),
    ("delete pods", "one that doesn't run what it should and serves nothing"),
    (
        "patch events.events.k8s.io",
        "an event that is said again within minutes",
    ),
];

fn run(context: &Context) -> Result<Report> {
    let mut report = Report::of(context);
    let name = "every right was used, and no other exists";
    let Some(audit) = &context.audit else {
        report.skip(name, "no audit log on this cluster");
        return Ok(report);
    };
    let entries = audit.since(Timestamp::UNIX_EPOCH, install::ACCOUNT)?;
    let seen = |namespace: &&str| {
        let of = |entry: &Entry| {
            entry
                .object_ref
                .as_ref()
                .is_some_and(|object| object.namespace == **namespace)
        };
        entries.iter().any(of)
    };
    let mut others = ALL.iter().filter(|suite| suite.operator && suite.name != SUITE.name);
    if let Some(missing) = others.find(|suite| !suite.namespaces.iter().any(&seen)) {
        report.skip(name, &format!("suite {} hasn't run on this cluster", missing.name));
        return Ok(report);
    }
    let used: BTreeSet<String> = entries
        .iter()
        .filter(|entry| entry.object_ref.is_some())
        .flat_map(|entry| {
            // A server-side apply that makes an object needs the right to create it, too.
            let made = entry.is_created().then(|| format!("create {}", entry.right()));
            std::iter::once(format!("{} {}", entry.verb, entry.right())).chain(made)
        })
        .collect();
    report.test(name, || {
        install::operator(context, "")?;
        let granted = context.wait_until("the rights are there", Duration::from_secs(20), || {
            let all = granted(context)?;
            Ok((!all.is_empty()).then_some(all))
        })?;
        let is_excused = |right: &&String| UNSEEN.iter().any(|(unseen, _)| unseen == *right);
        let idle: Vec<&String> = granted.difference(&used).filter(|right| !is_excused(right)).collect();
        let beyond: Vec<&String> = used.difference(&granted).collect();
        println!(
            "          {} rights granted, {} of them used",
            granted.len(),
            granted.intersection(&used).count()
        );
        ensure!(idle.is_empty(), "granted and never used: {idle:?}");
        ensure!(
            beyond.is_empty(),
            "used and not granted by this installation: {beyond:?}"
        );
        Ok(())
    });
    Ok(report)
}

/// Every verb and kind that the account has in its own namespace and in one that it serves.
fn granted(context: &Context) -> Result<BTreeSet<String>> {
    let account = format!("--as={}", install::ACCOUNT);
    let mut all = BTreeSet::new();
    for namespace in [install::NAMESPACE, "default"] {
        let listed = context.kubectl(&["-n", namespace, "auth", "can-i", "--list", "--no-headers", &account])?;
        for line in listed.lines() {
            let (what, rest) = line.split_once(char::is_whitespace).unwrap_or_default();
            let verbs = rest
                .rsplit_once('[')
                .map_or("", |(_, verbs)| verbs.trim_end_matches(']'));
            // A line without a kind is about paths such as /healthz.
            if what.is_empty() || EVERYBODYS.iter().any(|group| what.contains(group)) {
                continue;
            }
            all.extend(verbs.split_whitespace().map(|verb| format!("{verb} {what}")));
        }
    }
    Ok(all)
}
