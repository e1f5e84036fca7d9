//! `run`: the operator. Watches first, then leads, then works; a lost lease ends the process.

use super::print_error;
use crate::controller::access::memory::Accesses;
use crate::controller::context::MANAGER;
use crate::controller::kafka::RealConnector;
use crate::controller::ledger::Ledger;
use crate::controller::memory::Memories;
use crate::controller::pulse;
use crate::controller::queue::{self, Triggers};
use crate::controller::stores::Stores;
use crate::controller::topics::AllTopics;
use crate::controller::{Context, Settings, World, start};
use crate::runtime::client::{self, ClientError, Clients};
use crate::runtime::lease::{LeaderElection, Leadership, LeaseConfig, LeaseError, Outcome};
use crate::runtime::metrics::Metrics;
use crate::runtime::server::{AdminServer, Health, Heartbeat, ServerError};
use crate::runtime::shutdown::Shutdown;
use crate::runtime::telemetry::{self, LogFormat, TelemetryError};
use kube::runtime::events::{Recorder, Reporter};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Arguments of `run`; each can be given by its environment variable.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Namespaces to watch, separated by commas; none: all.
    #[arg(long, env = "WATCH_NAMESPACES", value_delimiter = ',')]
    watch_namespaces: Vec<String>,
    /// Namespace of the operator itself, where its Lease is.
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    operator_namespace: String,
    /// Name of this process in the Lease: the pod's.
    #[arg(long, env = "POD_NAME", default_value = "productionkafka-local")]
    identity: String,
    /// Image of this operator, which init containers and ACL Jobs run.
    #[arg(long, env = "OPERATOR_IMAGE", default_value = concat!("docker.io/productionkafka/operator:", env!("CARGO_PKG_VERSION")))]
    image: String,
    /// DNS domain of the Kubernetes cluster.
    #[arg(long, env = "CLUSTER_DOMAIN", default_value = "cluster.local")]
    cluster_domain: String,
    /// Delete volumes that no Kafka node uses any more, for resources that ask for it.
    #[arg(long, env = "DELETE_VOLUMES")]
    delete_volumes: bool,
    /// The API server refuses to delete clusters that ask for protection (an admission policy of the chart).
    #[arg(long, env = "DELETION_PROTECTION")]
    deletion_protection: bool,
    /// ServiceAccount in whose annotation an admission policy of the chart reads who leads; none: there's no such policy.
    #[arg(long, env = "LEADER_ANNOUNCEMENT")]
    leader_announcement: Option<String>,
    #[arg(long, env = "LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// What is logged, for example `info` or `productionkafka=debug`.
    #[arg(long, env = "LOG", default_value = "info")]
    log: String,
    /// Where health and metrics are served.
    #[arg(long, env = "HTTP_ADDRESS", default_value = "0.0.0.0:8080")]
    http_address: SocketAddr,
    /// Lead only while holding the Lease. Off is for one process alone.
    #[arg(long, env = "LEADER_ELECT", default_value_t = true, action = clap::ArgAction::Set)]
    leader_elect: bool,
}

#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error("listen for signals")]
    Signals(#[source] std::io::Error),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Lease(#[from] LeaseError),
    #[error("LEADER_ANNOUNCEMENT names an account, but with LEADER_ELECT=false nobody leads: leave one of them out")]
    Unannounced,
    #[error("the lease was lost: another process may lead now, so this one ends")]
    Lost,
}

