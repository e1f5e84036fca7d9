//! One look at Kafka per pass, shared by everything that decides: quorum, brokers, partitions, features. Says what it saw
//! and when; a look that fails says why and changes nothing.

use super::memory::{Memory, OpenClient};
use super::pods::PodFact;
use super::trust::Trust;
use crate::kafka::admin::{KafkaAdmin, Target};
use crate::kafka::client::{ClientOptions, KafkaClient};
use crate::kafka::endpoint::{Endpoint, Endpoints};
use crate::kafka::errors::{ErrorCode, KafkaError};
use crate::kafka::tls::{ClientIdentity, TlsError};
use crate::kafka::views::{ClusterView, FeaturesView, PartitionsView, QuorumView};
use crate::kafka::{Observer, Transport, shown};
use crate::model::{Cluster, Identity, ports};
use crate::pki;
use crate::runtime::metrics::Metrics;
use crate::runtime::scrape;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Opens admin clients; tests put an in-memory cluster behind it.
pub trait Connector: Send + Sync {
    fn open(&self, identity: &ClientIdentity, endpoints: Endpoints) -> Result<Arc<dyn KafkaAdmin>, TlsError>;

    /// Serial number of the certificate that a server shows; `None`: it doesn't answer.
    fn certificate(&self, address: String, limit: Duration) -> BoxFuture<'_, Option<String>>;

    /// What a node's process exports about itself; `None`: it doesn't answer.
    fn metrics(&self, address: String, path: String, limit: Duration) -> BoxFuture<'_, Option<String>>;
}

/// Opens real clients, whose calls are counted.
pub struct RealConnector(pub Metrics);

impl Observer for Metrics {
    fn called(&self, api: &'static str, outcome: &'static str, took: Duration) {
        self.kafka_request(api, outcome, took);
    }
}

impl Connector for RealConnector {
    fn open(&self, identity: &ClientIdentity, endpoints: Endpoints) -> Result<Arc<dyn KafkaAdmin>, TlsError> {
        let options = ClientOptions {
            client_id: "productionkafka".into(),
            call_timeout: Duration::from_secs(8),
            attempt_timeout: Duration::from_secs(4),
            ..ClientOptions::default()
        };
        let client = KafkaClient::new(Transport::Tls(identity.client_config()?), endpoints, options);
        Ok(Arc::new(client.observed(Arc::new(self.0.clone()))))
    }

    fn certificate(&self, address: String, limit: Duration) -> BoxFuture<'_, Option<String>> {
        async move {
            let der = shown::certificate(&address, limit).await?;
            pki::serial_of(&der).ok()
        }
        .boxed()
    }

    fn metrics(&self, address: String, path: String, limit: Duration) -> BoxFuture<'_, Option<String>> {
        async move { scrape::text(&address, &path, limit).await }.boxed()
    }
}

/// What Kafka said.
#[derive(Clone, Debug)]
pub struct KafkaFacts {
    pub at: jiff::Timestamp,
    pub quorum: Option<QuorumView>,
    pub brokers: Option<ClusterView>,
    pub partitions: Option<PartitionsView>,
    pub features: Option<FeaturesView>,
    /// Log directories that brokers have given up, by path. A broker that doesn't say which has none here.
    pub failed_dirs: BTreeMap<i32, Vec<String>>,
    /// Controllers answer, and none of them leads or follows.
    pub leaderless: bool,
    /// Why something is missing.
    pub problem: Option<String>,
}

impl KafkaFacts {
    /// Brokers that serve.
    pub fn all_serving(&self) -> impl Iterator<Item = i32> {
        let brokers = self.brokers.iter().flat_map(|view| &view.brokers);
        brokers.filter(|broker| !broker.fenced).map(|broker| broker.id)
    }

    /// A broker that serves, whichever.
    pub fn serving(&self) -> Option<i32> {
        self.all_serving().next()
    }
}

