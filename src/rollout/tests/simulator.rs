//! A small cluster that lives in steps of a second: pods end, start and catch up, other hands break it, and whoever
//! carries decisions out may crash between any two of its writes. It checks each act against the truth, not the view.

use super::*;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Somebody else deletes the pod.
    Kill(usize),
    /// The broker's replicas or the voter fall behind for so many seconds.
    Lag(usize, i64),
    /// Kafka can't be reached for so many seconds.
    CutOff(i64),
    /// Kafka's answers aren't renewed for so many seconds.
    Stale(i64),
    /// All nodes of a kind should run something new; of the bad sort if said so.
    Change {
        brokers: bool,
        controllers: bool,
        bad: bool,
    },
    /// All should run what they were made with.
    Revert,
    /// A person asks for a restart of everything.
    Ask,
    /// The operator crashes: before the intent is written, after it, after the first delete.
    Crash(u8),
    /// The status is lost.
    Forget,
    Reassign(i64),
    Pause(i64),
    CloseWindow(i64),
    LimitTo(usize),
}

#[derive(Clone, Debug, Default)]
struct Timers {
    cut_off: i64,
    stale: i64,
    reassign: i64,
    pause: i64,
    window: i64,
    lag: BTreeMap<i32, i64>,
    /// When a pod's phase ends.
    phase: BTreeMap<i32, i64>,
}

pub struct Simulator {
    pub case: Case,
    clock: i64,
    timers: Timers,
    crash: Option<u8>,
    seen: Option<KafkaView>,
    serial: u32,
    pub acts: usize,
    pub broken: Vec<String>,
}

impl Simulator {
    pub fn new(controllers: &[i32], brokers: &[i32], partitions: Vec<Partition>) -> Self {
        let mut case = Case::of(controllers, brokers);
        case.kafka().partitions = partitions;
        case.policy.single_replica = SingleReplica::Restart;
        Self {
            case,
            clock: 0,
            timers: Timers::default(),
            crash: None,
            seen: None,
            serial: 0,
            acts: 0,
            broken: Vec::new(),
        }
    }

    pub fn inject(&mut self, fault: Fault) {
        let until = |length: i64| self.clock + length;
        match fault {
            Fault::Kill(index) => self.delete(index % self.case.nodes.len()),
            Fault::Lag(index, length) => {
                let id = self.case.nodes[index % self.case.nodes.len()].id;
                self.timers.lag.insert(id, until(length));
            }
            Fault::CutOff(length) => self.timers.cut_off = until(length),
            Fault::Stale(length) => self.timers.stale = until(length),
            Fault::Change {
                brokers,
                controllers,
                bad,
            } => {
                self.serial += 1;
                let revision = format!("{}{}", if bad { "bad" } else { "good" }, self.serial);
                let kind = |node: &&mut Node| (node.roles.broker && brokers) || (node.roles.controller && controllers);
                self.case
                    .nodes
                    .iter_mut()
                    .filter(kind)
                    .for_each(|node| node.wants.revision.clone_from(&revision));
            }
            Fault::Revert => self.case.nodes.iter_mut().for_each(|node| node.wants = software("1")),
            Fault::Ask => {
                let now = self.case.now;
                self.case
                    .nodes
                    .iter_mut()
                    .for_each(|node| node.restart_asked = Some(now));
            }
            Fault::Crash(place) => self.crash = Some(place),
            Fault::Forget => self.case.state = State::default(),
            Fault::Reassign(length) => self.timers.reassign = until(length),
            Fault::Pause(length) => self.timers.pause = until(length),
            Fault::CloseWindow(length) => self.timers.window = until(length),
            Fault::LimitTo(limit) => self.case.policy.max_unavailable = limit,
        }
    }

    /// All faults end, and a sane revision is asked for.
    pub fn heal(&mut self) {
        self.timers = Timers {
            phase: std::mem::take(&mut self.timers.phase),
            ..Timers::default()
        };
        self.crash = None;
        if self
            .case
            .nodes
            .iter()
            .any(|node| node.wants.revision.starts_with("bad"))
        {
            self.inject(Fault::Change {
                brokers: true,
                controllers: true,
                bad: false,
            });
        }
    }

