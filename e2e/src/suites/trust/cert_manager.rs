//! cert-manager beside the operator: it issues the clients' authority and a listener's certificate, and renews both, while nothing
//! restarts and nobody is refused.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE, PORTS, ask, blameless, given, load, pods, reason, said, say, settled, shown, texts};
use crate::build::go;
use crate::harness::{Context, Report};
use crate::ledger::Authentication;

const MODULE: &str = "github.com/cert-manager/cert-manager";
const KINDS: [&str; 4] = ["certificaterequests", "certificates", "clusterissuers", "issuers"];
/// Certificates, each in a Secret of its name.
const ROOT: &str = "company-root";
const USERS: &str = "company-kafka-users";
const LISTENER: &str = "company-listener";
const ISSUED: Duration = Duration::from_mins(2);
/// A given authority is read every five minutes, and clients have a minute to follow.
const FOLLOWED: Duration = Duration::from_mins(10);

pub fn run(context: &Context, report: &mut Report) {
    report.long(
        "cert-manager issues and renews the clients' authority and a listener's certificate under load",
        "ten minutes, and the compilation of cert-manager",
        || {
            definitions(context, true)?;
            let result = issued(context);
            // The cluster goes back to what the other tests know.
            point(context, given::SECRET, None)?;
            definitions(context, false)?;
            result
        },
    );
}

fn definitions(context: &Context, wanted: bool) -> Result<()> {
    let folder = go::sources("certmanager", MODULE)?.join("deploy/crds");
    for kind in KINDS {
        let file = folder.join(format!("cert-manager.io_{kind}.yaml"));
        let file = file.to_string_lossy();
        if wanted {
            context.kubectl(&["apply", "--server-side", "-f", &file])?;
        } else {
            context.kubectl(&["delete", "--ignore-not-found", "--wait=false", "-f", &file])?;
        }
    }
    Ok(())
}

/// cert-manager's controllers, as a process of the cluster's network.
struct Controllers(Child);

