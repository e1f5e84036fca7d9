//! The local cluster itself: what every other suite takes for granted.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;

use super::Suite;
use crate::build::kafka;
use crate::harness::{Context, Report};
use crate::versions::DEFAULT_KAFKA;

pub const SUITE: Suite = Suite {
    name: "cluster",
    about: "DNS, volumes, restricted pods, audit log",
    nodes: 1,
    kafka: &[DEFAULT_KAFKA],
    operator: false,
    namespaces: &[NAMESPACE],
    run,
    bench: None,
};

const NAMESPACE: &str = "e2e-cluster";

fn run(context: &Context) -> Result<Report> {
    let mut report = Report::of(context);
    context.delete_namespace(NAMESPACE)?;
    context.restricted_namespace(NAMESPACE)?;
    let since = Timestamp::now();
    context.apply(&manifest())?;
    report.test("a restricted pod with a volume runs as uid 1000", || {
        context.wait_ready_pods(NAMESPACE, "app=probe", 1, Duration::from_mins(1))?;
        let user = in_pod(context, "id -u; touch /data/file; stat -c %g /data/file")?;
        ensure!(user == "1000\n1000\n", "user and group are {user:?}");
        Ok(())
    });
    report.test("cluster DNS finds a Service", || {
        let answer = in_pod(context, "nslookup kubernetes.default.svc.cluster.local")?;
        let service = [
            "-n",
            "default",
            "get",
            "service",
            "kubernetes",
            "-o",
            "jsonpath={.spec.clusterIP}",
        ];
        let address = context.kubectl(&service)?;
        ensure!(answer.contains(&address), "DNS said {answer}, not {address}");
        Ok(())
    });
    if context.is_local() {
        report.test("a volume grows", || grows(context));
        report.test("a deleted claim takes its volume along", || is_reclaimed(context));
    } else {
        report.skip("volumes grow and go", "depends on the storage class of this cluster");
    }
    match &context.audit {
        None => report.skip("the audit log names users", "not a local cluster"),
        Some(audit) => {
            report.test("the audit log names users", || {
                let writes = audit.since(since, "local-volume-provisioner")?;
                let made = writes
                    .iter()
                    .any(|entry| entry.verb == "create" && entry.resource() == "persistentvolumes");
                ensure!(made, "no creation of a volume among {} requests", writes.len());
                Ok(())
            });
        }
    }
    context.delete_namespace(NAMESPACE)?;
    Ok(report)
}

fn in_pod(context: &Context, line: &str) -> Result<String> {
    context.kubectl(&["-n", NAMESPACE, "exec", "probe", "--", "sh", "-c", line])
}

fn grows(context: &Context) -> Result<()> {
    let patch = r#"{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}"#;
    context.kubectl(&["-n", NAMESPACE, "patch", "pvc", "data", "-p", patch])?;
    context.wait_until("the claim has 2Gi", Duration::from_secs(30), || {
        let claim = context.kubectl_json(&["-n", NAMESPACE, "get", "pvc", "data"])?;
        Ok((claim.pointer("/status/capacity/storage") == Some(&"2Gi".into())).then_some(()))
    })
}

fn is_reclaimed(context: &Context) -> Result<()> {
    let claim = context.kubectl_json(&["-n", NAMESPACE, "get", "pvc", "data"])?;
    let volume = claim
        .pointer("/spec/volumeName")
        .and_then(|name| name.as_str())
        .context("the claim is bound")?
        .to_owned();
    context.kubectl(&["-n", NAMESPACE, "delete", "pod", "probe", "--grace-period=1"])?;
    context.kubectl(&["-n", NAMESPACE, "delete", "pvc", "data"])?;
    context.wait_until("the volume is gone", Duration::from_secs(30), || {
        let left = context.kubectl(&["get", "pv", &volume, "--ignore-not-found"])?;
        Ok(left.is_empty().then_some(()))
    })
}

fn manifest() -> String {
    let image = kafka::image_name(DEFAULT_KAFKA);
    format!(
        r"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data, namespace: {NAMESPACE}}}
spec:
  accessModes: [ReadWriteOnce]
  resources: {{requests: {{storage: 1Gi}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: probe, namespace: {NAMESPACE}, labels: {{app: probe}}}}
spec:
  automountServiceAccountToken: false
  securityContext: {{runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
  - name: probe
    image: {image}
    imagePullPolicy: IfNotPresent
    command: [sleep, infinity]
    securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
    volumeMounts: [{{name: data, mountPath: /data}}]
  volumes: [{{name: data, persistentVolumeClaim: {{claimName: data}}}}]
"
    )
}