    pub fn is_settled(&self) -> bool {
        let done = |node: &Node| node.is_ready() && node.pod.as_ref().is_some_and(|pod| pod.runs == node.wants);
        self.case.nodes.iter().all(done) && self.case.state.batch.is_none()
    }

    /// One second: the world moves, then the operator makes a pass.
    pub fn step(&mut self) -> Decision {
        self.clock += 1;
        self.case.now = second(self.clock);
        self.move_pods();
        self.move_kafka();
        self.case.policy.paused = self.timers.pause > self.clock;
        self.case.policy.window = if self.timers.window > self.clock {
            Window::Closed { opens: None }
        } else {
            Window::Always
        };
        let truth = self.case.kafka.clone();
        if self.timers.stale <= self.clock {
            self.seen.clone_from(&truth);
        }
        let view = (self.timers.cut_off <= self.clock).then(|| self.seen.clone()).flatten();
        self.case.kafka = view;
        let (decision, state) = self.case.plan();
        self.case.kafka = truth;
        self.carry_out(&decision, &state);
        decision
    }

    fn carry_out(&mut self, decision: &Decision, state: &State) {
        let crash = self.crash.take_if(|_| matches!(decision, Decision::Restart(_)));
        if crash == Some(0) {
            return;
        }
        self.case.state = State::read(state.status().as_ref());
        let Decision::Restart(restart) = decision else {
            return;
        };
        let reach = match crash {
            Some(1) => 0,
            Some(_) => 1,
            None => usize::MAX,
        };
        let victims: Vec<i32> = restart.victims.iter().map(|victim| victim.node).collect();
        self.check(restart, &victims);
        for victim in restart.victims.iter().take(reach) {
            let index = self.case.nodes.iter().position(|node| node.id == victim.node).unwrap();
            if self.case.nodes[index]
                .pod
                .as_ref()
                .is_some_and(|pod| pod.uid == victim.uid)
            {
                self.acts += 1;
                self.delete(index);
            }
        }
    }

    /// What must hold in truth when pods are deleted.
    fn check(&mut self, restart: &Restart, victims: &[i32]) {
        let mut broken = Vec::new();
        let case = &mut self.case;
        let asked_for = |node: &Node| {
            let pod = node.pod.as_ref().unwrap();
            pod.runs != node.wants || node.restart_asked.is_some_and(|asked| asked > pod.created)
        };
        let of = |id: &i32| case.nodes.iter().find(|node| node.id == *id).unwrap();
        broken.extend(
            victims
                .iter()
                .filter(|id| !asked_for(of(id)))
                .map(|id| format!("{id} runs what it should")),
        );
        if case.policy.paused {
            broken.push("paused".into());
        }
        if restart.repair {
            let dead = |id: &&i32| matches!(of(id).phase(), Some(Phase::Failing { .. } | Phase::Pending { .. }));
            broken.extend(
                victims
                    .iter()
                    .filter(|id| !dead(id))
                    .map(|id| format!("{id} wasn't dead")),
            );
            self.broken.extend(broken);
            return;
        }
        let batch: Vec<i32> = case.state.batch.iter().flat_map(Batch::ids).collect();
        if self.timers.cut_off > self.clock {
            broken.push("cut off".into());
        }
        if batch.len() > case.policy.max_unavailable {
            broken.push(format!("{batch:?} at once"));
        }
        let down = case
            .nodes
            .iter()
            .filter(|node| !node.is_ready() && !batch.contains(&node.id));
        broken.extend(down.map(|node| format!("{} was down", node.id)));
        if batch.len() > 1
            && batch
                .iter()
                .any(|id| of(id).roles.controller || of(id).rack != of(&batch[0]).rack)
        {
            broken.push(format!("{batch:?} aren't brokers of one rack"));
        }
        let kafka = case.kafka.as_ref().unwrap();
        for partition in kafka.partitions.iter().filter(|partition| partition.hosts_any(victims)) {
            let left = partition.isr.iter().filter(|id| !batch.contains(id)).count();
            if left < partition.min_isr && partition.replicas.len() > partition.min_isr {
                broken.push(format!("{} has {left} in sync without {batch:?}", partition.name()));
            }
            if partition.reassigning {
                broken.push(format!("{} moves", partition.name()));
            }
        }
        let voters = &kafka.quorum.voters;
        let controllers = victims.iter().filter(|id| of(id).roles.controller);
        for id in controllers.filter(|_| voters.len() > 1) {
            let left = voters.iter().filter(|voter| voter.caught_up && voter.id != *id).count();
            if left < voters.len() / 2 + 1 {
                broken.push(format!("{left} voters without {id}"));
            }
        }
        self.broken.extend(broken);
    }

