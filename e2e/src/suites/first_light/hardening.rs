//! What pods may and have, read from the live pods: an enforced namespace refuses a pod that breaks the profile, so
//! that a running pod is the proof; file system and token are not part of the profile and are read here.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{NAMESPACE, evidence};
use crate::harness::{Context, Report};
use crate::{diagnosis, install};

pub fn run(context: &Context, report: &mut Report) {
    report.test("every namespace with our pods enforces the restricted profile", || {
        enforced(context)
    });
    report.test("Kafka pods: read-only root, no service account token", || {
        kafka_pods(context)
    });
    report.test("the operator's pods have a read-only root", || operator_pods(context));
}

fn enforced(context: &Context) -> Result<()> {
    for namespace in [NAMESPACE, install::NAMESPACE] {
        let found = context.kubectl_json(&["get", "namespace", namespace])?;
        let level = found.pointer("/metadata/labels/pod-security.kubernetes.io~1enforce");
        ensure!(level == Some(&"restricted".into()), "{namespace} enforces {level:?}");
        let warnings = [
            "-n",
            namespace,
            "get",
            "events",
            "--field-selector=reason=FailedCreate",
            "-o",
            "name",
        ];
        ensure!(
            context.kubectl(&warnings)?.is_empty(),
            "a pod in {namespace} was refused"
        );
    }
    // The profile is in force: a pod without any security context is turned away.
    let Err(error) = context.kubectl(&["-n", NAMESPACE, "run", "plain", "--image=x", "--dry-run=server"]) else {
        bail!("a pod without security context is admitted in {NAMESPACE}");
    };
    ensure!(
        format!("{error:#}").contains("restricted"),
        "refused for another reason: {error:#}"
    );
    Ok(())
}

fn kafka_pods(context: &Context) -> Result<()> {
    let pods = super::children::pods(context)?;
    ensure!(pods.len() == 6, "{} pods of Kafka nodes, expected 6", pods.len());
    for pod in &pods {
        let name = text(pod, "/metadata/name");
        ensure!(
            pod.pointer("/spec/automountServiceAccountToken") == Some(&false.into()),
            "{name} asks for a token"
        );
        let volumes = pod
            .pointer("/spec/volumes")
            .and_then(Value::as_array)
            .context("volumes")?;
        let token = volumes
            .iter()
            .any(|volume| volume.to_string().contains("serviceAccountToken"));
        ensure!(!token, "{name} has a service account token");
        read_only(pod)?;
    }
    let first = text(pods.first().context("a pod")?, "/metadata/name");
    let write = [
        "-n",
        NAMESPACE,
        "exec",
        &first,
        "-c",
        "kafka",
        "--",
        "sh",
        "-c",
        "touch /opt/kafka/x 2>&1; ls /var/run/secrets 2>&1; true",
    ];
    let said = context.kubectl(&write)?;
    ensure!(
        said.contains("Read-only file system"),
        "a write to /opt/kafka in {first}: {said}"
    );
    ensure!(!said.contains("kubernetes.io"), "{first} has /var/run/secrets: {said}");
    evidence(format!("6 pods; in {first}: {}", said.trim().replace('\n', "; ")));
    Ok(())
}

fn operator_pods(context: &Context) -> Result<()> {
    let list = context.kubectl_json(&["-n", install::NAMESPACE, "get", "pods"])?;
    ensure!(!diagnosis::items(&list).is_empty(), "no pod in {}", install::NAMESPACE);
    diagnosis::items(&list).iter().try_for_each(read_only)
}

/// Every container, init containers too.
fn read_only(pod: &Value) -> Result<()> {
    for kind in ["/spec/initContainers", "/spec/containers"] {
        for container in pod.pointer(kind).and_then(Value::as_array).into_iter().flatten() {
            let read_only = container.pointer("/securityContext/readOnlyRootFilesystem") == Some(&true.into());
            ensure!(
                read_only,
                "{} {}: root is writable",
                text(pod, "/metadata/name"),
                text(container, "/name")
            );
        }
    }
    Ok(())
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