/// Runs until told to stop.
pub async fn run(args: Args) -> ExitCode {
    match operate(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn operate(args: Args) -> Result<(), RunError> {
    if args.leader_announcement.is_some() && !args.leader_elect {
        return Err(RunError::Unannounced);
    }
    telemetry::install(args.log_format, &args.log)?;
    // Kube and Kafka connections share one TLS provider; a second call would only say that it's there already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let shutdown = Shutdown::on_signals().map_err(RunError::Signals)?;
    let (health, metrics) = (Health::default(), Metrics::new(env!("CARGO_PKG_VERSION")));
    let server = AdminServer::bind(args.http_address).await?;
    let heartbeat = health.heartbeat("queue", Duration::from_mins(5));
    let synced = health.readiness_gate("watches");
    let serving = tokio::spawn(server.serve(health, metrics.clone(), shutdown.clone()));
    let clients = client::connect().await?;
    let stores = Arc::new(Stores::default());
    let (triggers, receiver) = Triggers::channel();
    let namespaces: Vec<String> = args
        .watch_namespaces
        .iter()
        .filter(|name| !name.is_empty())
        .cloned()
        .collect();
    start(&clients.watches, &namespaces, (&stores, &metrics), &triggers);
    tokio::select! {
        () = stores.wait_ready() => synced.set(true),
        () = shutdown.requested() => return Ok(()),
    }
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "watches are complete");
    let leadership = match lead(&args, &clients, &shutdown, heartbeat.clone()).await {
        Err(LeaseError::ShuttingDown) => return Ok(()),
        outcome => outcome?,
    };
    metrics.set_leader(true);
    tracing::info!("leading");
    let fence = leadership.as_ref().map(Leadership::fence);
    let context = Arc::new(context(&args, &clients, stores, metrics, fence));
    let beating = tokio::spawn(pulse::run(Arc::clone(&context), triggers.clone(), shutdown.clone()));
    let working = tokio::spawn(queue::run(context, receiver, shutdown.clone(), heartbeat));
    let drained = async {
        let _ = working.await;
    };
    let outcome = if let Some(leadership) = leadership {
        leadership.hold(drained).await
    } else {
        drained.await;
        Outcome::Released
    };
    beating.abort();
    serving.abort();
    match outcome {
        Outcome::Released => Ok(()),
        Outcome::Lost => Err(RunError::Lost),
    }
}

/// Waits until this process leads; `None`: it asks nobody, being alone.
async fn lead(
    args: &Args,
    clients: &Clients,
    shutdown: &Shutdown,
    heartbeat: Heartbeat,
) -> Result<Option<Leadership>, LeaseError> {
    if !args.leader_elect {
        return Ok(None);
    }
    let config = LeaseConfig {
        announced_in: args.leader_announcement.clone(),
        ..LeaseConfig::new(&args.operator_namespace, MANAGER, &args.identity)
    };
    let keeping = keep_alive(heartbeat);
    let election = LeaderElection::new(clients.calls.clone(), config)?;
    let acquired = election.acquire(shutdown).await;
    keeping.abort();
    acquired.map(Some)
}

/// A standby has no queue that could stop: it's alive as long as its runtime is.
fn keep_alive(heartbeat: Heartbeat) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            heartbeat.beat();
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    })
}

fn context(
    args: &Args,
    clients: &Clients,
    stores: Arc<Stores>,
    metrics: Metrics,
    fence: Option<crate::runtime::lease::Fence>,
) -> Context {
    let reporter = Reporter {
        controller: MANAGER.into(),
        instance: Some(args.identity.clone()),
    };
    Context {
        client: clients.calls.clone(),
        settings: Settings {
            operator_image: args.image.clone(),
            cluster_domain: args.cluster_domain.clone(),
            may_delete_volumes: args.delete_volumes,
            protects: args.deletion_protection,
        },
        stores,
        ledger: Ledger::default(),
        memories: Memories::default(),
        access: Accesses::default(),
        topics: AllTopics::default(),
        connector: Arc::new(RealConnector(metrics.clone())),
        metrics,
        fence,
        recorder: Recorder::new(clients.calls.clone(), reporter),
        world: World::real(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[tokio::test]
    async fn an_account_that_nobody_would_be_announced_in_is_refused() {
        let line = Line::try_parse_from([
            "run",
            "--leader-elect=false",
            "--leader-announcement=productionkafka-leader",
        ]);
        let refused = operate(line.unwrap().args).await;
        assert!(matches!(refused, Err(RunError::Unannounced)), "{refused:?}");
    }
}
