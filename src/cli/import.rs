//! `import`: resources for the topics and users that exist in a Kafka cluster, as YAML for people to read and apply. It reads and
//! changes nothing; what no resource can say is told beside them.

mod resources;

use self::resources::Snapshot;
use super::connection::{self, ConnectionError};
use super::{print_error, yaml};
use crate::kafka::configs::{ConfigResource, ConfigSource};
use crate::kafka::{AclFilter, KafkaAdmin, KafkaError, QuotaFilter, QuotaMatch};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use thiserror::Error;

/// Write resources for what exists in a Kafka cluster.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Brokers to ask, `host:port`; each must show a certificate for its host.
    #[arg(long, value_delimiter = ',', required = true, value_name = "HOST:PORT")]
    bootstrap: Vec<String>,
    /// Directory with `tls.crt`, `tls.key` and `ca.crt` of somebody who may describe topics, configurations, users and ACLs.
    #[arg(long, value_name = "DIR")]
    tls: PathBuf,
    /// `ProductionKafka` that the resources shall belong to.
    #[arg(long, value_name = "NAME")]
    cluster: String,
    /// Namespace of the resources.
    #[arg(long, value_name = "NAMESPACE")]
    namespace: String,
}

#[derive(Debug, Error)]
enum ImportError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("ask Kafka: {}", .0.explain())]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Yaml(#[from] yaml::YamlError),
}

/// Prints the resources to standard output and what else is to be known to standard error.
pub async fn run(args: Args) -> ExitCode {
    match write(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn write(args: &Args) -> Result<(), ImportError> {
    let client = connection::open(&args.bootstrap, &args.tls, "productionkafka-import").await?;
    let snapshot = look(&client).await?;
    let made = resources::of(&snapshot, &args.cluster, &args.namespace);
    for topic in &made.topics {
        print!("---\n{}", yaml::to_string(topic)?);
    }
    for user in &made.users {
        print!("---\n{}", yaml::to_string(user)?);
    }
    for note in &made.notes {
        eprintln!("note: {note}");
    }
    Ok(())
}

async fn look(admin: &dyn KafkaAdmin) -> Result<Snapshot, KafkaError> {
    let view = admin.partitions().await?;
    let mut snapshot = Snapshot::default();
    for partition in view.partitions.iter().filter(|one| !one.internal) {
        let replicas = snapshot.topics.entry(partition.topic.clone()).or_default();
        replicas.replicas.push(partition.replicas.len());
    }
    let names: BTreeSet<String> = snapshot.topics.keys().cloned().collect();
    let asked = names.into_iter().map(ConfigResource::Topic).collect();
    for (resource, entries) in admin.describe_configs(asked).await? {
        if let (ConfigResource::Topic(name), Ok(entries)) = (resource, entries)
            && let Some(topic) = snapshot.topics.get_mut(&name)
        {
            let own = entries
                .into_iter()
                .filter(|entry| entry.source == ConfigSource::DynamicTopic);
            topic.config = own
                .filter_map(|entry| Some((entry.name, entry.value?)))
                .collect::<BTreeMap<_, _>>();
        }
    }
    let quotas = QuotaFilter {
        user: Some(QuotaMatch::Any),
        client_id: None,
        strict: true,
    };
    snapshot.passwords = admin.describe_user_scram(Vec::new()).await?.into_keys().collect();
    snapshot.quotas = admin.describe_client_quotas(quotas).await?;
    snapshot.acls = admin.describe_acls(AclFilter::any()).await?;
    Ok(snapshot)
}
