//! The clients' authority of the suite's cluster, as a company gives it: signed by a root that signs others, too, in a Secret as
//! cert-manager writes it.

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

use super::{NAMESPACE, texts};
use crate::harness::Context;

/// Secret that the resource names.
pub const SECRET: &str = "clients-authority-of-others";
/// What the first one is called.
pub const NAME: &str = "Example Kafka Users";
/// Secret with the root and its key, which only the suite knows of.
const ROOT: &str = "root-of-others";

/// An authority, signed by another or by itself: certificate and key.
fn authority(name: &str, by: Option<&Issuer<'_, KeyPair>>) -> Result<(String, String)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(u8::from(by.is_none())));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let certificate = match by {
        Some(issuer) => params.signed_by(&key, issuer)?,
        None => params.self_signed(&key)?,
    };
    Ok((certificate.pem(), key.serialize_pem()))
}

fn issuer((certificate, key): &(String, String)) -> Result<Issuer<'static, KeyPair>> {
    Ok(Issuer::from_ca_cert_pem(certificate, KeyPair::from_pem(key)?)?)
}

fn secret(name: &str, (certificate, key): &(String, String), root: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE},
        "stringData": {"tls.crt": certificate, "tls.key": key, "ca.crt": root},
    })
}

/// The Secrets, to be there with the cluster.
pub fn manifests() -> Result<Vec<String>> {
    let root = authority("Example Root", None)?;
    let own = authority(NAME, Some(&issuer(&root)?))?;
    let objects = [secret(ROOT, &root, &root.0), secret(SECRET, &own, &root.0)];
    Ok(objects.map(|object| object.to_string()).to_vec())
}

fn root(context: &Context) -> Result<(String, String)> {
    let mut texts = texts(context, ROOT)?;
    let mut text = |key: &str| texts.remove(key).with_context(|| key.to_owned());
    Ok((text("tls.crt")?, text("tls.key")?))
}

/// Another one with a key of its own, by the same root.
pub fn replace(context: &Context) -> Result<()> {
    let root = root(context)?;
    let next = authority("Example Kafka Users, second", Some(&issuer(&root)?))?;
    context.apply(&secret(SECRET, &next, &root.0).to_string()).map(drop)
}

/// The root itself, and a sibling of the clients' authority with its certificate.
pub fn relatives(context: &Context) -> Result<(Issuer<'static, KeyPair>, Issuer<'static, KeyPair>, String)> {
    let root = root(context)?;
    let sibling = authority("Example Printers", Some(&issuer(&root)?))?;
    Ok((issuer(&root)?, issuer(&sibling)?, sibling.0))
}
