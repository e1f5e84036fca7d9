//! A small healthy cluster that each test breaks in one place, and what the planner says to it.

mod foresee;
mod guards;
mod rolls;
mod simulation;
mod simulator;

use super::*;
use crate::model::{Roles, Window};
use jiff::{SignedDuration, Timestamp};

/// Three controllers (0 is active) and three brokers in racks a, b, c; `orders` with three replicas, two of them needed.
pub struct Case {
    pub now: Timestamp,
    pub kafka: Option<KafkaView>,
    pub nodes: Vec<Node>,
    pub policy: Policy,
    pub state: State,
}

pub fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub fn software(revision: &str) -> Software {
    Software {
        revision: revision.into(),
        image: "kafka:1".into(),
        certificate: None,
    }
}

pub fn policy() -> Policy {
    Policy {
        max_unavailable: 1,
        paused: false,
        window: Window::Always,
        single_replica: SingleReplica::Block,
        canary_soak: SignedDuration::ZERO,
    }
}

pub fn ready() -> Phase {
    Phase::Ready {
        since: second(-3600),
        restarts: 0,
    }
}

pub fn node(id: i32) -> Node {
    let broker = id >= 100;
    Node {
        id,
        pool: if broker { "brokers" } else { "controllers" }.into(),
        rack: broker.then(|| ["a", "b", "c"][usize::try_from(id % 3).unwrap()].into()),
        roles: Roles {
            controller: !broker,
            broker,
        },
        leaving: false,
        pod: Some(Pod {
            uid: format!("old-{id}"),
            created: second(-3600),
            runs: software("1"),
            phase: ready(),
        }),
        wants: software("1"),
        also: Vec::new(),
        restart_asked: None,
        urgent: false,
        ended: false,
        refused: None,
    }
}

pub fn partition(number: i32, replicas: &[i32], min_isr: usize) -> Partition {
    Partition {
        topic: "orders".into(),
        partition: number,
        replicas: replicas.to_vec(),
        isr: replicas.to_vec(),
        elr: Vec::new(),
        min_isr,
        leader: replicas.first().copied(),
        reassigning: false,
    }
}

impl Case {
    pub fn new() -> Self {
        Self::of(&[0, 1, 2], &[100, 101, 102])
    }

    pub fn of(controllers: &[i32], brokers: &[i32]) -> Self {
        let voters = controllers.iter().map(|id| Voter {
            id: *id,
            caught_up: true,
        });
        Self {
            now: second(0),
            kafka: Some(KafkaView {
                taken_at: second(0),
                complete: true,
                quorum: Quorum {
                    leader: controllers.first().copied(),
                    voters: voters.collect(),
                },
                brokers: brokers.iter().map(|id| (*id, Broker { fenced: false })).collect(),
                partitions: vec![partition(7, &[100, 101, 102], 2)],
            }),
            nodes: controllers.iter().chain(brokers).map(|id| node(*id)).collect(),
            policy: policy(),
            state: State::default(),
        }
    }

    pub fn kafka(&mut self) -> &mut KafkaView {
        self.kafka.as_mut().unwrap()
    }

    pub fn node(&mut self, id: i32) -> &mut Node {
        self.nodes.iter_mut().find(|node| node.id == id).unwrap()
    }

    pub fn pod(&mut self, id: i32) -> &mut Pod {
        self.node(id).pod.as_mut().unwrap()
    }

    /// The resource asks these nodes for another revision.
    pub fn want(&mut self, ids: &[i32], revision: &str) {
        for id in ids {
            self.node(*id).wants.revision = revision.into();
        }
    }

    pub fn out_of_sync(&mut self, id: i32) {
        for partition in &mut self.kafka().partitions {
            partition.isr.retain(|other| *other != id);
        }
    }

    pub fn plan(&self) -> (Decision, State) {
        plan(&World {
            now: self.now,
            pods_at: self.now,
            kafka: self.kafka.as_ref(),
            nodes: &self.nodes,
            policy: &self.policy,
            state: &self.state,
        })
    }

    /// Plans, and remembers as the status would.
    pub fn step(&mut self) -> Decision {
        let (decision, state) = self.plan();
        self.state = State::read(state.status().as_ref());
        decision
    }

    /// The pods that are deleted now.
    pub fn restarted(&mut self) -> Vec<i32> {
        restarted(&self.step())
    }

    /// The pod comes back with what is wanted, and Kafka is asked anew.
    pub fn come_back(&mut self, id: i32) {
        let (wants, now) = (self.node(id).wants.clone(), self.now);
        self.node(id).pod = Some(Pod {
            uid: format!("new-{id}-{now}"),
            created: now,
            runs: wants,
            phase: Phase::Ready {
                since: now,
                restarts: 0,
            },
        });
        self.later(1);
    }

    pub fn later(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        let now = self.now;
        if let Some(kafka) = &mut self.kafka {
            kafka.taken_at = now;
        }
    }
}

pub fn restarted(decision: &Decision) -> Vec<i32> {
    match decision {
        Decision::Restart(restart) => restart.victims.iter().map(|victim| victim.node).collect(),
        _ => Vec::new(),
    }
}

/// The machine names of why the planner waits.
pub fn held(decision: &Decision) -> Vec<&'static str> {
    match decision {
        Decision::Hold { reasons, .. } => reasons.shown.iter().map(Reason::name).collect(),
        other => panic!("not held: {other:?}"),
    }
}
