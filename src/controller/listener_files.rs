//! What brokers read of client listeners as files, from Secrets of others: users of SASL/PLAIN and certificates of the user's own
//! are kept in a form that brokers read; an OAuth listener's authority and Kerberos' keys are mounted as they are. Certificates are
//! read again by a broker that runs (`reload`); the rest is read when it starts, so a mark of that is part of what restarts brokers,
//! one after the other.
//!
//! A Secret that has gone leaves what brokers have. Nothing here may put a password, or a hash of one without salt, anywhere but
//! in a Secret.

use super::context::Context;
use super::error::PassError;
use super::pods::PodFact;
use super::secrets;
use super::trust::SecretData;
use crate::model::{ClientAuth, Cluster};
use crate::pki::inspect;
use crate::render::{self, CERTIFICATE_KEYS, CERTIFICATE_SUFFIX, JAAS, KERBEROS_KEYS, OAUTH_KEYS, certificate_file};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// How often a Secret of others is read.
const AGAIN: Duration = Duration::from_mins(1);
const SALT: &str = "salt";
/// Kept with the files, so that a Secret that has gone changes nothing after a restart of the operator either.
const MARK: &str = "mark";
/// Prefix of the key with the authority of a listener's own certificate.
const AUTHORITY: &str = "authority-";

/// What's remembered between passes.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// All that the Secret holds, and when it was made.
    kept: Option<(Timestamp, SecretData)>,
    is_empty: bool,
}

/// What follows for brokers and for clients.
#[derive(Clone, Debug, Default)]
pub struct Files {
    pub mark: Option<String>,
    /// Who signed the user's own certificate, by listener.
    pub authorities: BTreeMap<String, String>,
    /// Serial number of the user's own certificate, by listener.
    pub serials: BTreeMap<String, String>,
}

