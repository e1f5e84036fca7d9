//! What the API server refuses: the deletion of a protected cluster and of what it needs, and whatever the operator's account never
//! does, tried in its name.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::held::FINALIZER;
use super::{CLUSTER, NAMESPACE, merge, say};
use crate::harness::{Context, Report};
use crate::{diagnosis, install};

const ACCOUNT: &str = "productionkafka";
/// A namespace in which Kubernetes itself lets any pod run.
const OPEN: &str = "trust-open";

pub fn run(context: &Context, report: &mut Report) {
    report.test("a protected cluster and what it needs can't be deleted", || {
        protected(context)
    });
    report.test("the operator's account may do nothing but what it does", || {
        confined(context)
    });
}

/// Fails unless it's refused with these words.
fn refused(context: &Context, words: &[&str], because: &str) -> Result<()> {
    match context.kubectl(words) {
        Ok(done) => bail!("{} went through: {}", words.join(" "), done.trim()),
        Err(error) => {
            let said = format!("{error:#}");
            ensure!(
                said.contains(because),
                "{}: not {because:?} but {said}",
                words.join(" ")
            );
            Ok(())
        }
    }
}

pub(super) fn protect(context: &Context, on: bool) -> Result<()> {
    merge(context, &json!({"maintenance": {"deletionProtection": on}}))
}

/// What a protected cluster needs can't be deleted, and can be once it isn't protected any more.
pub(super) fn protected(context: &Context) -> Result<()> {
    let resource = format!("pk/{CLUSTER}");
    let needed = [
        format!("pvc/data-0-{CLUSTER}-brokers-100-0"),
        format!("secret/{CLUSTER}-cluster-ca"),
        format!("secret/{CLUSTER}-clients-ca"),
        format!("configmap/{CLUSTER}-identity"),
    ];
    let delete = |what: &str| ["-n", NAMESPACE, "delete", what, "--dry-run=server"].map(str::to_owned);
    for what in needed.iter().chain([&resource]) {
        context
            .kubectl(&delete(what).each_ref().map(String::as_str))
            .context("unprotected")?;
    }
    protect(context, true)?;
    holds(context, true)?;
    // The API server's own watch brings the setting to the policy.
    context.wait_until("the protection is in force", std::time::Duration::from_secs(30), || {
        let words = delete(needed.first().map_or("", String::as_str));
        Ok(context
            .kubectl(&words.each_ref().map(String::as_str))
            .is_err()
            .then_some(()))
    })?;
    for what in &needed {
        let words = delete(what);
        refused(
            context,
            &words.each_ref().map(String::as_str),
            "belongs to ProductionKafka orders, which is protected",
        )?;
    }
    let words = delete(&resource);
    refused(
        context,
        &words.each_ref().map(String::as_str),
        "is protected from deletion",
    )?;
    refused(
        context,
        &["-n", NAMESPACE, "delete", "pk", "--all", "--dry-run=server"],
        "is protected from deletion",
    )?;
    // What comes back by itself may go.
    let words = delete(&format!("secret/{CLUSTER}-operator-tls"));
    context.kubectl(&words.each_ref().map(String::as_str))?;
    protect(context, false)?;
    holds(context, false)?;
    context
        .kubectl(&delete(&resource).each_ref().map(String::as_str))
        .map(drop)
}

/// Waits until the cluster has the finalizer of protection, or hasn't.
pub(super) fn holds(context: &Context, wanted: bool) -> Result<()> {
    let resource = format!("pk/{CLUSTER}");
    context.wait_until(
        "the finalizer follows the protection",
        std::time::Duration::from_secs(30),
        || {
            let words = [
                "-n",
                NAMESPACE,
                "get",
                &resource,
                "-o",
                "jsonpath={.metadata.finalizers}",
            ];
            let has = context.kubectl(&words)?.contains(FINALIZER);
            Ok((has == wanted).then_some(()))
        },
    )
}

/// A pod that the policy has nothing against.
fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "intruder", "namespace": OPEN, "labels": {"app.kubernetes.io/managed-by": "productionkafka"}},
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "x", "image": "x",
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
        },
    })
}

fn with(mut object: Value, edits: &[(&str, Value)]) -> Value {
    for (path, value) in edits {
        let (parent, field) = path.rsplit_once('/').unwrap_or(("", path));
        if let Some(parent) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
            parent.insert(field.to_owned(), value.clone());
        }
    }
    object
}