impl Controllers {
    fn start(context: &Context) -> Result<Self> {
        let program = go::one("certmanager")?;
        let log = fs::File::create(std::env::temp_dir().join("e2e-cert-manager.log")).context("create a log")?;
        let line = format!(
            "exec {} --kubeconfig=$KUBECONFIG --namespace={NAMESPACE}",
            program.display()
        );
        let mut command = context.command(&["sh", "-c", &line])?;
        let errors = log.try_clone()?;
        let child = command.stdout(Stdio::from(log)).stderr(Stdio::from(errors)).spawn();
        child.map(Self).context("start cert-manager")
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn object(kind: &str, name: &str, spec: &Value) -> String {
    let metadata = json!({"name": name, "namespace": NAMESPACE});
    json!({"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": metadata, "spec": spec}).to_string()
}

fn certificate(name: &str, issuer: &str, rest: &[(&str, Value)]) -> String {
    let mut spec = json!({
        "secretName": name, "issuerRef": {"name": issuer, "kind": "Issuer"}, "duration": "24h", "renewBefore": "8h",
        // cert-manager's default since 1.18: each renewal has another key. The operator reads PKCS #8.
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always", "encoding": "PKCS8"},
    });
    for (field, value) in rest {
        if let Some(fields) = spec.as_object_mut() {
            fields.insert((*field).to_owned(), value.clone());
        }
    }
    object("Certificate", name, &spec)
}

fn manifests() -> String {
    let names = json!([
        format!("{CLUSTER}-scram-bootstrap.{NAMESPACE}.svc"),
        format!("*.{CLUSTER}-nodes.{NAMESPACE}.svc"),
    ]);
    [
        object("Issuer", "self-signed", &json!({"selfSigned": {}})),
        certificate(
            ROOT,
            "self-signed",
            &[("isCA", json!(true)), ("commonName", json!("Example Company"))],
        ),
        object("Issuer", "company", &json!({"ca": {"secretName": ROOT}})),
        certificate(
            USERS,
            "company",
            &[
                ("isCA", json!(true)),
                ("commonName", json!("Example Company Kafka Users")),
            ],
        ),
        certificate(
            LISTENER,
            "company",
            &[("dnsNames", names), ("usages", json!(["server auth"]))],
        ),
    ]
    .join("\n---\n")
}

/// Lets the resource name these Secrets.
fn point(context: &Context, authority: &str, listener: Option<&str>) -> Result<()> {
    let own = "/spec/listeners/0/certificate";
    let mut patch = vec![
        json!({"op": "add", "path": "/spec/security/tls/clientsAuthority", "value": {"secretName": authority}}),
        json!({"op": "add", "path": own, "value": {"secretName": listener.unwrap_or_default()}}),
    ];
    if listener.is_none() {
        patch.push(json!({"op": "remove", "path": own}));
    }
    let patch = Value::Array(patch);
    let words = [
        "-n",
        NAMESPACE,
        "patch",
        &format!("pk/{CLUSTER}"),
        "--type=json",
        "-p",
        &patch.to_string(),
    ];
    context.kubectl(&words)?;
    settled_under(context, authority)
}

/// Waits until the authority of that Secret is the one that signs and is trusted alone.
fn settled_under(context: &Context, authority: &str) -> Result<()> {
    let own = |texts: &BTreeMap<String, String>, key: &str| {
        said(context, texts.get(key).map_or("", String::as_str), "serial")
    };
    context.wait_until("users' certificates are by that authority alone", FOLLOWED, || {
        let kept = texts(context, &format!("{CLUSTER}-clients-ca"))?;
        let beside = kept
            .keys()
            .find(|key| ["next.crt", "former.crt"].contains(&key.as_str()));
        if let Some(beside) = beside {
            bail!("{beside} is there");
        }
        let (wanted, signs) = (own(&texts(context, authority)?, "tls.crt")?, own(&kept, "ca.crt")?);
        ensure!(wanted == signs, "{signs} signs, wanted {wanted}");
        Ok(Some(()))
    })?;
    settled(context)
}

fn issued(context: &Context) -> Result<()> {
    let _controllers = Controllers::start(context)?;
    context.apply(&manifests())?;
    for name in [ROOT, USERS, LISTENER] {
        let words = [
            "-n",
            NAMESPACE,
            "wait",
            "--for=condition=Ready",
            &format!("certificate/{name}"),
            "--timeout=120s",
        ];
        context.kubectl(&words)?;
    }
    point(context, USERS, Some(LISTENER))?;
    let scram = load(context, "company-scram", Authentication::ScramSha512)?;
    let mtls = load(context, "company-mtls", Authentication::Mtls)?;
    let user = texts(context, "company-mtls-kafka-credentials")?;
    let by = said(context, user.get("user.crt").context("user.crt")?, "issuer")?;
    ensure!(
        by.contains("Example Company Kafka Users"),
        "the user's certificate is by {by}"
    );
    let before = pods(context)?;
    let first = listener(context, &BTreeMap::new())?;
    renew(context, LISTENER)?;
    let second = listener(context, &first)?;
    say(&format!("listener: serials {first:?}, renewed {second:?}"));
    renew(context, USERS)?;
    // So that it's read at once.
    ask(context, "replace-clients-ca")?;
    settled_under(context, USERS)?;
    let now = texts(context, "company-mtls-kafka-credentials")?;
    ensure!(
        now.get("user.crt") != user.get("user.crt"),
        "the user's certificate is still the former one"
    );
    ensure!(before == pods(context)?, "something was restarted");
    let resource = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", CLUSTER])?;
    ensure!(reason(&resource, "CertificatesValid") == "Current");
    blameless(scram)?;
    blameless(mtls)
}

/// As `cmctl renew` does; waits until it's done.
fn renew(context: &Context, name: &str) -> Result<()> {
    let former = texts(context, name)?;
    let condition = json!({
        "type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "asked for",
        "lastTransitionTime": jiff::Timestamp::now().strftime("%FT%TZ").to_string(),
    });
    let patch = json!([{"op": "add", "path": "/status/conditions/-", "value": condition}]).to_string();
    let certificate = format!("certificate/{name}");
    context.kubectl(&[
        "-n",
        NAMESPACE,
        "patch",
        &certificate,
        "--subresource=status",
        "--type=json",
        "-p",
        &patch,
    ])?;
    context.wait_until("cert-manager has renewed it", ISSUED, || {
        Ok((texts(context, name)?.get("tls.crt") != former.get("tls.crt")).then_some(()))
    })
}

/// Serials that the brokers show at the first listener, once all are that of cert-manager's Secret and others than before.
fn listener(context: &Context, other_than: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    context.wait_until("the listener shows cert-manager's certificate", super::SHOWN, || {
        let wanted = said(
            context,
            texts(context, LISTENER)?.get("tls.crt").context("tls.crt")?,
            "serial",
        )?;
        let mut all = BTreeMap::new();
        for (pod, (_, address)) in pods(context)?.iter().filter(|(pod, _)| pod.contains("brokers")) {
            let serial = shown(context, address, PORTS[0], "serial")?;
            ensure!(serial == wanted, "{pod} shows {serial}, wanted {wanted}");
            ensure!(other_than.get(pod) != Some(&serial), "{pod}: not renewed yet");
            all.insert(pod.clone(), serial);
        }
        Ok(Some(all))
    })
}
