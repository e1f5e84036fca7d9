//! Authorities that others make: how one lies in their Secret, and what's wrong with it. Nothing of theirs is ever written.

use super::SecretData;
use crate::controller::context::Context;
use crate::controller::error::PassError;
use crate::controller::secrets;
use crate::pki::CertificateAuthority;
use jiff::Timestamp;
use std::time::Duration;

/// How often a Secret is read whose changes nobody tells: the operator may not watch any.
pub(super) const AGAIN: Duration = Duration::from_mins(5);

/// The authority in a Secret of others; else what's wrong with it, to be said of that Secret.
pub async fn read(
    context: &Context,
    namespace: &str,
    secret: &str,
) -> Result<Result<CertificateAuthority, String>, PassError> {
    let data = secrets::read(context, namespace, secret).await?;
    Ok(match data {
        Some(data) => parse(&data, context.now()),
        None => Err("isn't there: it should have tls.crt and tls.key of an authority".to_owned()),
    })
}

/// With its chain, if it isn't its own root. cert-manager writes `ca.crt` of one that is its own root, too.
fn parse(data: &SecretData, now: Timestamp) -> Result<CertificateAuthority, String> {
    let text = |key: &str| data.0.get(key).map(|text| text.trim()).unwrap_or_default();
    let (chain, root) = (text("tls.crt"), text("ca.crt"));
    let all = if chain.contains(root) {
        chain.to_owned()
    } else {
        format!("{chain}\n{root}")
    };
    let authority = CertificateAuthority::from_pem(&all, text("tls.key"))
        .map_err(|error| format!("has no authority in tls.crt and tls.key that can be used: {error}"))?;
    let end = authority.facts().not_after;
    if end <= now {
        return Err(format!("has an authority that ended at {end}: put a newer one there"));
    }
    Ok(authority)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::authority::tests::authority;
    use std::collections::BTreeMap;

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(9 + hours)
    }

    fn data(texts: &[(&str, &str)]) -> SecretData {
        let texts = texts.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
        SecretData(texts.collect::<BTreeMap<_, _>>())
    }

    #[test]
    fn a_root_comes_along_once() {
        let (own, root) = (authority("own"), authority("root"));
        let count = |ca: &str| {
            let data = data(&[
                ("tls.crt", own.cert_pem()),
                ("tls.key", own.key_pem().expose()),
                ("ca.crt", ca),
            ]);
            parse(&data, at(1))
                .unwrap()
                .cert_pem()
                .matches("BEGIN CERTIFICATE")
                .count()
        };
        assert_eq!((count(root.cert_pem()), count(own.cert_pem()), count("")), (2, 1, 1));
    }

    #[test]
    fn what_cannot_sign_is_said() {
        let (own, other) = (authority("own"), authority("other"));
        let say = |cert: &str, key: &str, hours: i64| {
            let data = data(&[("tls.crt", cert), ("tls.key", key)]);
            parse(&data, at(hours)).unwrap_err()
        };
        let key = own.key_pem().expose();
        assert!(say("", "", 1).contains("tls.crt and tls.key"));
        assert!(say(own.cert_pem(), other.key_pem().expose(), 1).contains("key"));
        assert!(say(own.cert_pem(), key, 2_000).contains("ended at"));
    }
}
