//! A policy of somebody else's refuses evictions, as where changes are frozen: a restart that was asked for waits, says so in the
//! policy's words, is asked again seldom, and happens once the policy is away.

use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE, pods, say, settled};
use crate::harness::{Context, Report};
use crate::install;

const POLICY: &str = "e2e-frozen";
const WORDS: &str = "changes are frozen until Monday";
const SOON: Duration = Duration::from_mins(1);
/// The operator asks soon for ten seconds, then once in ten.
const WATCHED: Duration = Duration::from_secs(22);

pub fn run(context: &Context, report: &mut Report) {
    report.test("a policy that freezes changes is heard", || {
        freeze(context)?;
        let outcome = waits(context);
        for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
            context.kubectl(&["delete", kind, POLICY, "--ignore-not-found"])?;
        }
        let before = outcome?;
        goes_on(context, &before)
    });
}

fn freeze(context: &Context) -> Result<()> {
    let named = |kind: &str, spec: Value| {
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": POLICY}, "spec": spec})
            .to_string()
    };
    let evictions =
        json!({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/eviction"], "operations": ["CREATE"]});
    let policy = json!({
        "matchConstraints": {"resourceRules": [evictions]},
        "validations": [{"expression": format!("request.namespace != '{NAMESPACE}'"), "message": WORDS}],
    });
    context.apply(&named("ValidatingAdmissionPolicy", policy))?;
    let binding = json!({"policyName": POLICY, "validationActions": ["Deny"]});
    context.apply(&named("ValidatingAdmissionPolicyBinding", binding))?;
    let pod = format!("{CLUSTER}-brokers-101-0");
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": NAMESPACE},
        "deleteOptions": {"dryRun": ["All"]}});
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), eviction.to_string())?;
    let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction");
    let file = file.path().to_string_lossy().into_owned();
    context.wait_until("the policy is in force", SOON, || {
        let answer = context.kubectl(&["create", "--raw", &path, "-f", &file]);
        Ok(answer
            .is_err_and(|error| format!("{error:#}").contains(WORDS))
            .then_some(()))
    })
}

/// A field of the cluster's status.
fn said(context: &Context, field: &str) -> Result<String> {
    let path = format!("jsonpath={{.status.{field}}}");
    context.kubectl(&["-n", NAMESPACE, "get", "pk", CLUSTER, "-o", &path])
}

type Pods = std::collections::BTreeMap<String, (String, String)>;

fn waits(context: &Context) -> Result<Pods> {
    let (before, pod) = (pods(context)?, format!("{CLUSTER}-brokers-102-0"));
    context.kubectl(&[
        "-n",
        NAMESPACE,
        "annotate",
        "pod",
        &pod,
        "productionkafka.dev/restart=now",
    ])?;
    let told = context.wait_until("the refusal is told", SOON, || {
        let next = said(context, "nextAction")?;
        Ok((next.starts_with("wait: ") && next.contains(WORDS)).then_some(next))
    })?;
    say(&told);
    std::thread::sleep(WATCHED / 2);
    let since = Timestamp::now();
    std::thread::sleep(WATCHED);
    ensure!(pods(context)? == before, "a pod went");
    let blocked = said(context, "rollout.blockedBy[0]")?;
    ensure!(blocked.contains(WORDS), "blocked by {blocked:?}");
    if let Some(audit) = &context.audit {
        let entries = audit.since(since, install::ACCOUNT)?;
        let asked = entries
            .iter()
            .filter(|entry| entry.right().contains("pods/eviction"))
            .count();
        ensure!((1..=4).contains(&asked), "asked {asked} times in {WATCHED:?}");
        say(&format!("asked {asked} times in {} s", WATCHED.as_secs()));
    }
    Ok(before)
}

fn goes_on(context: &Context, before: &Pods) -> Result<()> {
    let pod = format!("{CLUSTER}-brokers-102-0");
    context.wait_until("the pod is another one", Duration::from_mins(2), || {
        Ok((pods(context)?.get(&pod) != before.get(&pod)).then_some(()))
    })?;
    settled(context)?;
    let after = pods(context)?;
    let changed: Vec<&String> = before
        .iter()
        .filter(|(name, was)| after.get(*name) != Some(*was))
        .map(|(name, _)| name)
        .collect();
    ensure!(changed == [&pod], "restarted: {changed:?}");
    let next = said(context, "nextAction")?;
    ensure!(!next.is_empty() && !next.contains(WORDS), "it says {next:?}");
    Ok(())
}
