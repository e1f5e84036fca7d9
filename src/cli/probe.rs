//! The kubelet's probes, run inside the Kafka container against the node itself.
//!
//! Startup: the node answers `ApiVersions`. Ready: a broker also is registered and unfenced; when the cluster cannot tell,
//! it stays ready, because a quorum that is down must not take every broker out of its Services. A controller also leads, or
//! follows with all of the metadata log. Live: only a refused connection is death; nothing of the cluster counts.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use crate::kafka::{
    ClientIdentity, ClientOptions, ClusterView, Endpoint, Endpoints, KafkaAdmin, KafkaClient, Secret, Target, TlsError,
    Transport,
};

/// All of a probe; the kubelet's own limit is a little longer.
const LIMIT: Duration = Duration::from_secs(4);
/// The part of it for connect, TLS and `ApiVersions`.
const GREETING_LIMIT: Duration = Duration::from_millis(2500);
/// Answers to a probe are small.
const MAX_FRAME: usize = 4 * 1024 * 1024;

/// Port of the inter-broker listener REPLICATION.
const BROKER_PORT: u16 = 9091;
/// Port of the listener CONTROLLER.
const CONTROLLER_PORT: u16 = 9090;

/// Tell whether this Kafka node is started, ready or alive.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What to find out.
    #[arg(value_enum)]
    pub kind: Kind,
    /// The node's server.properties, for `node.id` and `process.roles`.
    #[arg(long, value_name = "FILE", default_value = "/etc/kafka/operator/server.properties")]
    pub config: PathBuf,
    /// Directory with `node.pem` and `cluster-ca.crt`.
    #[arg(long, value_name = "DIR", default_value = "/etc/kafka/tls")]
    pub tls: PathBuf,
    /// The host name in the node's certificate.
    #[arg(long, env = "PK_NODE_HOST", value_name = "NAME")]
    pub host: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    Startup,
    Ready,
    Live,
}