/// Endpoints of the pods that have an address, named as the certificates name them.
pub fn endpoints(cluster: &Cluster, identity: &Identity, pods: &[PodFact]) -> Endpoints {
    let mut endpoints = Endpoints::default();
    for node in cluster.nodes(identity) {
        let Some(pod) = pods.iter().find(|pod| pod.name == node.names.pod && !pod.terminating) else {
            continue;
        };
        let Some(host) = pod.host().filter(|_| pod.running) else {
            continue;
        };
        let endpoint = |port: i32| Endpoint {
            node_id: Some(node.id),
            address: format!("{host}:{port}"),
            server_name: node.names.host.clone(),
        };
        if node.roles.broker {
            endpoints.brokers.push(endpoint(ports::REPLICATION));
        }
        if node.roles.controller {
            endpoints.controllers.push(endpoint(ports::CONTROLLER));
        }
    }
    endpoints
}

/// Whether at least one broker's pod is ready.
pub fn brokers_up(cluster: &Cluster, identity: &Identity, pods: &[PodFact]) -> bool {
    let nodes = cluster.nodes(identity);
    let mut brokers = nodes.iter().filter(|node| node.roles.broker);
    brokers.any(|node| pods.iter().any(|pod| pod.name == node.names.pod && pod.ready))
}

/// The cluster's client, opened anew when addresses or the operator's certificate have changed. `None` without addresses.
pub fn client(
    connector: &dyn Connector,
    cluster: &Cluster,
    trust: &Trust,
    endpoints: Endpoints,
    memory: &mut Memory,
) -> Option<Arc<dyn KafkaAdmin>> {
    if endpoints.brokers.is_empty() && endpoints.controllers.is_empty() {
        memory.client = None;
        return None;
    }
    let (identity, serial) = trust.operator(cluster)?;
    let opened_for = format!("{serial} {endpoints:?}");
    if let Some(open) = memory.client.as_ref().filter(|open| open.opened_for == opened_for) {
        return Some(Arc::clone(&open.admin));
    }
    match connector.open(&identity, endpoints) {
        Ok(admin) => {
            memory.client = Some(OpenClient {
                admin: Arc::clone(&admin),
                opened_for,
            });
            Some(admin)
        }
        Err(error) => {
            tracing::error!(%error, "can't open a Kafka client with the operator's certificate");
            memory.client = None;
            None
        }
    }
}

/// `controller.quorum.fetch.timeout.ms`: a replica that has caught up within it counts as caught up.
pub const FETCH_TIMEOUT_MS: i64 = 2_000;

/// How long the last complete look stands in for one that fails.
const STANDS_IN: jiff::SignedDuration = jiff::SignedDuration::from_secs(20);

/// One lost answer isn't a change of the cluster: for a while the last complete look holds. Nothing is decided from it
/// that could do harm.
pub fn steadied(facts: KafkaFacts, last: Option<&KafkaFacts>) -> KafkaFacts {
    match last {
        Some(last)
            if facts.problem.is_some() && last.partitions.is_some() && facts.at.duration_since(last.at) < STANDS_IN =>
        {
            last.clone()
        }
        _ => facts,
    }
}

/// Asks Kafka once. `brokers_up`: at least one broker's pod is ready. `controllers`: those that run.
pub async fn observe(
    admin: &dyn KafkaAdmin,
    (brokers_up, controllers): (bool, &[i32]),
    now: jiff::Timestamp,
) -> KafkaFacts {
    let mut facts = KafkaFacts {
        at: now,
        quorum: None,
        brokers: None,
        partitions: None,
        features: None,
        failed_dirs: BTreeMap::new(),
        leaderless: false,
        problem: None,
    };
    let target = if brokers_up {
        Target::Brokers
    } else {
        Target::Controllers
    };
    let (quorum, features) =
        futures::future::join(admin.describe_quorum(target), admin.describe_features(target)).await;
    facts.quorum = keep(quorum, &mut facts.problem);
    facts.features = keep(features, &mut facts.problem);
    if facts.quorum.as_ref().is_none_or(|quorum| quorum.leader_id.is_none()) {
        facts.leaderless = is_leaderless(admin, controllers).await;
    }
    if brokers_up && facts.quorum.is_some() {
        let (brokers, partitions) = futures::future::join(admin.describe_cluster(true), admin.partitions()).await;
        facts.brokers = keep(brokers, &mut facts.problem);
        facts.partitions = keep(partitions, &mut facts.problem);
        facts.failed_dirs = failed_dirs(admin, &facts).await;
    }
    facts
}

