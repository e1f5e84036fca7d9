//! `plan`: what would happen if a resource were applied, told before it is. Reads the file, asks Kubernetes and Kafka, and
//! prints what the operator's own functions decide. It must not change anything: its client sends only what reads.

mod report;

use super::file;
use crate::api::ProductionKafka;
use crate::controller::access::memory::Accesses;
use crate::controller::context::MANAGER;
use crate::controller::kafka::{Connector, RealConnector};
use crate::controller::ledger::Ledger;
use crate::controller::memory::Memories;
use crate::controller::plan::{self, Plan, Verdict};
use crate::controller::stores::Stores;
use crate::controller::topics::AllTopics;
use crate::controller::{Context, Settings, World};
use crate::runtime::client::{self, ClientError};
use crate::runtime::lease::Fence;
use crate::runtime::metrics::Metrics;
use kube::runtime::events::{Recorder, Reporter};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[cfg(test)]
pub(crate) use report::text;

const AFTER_HELP: &str = "\
Exit codes: 0 nothing would change; 2 something would; 3 something would and waits, or the resource is refused; 1 an error.

Kafka is asked at the pods' addresses with the operator's own certificate. From where neither can be had, what the operator
has written to the status stands in, and that is said. What the API server itself checks is told by
`kubectl apply --dry-run=server`.";

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// File with the ProductionKafka, YAML or JSON; `-`: standard input. Other resources in it are passed over.
    file: PathBuf,
    /// Its namespace, if the file names none; without it that of the kubeconfig's context.
    #[arg(short, long)]
    namespace: Option<String>,
    /// For people, or for programs.
    #[arg(short, long, default_value = "text")]
    output: Output,
    /// Image of the operator that is meant; without it the one whose image the cluster's pods have.
    #[arg(long, env = "OPERATOR_IMAGE")]
    operator_image: Option<String>,
    /// DNS domain of the Kubernetes cluster.
    #[arg(long, env = "CLUSTER_DOMAIN", default_value = "cluster.local")]
    cluster_domain: String,
    /// The operator was given the right to delete volumes.
    #[arg(long, env = "DELETE_VOLUMES")]
    delete_volumes: bool,
    /// The API server refuses to delete clusters that ask for protection.
    #[arg(long, env = "DELETION_PROTECTION")]
    deletion_protection: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Text,
    Json,
}

#[derive(Debug, thiserror::Error)]
enum PlanError {
    #[error(transparent)]
    File(#[from] file::FileError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("plan: {0}")]
    Pass(String),
    #[error("write the plan as JSON")]
    Json(#[source] serde_json::Error),
}

pub async fn run(args: Args) -> ExitCode {
    match told(&args).await {
        Ok((text, verdict)) => {
            print!("{text}");
            ExitCode::from(code(verdict))
        }
        Err(error) => {
            super::print_error(&error);
            ExitCode::FAILURE
        }
    }
}

/// What a script may branch on.
pub(crate) const fn code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Nothing => 0,
        Verdict::Changes => 2,
        Verdict::Held => 3,
    }
}

async fn told(args: &Args) -> Result<(String, Verdict), PlanError> {
    // Whoever comes first in this process; both are the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let text = file::read(&args.file)?;
    let client = client::connect().await?.calls;
    let resource = file::resource(&text, args.namespace.as_deref(), client.default_namespace())?;
    let settings = Settings {
        operator_image: concat!("docker.io/productionkafka/operator:", env!("CARGO_PKG_VERSION")).to_owned(),
        cluster_domain: args.cluster_domain.clone(),
        may_delete_volumes: args.delete_volumes,
        protects: args.deletion_protection,
    };
    let context = context(
        client,
        settings,
        Arc::new(RealConnector(Metrics::new(env!("CARGO_PKG_VERSION")))),
        World::real(),
    );
    let plan = draft(&context, &resource, args.operator_image.as_deref()).await?;
    let text = match args.output {
        Output::Text => report::text(&plan),
        Output::Json => json(&plan)?,
    };
    Ok((text, plan.verdict()))
}

async fn draft(context: &Context, resource: &ProductionKafka, image: Option<&str>) -> Result<Plan, PlanError> {
    let drafted = Box::pin(plan::draft(context, resource, image)).await;
    drafted.map_err(|error| PlanError::Pass(error.chain()))
}

fn json(plan: &Plan) -> Result<String, PlanError> {
    let text = serde_json::to_string_pretty(&report::Document::of(plan)).map_err(PlanError::Json)?;
    Ok(format!("{text}\n"))
}

/// The context of a process that never writes.
pub(crate) fn context(
    client: kube::Client,
    settings: Settings,
    connector: Arc<dyn Connector>,
    world: World,
) -> Context {
    let client = client::read_only(client);
    let reporter = Reporter {
        controller: MANAGER.into(),
        instance: None,
    };
    Context {
        settings,
        stores: Arc::new(Stores::default()),
        ledger: Ledger::default(),
        memories: Memories::default(),
        access: Accesses::default(),
        topics: AllTopics::default(),
        connector,
        metrics: Metrics::new(env!("CARGO_PKG_VERSION")),
        fence: Some(Fence::never()),
        recorder: Recorder::new(client.clone(), reporter),
        world,
        client,
    }
}
