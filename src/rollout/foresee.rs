//! What a roll would do: the planner is asked again and again in a world in which every pod that it takes away is back at
//! once with what is wanted. Pure.
//!
//! Where the planner holds, its decision is kept and what holds is lifted, the least first: a pause, then a closed window,
//! then everything that isn't well. So the order comes out whole, and each hold says before which pod it stands. It must
//! not decide anything by itself: order, batches and reasons are the planner's.

use super::decision::{Decision, Restart, Victim};
use super::due;
use super::guards::STABLE;
use super::plan::plan;
use super::sight::Sight;
use super::state::State;
use super::world::{Broker, KafkaView, Node, Partition, Phase, Pod, Policy, Quorum, SingleReplica, Voter, World};
use crate::model::Window;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A roll as the planner would take it.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// What goes, in order; the pods of one step go together.
    pub steps: Vec<Restart>,
    pub holds: Vec<Held>,
    /// Pods that should go, and that no change of the cluster's health lets go.
    pub left: Vec<Victim>,
    /// The nodes as they are then.
    pub nodes: Vec<Node>,
}

/// A decision to wait, and how many steps come before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub after: usize,
    pub decision: Decision,
}

/// The roll that follows if nothing else happens than what the planner does.
pub fn foresee(world: &World<'_>) -> Foreseen {
    let mut scene = Scene::of(world);
    let (mut steps, mut holds) = (Vec::new(), Vec::new());
    // Each pod goes once, each of the three kinds of hold is lifted once, and leaders are given back at most twice.
    for _ in 0..2 * world.nodes.len() + 8 {
        let (decision, state) = plan(&scene.world());
        scene.state = state;
        match decision {
            Decision::Settled => break,
            Decision::Restart(restart) => {
                scene.bring_back(&restart);
                steps.push(restart);
            }
            Decision::ElectPreferredLeaders { .. } => scene.give_leaders_back(),
            held => {
                let after = steps.len();
                if !repeats(holds.last(), &held) {
                    holds.push(Held { after, decision: held });
                }
                if !scene.lift() {
                    break;
                }
            }
        }
    }
    Foreseen {
        steps,
        holds,
        left: scene.left(),
        nodes: scene.nodes,
    }
}

/// Kafka as it is while all is well, for when it can't be asked: everybody votes and serves, and no partition is known.
pub fn unseen(nodes: &[Node], leader: Option<i32>, at: Timestamp) -> KafkaView {
    let mut view = KafkaView {
        taken_at: at,
        complete: true,
        quorum: Quorum::default(),
        brokers: BTreeMap::new(),
        partitions: Vec::new(),
    };
    view.quorum.leader = leader;
    make_well(&mut view, nodes);
    view
}

/// A pause says what would be done otherwise; once it's lifted that isn't said again.
fn repeats(last: Option<&Held>, held: &Decision) -> bool {
    let said = last.map(|last| last.decision.to_string()).unwrap_or_default();
    said.ends_with(&format!("would {held}"))
}

/// The world, as it changes.
struct Scene {
    now: Timestamp,
    kafka: Option<KafkaView>,
    nodes: Vec<Node>,
    policy: Policy,
    state: State,
    well: bool,
}

impl Scene {
    fn of(world: &World<'_>) -> Self {
        let kafka = world.kafka.cloned().map(|kafka| KafkaView {
            taken_at: kafka.taken_at.max(world.pods_at),
            ..kafka
        });
        Self {
            now: world.now,
            kafka,
            nodes: world.nodes.to_vec(),
            policy: world.policy.clone(),
            state: world.state.clone(),
            well: false,
        }
    }

