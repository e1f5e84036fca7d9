//! Volumes of a node's pod and where they're mounted, and the claims of its disks. The claims are objects of their own and
//! not templates of the StatefulSet, which are immutable: so disks can grow and be added while the pod's set stays.

use super::listener_properties::{SERVER_TLS, TLS, reachable};
use super::server_properties::DATA;
use super::{Child, Input, Kind, labels};
use crate::api::Reclaim;
use crate::model::{ClientAuth, ClientListener, Disk, Node, names};
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, KeyToPath, PersistentVolumeClaim, PersistentVolumeClaimSpec,
    PersistentVolumeClaimVolumeSource, SecretVolumeSource, Volume, VolumeMount, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;

/// Where brokers find the users of SASL/PLAIN and certificates of the user's own, and what Kerberos needs; an authority of an
/// OAuth listener is below its own.
pub const LISTENER_FILES: &str = "/etc/kafka/listeners";
pub const KERBEROS: &str = "/etc/kafka/kerberos";
/// Where every node finds the key of delegation tokens, and its file there.
pub const DELEGATION: &str = "/etc/kafka/delegation";
pub const DELEGATION_FILE: &str = "delegation.properties";
/// Users of SASL/PLAIN.
pub const JAAS: &str = "jaas.conf";

/// Keys of the Secrets of others: keys and configuration of Kerberos, the authority of a JWKS endpoint; chain, key and authority
/// of a listener's own certificate.
pub const KERBEROS_KEYS: &[&str] = &["kafka.keytab", "krb5.conf"];
pub const OAUTH_KEYS: &[&str] = &["ca.crt"];
pub const CERTIFICATE_KEYS: [&str; 3] = ["tls.crt", "tls.key", "ca.crt"];

const OAUTH: &str = "/etc/kafka/oauth";

/// Where the authority of a listener's JWKS endpoint is mounted.
pub fn oauth_authority(listener: &str) -> String {
    format!("{OAUTH}-{listener}/ca.crt")
}

/// Readable by owner and group (`fsGroup`), by nobody else.
pub const KEY_MODE: i32 = 0o440;

