//! What the operator's account may do against what it did in all other suites together, by the API server's audit log: a right that
//! nobody uses is one that only a thief would.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;

use super::{ALL, Suite};
use crate::harness::audit::Entry;
use crate::harness::{Context, Report};
use crate::{install, paths};

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

/// Where the list stands that people read.
const PAGE: &str = "docs/security.md";

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
    let name = "every right was used and is documented, and no other exists";
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
        is_told(&std::fs::read_to_string(paths::repository().join(PAGE))?, &granted)
    });
    Ok(report)
}

/// Every verb and kind that the account has in its own namespace and in one that it serves.
fn granted(context: &Context) -> Result<BTreeSet<String>> {
    let account = format!("--as={}", install::ACCOUNT);
    let mut all = BTreeSet::new();
    for namespace in [install::NAMESPACE, "default"] {
        let listed = context.kubectl(&["-n", namespace, "auth", "can-i", "--list", "--no-headers", &account])?;
        all.extend(listed.lines().flat_map(rights_of));
    }
    Ok(all)
}

/// What a line of `kubectl auth can-i --list` allows, as `verb kind`.
fn rights_of(line: &str) -> Vec<String> {
    let (what, rest) = line.split_once(char::is_whitespace).unwrap_or_default();
    let verbs = rest
        .rsplit_once('[')
        .map_or("", |(_, verbs)| verbs.trim_end_matches(']'));
    // A line without a kind is about paths such as /healthz.
    if what.is_empty() || EVERYBODYS.iter().any(|group| what.contains(group)) {
        return Vec::new();
    }
    verbs.split_whitespace().map(|verb| format!("{verb} {what}")).collect()
}

/// The list that a page shows, of a namespace that the operator serves.
fn documented(page: &str) -> Result<BTreeSet<String>> {
    let command = "$ kubectl auth can-i --list -n kafka --as=";
    let (_, shown) = page.split_once(command).context("the page shows no list")?;
    let (list, _) = shown.split_once("```").context("the list doesn't end")?;
    // After the rest of the command and the headline.
    Ok(list.lines().skip(2).flat_map(rights_of).collect())
}

/// In its own namespace it has one Lease besides, and the account that says who leads.
fn is_told(page: &str, granted: &BTreeSet<String>) -> Result<()> {
    let documented = documented(page)?;
    let served: BTreeSet<String> = granted
        .iter()
        .filter(|right| !right.ends_with(" leases.coordination.k8s.io") && !right.ends_with(" serviceaccounts"))
        .cloned()
        .collect();
    let untold: Vec<&String> = served.difference(&documented).collect();
    let more: Vec<&String> = documented.difference(&served).collect();
    ensure!(
        untold.is_empty() && more.is_empty(),
        "granted and not documented: {untold:?}; documented and not granted: {more:?}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_that_a_page_lacks_or_invents_is_found() {
        let page = std::fs::read_to_string(paths::repository().join(PAGE)).unwrap();
        let mut granted = documented(&page).unwrap();
        assert!(granted.contains("get namespaces"), "{granted:?}");
        assert!(granted.len() > 60, "{granted:?}");
        is_told(&page, &granted).unwrap();
        granted.insert("list secrets".into());
        let untold = is_told(&page, &granted).unwrap_err().to_string();
        assert!(untold.contains("not documented: [\"list secrets\"]"), "{untold}");
        granted.remove("list secrets");
        granted.remove("get namespaces");
        let more = is_told(&page, &granted).unwrap_err().to_string();
        assert!(more.contains("not granted: [\"get namespaces\"]"), "{more}");
    }
}
