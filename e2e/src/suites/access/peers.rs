//! Those that clients prove themselves to, started by the suite: an OpenID provider behind TLS and a Kerberos KDC; and the
//! Secrets that listeners name, a certificate from elsewhere among them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{CLUSTER, NAMESPACE};
use crate::build::peers;
use crate::cluster::pki;
use crate::commands;
use crate::harness::Context;

/// What the provider calls itself, and where it gives tokens.
pub const ISSUER: &str = "https://idp.access.svc:8443";
pub const TOKENS: &str = "https://idp.access.svc:8443/oauth/token";
pub const REALM: &str = "EXAMPLE.ORG";
/// Users of Kafka: a client of the provider, and a principal of the realm.
pub const SHOP: &str = "shop";
pub const CAROL: &str = "carol";
/// Secrets for clients: authority of the provider, keytabs and realm.
pub const AUTHORITY: &str = "idp-authority";
pub const TICKETS: &str = "realm-for-clients";

const POD: &str = "peers";

/// Without canonical names, or a ticket would be for the name that an address leads back to.
const KRB5: &str = "[libdefaults]
default_realm = EXAMPLE.ORG
dns_canonicalize_hostname = false
dns_lookup_kdc = false
rdns = false
udp_preference_limit = 1
[realms]
EXAMPLE.ORG = {
  kdc = kdc.access.svc:88
}
";

const KDC: &str = "[kdcdefaults]
kdc_listen = 88
kdc_tcp_listen = 88
[realms]
EXAMPLE.ORG = {
  database_name = /state/principal
  key_stash_file = /state/stash
  supported_enctypes = aes256-cts-hmac-sha1-96:normal
}
";

const START: &str = "set -e
[ -f /state/principal ] || kdb5_util create -s -r EXAMPLE.ORG -P \"$(head -c 24 /dev/urandom | base64)\"
exec krb5kdc -n
";

/// Listeners for them, and one with a certificate from elsewhere.
pub fn listeners() -> Vec<Value> {
    let oauth = json!({"jwksEndpoint": format!("{ISSUER}/keys"), "issuer": ISSUER, "audience": ["kafka"],
        "principalClaim": "kafka_user", "caSecretName": AUTHORITY});
    let kerberos = json!({"secretName": "realm-for-brokers", "realm": REALM});
    vec![
        json!({"name": "oauth", "port": 9099, "authentication": {"type": "OAuth", "oauth": oauth}}),
        json!({"name": "krb", "port": 9100, "authentication": {"type": "Kerberos", "kerberos": kerberos}}),
        json!({"name": "edge", "port": 9101, "authentication": {"type": "ScramSha512"}, "certificate": {"secretName": "edge"}}),
    ]
}

/// All of it, once.
pub fn start(context: &Context) -> Result<()> {
    commands::load(&context.target().name, &peers::image()?)?;
    certificates(context)?;
    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": POD, "namespace": NAMESPACE},
        "data": {"krb5.conf": KRB5, "kdc.conf": KDC, "start.sh": START}});
    context.apply(&config.to_string())?;
    for (name, port) in [("idp", 8443), ("kdc", 88)] {
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"selector": {"app": POD}, "ports": [{"name": name, "port": port}]}});
        context.apply(&service.to_string())?;
    }
    context.apply(&pod().to_string())?;
    context.wait_ready_pods(NAMESPACE, "app=peers", 1, Duration::from_mins(1))?;
    tickets(context)
}

fn secret(context: &Context, name: &str, texts: &Value) -> Result<()> {
    let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE}, "stringData": texts});
    context.apply(&object.to_string()).map(drop)
}

