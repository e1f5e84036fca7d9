//! The alert rules before any cluster: Prometheus's own tool reads them and runs their tests; every alert is tested and links a
//! runbook that exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{exec, paths};

/// The rules, as a plain rule file.
pub fn rules() -> PathBuf {
    paths::repository().join("charts/productionkafka/rules/alerts.yaml")
}

fn tests() -> PathBuf {
    paths::repository().join("e2e/rules/alerts_test.yaml")
}

/// `promtool check rules` and `promtool test rules`.
pub fn judged(promtool: &Path) -> Result<()> {
    let run = |words: [&str; 2], file: &Path| exec::output(Command::new(promtool).args(words).arg(file));
    run(["check", "rules"], &rules())?;
    run(["test", "rules"], &tests()).map(drop)
}

/// Each alert has a test in which it fires, and a runbook.
pub fn complete() -> Result<()> {
    let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("read {}", path.display()));
    let (rules, tests) = (read(&rules())?, read(&tests())?);
    let alerts: BTreeSet<&str> = after(&rules, "- alert: ").collect();
    ensure!(alerts.len() > 15, "only {} alerts were found", alerts.len());
    let fired: BTreeSet<&str> = tests
        .split("alertname: ")
        .skip(1)
        .filter_map(|part| part.lines().next().filter(|_| fires(part)))
        .collect();
    let untested: Vec<&&str> = alerts.difference(&fired).collect();
    ensure!(
        untested.is_empty(),
        "alerts without a test in which they fire: {untested:?}"
    );
    let books = paths::repository().join("docs/runbooks");
    for link in after(&rules, "runbook_url: RUNBOOKS/") {
        ensure!(books.join(link).is_file(), "docs/runbooks/{link} doesn't exist");
    }
    let links = after(&rules, "runbook_url: ").count();
    let all = after(&rules, "- alert: ").count();
    ensure!(links == all, "{all} alerts and {links} links to runbooks");
    Ok(())
}

/// Whether the alert that a part of the tests begins with is expected.
fn fires(part: &str) -> bool {
    let mut next = part.lines().skip(1);
    next.next().is_some_and(|line| line.trim() == "exp_alerts:")
}

fn after<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| line.trim().strip_prefix(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alert_is_tested_and_links_a_runbook() {
        complete().unwrap();
    }

    #[test]
    fn an_alert_counts_as_tested_only_where_it_fires() {
        assert!(fires("KafkaX\n    exp_alerts:\n    - x"));
        assert!(!fires("KafkaX}\n  - eval_time: 1m"));
    }
}
