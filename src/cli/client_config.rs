//! `client-config`: what an application's client of one `KafkaUser` is configured with, for any listener that it can log in at. Reads
//! the Secret that the operator made, so it shows what the Secret shows, and nobody sees it who may not read that.

use super::print_error;
use crate::api::{AuthenticationType, KafkaUser, ListenerStatus, ProductionKafka, UserAuthenticationType};
use crate::render::{ClientCredentials, client_files};
use crate::user::rotation::Rotation;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, ListParams};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Arguments of `client-config`.
#[derive(Debug, clap::Args)]
#[command(after_help = "The output holds the user's password or key.")]
pub struct Args {
    /// The KafkaUser resource.
    user: String,
    /// Its namespace; without it that of the kubeconfig's context.
    #[arg(short, long)]
    namespace: Option<String>,
    /// Listener of the cluster; without it the first that the user can log in at.
    #[arg(short, long)]
    listener: Option<String>,
    /// For which client. Those of librdkafka and kcat name files of the Secret, mounted at /etc/kafka-credentials.
    #[arg(short, long, default_value = "java")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Java,
    Librdkafka,
    Kcat,
}

impl Format {
    const fn file(self) -> &'static str {
        match self {
            Self::Java => "client.properties",
            Self::Librdkafka => "librdkafka.conf",
            Self::Kcat => "kcat.conf",
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error("find the Kubernetes API server")]
    Client(#[source] kube::Error),
    #[error("read {0}")]
    Read(String, #[source] kube::Error),
    #[error("{0}")]
    Unusable(String),
}

pub async fn run(args: Args) -> ExitCode {
    match text(&args).await {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            print_error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn text(args: &Args) -> Result<String, ConfigError> {
    // Whoever comes first in this process; both are the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::try_default().await.map_err(ConfigError::Client)?;
    let namespace = args.namespace.as_deref().unwrap_or_else(|| client.default_namespace());
    let read = |what: &str, name: &str| format!("{what} {namespace}/{name}");
    let users: Api<KafkaUser> = Api::namespaced(client.clone(), namespace);
    // The operator's own account may list users and not get one.
    let named = ListParams::default().fields(&format!("metadata.name={}", args.user));
    let found = users.list(&named).await;
    let found = found.map_err(|source| ConfigError::Read(read("KafkaUser", &args.user), source))?;
    let user = found.items.into_iter().next();
    let user = user.ok_or_else(|| ConfigError::Unusable(format!("there's no {}", read("KafkaUser", &args.user))))?;
    let clusters: Api<ProductionKafka> = Api::namespaced(client.clone(), namespace);
    let cluster = clusters.get(&user.spec.cluster).await;
    let cluster = cluster.map_err(|source| ConfigError::Read(read("ProductionKafka", &user.spec.cluster), source))?;
    let listener = listener(&user, &cluster, args.listener.as_deref()).map_err(ConfigError::Unusable)?;
    let secret = user.status.as_ref().and_then(|status| status.secret.clone());
    let secret = secret.ok_or_else(|| {
        ConfigError::Unusable(format!("KafkaUser {} has no Secret yet: see its conditions", args.user))
    })?;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let mut held = Vec::new();
    for name in [&secret, &listener.certificate_authority] {
        let found = secrets.get(name).await;
        held.push(found.map_err(|source| ConfigError::Read(read("Secret", name), source))?);
    }
    let mut held = held.into_iter().map(texts);
    let (own, authority) = (held.next().unwrap_or_default(), held.next().unwrap_or_default());
    let ca = authority
        .get("ca.crt")
        .or(own.get("ca.crt"))
        .cloned()
        .unwrap_or_default();
    file(args, &cluster, (&own, &ca), &listener.bootstrap_servers)
}

fn texts(secret: Secret) -> BTreeMap<String, String> {
    let data = secret.data.unwrap_or_default().into_iter();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_default();
    data.map(|(key, value)| (key, text(value.0))).collect()
}

fn file(
    args: &Args,
    cluster: &ProductionKafka,
    (own, ca): (&BTreeMap<String, String>, &str),
    bootstrap: &str,
) -> Result<String, ConfigError> {
    let text = |key: &str| own.get(key).map(String::as_str);
    let rotation = text("rotation.json").and_then(|text| serde_json::from_str::<Rotation>(text).ok());
    let scram = text("username").zip(text("password"));
    let mtls = text("user.crt").zip(text("user.key"));
    let credentials = match (mtls, scram) {
        (Some((certificate, key)), _) => ClientCredentials::Mtls { certificate, key },
        (None, Some((username, password))) => ClientCredentials::Scram {
            second: rotation.is_some_and(|rotation| rotation.uses_second_mechanism()),
            username,
            password,
        },
        (None, None) => {
            let why = format!("the Secret of KafkaUser {} holds no credentials", args.user);
            return Err(ConfigError::Unusable(why));
        }
    };
    let mut files = client_files(bootstrap, ca, credentials, cluster.spec.tuning.profile);
    Ok(files.remove(args.format.file()).unwrap_or_default())
}

/// The listener that's named, or the first at which the user can log in.
fn listener(user: &KafkaUser, cluster: &ProductionKafka, named: Option<&str>) -> Result<ListenerStatus, String> {
    let kind = match user.spec.authentication.kind {
        UserAuthenticationType::Mtls => AuthenticationType::Mtls,
        UserAuthenticationType::ScramSha512 => AuthenticationType::ScramSha512,
        UserAuthenticationType::External => {
            return Err("its credentials aren't the operator's (type External): see docs/authentication.md".to_owned());
        }
    };
    let takes: Vec<&str> = cluster
        .spec
        .listeners
        .iter()
        .filter(|listener| listener.authentication.kind == kind)
        .map(|listener| listener.name.as_str())
        .collect();
    let wanted = match named {
        Some(named) if takes.contains(&named) => named,
        Some(named) => {
            let those = takes.join(", ");
            return Err(format!(
                "listener {named} doesn't take {kind:?}: those that do are [{those}]"
            ));
        }
        None => takes
            .first()
            .ok_or_else(|| format!("no listener of the cluster takes {kind:?}"))?,
    };
    let status = cluster
        .status
        .as_ref()
        .map(|status| status.listeners.as_slice())
        .unwrap_or_default();
    let found = status.iter().find(|listener| listener.name == wanted);
    found
        .cloned()
        .ok_or_else(|| format!("listener {wanted} has no address yet: see the cluster's status"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cluster() -> ProductionKafka {
        let listener =
            |name: &str, port: i32, kind: &str| json!({"name": name, "port": port, "authentication": {"type": kind}});
        let address =
            |name: &str| json!({"name": name, "bootstrapServers": format!("{name}:1"), "certificateAuthority": "ca"});
        serde_json::from_value(json!({
            "apiVersion": "productionkafka.dev/v1alpha1",
            "kind": "ProductionKafka",
            "metadata": {"name": "orders"},
            "spec": {
                "nodePools": [],
                "listeners": [
                    listener("mtls", 9095, "Mtls"), listener("scram", 9094, "ScramSha512"), listener("late", 9096, "ScramSha512")
                ],
                "tuning": {"profile": "Latency"},
            },
            "status": {"listeners": [address("mtls"), address("scram")]},
        }))
        .unwrap()
    }

    fn user(kind: &str) -> KafkaUser {
        serde_json::from_value(json!({
            "apiVersion": "productionkafka.dev/v1alpha1",
            "kind": "KafkaUser",
            "metadata": {"name": "app"},
            "spec": {"cluster": "orders", "authentication": {"type": kind}},
        }))
        .unwrap()
    }

    #[test]
    fn a_user_is_led_to_a_listener_that_takes_it() {
        let named = |kind: &str, named: Option<&str>| listener(&user(kind), &cluster(), named).map(|found| found.name);
        assert_eq!(named("ScramSha512", None).unwrap(), "scram");
        assert_eq!(named("Mtls", None).unwrap(), "mtls");
        assert!(
            named("ScramSha512", Some("mtls"))
                .unwrap_err()
                .contains("those that do are [scram, late]")
        );
        assert!(
            named("ScramSha512", Some("late"))
                .unwrap_err()
                .contains("no address yet")
        );
        assert!(named("External", None).unwrap_err().contains("External"));
    }

    #[test]
    fn the_file_is_that_of_the_profile_with_the_users_credentials() {
        let args = |format| Args {
            user: "app".into(),
            namespace: None,
            listener: None,
            format,
        };
        let own = [("username", "app"), ("password", "secret")];
        let own = own.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let java = file(&args(Format::Java), &cluster(), (&own, "CA"), "scram:1").unwrap();
        for line in [
            "linger.ms=0",
            "bootstrap.servers=scram:1",
            "sasl.mechanism=SCRAM-SHA-512",
        ] {
            assert!(java.lines().any(|found| found == line), "{line} isn't in\n{java}");
        }
        let kcat = file(&args(Format::Kcat), &cluster(), (&own, "CA"), "scram:1").unwrap();
        assert!(
            kcat.contains("sasl.password=secret") && !kcat.contains("linger"),
            "{kcat}"
        );
        assert!(file(&args(Format::Java), &cluster(), (&BTreeMap::new(), "CA"), "x").is_err());
    }
}
