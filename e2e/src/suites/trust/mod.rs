//! Trust over time: certificates and authorities change under load, while nobody restarts for what clients are shown and nobody
//! is refused; client certificates by anybody else than the clients' authority are refused.

mod admission;
mod authorities;
mod bench;
mod cert_manager;
mod fence;
mod frozen;
mod given;
mod held;
mod hostile;
mod renewal;
mod sabotage;
mod taken_back;
mod verify;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Suite;
use crate::harness::{Context, Report};
use crate::ledger::{Authentication, Ledger, Load};
use crate::{diagnosis, resources};

pub const SUITE: Suite = Suite {
    name: "trust",
    about: "certificates and authorities change under load",
    nodes: 3,
    kafka: &["4.3.1"],
    operator: true,
    namespaces: &[NAMESPACE, held::NAME, "trust-open"],
    run,
    bench: Some(bench::run),
};

const NAMESPACE: &str = "trust";
const CLUSTER: &str = "orders";
const READY: Duration = Duration::from_mins(5);
/// The kubelet brings a changed Secret into a pod within two minutes; more on a busy machine.
const SHOWN: Duration = Duration::from_mins(5);
/// How long clients have to follow.
const OVERLAP: u64 = 60;
/// Ports of the two client listeners.
const PORTS: [i32; 2] = [9094, 9095];

fn run(context: &Context) -> Result<Report> {
    let mut report = Report::of(context);
    resources::clean(context, NAMESPACE)?;
    let up = report.setup("Kafka 4.3.1: one controller and three brokers are Ready", || {
        start(context)
    });
    if up {
        renewal::run(context, &mut report);
        hostile::run(context, &mut report);
        admission::run(context, &mut report);
        held::run(context, &mut report);
        taken_back::run(context, &mut report);
        verify::run(context, &mut report);
        frozen::run(context, &mut report);
        fence::run(context, &mut report);
        authorities::run(context, &mut report);
        cert_manager::run(context, &mut report);
    }
    resources::end(context, NAMESPACE, report)
}

fn start(context: &Context) -> Result<()> {
    let mut manifests = given::manifests()?;
    manifests.push(resource().to_string());
    resources::start(context, NAMESPACE, (CLUSTER, &manifests.join("\n---\n")), READY)
}

/// Certificates of an hour, users' ones by an authority that others give; clients prove anew who they are every few seconds.
fn resource() -> Value {
    let tls = json!({
        "leafLifetime": "1h", "nodeLeafLifetime": "2h", "renewBefore": "20m", "caLifetime": "30d",
        "trustOverlap": format!("{OVERLAP}s"), "clientsAuthority": {"secretName": given::SECRET},
    });
    json!({
        "apiVersion": "productionkafka.dev/v1alpha1",
        "kind": "ProductionKafka",
        "metadata": {"name": CLUSTER, "namespace": NAMESPACE},
        "spec": {
            "version": "4.3.1",
            "nodePools": [resources::pool("controllers", "Controller", 1), resources::pool("brokers", "Broker", 3)],
            "listeners": [
                {"name": "scram", "port": PORTS[0], "authentication": {"type": "ScramSha512"}},
                {"name": "mtls", "port": PORTS[1], "authentication": {"type": "Mtls"}},
            ],
            "security": {"tls": tls},
            "tuning": {
                "config": {"connections.max.reauth.ms": "10000"},
                "jvm": {"options": ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]},
            },
        },
    })
}

/// Merges something into the cluster's spec.
fn merge(context: &Context, spec: &Value) -> Result<()> {
    let (cluster, patch) = (format!("pk/{CLUSTER}"), json!({"spec": spec}).to_string());
    let words = ["-n", NAMESPACE, "patch", &cluster, "--type=merge", "-p", &patch];
    context.kubectl(&words).map(drop)
}

/// Asks for something by annotation, now.
fn ask(context: &Context, what: &str) -> Result<()> {
    let annotation = format!("productionkafka.dev/{what}={}", jiff::Timestamp::now());
    let words = [
        "-n",
        NAMESPACE,
        "annotate",
        "--overwrite",
        &format!("pk/{CLUSTER}"),
        &annotation,
    ];
    context.kubectl(&words).map(drop)
}

fn texts(context: &Context, secret: &str) -> Result<BTreeMap<String, String>> {
    let secret = context.kubectl_json(&["-n", NAMESPACE, "get", "secret", secret])?;
    let data = secret.get("data").and_then(Value::as_object);
    let decode = |(key, value): (&String, &Value)| {
        let bytes = STANDARD.decode(value.as_str().unwrap_or_default())?;
        Ok((key.clone(), String::from_utf8(bytes)?))
    };
    data.into_iter().flatten().map(decode).collect()
}