/// Where a listener's files come from.
enum Source<'a> {
    PlainUsers(&'a str),
    Certificate(&'a str),
    Mounted(&'a str, &'static [&'static str]),
}

impl Source<'_> {
    fn secret(&self) -> &str {
        match self {
            Self::PlainUsers(secret) | Self::Certificate(secret) | Self::Mounted(secret, _) => secret,
        }
    }
}

fn sources(cluster: &Cluster) -> Vec<(&str, Source<'_>)> {
    let mut all = Vec::new();
    for listener in &cluster.listeners {
        let authentication = match &listener.authentication {
            ClientAuth::Plain(plain) => Some(Source::PlainUsers(&plain.secret_name)),
            ClientAuth::Kerberos(kerberos) => Some(Source::Mounted(&kerberos.secret_name, KERBEROS_KEYS)),
            ClientAuth::OAuth(oauth) => {
                let secret = oauth.ca_secret_name.as_ref();
                secret.map(|name| Source::Mounted(name, OAUTH_KEYS))
            }
            ClientAuth::ScramSha512 | ClientAuth::Mtls => None,
        };
        let certificate = listener.certificate.as_deref().map(Source::Certificate);
        let both = authentication.into_iter().chain(certificate);
        all.extend(both.map(|source| (listener.name.as_str(), source)));
    }
    // The order in the resource means nothing.
    all.sort_by_key(|(listener, _)| *listener);
    all
}

/// Whether brokers read files of any listener.
pub fn any(cluster: &Cluster) -> bool {
    !sources(cluster).is_empty()
}

/// Reads the Secrets of others now and then, and keeps what brokers read of them.
pub async fn ensure(
    context: &Context,
    cluster: &Cluster,
    (pods, known): (&[PodFact], &mut Known),
) -> Result<Files, PassError> {
    if !any(cluster) {
        known.kept = None;
        if pods.iter().all(|pod| pod.listener_files.is_none()) {
            let empty = render::listener_files_secret(cluster, &BTreeMap::new()).into();
            secrets::retire(context, &cluster.names, &empty, &mut known.is_empty).await?;
        }
        return Ok(Files::default());
    }
    known.is_empty = false;
    let now = context.now();
    let is_new = |at: &Timestamp| Duration::try_from(now.duration_since(*at)).is_ok_and(|age| age < AGAIN);
    let data = match known.kept.take() {
        Some((at, data)) if is_new(&at) && fits(cluster, &data) => {
            known.kept = Some((at, data.clone()));
            data
        }
        before => {
            let data = gather(context, cluster, before.map(|(_, data)| data)).await?;
            known.kept = Some((now, data.clone()));
            data
        }
    };
    let wish = render::listener_files_secret(cluster, &data.0).into();
    secrets::keep(context, &cluster.names, &wish).await?;
    Ok(files(&data))
}

/// Whether all that pods mount is there: a listener that was just added isn't waited for.
fn fits(cluster: &Cluster, SecretData(data): &SecretData) -> bool {
    sources(cluster).iter().all(|(listener, source)| match source {
        Source::PlainUsers(_) => data.get(JAAS).is_some_and(|text| text.contains(&opening(listener))),
        Source::Certificate(_) => data.contains_key(&certificate_file(listener)),
        Source::Mounted(..) => true,
    })
}

fn files(SecretData(data): &SecretData) -> Files {
    let authorities = data.iter().filter_map(|(key, text)| {
        let listener = key.strip_prefix(AUTHORITY)?;
        Some((listener.to_owned(), text.clone()))
    });
    let serials = data.iter().filter_map(|(file, text)| {
        let listener = file.strip_suffix(CERTIFICATE_SUFFIX)?;
        Some((listener.to_owned(), inspect(text).ok()?.serial_hex))
    });
    Files {
        mark: data.get(MARK).cloned(),
        serials: serials.collect(),
        authorities: authorities.collect(),
    }
}

async fn gather(context: &Context, cluster: &Cluster, before: Option<SecretData>) -> Result<SecretData, PassError> {
    let namespace = &cluster.names.namespace;
    let before = match before {
        Some(before) => Some(before),
        None => secrets::read(context, namespace, &cluster.names.listener_files()).await?,
    };
    let mut gathered = Gathered::default();
    for (listener, source) in sources(cluster) {
        let secret = source.secret();
        let found = match source {
            Source::Mounted(..) => secrets::encoded(context, namespace, secret).await?,
            Source::PlainUsers(_) | Source::Certificate(_) => secrets::read(context, namespace, secret).await?,
        };
        let Some(SecretData(found)) = found else {
            tracing::warn!(
                listener,
                secret,
                "a listener's Secret is gone; brokers keep what they have"
            );
            return before
                .filter(|before| fits(cluster, before))
                .ok_or_else(|| PassError::Content {
                    kind: "Secret",
                    namespace: namespace.clone(),
                    name: secret.to_owned(),
                    problem: "it's gone".into(),
                });
        };
        gathered.add(listener, &source, &found);
    }
    let salt = before
        .and_then(|SecretData(mut data)| data.remove(SALT))
        .filter(|salt| !salt.is_empty());
    let salt = match salt {
        Some(salt) => salt,
        None => secrets::random_text(context)?,
    };
    Ok(gathered.finish(salt))
}

/// What was read so far.
#[derive(Default)]
struct Gathered {
    files: BTreeMap<String, String>,
    /// Of what is mounted from elsewhere, in base64.
    mounted: String,
}

impl Gathered {
    fn add(&mut self, listener: &str, source: &Source<'_>, found: &BTreeMap<String, String>) {
        let text = |key: &str| found.get(key).map(String::as_str).unwrap_or_default();
        match source {
            Source::PlainUsers(_) => {
                let sections = self.files.entry(JAAS.to_owned()).or_default();
                sections.push_str(&section(listener, found));
            }
            Source::Certificate(_) => {
                let [chain, key, authority] = CERTIFICATE_KEYS.map(text);
                let file = format!("{}\n{}\n", key.trim_end(), chain.trim_end());
                self.files.insert(certificate_file(listener), file);
                if !authority.is_empty() {
                    self.files
                        .insert(format!("{AUTHORITY}{listener}"), authority.to_owned());
                }
            }
            Source::Mounted(secret, keys) => {
                for key in *keys {
                    let _ = writeln!(self.mounted, "{secret} {key} {}", text(key));
                }
            }
        }
    }

    fn finish(mut self, salt: String) -> SecretData {
        let is_certificate = |key: &str| key.starts_with(AUTHORITY) || key.ends_with(CERTIFICATE_SUFFIX);
        let brokers = self.files.iter().filter(|(key, _)| !is_certificate(key));
        let texts: String = brokers.map(|(key, text)| format!("{key} {text}")).collect();
        let mark = render::hash_of(format!("{salt}{texts}{}", self.mounted).as_bytes());
        self.files.insert(SALT.to_owned(), salt);
        self.files.insert(MARK.to_owned(), mark);
        SecretData(self.files)
    }
}

fn opening(listener: &str) -> String {
    format!("{listener}.KafkaServer {{\n")
}

/// A section of a JAAS file (`<listener>.KafkaServer`); quotes and backslashes of a password are escaped.
fn section(listener: &str, users: &BTreeMap<String, String>) -> String {
    let module = "org.apache.kafka.common.security.plain.PlainLoginModule";
    let mut text = format!("{}  {module} required", opening(listener));
    for (user, password) in users {
        let password = password.trim_end_matches(['\n', '\r']);
        let quoted = password.replace('\\', "\\\\").replace('"', "\\\"");
        let _ = write!(text, "\n  user_{user}=\"{quoted}\"");
    }
    text.push_str(";\n};\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_quoted_and_end_where_their_line_does() {
        let users = BTreeMap::from([
            ("a".to_owned(), "x\"y\\z\n".to_owned()),
            ("b.c".to_owned(), "1; }".to_owned()),
        ]);
        let text = section("plain", &users);
        assert_eq!(
            text,
            "plain.KafkaServer {\n  org.apache.kafka.common.security.plain.PlainLoginModule required\n  user_a=\"x\\\"y\\\\z\"\n  user_b.c=\"1; }\";\n};\n"
        );
    }

    fn gathered(salt: &str, keytab: &str, chain: &str) -> BTreeMap<String, String> {
        let mut all = Gathered::default();
        let texts = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let owned = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).to_owned());
            pairs.iter().map(owned).collect()
        };
        let own = texts(&[("tls.crt", chain), ("tls.key", "KEY\n"), ("ca.crt", "CA")]);
        all.add("lb", &Source::Certificate("own"), &own);
        let realm = texts(&[("kafka.keytab", keytab), ("krb5.conf", "x"), ("other", "y")]);
        all.add("krb", &Source::Mounted("realm", KERBEROS_KEYS), &realm);
        all.finish(salt.to_owned()).0
    }

    #[test]
    fn the_mark_changes_with_what_brokers_read_and_with_nothing_else() {
        let before = gathered("salt", "a", "CHAIN");
        assert_eq!(before["lb.pem"], "KEY\nCHAIN\n");
        assert_eq!(before["authority-lb"], "CA");
        // Brokers read a certificate again while they run.
        assert_eq!(before[MARK], gathered("salt", "a", "OTHER")[MARK]);
        for other in [gathered("salt", "b", "CHAIN"), gathered("pepper", "a", "CHAIN")] {
            assert_ne!(before[MARK], other[MARK]);
        }
    }
}
