//! What the operator's ServiceAccount may do, asked of the API server, and that it never asked for more.

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;

use super::{NAMESPACE, evidence, steady};
use crate::harness::{Context, Report};
use crate::install;

/// What would let a taken-over operator read or run more than Kafka.
const DENIED: [&[&str]; 13] = [
    &["list", "secrets"],
    &["watch", "secrets"],
    &["update", "secrets"],
    &["patch", "pods"],
    &["create", "pods", "--subresource=exec"],
    &["delete", "persistentvolumeclaims"],
    &["create", "persistentvolumes"],
    &["create", "roles"],
    &["create", "rolebindings"],
    &["create", "serviceaccounts", "--subresource=token"],
    &["impersonate", "users"],
    &["delete", "productionkafkas.productionkafka.dev"],
    &["*", "*"],
];

/// The oracle can say yes.
const ALLOWED: [&[&str]; 3] = [
    &["get", "secrets"],
    &["patch", "statefulsets"],
    &["watch", "configmaps"],
];

pub fn run(context: &Context, since: Timestamp, report: &mut Report) {
    report.test(
        "the operator's account may not list Secrets, change pods or delete volumes",
        || {
            for words in ALLOWED {
                ensure!(may(context, words)?, "the account may not {}", words.join(" "));
            }
            for words in DENIED {
                ensure!(!may(context, words)?, "the account may {}", words.join(" "));
            }
            evidence(format!(
                "{} kinds of access denied, {} granted",
                DENIED.len(),
                ALLOWED.len()
            ));
            Ok(())
        },
    );
    let Some(audit) = &context.audit else {
        report.skip(
            "no request of the operator was forbidden",
            "no audit log on this cluster",
        );
        return;
    };
    report.test("no request of the operator was forbidden", || {
        let entries = audit.since(since, install::ACCOUNT)?;
        ensure!(
            !entries.is_empty(),
            "the audit log holds no request of {}",
            install::ACCOUNT
        );
        let code =
            |entry: &crate::harness::audit::Entry| entry.response_status.as_ref().map_or(0, |status| status.code);
        let denied: Vec<String> = entries
            .iter()
            .filter(|entry| code(entry) == 403)
            .map(steady::line)
            .collect();
        ensure!(
            denied.is_empty(),
            "{} requests were forbidden: {}",
            denied.len(),
            denied.join(", ")
        );
        evidence(format!("{} requests, none answered 403", entries.len()));
        Ok(())
    });
}

/// `kubectl auth can-i` in the cluster's namespace; it ends with 1 for "no".
fn may(context: &Context, words: &[&str]) -> Result<bool> {
    let account = format!("--as={}", install::ACCOUNT);
    let before = ["kubectl", "-n", NAMESPACE, "auth", "can-i"];
    let output = context
        .command(&[&before[..], words, &[&account]].concat())?
        .output()
        .context("start kubectl")?;
    let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(
        answer.starts_with("yes") || answer.starts_with("no"),
        "kubectl auth can-i said {answer:?}"
    );
    Ok(answer.starts_with("yes"))
}