/// Everything that's mounted. `config_map` holds the node's files.
pub fn volumes(input: &Input<'_>, node: &Node<'_>, config_map: &str) -> Vec<Volume> {
    let disk = |(index, disk): (usize, &Disk)| Volume {
        name: names::volume(index),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: disk.claim.clone(),
            read_only: None,
        }),
        ..Volume::default()
    };
    let mut volumes = vec![
        Volume {
            name: "config".into(),
            config_map: Some(ConfigMapVolumeSource {
                name: config_map.to_owned(),
                default_mode: Some(0o444),
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        },
        // A directory, never a subPath: files of a subPath mount are never updated.
        keys("tls", &node.names.tls_secret),
        // Kafka's compression libraries are unpacked here and executed.
        scratch("tmp", "256Mi"),
        scratch("tools", "128Mi"),
    ];
    if node.roles.broker {
        volumes.push(keys(SERVER, &node.names.server_tls_secret));
    }
    volumes.extend(
        of_authentication(input, node)
            .into_iter()
            .map(|(name, _, secret)| Volume {
                name,
                secret: Some(secret),
                ..Volume::default()
            }),
    );
    volumes.extend(node.disks.iter().enumerate().map(disk));
    volumes
}

/// Volume with what a broker shows to clients.
const SERVER: &str = "server-tls";

fn keys(volume: &str, secret: &str) -> Volume {
    Volume {
        name: volume.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.to_owned()),
            default_mode: Some(KEY_MODE),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// Secrets that a broker's listeners need, and tokens on every node: volume, place and source.
fn of_authentication(input: &Input<'_>, node: &Node<'_>) -> Vec<(String, String, SecretVolumeSource)> {
    let (cluster, listeners) = (input.cluster, reachable(input, node));
    let source = |secret: String, keys: &[&str]| SecretVolumeSource {
        secret_name: Some(secret),
        default_mode: Some(KEY_MODE),
        items: Some(keys.iter().map(|key| item(key)).collect()),
        ..SecretVolumeSource::default()
    };
    let mut all = Vec::new();
    for listener in &listeners {
        match &listener.authentication {
            ClientAuth::Kerberos(kerberos) => all.push((
                "kerberos".to_owned(),
                KERBEROS.to_owned(),
                source(kerberos.secret_name.clone(), KERBEROS_KEYS),
            )),
            ClientAuth::OAuth(oauth) => all.extend(oauth.ca_secret_name.clone().map(|secret| {
                let place = format!("{OAUTH}-{}", listener.name);
                (format!("oauth-{}", listener.name), place, source(secret, OAUTH_KEYS))
            })),
            ClientAuth::Plain(_) | ClientAuth::ScramSha512 | ClientAuth::Mtls => {}
        }
    }
    let files = files(&listeners);
    if !files.is_empty() {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let secret = source(cluster.names.listener_files(), &files);
        all.push(("listeners".to_owned(), LISTENER_FILES.to_owned(), secret));
    }
    if cluster.security.delegation_tokens.is_some() {
        let secret = source(cluster.names.delegation_key(), &[DELEGATION_FILE]);
        all.push(("delegation".to_owned(), DELEGATION.to_owned(), secret));
    }
    all
}

/// Whether the node reads any file of a client listener.
pub fn has_files(input: &Input<'_>, node: &Node<'_>) -> bool {
    let all = of_authentication(input, node);
    all.iter().any(|(name, _, _)| name != "delegation")
}

/// Keys of the Secret with what the operator keeps for listeners.
fn files(listeners: &[&ClientListener]) -> Vec<String> {
    let mut files: Vec<String> = listeners
        .iter()
        .filter(|listener| listener.certificate.is_some())
        .map(|listener| certificate_file(&listener.name))
        .collect();
    if listeners
        .iter()
        .any(|listener| matches!(listener.authentication, ClientAuth::Plain(_)))
    {
        files.push(JAAS.to_owned());
    }
    files
}

/// A listener's own certificate with its key.
pub fn certificate_file(listener: &str) -> String {
    format!("{listener}{CERTIFICATE_SUFFIX}")
}

/// Ends the name of such a file, and of no other.
pub const CERTIFICATE_SUFFIX: &str = ".pem";

fn item(key: &str) -> KeyToPath {
    KeyToPath {
        key: key.to_owned(),
        path: key.to_owned(),
        mode: None,
    }
}

fn scratch(name: &str, limit: &str) -> Volume {
    Volume {
        name: name.into(),
        empty_dir: Some(EmptyDirVolumeSource {
            size_limit: Some(Quantity(limit.into())),
            medium: None,
        }),
        ..Volume::default()
    }
}

/// Mount of the binary and the agent, writable only for `prepare`.
pub fn tools(read_only: bool) -> VolumeMount {
    mount("tools", "/opt/productionkafka", read_only)
}

/// Mounts of `format`: everything but keys.
pub fn for_format(node: &Node<'_>) -> Vec<VolumeMount> {
    let mut mounts = vec![
        mount("config", "/etc/kafka/operator", true),
        mount("tmp", "/tmp", false),
        tools(true),
    ];
    mounts.extend((0..node.disks.len()).map(|index| {
        let name = names::volume(index);
        mount(&name, &format!("{DATA}/{name}"), false)
    }));
    mounts
}

/// Mounts of Kafka.
pub fn for_kafka(input: &Input<'_>, node: &Node<'_>) -> Vec<VolumeMount> {
    let mut mounts = for_format(node);
    mounts.push(mount("tls", TLS, true));
    if node.roles.broker {
        mounts.push(mount(SERVER, SERVER_TLS, true));
    }
    let of_authentication = of_authentication(input, node).into_iter();
    mounts.extend(of_authentication.map(|(name, place, _)| mount(&name, &place, true)));
    mounts
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

/// One claim per disk that the resource asks for. They belong to nobody: data outlives StatefulSet and resource. A disk
/// that's to be replaced isn't touched any more.
pub fn claims(input: &Input<'_>, node: &Node<'_>) -> Vec<Child> {
    let disks = node.disks.iter().enumerate();
    disks
        .filter_map(|(index, disk)| claim(input, node, index, disk))
        .collect()
}

fn claim(input: &Input<'_>, node: &Node<'_>, index: usize, disk: &Disk) -> Option<Child> {
    let size = disk.size.clone()?;
    let mut annotations = BTreeMap::from([
        (labels::SIZE.to_owned(), size.clone()),
        (labels::DISK.to_owned(), index.to_string()),
    ]);
    if let Some(class) = &disk.storage_class {
        annotations.insert(labels::STORAGE_CLASS.to_owned(), class.clone());
    }
    if node.pool.reclaim == Reclaim::Delete {
        annotations.insert(labels::RECLAIM.to_owned(), "Delete".to_owned());
    }
    let object = PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(disk.claim.clone()),
            namespace: Some(input.cluster.names.namespace.clone()),
            labels: Some(labels::claim_labels(&input.cluster.names, node)),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".into()]),
            storage_class_name: disk.storage_class.clone(),
            volume_mode: Some("Filesystem".into()),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".into(), Quantity(size))])),
                limits: None,
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    };
    Some(Child::new(Kind::PersistentVolumeClaim, &disk.claim, &object))
}
