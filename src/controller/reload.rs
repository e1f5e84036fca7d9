//! Certificates of client listeners without a restart. A broker reads its files again whenever something of its own dynamic
//! configuration is changed; taking away a key that it doesn't have is a change that leaves nothing behind. The kubelet brings
//! a changed Secret into the pod within a minute or so, and nobody says when: so a broker is told every few seconds, until each
//! of its listeners shows what it should.
//!
//! What can't be asked is not told either for long; a pod that is told in vain is replaced by the rollout like any other that
//! doesn't run what it should. Nothing here waits.

use super::context::Context;
use super::pods::PodFact;
use super::trust::Trust;
use crate::kafka::{ConfigChange, ConfigOp, ConfigResource, KafkaAdmin};
use crate::model::{Cluster, Found, Identity, Node};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A key that no broker of ours has among its dynamic ones.
const KEY: &str = "listener.name.replication.ssl.keystore.location";
/// When to look again while something isn't shown yet; a pass of the cluster is made then.
pub const AGAIN: Duration = Duration::from_secs(5);
/// A broker is told this often: each time is a record of the metadata log.
const TOLD_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// The kubelet's sync period and its cache's time to live are a minute each.
const IN_VAIN: SignedDuration = SignedDuration::from_mins(10);
/// Of one handshake.
const LIMIT: Duration = Duration::from_secs(3);

/// What is known of listeners, by uid of the pod and port.
#[derive(Clone, Debug, Default)]
pub struct Reloads(BTreeMap<(String, i32), Seen>);

/// Whether a listener shows the certificate of this serial number.
#[derive(Clone, Debug)]
struct Seen {
    serial: String,
    is_shown: bool,
    /// Since when it should.
    since: Timestamp,
    told: Option<Timestamp>,
    /// It showed something at the last look.
    answers: bool,
}

/// One listener of a running broker.
struct Listener<'a> {
    node: i32,
    pod: &'a PodFact,
    port: i32,
    serial: &'a str,
    /// When what it should show was made, as far as that's known.
    made: Option<Timestamp>,
}

impl Listener<'_> {
    fn key(&self) -> (String, i32) {
        (self.pod.uid.clone(), self.port)
    }
}

/// Of whom brokers' certificates are.
pub struct Asked<'a> {
    pub context: &'a Context,
    pub cluster: &'a Cluster,
    pub identity: &'a Identity,
    pub trust: &'a Trust,
    pub pods: &'a [PodFact],
}

impl Reloads {
    /// Every client listener of every broker shows what it should, as far as the last look goes.
    pub fn all_shown(&self, (cluster, identity): (&Cluster, &Identity), trust: &Trust, pods: &[PodFact]) -> bool {
        let nodes = cluster.nodes(identity);
        nodes.iter().filter(|node| node.roles.broker).all(|node| {
            let pod = pods.iter().find(|pod| pod.name == node.names.pod);
            let serial = trust.servers.get(&node.id);
            let shows = |pod: &PodFact, port: i32| {
                let seen = self.0.get(&(pod.uid.clone(), port));
                seen.is_some_and(|seen| seen.is_shown && Some(&seen.serial) == serial)
            };
            // A certificate of the user's own says nothing of our authorities, and what its listener trusts is read with it.
            let mut ours = cluster
                .listeners
                .iter()
                .filter(|listener| listener.certificate.is_none());
            pod.is_some_and(|pod| ours.all(|listener| shows(pod, listener.port) || !pod.ports.contains(&listener.port)))
        })
    }
}