/// Some controller answers, none of those that do leads, and none follows one that may lead. A controller without a majority
/// goes on naming the leader that it had (KIP-996), so that one counts only while it runs and doesn't answer.
async fn is_leaderless(admin: &dyn KafkaAdmin, controllers: &[i32]) -> bool {
    let asked = controllers.iter().map(|id| async move {
        match admin.describe_controllers(Target::Controller(*id)).await {
            Ok(told) => Some((*id, told.controller_id)),
            Err(error) => lacks_metadata(&error).then_some((*id, None)),
        }
    });
    let told = futures::future::join_all(asked).await;
    let told: BTreeMap<i32, Option<i32>> = told.into_iter().flatten().collect();
    let may_lead = |id: &i32| controllers.contains(id) && told.get(id).is_none_or(|named| *named == Some(*id));
    !told.is_empty() && !told.values().flatten().any(may_lead)
}

/// What a controller with an empty disk says: it knows no `metadata.version`, so it can't be the leader.
fn lacks_metadata(error: &KafkaError) -> bool {
    error.code() == Some(ErrorCode::UNSUPPORTED_VERSION)
}

/// Brokers that serve and have replicas offline have lost a log directory; they are asked which.
async fn failed_dirs(admin: &dyn KafkaAdmin, facts: &KafkaFacts) -> BTreeMap<i32, Vec<String>> {
    let Some(partitions) = &facts.partitions else {
        return BTreeMap::new();
    };
    let serving: BTreeSet<i32> = facts.all_serving().collect();
    let offline = partitions.partitions.iter().flat_map(|one| &one.offline);
    let suspects: BTreeSet<i32> = offline.filter(|id| serving.contains(id)).copied().collect();
    if suspects.is_empty() {
        return BTreeMap::new();
    }
    let told = admin.describe_log_dirs(suspects.iter().copied().collect()).await;
    let told = told.unwrap_or_default();
    let failed = |id: i32| {
        let dirs = told.get(&id).and_then(|dirs| dirs.as_ref().ok());
        let failed = dirs.into_iter().flatten().filter(|dir| dir.error.is_some());
        failed.map(|dir| dir.path.clone()).collect()
    };
    suspects.into_iter().map(|id| (id, failed(id))).collect()
}

fn keep<T>(result: Result<T, KafkaError>, problem: &mut Option<String>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            let cause = std::error::Error::source(&error)
                .map(|cause| format!(": {cause}"))
                .unwrap_or_default();
            problem.get_or_insert(format!("{error}{cause}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::views::PartitionsView;

    fn look(second: i64, complete: bool) -> KafkaFacts {
        KafkaFacts {
            at: jiff::Timestamp::from_second(second).unwrap(),
            quorum: None,
            brokers: None,
            partitions: complete.then(PartitionsView::default),
            features: None,
            failed_dirs: BTreeMap::new(),
            leaderless: false,
            problem: (!complete).then(|| "timed out".to_owned()),
        }
    }

    #[test]
    fn a_lost_answer_is_bridged_for_a_while_only() {
        let good = look(100, true);
        assert_eq!(steadied(look(110, false), Some(&good)).at, good.at);
        assert!(steadied(look(120, false), Some(&good)).partitions.is_none());
        assert!(steadied(look(110, false), None).problem.is_some());
        assert_eq!(steadied(look(110, true), Some(&good)).at.as_second(), 110);
        let incomplete = look(100, false);
        assert_eq!(steadied(look(110, false), Some(&incomplete)).at.as_second(), 110);
    }
}
