//! No secret is told: the values of every Secret of the suite are looked for in whatever else there is to read.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{NAMESPACE, say};
use crate::diagnosis;
use crate::harness::{Context, Report};
use crate::install;

/// Keys of Secrets whose values nobody else may know.
const TOLD_TO_NOBODY: [&str; 10] = [
    "password",
    "password.next",
    "user.key",
    "tls.key",
    "ca.key",
    "node.pem",
    "user.pem",
    "client.properties",
    "jaas.conf",
    "delegation.properties",
];

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "no secret in any log, event, status, object, environment or argument",
        || told(context),
    );
}

fn told(context: &Context) -> Result<()> {
    let secrets = secrets(context)?;
    ensure!(secrets.len() > 10, "only {} secrets to look for", secrets.len());
    let mut places = BTreeMap::new();
    for namespace in [NAMESPACE, install::NAMESPACE] {
        logs(context, namespace, &mut places)?;
        let kinds = "pods,configmaps,services,statefulsets,jobs,deployments,replicasets,events,persistentvolumeclaims,\
            networkpolicies,poddisruptionbudgets,leases,pk,pkt,pku";
        let objects = context.kubectl(&["-n", namespace, "get", kinds, "-o", "json"])?;
        places.insert(format!("objects of {namespace}"), objects);
    }
    if let Some(audit) = &context.audit {
        places.insert("audit log".to_owned(), std::fs::read_to_string(audit.path())?);
        let processes = "for dir in /proc/[0-9]*; do tr '\\0' ' ' < $dir/cmdline; tr '\\0' ' ' < $dir/environ; echo; done 2>/dev/null";
        places.insert("processes".to_owned(), context.sh(processes)?);
    }
    let control = places
        .values()
        .any(|text| text.contains("payments") || text.contains(super::CLUSTER));
    ensure!(control, "there is nothing to read");
    let mut found = Vec::new();
    for (place, text) in &places {
        for (name, value) in &secrets {
            if text.contains(value.as_str()) {
                found.push(format!("{name} in {place}"));
            }
        }
    }
    ensure!(found.is_empty(), "{found:?}");
    let bytes: usize = places.values().map(String::len).sum();
    say(&format!(
        "{} values looked for in {} places, {} MB",
        secrets.len(),
        places.len(),
        bytes / 1_000_000
    ));
    Ok(())
}

fn logs(context: &Context, namespace: &str, places: &mut BTreeMap<String, String>) -> Result<()> {
    let pods = context.kubectl(&["-n", namespace, "get", "pods", "-o", "name"])?;
    for pod in pods.lines() {
        let words = ["-n", namespace, "logs", pod, "--all-containers", "--ignore-errors"];
        places.insert(format!("log of {pod}"), context.kubectl(&words).unwrap_or_default());
    }
    Ok(())
}

/// Values by where they come from: whole passwords, and of keys one line in the middle.
fn secrets(context: &Context) -> Result<BTreeMap<String, String>> {
    let list = context.kubectl_json(&["-n", NAMESPACE, "get", "secrets"])?;
    let mut all = BTreeMap::new();
    for secret in diagnosis::items(&list) {
        let name = secret
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        for key in TOLD_TO_NOBODY {
            let value = secret
                .get("data")
                .and_then(|data| data.get(key))
                .and_then(Value::as_str);
            let bytes = value.and_then(|value| STANDARD.decode(value).ok()).unwrap_or_default();
            let text = String::from_utf8(bytes).unwrap_or_default();
            if let Some(part) = telling(&text) {
                all.insert(format!("{name}[{key}]"), part);
            }
        }
    }
    Ok(all)
}

/// A part that gives the secret away.
fn telling(text: &str) -> Option<String> {
    if text.contains("PRIVATE KEY") {
        let key = text.split("PRIVATE KEY-----").nth(1)?;
        return key
            .lines()
            .map(str::trim)
            .find(|line| line.len() > 30)
            .map(str::to_owned);
    }
    if let Some(key) = text.strip_prefix("delegation.token.secret.key=") {
        return Some(key.trim().to_owned());
    }
    let password = text.split("password=\"").nth(1).and_then(|rest| rest.split('"').next());
    let password = password.or_else(|| (!text.contains('\n') && text.len() >= 16).then_some(text));
    password.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_telling_part_is_the_secret_itself() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0w\n-----END PRIVATE KEY-----\n";
        assert_eq!(telling(pem).unwrap(), "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0w");
        assert_eq!(
            telling("a required username=\"u\" password=\"hunter2hunter2\";\nb").unwrap(),
            "hunter2hunter2"
        );
        assert_eq!(telling("delegation.token.secret.key=abc\n").unwrap(), "abc");
        assert_eq!(telling("0123456789abcdef").unwrap(), "0123456789abcdef");
        assert_eq!(telling("acks=all\nb=1\n"), None);
    }
}
