//! Raft in small, with KIP-853's changes of the voter set: logs, elections by the voters of the candidate's own log,
//! commits by the majority of the newest set in the leader's. As in Kafka up to 4.4, a leader takes up a change even while
//! another one isn't committed (KAFKA-20740): not to ask for that is the planner's part.

use super::voter;
use crate::quorum::{Replica, Seen, Step, VoterId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Data,
    Voters(BTreeSet<VoterId>),
}

type Log = Vec<(i32, Entry)>;

#[derive(Default)]
pub struct Raft {
    /// Disks that exist, with their logs.
    logs: BTreeMap<VoterId, Log>,
    /// Nodes that run, and those that can't be reached.
    pub down: BTreeSet<i32>,
    leader: Option<VoterId>,
    /// Restarts, so that another one leads.
    resigned: Option<VoterId>,
    epoch: i32,
    /// What was ever committed.
    committed: Log,
    /// Directories that were ever used.
    disks: usize,
    pub accusations: Vec<String>,
}

impl Raft {
    pub fn new(ids: &[i32]) -> Self {
        let mut raft = Self::default();
        let first: BTreeSet<VoterId> = ids.iter().map(|id| voter(&format!("{id}a"))).collect();
        for voter in &first {
            let log = vec![(0, Entry::Voters(first.clone()))];
            raft.logs.insert(voter.clone(), log);
        }
        raft.committed = vec![(0, Entry::Voters(first))];
        raft
    }

    /// A node with an empty disk; any other disk of it is gone.
    pub fn format(&mut self, id: i32) {
        self.disks += 1;
        self.logs.retain(|voter, _| voter.id != id);
        let directory = format!("d{}", self.disks);
        self.logs.insert(VoterId { id, directory }, Log::new());
    }

    pub fn remove(&mut self, id: i32) {
        self.logs.retain(|voter, _| voter.id != id);
    }

    pub fn has(&self, id: i32) -> bool {
        self.logs.keys().any(|voter| voter.id == id)
    }

    /// The voters that the leader goes by.
    pub fn voters(&self) -> BTreeSet<VoterId> {
        let log = self.leader.as_ref().and_then(|leader| self.logs.get(leader));
        newest(log.unwrap_or(&self.committed))
    }

    /// A change of voters that somebody has and that isn't committed: until it is, one disk more is one too many.
    pub fn is_open(&self) -> bool {
        let committed = newest(&self.committed);
        self.logs
            .values()
            .any(|log| log.len() >= self.committed.len() && newest(log) != committed)
    }

    /// How many voters have all that's committed, running or not.
    pub fn intact(&self) -> usize {
        let whole = |voter: &&VoterId| self.logs.get(voter).is_some_and(|log| log.starts_with(&self.committed));
        self.voters().iter().filter(whole).count()
    }

    fn is_up(&self, voter: &VoterId) -> bool {
        self.logs.contains_key(voter) && !self.down.contains(&voter.id)
    }

    /// A moment: an election if there's no leader, else a record, and everybody who runs follows.
    pub fn tick(&mut self) {
        // One that has given up its own vote leads until that is committed.
        let leads = |leader: &&VoterId| self.is_up(leader) && self.has_majority(leader);
        self.leader = self.leader.as_ref().filter(leads).cloned().or_else(|| self.elected());
        self.resigned = None;
        let Some(leader) = self.leader.clone() else { return };
        self.append(&leader, Entry::Data);
        self.replicate(&leader);
    }

    fn has_majority(&self, leader: &VoterId) -> bool {
        let voters = newest(&self.logs[leader]);
        voters.iter().filter(|voter| self.is_up(voter)).count() > voters.len() / 2
    }

    fn append(&mut self, leader: &VoterId, entry: Entry) {
        let epoch = self.epoch;
        self.logs.get_mut(leader).unwrap().push((epoch, entry));
    }

    fn replicate(&mut self, leader: &VoterId) {
        let log = self.logs[leader].clone();
        let followers: Vec<VoterId> = self.logs.keys().filter(|other| self.is_up(other)).cloned().collect();
        for follower in followers {
            self.logs.insert(follower, log.clone());
        }
        if self.has_majority(leader) {
            if !log.starts_with(&self.committed) {
                self.accusations
                    .push(format!("{leader} commits without what was committed before"));
            }
            self.leader = newest(&log).contains(leader).then(|| leader.clone());
            self.committed = log;
        }
    }