    fn delete(&mut self, index: usize) {
        let (now, clock) = (self.case.now, self.clock);
        let node = &mut self.case.nodes[index];
        if let Some(pod) = node
            .pod
            .as_mut()
            .filter(|pod| !matches!(pod.phase, Phase::Terminating { .. }))
        {
            pod.phase = Phase::Terminating { since: now };
            self.timers.phase.insert(node.id, clock + 2);
        }
    }

    fn move_pods(&mut self) {
        let (now, clock) = (self.case.now, self.clock);
        for node in &mut self.case.nodes {
            if self.timers.phase.get(&node.id).is_some_and(|until| *until > clock) {
                continue;
            }
            let phase = node.pod.as_ref().map(|pod| pod.phase.clone());
            let (next, lasts) = match phase {
                Some(Phase::Ready { .. } | Phase::Failing { .. } | Phase::Lost { .. }) => continue,
                Some(Phase::Terminating { .. }) => (None, 1),
                None => (
                    Some(Phase::Pending {
                        since: now,
                        why: "volumes".into(),
                    }),
                    1,
                ),
                Some(Phase::Pending { .. }) => (
                    Some(Phase::Starting {
                        since: now,
                        recovery: Recovery::No,
                    }),
                    3,
                ),
                Some(Phase::Starting { .. }) => (Some(started(node, now)), 0),
            };
            self.timers.phase.insert(node.id, clock + lasts);
            match (&mut node.pod, next) {
                (Some(pod), Some(next)) => pod.phase = next,
                (pod, None) => *pod = None,
                (pod, Some(phase)) => {
                    *pod = Some(Pod {
                        uid: format!("{}-{clock}", node.id),
                        created: now,
                        runs: node.wants.clone(),
                        phase,
                    });
                }
            }
            if node.is_ready() {
                self.timers.lag.insert(node.id, clock + 4);
            }
        }
    }

    /// Replicas and voters are in sync while their pods are ready and don't lag; the last in-sync replica stays one.
    fn move_kafka(&mut self) {
        let clock = self.clock;
        let lags = |id: i32| self.timers.lag.get(&id).is_some_and(|until| *until > clock);
        let ready: BTreeMap<i32, bool> = self.case.nodes.iter().map(|node| (node.id, node.is_ready())).collect();
        let well = |id: i32| ready.get(&id) == Some(&true) && !lags(id);
        let now = self.case.now;
        let reassigning = self.timers.reassign > clock;
        let kafka = self.case.kafka.as_mut().unwrap();
        kafka.taken_at = now;
        for (id, broker) in &mut kafka.brokers {
            broker.fenced = ready.get(id) != Some(&true);
        }
        for partition in &mut kafka.partitions {
            let isr: Vec<i32> = partition.replicas.iter().copied().filter(|id| well(*id)).collect();
            if !isr.is_empty() {
                partition.isr = isr;
            }
            partition.reassigning = reassigning;
        }
        for voter in &mut kafka.quorum.voters {
            voter.caught_up = well(voter.id);
        }
        let voters = &kafka.quorum.voters;
        let up: Vec<i32> = voters
            .iter()
            .map(|voter| voter.id)
            .filter(|id| ready.get(id) == Some(&true))
            .collect();
        let stays = kafka.quorum.leader.filter(|leader| up.contains(leader));
        let elected = stays.or_else(|| up.first().copied());
        kafka.quorum.leader = elected.filter(|_| up.len() > voters.len() / 2);
    }
}

fn started(node: &Node, now: Timestamp) -> Phase {
    if node
        .pod
        .as_ref()
        .is_some_and(|pod| pod.runs.revision.starts_with("bad"))
    {
        Phase::Failing { why: "bad".into() }
    } else {
        Phase::Ready {
            since: now,
            restarts: 0,
        }
    }
}