fn certificates(context: &Context) -> Result<()> {
    let authority = pki::authority("authority-of-others")?;
    let (chain, key) = pki::server(&authority, &["idp.access.svc"])?;
    secret(context, "idp-tls", &json!({"tls.crt": chain, "tls.key": key}))?;
    secret(context, AUTHORITY, &json!({"ca.crt": authority.pem()}))?;
    let names = [
        format!("{CLUSTER}-edge-bootstrap.{NAMESPACE}.svc"),
        format!("*.{CLUSTER}-nodes.{NAMESPACE}.svc"),
    ];
    let (chain, key) = pki::server(&authority, &names.each_ref().map(String::as_str))?;
    let own = json!({"tls.crt": chain, "tls.key": key, "ca.crt": authority.pem()});
    secret(context, "edge", &own)
}

fn pod() -> Value {
    let confined = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let env = json!([
        {"name": "KRB5_CONFIG", "value": "/config/krb5.conf"},
        {"name": "KRB5_KDC_PROFILE", "value": "/config/kdc.conf"},
    ]);
    let idp = [
        "oidc",
        "--issuer",
        ISSUER,
        "--certificate",
        "/tls/tls.crt",
        "--key",
        "/tls/tls.key",
    ];
    let container = |name: &str, command: &Value, port: u16, mounts: Value| {
        json!({"name": name, "image": peers::IMAGE, "imagePullPolicy": "Never", "command": command, "env": env,
            "securityContext": confined, "volumeMounts": mounts,
            "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1}})
    };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": POD, "namespace": NAMESPACE, "labels": {"app": POD}},
        "spec": {
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 1,
            "containers": [
                container("idp", &json!(idp), 8443, json!([{"name": "tls", "mountPath": "/tls"}])),
                container("kdc", &json!(["sh", "/config/start.sh"]), 88, json!([
                    {"name": "config", "mountPath": "/config"}, {"name": "state", "mountPath": "/state"}])),
            ],
            "volumes": [
                {"name": "tls", "secret": {"secretName": "idp-tls", "defaultMode": 0o440}},
                {"name": "config", "configMap": {"name": POD}},
                {"name": "state", "emptyDir": {}},
            ],
        },
    })
}

/// Principals of brokers and clients, and their keys as Secrets.
fn tickets(context: &Context) -> Result<()> {
    let brokers = (100..103).map(|id| format!("kafka/{CLUSTER}-brokers-{id}-0.{CLUSTER}-nodes.{NAMESPACE}.svc"));
    let brokers = keytab(context, "brokers", &brokers.collect::<Vec<_>>())?;
    let carol = keytab(context, "carol", &[CAROL.to_owned()])?;
    let mallory = keytab(context, "mallory", &["mallory".to_owned()])?;
    let realm = |name: &str, data: Value| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE},
            "stringData": {"krb5.conf": KRB5}, "data": data})
    };
    let for_brokers = realm("realm-for-brokers", json!({"kafka.keytab": brokers}));
    context.apply(&for_brokers.to_string())?;
    let for_clients = realm(TICKETS, json!({"carol.keytab": carol, "mallory.keytab": mallory}));
    context.apply(&for_clients.to_string()).map(drop)
}

/// A keytab in base64.
fn keytab(context: &Context, file: &str, principals: &[String]) -> Result<String> {
    let make = |principal: &String| {
        [
            format!("addprinc -randkey {principal}"),
            format!("ktadd -k /tmp/{file} {principal}"),
        ]
    };
    let requests = principals.iter().flat_map(make);
    let commands = requests.map(|request| format!("kadmin.local -r {REALM} -q '{request}' >&2"));
    let read = format!("base64 /tmp/{file} | tr -d '\\n'");
    let line = commands.chain([read]).collect::<Vec<_>>().join(" && ");
    in_kdc(context, &line).with_context(|| format!("make the keytab of {file}"))
}

/// Gives a principal another key, so that keytabs before are worth nothing.
pub fn rekey(context: &Context, principal: &str) -> Result<()> {
    let line = format!("kadmin.local -r {REALM} -q 'cpw -randkey {principal}'");
    in_kdc(context, &line).map(drop)
}

/// Standard output of a shell line beside the KDC.
fn in_kdc(context: &Context, line: &str) -> Result<String> {
    context.kubectl(&["-n", NAMESPACE, "exec", POD, "-c", "kdc", "--", "sh", "-c", line])
}