impl Asked<'_> {
    /// Looks and tells. Returns what isn't shown yet, in a sentence, and the uids of pods that were told in vain.
    pub async fn drive(
        &self,
        admin: Option<&dyn KafkaAdmin>,
        (found, reloads): (&Found, &mut Reloads),
    ) -> (Option<String>, BTreeSet<String>) {
        let nodes = self.cluster.nodes(self.identity);
        let listeners = self.listeners(&nodes, found);
        let known: BTreeSet<(String, i32)> = listeners.iter().map(Listener::key).collect();
        reloads.0.retain(|key, _| known.contains(key));
        self.look(&listeners, reloads).await;
        let now = self.context.now();
        let is_late = |since: Timestamp| now.duration_since(since) > IN_VAIN;
        let (mut hidden, mut deaf, mut to_tell) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for listener in &listeners {
            let Some(seen) = reloads.0.get(&listener.key()).filter(|seen| !seen.is_shown) else {
                continue;
            };
            let is_due = seen.told.is_none_or(|told| now.duration_since(told) >= TOLD_EVERY);
            // One that can't be looked at is told for as long as its certificate is new; a new process of ours tells nobody again.
            let is_old = is_late(listener.made.unwrap_or(seen.since)) || listener.pod.created > listener.made;
            if !seen.answers && is_old {
                continue;
            }
            // A pod that was made with it and shows something else isn't helped by another one.
            if seen.answers && is_late(seen.since) && listener.pod.created < Some(seen.since) {
                deaf.insert(listener.pod.uid.clone());
            }
            hidden.insert(listener.node);
            if is_due {
                to_tell.insert(listener.node);
            }
        }
        if let Some(admin) = admin {
            let told = tell(admin, &to_tell).await;
            for listener in listeners.iter().filter(|listener| told.contains(&listener.node)) {
                if let Some(seen) = reloads.0.get_mut(&listener.key()) {
                    seen.told = Some(now);
                }
            }
        }
        (sentence(&hidden), deaf)
    }

    fn listeners<'a>(&'a self, nodes: &[Node<'a>], found: &'a Found) -> Vec<Listener<'a>> {
        let mut all = Vec::new();
        for node in nodes.iter().filter(|node| node.roles.broker) {
            let pod = self.pods.iter().find(|pod| pod.name == node.names.pod);
            let Some(pod) = pod.filter(|pod| pod.ready && !pod.terminating && pod.ip.is_some()) else {
                continue;
            };
            for listener in &self.cluster.listeners {
                let own = found.own_serials.get(&listener.name);
                let shown = if listener.certificate.is_some() {
                    own.map(|serial| (serial.as_str(), None))
                } else {
                    self.trust.shown_by(node)
                };
                let shown = shown.filter(|_| pod.ports.contains(&listener.port));
                all.extend(shown.map(|(serial, made)| Listener {
                    node: node.id,
                    pod,
                    port: listener.port,
                    serial,
                    made,
                }));
            }
        }
        all
    }

    /// Asks each listener that isn't known to show what it should.
    async fn look(&self, listeners: &[Listener<'_>], reloads: &mut Reloads) {
        let is_known = |listener: &&Listener<'_>| {
            let seen = reloads.0.get(&listener.key());
            seen.is_some_and(|seen| seen.is_shown && seen.serial == listener.serial)
        };
        let open: Vec<&Listener<'_>> = listeners.iter().filter(|listener| !is_known(listener)).collect();
        let looks: Vec<_> = open.iter().map(|listener| self.shown_by(listener)).collect();
        let now = self.context.now();
        for (listener, shown) in open.iter().zip(futures::future::join_all(looks).await) {
            let seen = reloads.0.entry(listener.key()).or_insert_with(|| Seen {
                serial: listener.serial.to_owned(),
                is_shown: false,
                since: now,
                told: None,
                answers: false,
            });
            if seen.serial != listener.serial {
                listener.serial.clone_into(&mut seen.serial);
                (seen.since, seen.told) = (now, None);
            }
            seen.answers = shown.is_some();
            seen.is_shown = shown.as_deref() == Some(listener.serial);
        }
    }

    async fn shown_by(&self, listener: &Listener<'_>) -> Option<String> {
        let address = format!("{}:{}", listener.pod.host()?, listener.port);
        self.context.connector.certificate(address, LIMIT).await
    }
}

/// Those that took the order.
async fn tell(admin: &dyn KafkaAdmin, brokers: &BTreeSet<i32>) -> BTreeSet<i32> {
    let one = |id: i32| async move {
        let change = ConfigChange {
            resource: ConfigResource::Broker(id),
            ops: vec![ConfigOp::Delete { name: KEY.to_owned() }],
        };
        match admin.incremental_alter_configs(vec![change], false).await {
            Ok(outcomes) if outcomes.values().all(Result::is_ok) => Some(id),
            Ok(outcomes) => {
                tracing::warn!(broker = id, ?outcomes, "the broker doesn't read its certificates again");
                None
            }
            Err(error) => {
                tracing::debug!(broker = id, %error, "the broker can't be told to read its certificates again");
                None
            }
        }
    };
    let told: Vec<_> = brokers.iter().copied().map(one).collect();
    futures::future::join_all(told).await.into_iter().flatten().collect()
}

fn sentence(hidden: &BTreeSet<i32>) -> Option<String> {
    let ids: Vec<String> = hidden.iter().map(ToString::to_string).collect();
    (!ids.is_empty()).then(|| {
        let ids = ids.join(", ");
        format!(
            "brokers {ids} don't show their new certificate to clients yet: they take it up within two minutes or so"
        )
    })
}