/// What it tries, and the words of the refusal.
fn tries() -> Vec<(&'static str, Value, &'static str)> {
    let secret = |labels: Value, kind: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": kind,
            "metadata": {"name": "intruder", "namespace": OPEN, "labels": labels, "annotations": {"kubernetes.io/service-account.name": "default"}}})
    };
    let own = json!({"app.kubernetes.io/managed-by": "productionkafka"});
    let host_path = json!([{"name": "v", "hostPath": {"path": "/"}}]);
    let token = json!([{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]);
    let machine = "may not use the machine's network";
    let gains = "may not run privileged containers";
    let account = "may not run pods under a service account";
    let foreign = "only touch objects with the label";
    vec![
        (
            "hostNetwork",
            with(pod(), &[("/spec/hostNetwork", json!(true))]),
            machine,
        ),
        ("hostPID", with(pod(), &[("/spec/hostPID", json!(true))]), machine),
        ("hostIPC", with(pod(), &[("/spec/hostIPC", json!(true))]), machine),
        (
            "hostPath",
            with(pod(), &[("/spec/volumes", host_path)]),
            "may not mount files of the machine",
        ),
        (
            "a token",
            with(pod(), &[("/spec/automountServiceAccountToken", json!(true))]),
            account,
        ),
        (
            "another account",
            with(pod(), &[("/spec/serviceAccountName", json!("admin"))]),
            account,
        ),
        ("a projected token", with(pod(), &[("/spec/volumes", token)]), account),
        (
            "a privileged container",
            with(
                pod(),
                &[
                    ("/spec/containers/0/securityContext/privileged", json!(true)),
                    (
                        "/spec/containers/0/securityContext/allowPrivilegeEscalation",
                        json!(true),
                    ),
                ],
            ),
            gains,
        ),
        (
            "a capability",
            with(
                pod(),
                &[(
                    "/spec/containers/0/securityContext/capabilities",
                    json!({"add": ["NET_ADMIN"]}),
                )],
            ),
            gains,
        ),
        (
            "a pod of nobody",
            with(pod(), &[("/metadata/labels", json!({}))]),
            foreign,
        ),
        ("a Secret of nobody", secret(json!({}), "Opaque"), foreign),
        (
            "a token of an account",
            secret(own, "kubernetes.io/service-account-token"),
            "Secrets of type Opaque",
        ),
    ]
}

/// The API server finds nothing wrong with the types in the chart's policies.
fn checked(context: &Context) -> Result<()> {
    let list = context.kubectl_json(&["get", "validatingadmissionpolicy", "-l", install::SELECTOR])?;
    let policies = diagnosis::items(&list);
    ensure!(policies.len() >= 5, "{} policies", policies.len());
    for policy in policies {
        let warnings = policy.pointer("/status/typeChecking/expressionWarnings");
        ensure!(
            warnings.is_none(),
            "{:?}: {warnings:?}",
            policy.pointer("/metadata/name")
        );
    }
    Ok(())
}

fn confined(context: &Context) -> Result<()> {
    context.kubectl(&["create", "namespace", OPEN])?;
    context.kubectl(&["-n", OPEN, "create", "serviceaccount", "admin"])?;
    checked(context)?;
    let account = format!("--as=system:serviceaccount:{}:{ACCOUNT}", install::NAMESPACE);
    let all = tries();
    for (what, object, because) in &all {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), object.to_string())?;
        let path = file.path().to_string_lossy().into_owned();
        refused(context, &["create", "--dry-run=server", "-f", &path, &account], because)
            .with_context(|| (*what).to_owned())?;
    }
    // Somebody else's, by name.
    let names = ["configmap/kube-root-ca.crt"];
    for what in names {
        refused(
            context,
            &["-n", NAMESPACE, "delete", what, "--dry-run=server", &account],
            "only touch objects with the label",
        )?;
    }
    let labelled = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "productionkafka"}}}).to_string();
    refused(
        context,
        &[
            "-n",
            NAMESPACE,
            "patch",
            "configmap",
            "kube-root-ca.crt",
            "--dry-run=server",
            "-p",
            &labelled,
            &account,
        ],
        "only touch objects with the label",
    )?;
    let spec = json!({"spec": {"maintenance": {"paused": true}}}).to_string();
    let resource = format!("pk/{CLUSTER}");
    refused(
        context,
        &[
            "-n",
            NAMESPACE,
            "patch",
            &resource,
            "--type=merge",
            "--dry-run=server",
            "-p",
            &spec,
            &account,
        ],
        "may not change the spec of a resource",
    )?;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), pod().to_string())?;
    let path = file.path().to_string_lossy().into_owned();
    context
        .kubectl(&["create", "--dry-run=server", "-f", &path, &account])
        .context("a harmless pod of its own")?;
    say(&format!("{} attempts in the operator's name refused", all.len() + 3));
    context.delete_namespace(OPEN)
}