    fn world(&self) -> World<'_> {
        World {
            now: self.now,
            pods_at: self.kafka.as_ref().map_or(self.now, |kafka| kafka.taken_at),
            kafka: self.kafka.as_ref(),
            nodes: &self.nodes,
            policy: &self.policy,
            state: &self.state,
        }
    }

    /// The pods of a restart are back with what is wanted; another controller leads if the active one was among them.
    fn bring_back(&mut self, restart: &Restart) {
        let ids: Vec<i32> = restart.victims.iter().map(|victim| victim.node).collect();
        let since = self.long_ago();
        for node in self.nodes.iter_mut().filter(|node| ids.contains(&node.id)) {
            node.pod = Some(current(node, self.now, since));
            node.also.clear();
        }
        let Some(kafka) = &mut self.kafka else { return };
        if kafka.quorum.leader.is_some_and(|leader| ids.contains(&leader)) {
            let mut voters = kafka.quorum.voters.iter();
            let other = voters.find(|voter| voter.caught_up && !ids.contains(&voter.id));
            kafka.quorum.leader = other.map(|voter| voter.id).or(kafka.quorum.leader);
        }
        // What didn't run was fenced and out of sync for that alone.
        if restart.repair {
            let repaired: Vec<Node> = self
                .nodes
                .iter()
                .filter(|node| ids.contains(&node.id))
                .cloned()
                .collect();
            register(kafka, &repaired);
            for partition in &mut kafka.partitions {
                catch_up(partition, |id| ids.contains(&id));
            }
        }
    }

    fn give_leaders_back(&mut self) {
        for partition in self.kafka.iter_mut().flat_map(|kafka| &mut kafka.partitions) {
            partition.leader = partition.replicas.first().copied();
        }
    }

    /// Takes away what holds, the least first; false when there's nothing more to take away.
    fn lift(&mut self) -> bool {
        if self.policy.paused {
            self.policy.paused = false;
            return true;
        }
        if !self.policy.window.is_open() {
            self.policy.window = Window::Always;
            return true;
        }
        if self.well {
            return false;
        }
        self.well = true;
        self.policy.single_replica = SingleReplica::Restart;
        let since = self.long_ago();
        for node in self.nodes.iter_mut().filter(|node| !node.leaving) {
            recover(node, self.now, since);
        }
        let view = self.kafka.get_or_insert_with(|| unseen(&self.nodes, None, self.now));
        view.taken_at = self.now;
        view.complete = true;
        make_well(view, &self.nodes);
        true
    }

    /// Before anybody's patience began.
    fn long_ago(&self) -> Timestamp {
        let age = self.policy.canary_soak.max(STABLE);
        self.now.checked_sub(age).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn left(&self) -> Vec<Victim> {
        let world = self.world();
        let due = due::due(&Sight::of(&world), &self.state);
        let victim = |due: due::Due<'_>| Victim {
            node: due.node.id,
            uid: due.pod.uid.clone(),
            why: due.why,
        };
        due.into_iter().map(victim).collect()
    }
}

/// A pod with what the node wants.
fn current(node: &Node, now: Timestamp, since: Timestamp) -> Pod {
    let before = node.pod.as_ref().map(|pod| pod.uid.as_str()).unwrap_or_default();
    Pod {
        uid: format!("{before}+"),
        created: now,
        runs: node.wants.clone(),
        phase: Phase::Ready { since, restarts: 0 },
    }
}

/// A pod that is on its way comes up; one that is going or gone is replaced.
fn recover(node: &mut Node, now: Timestamp, since: Timestamp) {
    match &mut node.pod {
        Some(pod) if !matches!(pod.phase, Phase::Terminating { .. }) => pod.phase = Phase::Ready { since, restarts: 0 },
        _ => node.pod = Some(current(node, now, since)),
    }
}

/// Everybody is there, has caught up and is in sync.
fn make_well(view: &mut KafkaView, nodes: &[Node]) {
    register(view, nodes);
    let quorum = &mut view.quorum;
    let is_there = |id: i32| nodes.iter().any(|node| node.id == id);
    if !quorum.leader.is_some_and(is_there) {
        quorum.leader = quorum.voters.first().map(|voter| voter.id);
    }
    for partition in &mut view.partitions {
        catch_up(partition, |_| true);
        partition.reassigning = false;
    }
}

/// Replicas on these brokers are in sync.
fn catch_up(partition: &mut Partition, on: impl Fn(i32) -> bool) {
    let lacks = |id: &i32| on(*id) && !partition.isr.contains(id);
    let lacking: Vec<i32> = partition.replicas.iter().copied().filter(lacks).collect();
    partition.isr.extend(lacking);
}

/// These nodes vote and serve, each in its roles.
fn register(view: &mut KafkaView, nodes: &[Node]) {
    for node in nodes {
        if node.roles.broker {
            view.brokers.insert(node.id, Broker { fenced: false });
        }
        if !node.roles.controller {
            continue;
        }
        match view.quorum.voters.iter_mut().find(|voter| voter.id == node.id) {
            Some(voter) => voter.caught_up = true,
            None => view.quorum.voters.push(Voter {
                id: node.id,
                caught_up: true,
            }),
        }
    }
}
