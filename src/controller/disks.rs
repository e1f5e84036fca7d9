//! Disks of brokers that are to be others, or to go: one node at a time takes up what the resource asks for, while every
//! replica of it is in sync elsewhere. What's decided here is written to the identity; from that on the node's pod is an
//! outdated one, the planner of restarts replaces it under its own guards, and the other replicas fill the new disk. The
//! claim that was used before stays, or goes by `reclaim.rs` when the resource asks for that.
//!
//! Nothing is asked of Kafka while every node has the disks that the resource asks for. It must not let a second node
//! begin before the first one has all its data again: two at once may be all replicas of a partition.

use super::apply;
use super::context::Context;
use super::error::PassError;
use super::ledger::ObjectKey;
use crate::kafka::KafkaAdmin;
use crate::kafka::views::PartitionsView;
use crate::model::{Cluster, Identity, Node, NodeDisks, VolumeClaim};
use crate::render::Kind;
use crate::rollout::Policy;
use serde_json::Value;

/// Who may begin.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// Every node has what's asked for.
    Nobody,
    Node(i32),
    Wait(String),
}

/// What decides about turns beside Kafka's replicas.
pub struct Sight<'a> {
    pub cluster: &'a Cluster,
    pub identity: &'a Identity,
    pub policy: &'a Policy,
    /// Every pod is ready and runs what the resource asks for.
    pub settled: bool,
}

impl Sight<'_> {
    fn claim(&self, name: &str) -> ObjectKey {
        ObjectKey::new(Kind::PersistentVolumeClaim, &self.cluster.names.namespace, name)
    }

    /// Brokers that have other disks than the resource asks for, by id.
    pub fn candidates(&self) -> Vec<Node<'_>> {
        let nodes = self.cluster.nodes(self.identity).into_iter();
        let differs = |node: &Node<'_>| {
            let disks = self.identity.disks.get(&node.id);
            !node.leaving && !node.roles.controller && disks.is_some_and(|disks| disks.differs(&node.pool.volumes))
        };
        nodes.filter(differs).collect()
    }

    /// Whose turn it is, by what Kubernetes and the policy say.
    pub fn before_kafka(&self) -> Result<Vec<Node<'_>>, Turn> {
        let candidates = self.candidates();
        if candidates.is_empty() {
            return Err(Turn::Nobody);
        }
        let waits = if self.policy.paused {
            Some("maintenance is paused")
        } else if !self.policy.window.is_open() {
            Some("no maintenance window is open")
        } else if !self.settled {
            Some("another node is being restarted, or isn't ready")
        } else {
            None
        };
        waits.map_or(Ok(candidates), |why| Err(Turn::Wait(why.to_owned())))
    }
}

