//! `productionkafka import`: what it writes of a real cluster is accepted by the API server and asks for nothing new.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::json;

use super::{BROKER, CLUSTER, NAMESPACE, say, user};
use crate::admin::Admin;
use crate::build::operator;
use crate::harness::{Context, Report};

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "what exists in Kafka is written as resources that the API server takes",
        || imported(context),
    );
}

fn imported(context: &Context) -> Result<()> {
    let rights = json!([{"resource": {"type": "Topic", "name": "import-", "patternType": "Prefixed"}, "operations": ["Read", "Describe"]}]);
    user(context, "imported", &json!({"acls": rights}))?;
    let admin = Admin::start(context, NAMESPACE, CLUSTER, BROKER)?;
    admin.tool(
        "kafka-topics.sh",
        "--create --if-not-exists --topic Import_Me --partitions 2 --config retention.ms=3600000",
    )?;
    context.apply(&pod())?;
    let phase = || -> Result<Option<()>> {
        let phase = context.kubectl(&[
            "-n",
            NAMESPACE,
            "get",
            "pod",
            "import",
            "-o",
            "jsonpath={.status.phase}",
        ])?;
        match phase.as_str() {
            "Succeeded" => Ok(Some(())),
            "Failed" => bail!("{}", context.kubectl(&["-n", NAMESPACE, "logs", "import"])?),
            other => bail!("{other}"),
        }
    };
    context.wait_until("the command has ended", Duration::from_mins(1), phase)?;
    let text = context.kubectl(&["-n", NAMESPACE, "logs", "import"])?;
    let resources: Vec<&str> = text.lines().filter(|line| !line.starts_with("note: ")).collect();
    let yaml = resources.join("\n");
    for part in [
        "topicName: Import_Me",
        "retention.ms: \"3600000\"",
        "name: imported",
        "secretName: imported-password",
        "- Describe",
    ] {
        ensure!(yaml.contains(part), "{part} isn't in {text}");
    }
    let words = [
        "sh",
        "-c",
        "kubectl apply --server-side --force-conflicts --dry-run=server -f -",
    ];
    let said = crate::exec::output_with_input(&mut context.command(&words)?, &yaml)?;
    let notes = text.lines().filter(|line| line.starts_with("note: ")).count();
    say(&format!("{} resources accepted, {notes} notes", said.lines().count()));
    context
        .kubectl(&[
            "-n",
            NAMESPACE,
            "delete",
            "pod/import",
            "pku/imported",
            "--grace-period=1",
        ])
        .map(drop)
}

fn pod() -> String {
    let image = operator::image_name();
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: import, namespace: {NAMESPACE}}}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  securityContext: {{runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
  - name: import
    image: {image}
    imagePullPolicy: IfNotPresent
    command: [/productionkafka, import, --bootstrap, '{BROKER}.{CLUSTER}-nodes.{NAMESPACE}.svc:9091', --tls, /tls, --cluster, {CLUSTER}, --namespace, {NAMESPACE}]
    resources: {{requests: {{cpu: 10m, memory: 32Mi}}, limits: {{memory: 128Mi}}}}
    securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
    volumeMounts:
    - {{name: tls, mountPath: /tls, readOnly: true}}
  volumes:
  - {{name: tls, secret: {{secretName: {CLUSTER}-operator-tls, defaultMode: 0440}}}}
"
    )
}
