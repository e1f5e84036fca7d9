//! Nodes, votes, disks and feature levels that change: the identity as it would be, beside what there is. Decides nothing.

use super::asked::Asked;
use super::{Draft, LevelChange, NodeChange, Plan};
use crate::api::Finalize;
use crate::controller::disks::{Sight, Turn};
use crate::controller::quorum::KRAFT;
use crate::controller::static_quorum;
use crate::model::Node;
use crate::quorum;
use crate::rollout::{Policy, RestartReason};
use crate::upgrade;
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};

impl Draft<'_> {
    /// Who comes and goes, and whose vote.
    pub(super) fn nodes(&self, asked: &Asked, plan: &mut Plan) {
        let voters = self.voters(asked);
        for node in self.cluster.nodes(&self.identity) {
            if let Some(change) = self.change(&node, &voters, asked) {
                plan.nodes.push(NodeChange { node: node.id, change });
            }
        }
        for node in self.identity.drained.iter().copied() {
            let change = "is empty and is being removed".to_owned();
            plan.nodes.push(NodeChange { node, change });
        }
        plan.dynamic_quorum = self.becomes_dynamic();
        let wanted = self.identity.wanted_controllers(&self.cluster.pools);
        if self.has_formed() && voters != wanted && is_static(asked) && !plan.dynamic_quorum {
            plan.hold(quorum::Reason::Static.to_string());
        }
        let status = self.resource.status.as_ref();
        let moving = status.and_then(|status| status.rebalance.clone()).unwrap_or_default();
        if moving.leaving.iter().any(|id| self.identity.leaving.contains(id)) {
            moving.blocked_by.into_iter().for_each(|why| plan.hold(why));
        }
    }

    /// A person asks for it, and there's a list of voters that it ends.
    pub(super) fn becomes_dynamic(&self) -> bool {
        let asked = self.resource.annotations().contains_key(static_quorum::ANNOTATION);
        asked && !self.identity.static_voters.is_empty()
    }

    fn has_formed(&self) -> bool {
        self.identity.bootstrapped
    }

    /// Those that vote now: as Kafka says, else as the status or the identity does.
    fn voters(&self, asked: &Asked) -> BTreeSet<i32> {
        let quorum = asked.facts.as_ref().and_then(|facts| facts.quorum.as_ref());
        if let Some(quorum) = quorum {
            return quorum.voters.iter().map(|voter| voter.id).collect();
        }
        let status = self.resource.status.as_ref().and_then(|status| status.quorum.as_ref());
        let told: BTreeSet<i32> = status
            .iter()
            .flat_map(|status| &status.voters)
            .map(|one| one.id)
            .collect();
        let known = || {
            self.facts
                .identity
                .iter()
                .flat_map(|known| known.controllers.iter().copied())
        };
        if told.is_empty() { known().collect() } else { told }
    }

    fn change(&self, node: &Node<'_>, voters: &BTreeSet<i32>, asked: &Asked) -> Option<String> {
        let id = node.id;
        let is_voter = voters.contains(&id);
        let stays_controller = node.roles.controller && !self.identity.retiring.contains(&id);
        if node.leaving {
            return Some(leaves(node, asked));
        }
        if self.identity.retiring.contains(&id) {
            return Some("gives up its vote, and goes on as a broker".to_owned());
        }
        let joins = self.has_formed() && stays_controller && !is_voter;
        let joins = if joins {
            "becomes a voter once it has caught up"
        } else {
            ""
        };
        if !self.is_new(id) {
            return (!joins.is_empty()).then(|| joins.to_owned());
        }
        let rack = node.rack.map(|rack| format!(", rack {rack}")).unwrap_or_default();
        let comes = format!("comes as {} of pool {}{rack}", node.roles.display(), node.pool.name);
        Some(if joins.is_empty() {
            comes
        } else {
            format!("{comes}, and {joins}")
        })
    }

    /// Nodes that would take up other disks, and what keeps them from it.
    pub(super) fn disks(&self, policy: &Policy, plan: &mut Plan) {
        let sight = Sight {
            cluster: self.cluster,
            identity: &self.identity,
            policy,
            settled: true,
        };
        plan.disks = sight.candidates().iter().map(|node| node.id).collect();
        if let Err(Turn::Wait(why)) = sight.before_kafka() {
            plan.hold(format!("wait: other disks: {why}"));
        }
    }

    /// Levels that would follow the version once every node runs it.
    pub(super) fn levels(&self, asked: &Asked, plan: &mut Plan) {
        let features = asked.facts.as_ref().and_then(|facts| facts.features.as_ref());
        let Some(finalized) = features
            .map(|features| features.finalized.clone())
            .or_else(|| self.told_levels())
        else {
            return;
        };
        let steps = plan.restarts.iter().flat_map(|step| &step.pods).chain(&plan.left);
        let image = RestartReason::ImageChanged.name();
        let stays = steps.into_iter().all(|pod| !pod.reasons.contains(&image));
        let supports = |feature: &str, to: i16| {
            let levels = features.and_then(|features| features.supported.get(feature));
            levels.is_some_and(|levels| levels.max >= to)
        };
        plan.levels = upgrade::behind(self.cluster.version, &finalized)
            .filter(|raise| !stays || supports(raise.feature, raise.to))
            .map(|raise| LevelChange {
                feature: raise.feature.to_owned(),
                from: raise.from,
                to: raise.to,
                automatic: self.cluster.upgrade.finalize == Finalize::Automatic,
            })
            .collect();
    }

    /// `name=level`, as the status has them.
    fn told_levels(&self) -> Option<BTreeMap<String, i16>> {
        let told = &self.resource.status.as_ref()?.finalized_features;
        let level = |text: &String| {
            let (name, level) = text.split_once('=')?;
            Some((name.to_owned(), level.parse().ok()?))
        };
        (!told.is_empty()).then(|| told.iter().filter_map(level).collect())
    }
}

fn is_static(asked: &Asked) -> bool {
    let features = asked.facts.as_ref().and_then(|facts| facts.features.as_ref());
    features.is_some_and(|features| features.finalized.get(KRAFT).is_none_or(|level| *level < 1))
}

fn leaves(node: &Node<'_>, asked: &Asked) -> String {
    let partitions = asked.facts.as_ref().and_then(|facts| facts.partitions.as_ref());
    let held = partitions.map(|view| {
        let held = view.partitions.iter().filter(|one| one.replicas.contains(&node.id));
        held.count()
    });
    let replicas = match held {
        Some(0) => "it holds no replicas".to_owned(),
        Some(held) => format!("its {held} replicas move to other brokers first"),
        None => "its replicas move to other brokers first".to_owned(),
    };
    match (node.roles.broker, node.roles.controller) {
        (true, true) => format!("leaves: {replicas}, and it gives up its vote"),
        (false, true) => "leaves: it gives up its vote first".to_owned(),
        _ => format!("leaves: {replicas}"),
    }
}