/// Whose turn it is, by what Kafka says. Pure.
fn by_replicas(candidates: &[Node<'_>], view: &PartitionsView, moving: usize) -> Turn {
    if !view.errors.is_empty() {
        return Turn::Wait("Kafka doesn't tell about every topic".into());
    }
    if moving > 0 {
        return Turn::Wait(format!("{moving} partitions are being moved"));
    }
    let lagging = view.partitions.iter().find(|one| one.isr.len() < one.replicas.len());
    if let Some(one) = lagging {
        return Turn::Wait(format!("{}-{} isn't in sync everywhere", one.topic, one.partition));
    }
    let mut only = None;
    for node in candidates {
        match view.partitions.iter().find(|one| one.replicas == [node.id]) {
            None => return Turn::Node(node.id),
            Some(one) => only = only.or(Some((node.id, one))),
        }
    }
    only.map_or(Turn::Nobody, |(id, one)| {
        let what = format!("{}-{}", one.topic, one.partition);
        Turn::Wait(format!(
            "{what} has no other replica than that on broker {id}, which would be lost: give it more"
        ))
    })
}

/// Looks whose turn it is, live, and gives it; returns the identity to commit, and what is open.
pub async fn drive(
    context: &Context,
    sight: &Sight<'_>,
    admin: &dyn KafkaAdmin,
) -> Result<(Option<Identity>, Option<String>), PassError> {
    if let Some(node) = bereft(context, sight).await? {
        return Ok(taken_up(sight, &node));
    }
    let candidates = match sight.before_kafka() {
        Ok(candidates) => candidates,
        Err(Turn::Wait(why)) => return Ok((None, Some(why))),
        Err(_) => return Ok((None, None)),
    };
    if let Some(identity) = named(context, sight, &candidates).await? {
        return Ok((Some(identity), None));
    }
    let asked = futures::future::try_join(admin.partitions(), admin.list_partition_reassignments());
    let (view, moving) = asked.await.map_err(|source| PassError::Kafka {
        what: "look whose disks can be replaced",
        source: Box::new(source),
    })?;
    match by_replicas(&candidates, &view, moving.len()) {
        Turn::Nobody => Ok((None, None)),
        Turn::Wait(why) => Ok((None, Some(why))),
        Turn::Node(id) => {
            let node = candidates.iter().find(|node| node.id == id);
            Ok(node.map_or((None, None), |node| taken_up(sight, node)))
        }
    }
}

/// The identity in which the node has the disks that the resource asks for. Until its pod is seen to be outdated, what's
/// said with it is all that tells that it isn't over.
fn taken_up(sight: &Sight<'_>, node: &Node<'_>) -> (Option<Identity>, Option<String>) {
    tracing::info!(cluster = %sight.cluster.names.cluster, node = node.id, "taking up other disks");
    let mut next = sight.identity.clone();
    if let Some(disks) = next.disks.remove(&node.id) {
        next.disks.insert(node.id, disks.replaced(&node.pool.volumes));
    }
    (Some(next), Some(format!("node {} takes up its own", node.id)))
}

/// A node whose disk isn't there any more, and isn't the one that it shall have: it has nothing to lose and can't start, so
/// it waits for nobody.
async fn bereft<'s>(context: &Context, sight: &'s Sight<'_>) -> Result<Option<Node<'s>>, PassError> {
    for node in sight.candidates() {
        for disk in &node.disks {
            let key = sight.claim(&disk.claim);
            if context.stores.child(&key).is_none() && apply::get(context, &key).await?.is_none() {
                return Ok(Some(node));
            }
        }
    }
    Ok(None)
}

/// A class that's named now and that the disk has anyway: only the name is noted.
async fn named(context: &Context, sight: &Sight<'_>, candidates: &[Node<'_>]) -> Result<Option<Identity>, PassError> {
    let mut next = sight.identity.clone();
    for node in candidates {
        let Some(known) = next.disks.get_mut(&node.id) else {
            continue;
        };
        for (index, wanted) in unnamed(known, &node.pool.volumes) {
            let Some(disk) = known.disks.get_mut(index) else {
                continue;
            };
            let key = sight.claim(&node.names.claim(index, disk.generation));
            let claim = apply::get(context, &key).await?;
            let class = claim
                .as_ref()
                .and_then(|claim| claim.data.pointer("/spec/storageClassName"));
            if class.and_then(Value::as_str) == wanted.as_deref() {
                disk.class = wanted;
            }
        }
    }
    Ok((next != *sight.identity).then_some(next))
}

/// Disks that were made without naming a class and have one by name now.
fn unnamed(known: &NodeDisks, wanted: &[VolumeClaim]) -> Vec<(usize, Option<String>)> {
    let pairs = known.disks.iter().zip(wanted).enumerate();
    pairs
        .filter(|(_, (disk, volume))| disk.class.is_none() && volume.storage_class.is_some())
        .map(|(index, (_, volume))| (index, volume.storage_class.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::views::PartitionState;
    use crate::model::identity::Plan;
    use crate::model::validate::tests::valid_cluster;

    fn partition(topic: &str, replicas: &[i32], isr: &[i32]) -> PartitionState {
        PartitionState {
            topic: topic.into(),
            partition: 0,
            leader: isr.first().copied(),
            replicas: replicas.to_vec(),
            isr: isr.to_vec(),
            elr: None,
            offline: Vec::new(),
            internal: false,
        }
    }

    fn view(partitions: Vec<PartitionState>) -> PartitionsView {
        PartitionsView {
            partitions,
            errors: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn a_node_begins_only_while_all_its_data_is_elsewhere() {
        let mut cluster = valid_cluster();
        let plan = Plan {
            names: &cluster.names,
            pools: &cluster.pools,
            zones: &[],
        };
        let identity = plan.complete(None, &mut || [1; 16]);
        for volume in &mut cluster.pools[1].volumes {
            volume.storage_class = Some("fast".into());
        }
        let nodes = cluster.nodes(&identity);
        let brokers: Vec<Node<'_>> = nodes.into_iter().filter(|node| node.roles.broker).collect();
        let full = || partition("full", &[100, 101, 102], &[102, 100, 101]);
        let wait = |why: &str| Turn::Wait(why.to_owned());
        assert_eq!(by_replicas(&brokers, &view(vec![full()]), 0), Turn::Node(100));
        assert_eq!(
            by_replicas(&brokers, &view(vec![full()]), 2),
            wait("2 partitions are being moved")
        );
        let lagging = partition("late", &[101, 102], &[101]);
        assert_eq!(
            by_replicas(&brokers, &view(vec![full(), lagging]), 0),
            wait("late-0 isn't in sync everywhere")
        );
        let single = partition("single", &[100], &[100]);
        assert_eq!(
            by_replicas(&brokers, &view(vec![full(), single.clone()]), 0),
            Turn::Node(101)
        );
        let Turn::Wait(why) = by_replicas(&brokers[..1], &view(vec![single]), 0) else {
            panic!("it waits");
        };
        assert!(why.starts_with("single-0 has no other replica"), "{why}");
    }
}