/// Pods of the nodes: name, uid with the number of restarts, and address.
fn pods(context: &Context) -> Result<BTreeMap<String, (String, String)>> {
    let list = context.kubectl_json(&["-n", NAMESPACE, "get", "pods", "-l", "productionkafka.dev/node-id"])?;
    let named = |pod: &Value| {
        let text = |field: &str| pod.pointer(field).and_then(Value::as_str).map(str::to_owned);
        let restarts = pod.pointer("/status/containerStatuses/0/restartCount");
        let process = format!("{} {}", text("/metadata/uid")?, restarts?);
        Some((text("/metadata/name")?, (process, text("/status/podIP")?)))
    };
    Ok(diagnosis::items(&list).iter().filter_map(named).collect())
}

/// What openssl says of the certificate in a PEM text, with its key or not.
fn said(context: &Context, pem: &str, what: &str) -> Result<String> {
    let file = tempfile::NamedTempFile::new()?;
    let start = pem.find("-----BEGIN CERTIFICATE").context("a certificate")?;
    std::fs::write(file.path(), pem.get(start..).unwrap_or_default())?;
    let line = format!("openssl x509 -noout -{what} -in {}", file.path().display());
    Ok(context.sh(&line)?.trim().to_owned())
}

/// The certificate that a listener shows, as openssl sees it; empty while it shows none.
fn shown(context: &Context, address: &str, port: i32, what: &str) -> Result<String> {
    let line = format!(
        "timeout 10 openssl s_client -connect {address}:{port} </dev/null 2>/dev/null | openssl x509 -noout -{what} 2>/dev/null || true"
    );
    Ok(context.sh(&line)?.trim().to_owned())
}

/// Waits until every broker shows what its Secret holds at both client listeners; serial numbers by pod.
fn all_shown(context: &Context, other_than: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    context.wait_until("every listener shows its new certificate", SHOWN, || {
        let mut all = BTreeMap::new();
        for (pod, (_, address)) in pods(context)?.iter().filter(|(pod, _)| pod.contains("brokers")) {
            let secret = format!("{}-server-tls", pod.trim_end_matches("-0"));
            let serial = said(
                context,
                texts(context, &secret)?.get("server.pem").context("server.pem")?,
                "serial",
            )?;
            if other_than.get(pod) == Some(&serial) {
                bail!("{pod}: not made anew yet");
            }
            for port in PORTS {
                let at_port = shown(context, address, port, "serial")?;
                if at_port != serial {
                    bail!("{pod}:{port} shows {at_port}, wanted {serial}");
                }
            }
            all.insert(pod.clone(), serial);
        }
        ensure!(all.len() == 3, "{all:?}");
        Ok(Some(all))
    })
}

/// Waits until nothing is under way.
fn settled(context: &Context) -> Result<()> {
    context.wait_until("everything runs what it should", Duration::from_mins(10), || {
        let resource = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])?;
        let certificates = reason(&resource, "CertificatesValid");
        let calm = resource.pointer("/status/rollout").is_none() && !diagnosis::holds(&resource, "Reconciling");
        if calm && certificates == "Current" && diagnosis::holds(&resource, "Ready") {
            return Ok(Some(()));
        }
        bail!("certificates {certificates}; {}", diagnosis::summary(&resource))
    })
}

fn reason(resource: &Value, kind: &str) -> String {
    let conditions = resource.pointer("/status/conditions").and_then(Value::as_array);
    let mut found = conditions
        .into_iter()
        .flatten()
        .filter(|condition| condition["type"] == kind);
    let reason = found.next().and_then(|condition| condition["reason"].as_str());
    reason.unwrap_or_default().to_owned()
}

/// What clients say when they can't connect or aren't let in.
const TROUBLE: &str =
    "SaslAuthenticationException|SslAuthenticationException|SSLHandshakeException|Authentication failed";

fn load<'a>(context: &'a Context, name: &str, authentication: Authentication) -> Result<Ledger<'a>> {
    let load = Load {
        rate: 200,
        authentication,
        ..Load::new(name)
    };
    Ledger::start(context, NAMESPACE, CLUSTER, load)
}

/// Ends a load, which must have lost nothing and met no trouble of trust.
fn blameless(ledger: Ledger<'_>) -> Result<()> {
    let trouble = ledger.grep(TROUBLE)?;
    ensure!(trouble.is_empty(), "a running application was told: {trouble}");
    let report = ledger.finish()?;
    say(report.text().lines().next().unwrap_or_default());
    report.verdict()
}

/// Evidence below the test that it belongs to.
fn say(line: &str) {
    println!("          {line}");
}