    /// Who would vote for it: running voters of its own newest set whose log isn't newer. `None`: no majority.
    fn supporters(&self, candidate: &VoterId) -> Option<usize> {
        let log = &self.logs[candidate];
        let voters = newest(log);
        let rank = |log: &Log| (log.last().map_or(-1, |(epoch, _)| *epoch), log.len());
        let supports = |voter: &&VoterId| self.is_up(voter) && rank(&self.logs[*voter]) <= rank(log);
        let count = voters.iter().filter(supports).count();
        (voters.contains(candidate) && count > voters.len() / 2).then_some(count)
    }

    fn elected(&mut self) -> Option<VoterId> {
        let can = |voter: &&VoterId| {
            self.is_up(voter) && self.resigned.as_ref() != Some(*voter) && self.supporters(voter).is_some()
        };
        let winner = self.logs.keys().rfind(can)?.clone();
        self.epoch += 1;
        if !self.logs[&winner].starts_with(&self.committed) {
            self.accusations
                .push(format!("{winner} leads without what was committed"));
        }
        self.rivals(&winner);
        Some(winner)
    }

    /// Nodes that could elect another leader without any of this one's voters.
    fn rivals(&mut self, leader: &VoterId) {
        let mine = newest(&self.logs[leader]);
        let split: Vec<VoterId> = self
            .logs
            .keys()
            .filter(|other| {
                let theirs = newest(&self.logs[*other]);
                let apart = theirs.difference(&mine).count();
                theirs.contains(other) && apart > theirs.len() / 2 && mine.difference(&theirs).count() > mine.len() / 2
            })
            .cloned()
            .collect();
        for other in split
            .iter()
            .filter(|other| self.logs[*other].len() >= self.committed.len())
        {
            self.accusations
                .push(format!("{leader} and {other} have majorities that share no voter"));
        }
    }

    /// A request reaches the leader; false: refused.
    pub fn change(&mut self, step: &Step) -> bool {
        let Some(leader) = self.leader.clone().filter(|leader| self.is_up(leader)) else {
            return false;
        };
        if let Step::Resign(voter) = step {
            self.resigned = self.leader.take_if(|leader| leader == voter);
            return true;
        }
        let mut voters = self.voters();
        let changed = match step {
            Step::Add(voter) => {
                let taken = voters.iter().any(|known| known.id == voter.id);
                !taken && self.is_up(voter) && voters.insert(voter.clone())
            }
            Step::Remove { voter, .. } => voters.remove(voter),
            _ => false,
        };
        if changed {
            let open = self.logs[&leader].iter().skip(self.committed.len());
            if open.filter(|(_, entry)| matches!(entry, Entry::Voters(_))).count() > 0 {
                self.accusations.push(format!("{step} while another change is open"));
            }
            self.append(&leader, Entry::Voters(voters));
        }
        changed
    }

    /// What the leader says; nobody leads: nothing.
    pub fn describe(&self, at: Timestamp) -> Option<Seen> {
        let leader = self.leader.as_ref().filter(|leader| self.is_up(leader))?;
        let log = &self.logs[leader];
        let replica = |voter: &VoterId| Replica {
            voter: voter.clone(),
            caught_up: self.is_up(voter) && self.logs[voter].len() + 2 >= log.len(),
            lag: i64::try_from(log.len() - self.logs.get(voter).map_or(0, Vec::len).min(log.len())).unwrap(),
        };
        let voters = newest(log);
        let observers = self.logs.keys().filter(|voter| !voters.contains(voter));
        Some(Seen {
            at,
            leader: leader.id,
            epoch: self.epoch,
            high_watermark: Some(i64::try_from(self.committed.len()).unwrap()),
            log_end: i64::try_from(log.len()).unwrap(),
            dynamic: true,
            observers: observers.map(replica).collect(),
            voters: voters.iter().map(replica).collect(),
        })
    }
}

fn newest(log: &Log) -> BTreeSet<VoterId> {
    let sets = log.iter().rev().find_map(|(_, entry)| match entry {
        Entry::Voters(voters) => Some(voters.clone()),
        Entry::Data => None,
    });
    sets.unwrap_or_default()
}
