//! Whether a server certificate that others issued can be used by a broker: what Kafka would refuse, or clients would, is said
//! before anything restarts.

use jiff::Timestamp;

use super::parse::{certificate, first_certificate, key_belongs_to, private_key, timestamp};

/// Why a broker couldn't serve with this chain and key, both PEM; `None`: it can.
pub fn problem(chain: &str, key: &str, now: Timestamp) -> Option<String> {
    if let Some(problem) = key_form(key) {
        return Some(problem.to_owned());
    }
    let read = first_certificate(chain);
    let leaf = match read.as_ref().map(|der| certificate(der)) {
        Ok(Ok(leaf)) => leaf,
        Ok(Err(error)) => return Some(format!("tls.crt: {error}")),
        Err(error) => return Some(format!("tls.crt: {error}")),
    };
    let key = match private_key(key) {
        Ok(key) => key,
        Err(error) => return Some(format!("tls.key: {error}")),
    };
    if !key_belongs_to(&key, &leaf) {
        return Some("tls.key isn't the key of the first certificate in tls.crt".into());
    }
    let end = timestamp(leaf.validity().not_after);
    if end <= now {
        return Some(format!("tls.crt expired at {end}"));
    }
    let usage = leaf.extended_key_usage().ok().flatten();
    let serves = usage.is_none_or(|usage| usage.value.server_auth || usage.value.any);
    (!serves).then(|| "tls.crt isn't for servers: it lacks the usage serverAuth".into())
}

/// Kafka reads PKCS #8 alone.
fn key_form(key: &str) -> Option<&'static str> {
    if key.contains("-----BEGIN PRIVATE KEY-----") {
        None
    } else if key.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        Some("tls.key is encrypted: give it without a password")
    } else {
        Some("tls.key isn't a PKCS #8 key (with cert-manager: privateKey.encoding: PKCS8)")
    }
}
