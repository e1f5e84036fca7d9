//! Client certificates that somebody else than the clients' authority has signed, or that are over, are refused by every broker;
//! each with the very name and key that a good one is let in with.

use anyhow::{Context as _, Result, bail, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use serde_json::json;

use super::{CLUSTER, NAMESPACE, PORTS, given, say, texts};
use crate::client::{BIN, Client};
use crate::harness::{Context, Report};

const NAME: &str = "mallory";

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "client certificates by a sibling, the root, the nodes' authority, by themselves or out of date are refused",
        || refused(context),
    );
}

/// A certificate for the name with its key, as a key store.
fn leaf(issuer: Option<&Issuer<'_, KeyPair>>, days: (i64, i64)) -> Result<String> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let day = |days: i64| {
        let second = jiff::Timestamp::now().as_second() + days * 86_400;
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(second.unsigned_abs())
    };
    (params.not_before, params.not_after) = (day(days.0), day(days.1));
    let certificate = match issuer {
        Some(issuer) => params.signed_by(&key, issuer)?,
        None => params.self_signed(&key)?,
    };
    Ok(key.serialize_pem() + &certificate.pem())
}

fn issuer(context: &Context, secret: &str) -> Result<Issuer<'static, KeyPair>> {
    let texts = texts(context, secret)?;
    let key = KeyPair::from_pem(texts.get("ca.key").context("ca.key")?)?;
    Ok(Issuer::from_ca_cert_pem(texts.get("ca.crt").context("ca.crt")?, key)?)
}

/// With the name of the clients' authority and a key of its own.
fn namesake() -> Result<Issuer<'static, KeyPair>> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, given::NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let certificate = params.self_signed(&key)?;
    Ok(Issuer::from_ca_cert_pem(&certificate.pem(), key)?)
}

fn refused(context: &Context) -> Result<()> {
    let clients = issuer(context, &format!("{CLUSTER}-clients-ca"))?;
    let nodes = issuer(context, &format!("{CLUSTER}-cluster-ca"))?;
    let namesake = namesake()?;
    let (root, sibling, chain) = given::relatives(context)?;
    let good = (-1, 1);
    let all = [
        ("good", leaf(Some(&clients), good)?),
        ("namesake", leaf(Some(&namesake), good)?),
        ("root", leaf(Some(&root), good)?),
        ("sibling", leaf(Some(&sibling), good)? + &chain),
        ("nodes", leaf(Some(&nodes), good)?),
        ("itself", leaf(None, good)?),
        ("expired", leaf(Some(&clients), (-3, -1))?),
        ("early", leaf(Some(&clients), (1, 3))?),
    ];
    let files: serde_json::Map<_, _> = all
        .iter()
        .map(|(name, pem)| (format!("{name}.pem"), json!(pem)))
        .collect();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hostile", "namespace": NAMESPACE}, "stringData": files,
    });
    context.apply(&secret.to_string())?;
    let public = format!("{CLUSTER}-cluster-ca-cert");
    let client = Client::start(context, NAMESPACE, "hostile", &["hostile", &public])?;
    for (name, _) in &all {
        let line = format!(
            "printf 'security.protocol=SSL\\nssl.keystore.type=PEM\\nssl.keystore.location=/secrets/hostile/{name}.pem\\n\
             ssl.truststore.type=PEM\\nssl.truststore.location=/secrets/{public}/ca.crt\\n\
             default.api.timeout.ms=30000\\nrequest.timeout.ms=10000\\n' > /tmp/{name}.properties; \
             {BIN}/kafka-topics.sh --bootstrap-server {CLUSTER}-mtls-bootstrap.{NAMESPACE}.svc:{} --command-config /tmp/{name}.properties --list",
            PORTS[1]
        );
        let attempt = client.attempt(60, &line)?;
        let let_in = attempt.succeeded;
        if *name == "good" {
            ensure!(let_in, "the good one isn't let in: {}", attempt.tail());
            continue;
        }
        let words = ["SslAuthenticationException", "SSLHandshakeException"];
        let said = attempt
            .text
            .lines()
            .find(|line| words.iter().any(|word| line.contains(word)));
        match said {
            Some(said) if !let_in => say(&format!(
                "{name}: {}",
                said.trim().chars().take(150).collect::<String>()
            )),
            _ => bail!("{name} wasn't refused for its certificate: {}", attempt.tail()),
        }
    }
    client.delete()
}
