//! `productionkafka verify` of a real cluster: what a person has still to do fails, the rest passes, and it ends with what it found.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE, say};
use crate::build::operator;
use crate::harness::{Context, Report};

const POD: &str = "verify";
const CLASS: &str = "storageclass/standard";
const VOUCHED: &str = "productionkafka.dev/encrypted-at-rest";

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "the controls of a running cluster fail for what's left to do, and for nothing else",
        || {
            let result = verified(context);
            // The class is everybody's.
            context.kubectl(&["annotate", CLASS, &format!("{VOUCHED}-")])?;
            super::admission::protect(context, false)?;
            end_review(context)?;
            result
        },
    );
    report.test("a sabotaged cluster fails every control that an object shows", || {
        review(context)?;
        let result = super::sabotage::run(context);
        end_review(context)?;
        result
    });
}

/// An account for whoever runs the command.
fn review(context: &Context) -> Result<()> {
    context.kubectl(&["-n", NAMESPACE, "create", "serviceaccount", "reviewer"])?;
    let account = format!("--serviceaccount={NAMESPACE}:reviewer");
    let words = [
        "create",
        "clusterrolebinding",
        "trust-reviewer",
        "--clusterrole=cluster-admin",
        &account,
    ];
    context.kubectl(&words).map(drop)
}

fn end_review(context: &Context) -> Result<()> {
    context.kubectl(&["delete", "clusterrolebinding", "trust-reviewer", "--ignore-not-found"])?;
    let words = [
        "-n",
        NAMESPACE,
        "delete",
        "serviceaccount/reviewer",
        "pod/verify",
        "--ignore-not-found",
        "--grace-period=1",
    ];
    context.kubectl(&words).map(drop)
}

fn verified(context: &Context) -> Result<()> {
    review(context)?;
    // Tags instead of digests, no protection, a version with published vulnerabilities, a class that shows nothing.
    let (code, failed, passed) = judged(context, "")?;
    ensure!(failed == BTreeSet::from([8, 21, 22, 43]), "{failed:?} failed");
    ensure!(code == 3, "it ended with {code}");
    ensure!(passed >= 28, "only {passed} passed");
    context.kubectl(&["annotate", "--overwrite", CLASS, &format!("{VOUCHED}=a test")])?;
    // Classes are read when the resource changes.
    super::admission::protect(context, true)?;
    context.wait_until("the class is seen", Duration::from_mins(1), || {
        let resource = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])?;
        Ok((super::reason(&resource, "EncryptedAtRest") == "ShownByStorageClass").then_some(()))
    })?;
    let (code, failed, passed) = judged(context, "8,22")?;
    ensure!(
        failed == BTreeSet::from([8, 22]) && code == 0,
        "{failed:?} failed, it ended with {code}"
    );
    say(&format!("{passed} controls passed"));
    Ok(())
}

/// How it ended, what failed, and how many passed.
pub(super) fn judged(context: &Context, except: &str) -> Result<(i64, BTreeSet<u64>, usize)> {
    context.kubectl(&[
        "-n",
        NAMESPACE,
        "delete",
        "pod",
        POD,
        "--ignore-not-found",
        "--grace-period=1",
    ])?;
    context.apply(&pod(except).to_string())?;
    let code = context.wait_until("the command has ended", Duration::from_mins(1), || {
        let pod = context.kubectl_json(&["-n", NAMESPACE, "get", "pod", POD])?;
        let code = pod
            .pointer("/status/containerStatuses/0/state/terminated/exitCode")
            .and_then(Value::as_i64);
        match code {
            Some(code) => Ok(Some(code)),
            None => bail!("{:?}", pod.pointer("/status/phase")),
        }
    })?;
    let text = context.kubectl(&["-n", NAMESPACE, "logs", POD])?;
    let told: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
    let controls = told.get("controls").and_then(Value::as_array).context("controls")?;
    ensure!(controls.len() == 46, "{} controls", controls.len());
    let of = |verdict: &str| -> BTreeSet<u64> {
        let all = controls.iter().filter(|control| control["verdict"] == verdict);
        all.filter_map(|control| control["id"].as_u64()).collect()
    };
    for control in controls.iter().filter(|control| control["verdict"] == "FAIL") {
        say(&format!(
            "{} {}",
            control["id"],
            control["evidence"].as_str().unwrap_or_default()
        ));
    }
    Ok((code, of("FAIL"), of("pass").len()))
}

fn pod(except: &str) -> Value {
    let mut words = vec!["/productionkafka", "verify", CLUSTER, "-n", NAMESPACE, "-o", "json"];
    if !except.is_empty() {
        words.extend(["--except", except]);
    }
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": POD, "namespace": NAMESPACE},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": "reviewer",
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": POD, "image": operator::image_name(), "imagePullPolicy": "IfNotPresent", "command": words,
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    })
}
