//! The Job that brings Kafka's ACLs to one content-hashed document, under a principal that may alter ACLs and nothing
//! else. Both objects carry the hash in their name and never change.

use super::labels::{self, Component};
use super::{Child, Kind, security_context, volumes};
use crate::model::Cluster;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapProjection, Container, KeyToPath, PodSpec, PodTemplateSpec, ProjectedVolumeSource,
    ResourceRequirements, SecretProjection, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;

/// Any user will do: the binary is static and reads only its mounts.
const USER: i64 = 10_001;
const MOUNT: &str = "/etc/productionkafka";
const DOCUMENTS: &str = "acls";
/// Key of the document in its ConfigMap.
pub const DOCUMENT: &str = "acls.json";

/// ConfigMaps and Job for documents that have this hash together. `bootstrap` lists `host:9091` of brokers, separated by
/// commas.
pub fn acl_job(
    cluster: &Cluster,
    operator_image: &str,
    bootstrap: &str,
    hash: &str,
    documents: &[String],
) -> Vec<Child> {
    let name = cluster.names.acl_job(hash);
    let all = labels::labels(&cluster.names, Component::AclSync);
    let maps = documents.iter().enumerate().map(|(index, text)| {
        let name = cluster.names.acl_document(hash, index);
        let object = ConfigMap {
            metadata: labels::owned(cluster, &name, all.clone()),
            immutable: Some(true),
            data: Some(BTreeMap::from([(DOCUMENT.into(), text.clone())])),
            binary_data: None,
        };
        Child::new(Kind::ConfigMap, &name, &object)
    });
    let mut children: Vec<Child> = maps.collect();
    let names: Vec<String> = children.iter().map(|child| child.name.clone()).collect();
    let job = Job {
        metadata: labels::owned(cluster, &name, all.clone()),
        spec: Some(JobSpec {
            backoff_limit: Some(3),
            active_deadline_seconds: Some(deadline(documents)),
            ttl_seconds_after_finished: Some(600),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(all),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(cluster, operator_image, bootstrap, &names)),
            },
            ..JobSpec::default()
        }),
        status: None,
    };
    children.push(Child::new(Kind::Job, &name, &job));
    children
}

/// Two minutes, and as long as Kafka takes for so many bindings, of some 200 bytes each: a slow one was seen to take 100 a second.
fn deadline(documents: &[String]) -> i64 {
    let bytes: usize = documents.iter().map(String::len).sum();
    120 + i64::try_from(bytes / 200 / 50).unwrap_or_default()
}

fn pod(cluster: &Cluster, image: &str, bootstrap: &str, config_maps: &[String]) -> PodSpec {
    PodSpec {
        restart_policy: Some("Never".into()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(10),
        security_context: Some(security_context::pod(USER, &BTreeMap::new())),
        containers: vec![container(image, bootstrap)],
        volumes: Some(vec![Volume {
            name: "input".into(),
            projected: Some(input(cluster, config_maps)),
            ..Volume::default()
        }]),
        ..PodSpec::default()
    }
}

fn container(image: &str, bootstrap: &str) -> Container {
    let documents = format!("{MOUNT}/{DOCUMENTS}");
    let tls = format!("{MOUNT}/tls");
    let words = [
        "/productionkafka",
        "acl-sync",
        "--bootstrap",
        bootstrap,
        "--acls",
        &documents,
        "--tls",
        &tls,
    ];
    let amounts = |memory: &str, cpu: Option<&str>| {
        let mut all = BTreeMap::from([
            ("memory".to_owned(), Quantity(memory.into())),
            ("ephemeral-storage".to_owned(), Quantity("16Mi".into())),
        ]);
        all.extend(cpu.map(|cpu| ("cpu".to_owned(), Quantity(cpu.into()))));
        all
    };
    Container {
        name: "acl-sync".into(),
        image: Some(image.to_owned()),
        image_pull_policy: Some("IfNotPresent".into()),
        command: Some(words.map(str::to_owned).to_vec()),
        resources: Some(ResourceRequirements {
            requests: Some(amounts("64Mi", Some("20m"))),
            // 24 000 bindings and as many that Kafka has already take some 40 MiB.
            limits: Some(amounts("128Mi", None)),
            claims: None,
        }),
        security_context: Some(security_context::container()),
        volume_mounts: Some(vec![VolumeMount {
            name: "input".into(),
            mount_path: MOUNT.into(),
            read_only: Some(true),
            ..VolumeMount::default()
        }]),
        ..Container::default()
    }
}

/// Documents and certificate in one volume: a mount point can't be made inside a read-only one.
fn input(cluster: &Cluster, config_maps: &[String]) -> ProjectedVolumeSource {
    let item = |key: &str, path: &str| KeyToPath {
        key: key.to_owned(),
        path: path.to_owned(),
        mode: None,
    };
    let certificate = ["ca.crt", "tls.crt", "tls.key"].map(|key| item(key, &format!("tls/{key}")));
    let document = |(index, name): (usize, &String)| VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: name.clone(),
            items: Some(vec![item(DOCUMENT, &format!("{DOCUMENTS}/{index}.json"))]),
            optional: None,
        }),
        ..VolumeProjection::default()
    };
    let mut sources: Vec<VolumeProjection> = config_maps.iter().enumerate().map(document).collect();
    sources.push(VolumeProjection {
        secret: Some(SecretProjection {
            name: cluster.names.acl_sync_tls(),
            items: Some(certificate.to_vec()),
            optional: None,
        }),
        ..VolumeProjection::default()
    });
    ProjectedVolumeSource {
        default_mode: Some(volumes::KEY_MODE),
        sources: Some(sources),
    }
}