/// What keeps the probe from asking.
#[derive(Debug, Error)]
enum ProbeError {
    #[error("read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} has no {key}", path.display())]
    Missing { path: PathBuf, key: &'static str },
    #[error("the certificates in {}: {source}", dir.display())]
    Tls { dir: PathBuf, source: TlsError },
}

/// Asks, prints one line when the answer is no, and exits with 0 or 1.
pub async fn run(args: Args) -> ExitCode {
    match probe(&args).await {
        Ok(Verdict::Yes) => ExitCode::SUCCESS,
        Ok(Verdict::No(why)) => {
            println!("{why}");
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("{error}");
            // A probe that cannot ask must not kill the node.
            if args.kind == Kind::Live {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

async fn probe(args: &Args) -> Result<Verdict, ProbeError> {
    let node = Node::parse(&args.config, &read(&args.config).await?)?;
    let address = format!("127.0.0.1:{}", node.port());
    let deadline = Instant::now() + LIMIT;
    let seen = match args.kind {
        Kind::Live => knock(&address).await,
        Kind::Startup | Kind::Ready => {
            let client = client(args, own(args, address)).await?;
            ask(&client, args.kind == Kind::Ready && node.broker).await
        }
    };
    let verdict = judge(args.kind, node, &seen);
    if args.kind != Kind::Ready || !node.controller || verdict != Verdict::Yes {
        return Ok(verdict);
    }
    let own = client(args, own(args, format!("127.0.0.1:{CONTROLLER_PORT}"))).await?;
    let role = role::role(args, node, &own, deadline).await?;
    Ok(role::judge(node.id, &role))
}

/// This node, by the name in its certificate.
fn own(args: &Args, address: String) -> Endpoint {
    Endpoint {
        node_id: None,
        address,
        server_name: args.host.clone(),
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, ProbeError> {
    tokio::fs::read(path).await.map_err(|source| ProbeError::Read {
        path: path.to_owned(),
        source,
    })
}

async fn client(args: &Args, endpoint: Endpoint) -> Result<KafkaClient, ProbeError> {
    let pem = read(&args.tls.join("node.pem")).await?;
    let identity = ClientIdentity {
        ca: read(&args.tls.join("cluster-ca.crt")).await?,
        key: Secret::new(pem.clone()),
        chain: pem,
    };
    let config = identity.client_config().map_err(|source| ProbeError::Tls {
        dir: args.tls.clone(),
        source,
    })?;
    let options = ClientOptions {
        client_id: "productionkafka-probe".to_owned(),
        call_timeout: GREETING_LIMIT,
        attempt_timeout: GREETING_LIMIT,
        dial_timeout: GREETING_LIMIT,
        retries: 0,
        max_frame: MAX_FRAME,
    };
    let endpoints = Endpoints {
        brokers: vec![endpoint.clone()],
        controllers: vec![endpoint],
    };
    Ok(KafkaClient::new(Transport::Tls(config), endpoints, options))
}

/// Who this node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Node {
    id: i32,
    broker: bool,
    controller: bool,
}

impl Node {
    fn parse(path: &Path, text: &[u8]) -> Result<Self, ProbeError> {
        let text = String::from_utf8_lossy(text);
        let value = |key: &'static str| {
            text.lines()
                .filter_map(|line| line.split_once('='))
                .find(|(name, _)| name.trim() == key)
                .map(|(_, value)| value.trim())
                .ok_or_else(|| ProbeError::Missing {
                    path: path.to_owned(),
                    key,
                })
        };
        let id = value("node.id")?.parse();
        let id = id.map_err(|_| ProbeError::Missing {
            path: path.to_owned(),
            key: "numeric node.id",
        })?;
        let roles = value("process.roles")?;
        let has = |name: &str| roles.split(',').any(|role| role.trim() == name);
        Ok(Self {
            id,
            broker: has("broker"),
            controller: has("controller"),
        })
    }

    fn port(self) -> u16 {
        if self.broker { BROKER_PORT } else { CONTROLLER_PORT }
    }
}

/// How far the node let us come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    /// Nothing listens.
    Refused,
    /// No answer to `ApiVersions`, for this reason.
    Mute(String),
    /// It answered `ApiVersions`, and nothing more was asked or told.
    Speaks,
    /// It described the cluster too.
    Cluster(ClusterView),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Yes,
    No(String),
}

async fn knock(address: &str) -> Seen {
    match timeout(LIMIT, TcpStream::connect(address)).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Seen::Refused,
        Ok(Err(error)) => Seen::Mute(error.to_string()),
        Err(_) => Seen::Mute("no connection in time".to_owned()),
        Ok(Ok(_)) => Seen::Speaks,
    }
}

async fn ask(client: &dyn KafkaAdmin, about_the_cluster: bool) -> Seen {
    let deadline = Instant::now() + LIMIT;
    if let Err(error) = client.describe_features(Target::Brokers).await {
        return Seen::Mute(error.explain());
    }
    if !about_the_cluster {
        return Seen::Speaks;
    }
    match timeout_at(deadline, client.describe_cluster(true)).await {
        Ok(Ok(cluster)) => Seen::Cluster(cluster),
        Ok(Err(_)) | Err(_) => Seen::Speaks,
    }
}

fn judge(kind: Kind, node: Node, seen: &Seen) -> Verdict {
    match (kind, seen) {
        (_, Seen::Refused) => Verdict::No(format!("port {} refuses connections", node.port())),
        (Kind::Startup | Kind::Ready, Seen::Mute(why)) => Verdict::No(why.clone()),
        (Kind::Ready, Seen::Cluster(cluster)) => membership(node.id, cluster),
        (Kind::Live, _) | (Kind::Startup, Seen::Cluster(_)) | (Kind::Ready | Kind::Startup, Seen::Speaks) => {
            Verdict::Yes
        }
    }
}

/// Kafka names no controller when it knows of no live broker: then being fenced says nothing about this one.
fn membership(id: i32, cluster: &ClusterView) -> Verdict {
    let own = cluster.brokers.iter().find(|broker| broker.id == id);
    match own {
        Some(broker) if !broker.fenced => Verdict::Yes,
        _ if cluster.controller_id.is_none() => Verdict::Yes,
        Some(_) => Verdict::No(format!("broker {id} is fenced")),
        None => Verdict::No(format!("broker {id} is not registered")),
    }
}

mod role;

#[cfg(test)]
mod tests;
