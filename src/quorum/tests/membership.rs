//! Random wishes and faults: what was committed stays, no two changes are open at once, no two majorities share no voter,
//! and when the faults end exactly the controllers that are asked for vote.

use super::raft::Raft;
use super::*;
use proptest::prelude::*;

/// What becomes of one request.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Answered,
    /// It's carried out, the answer is lost.
    Unheard,
    /// It's carried out so many seconds later, and nobody hears.
    Late(i64),
    Lost,
}

#[derive(Clone, Debug)]
enum Event {
    Wish(Vec<i32>),
    Down(i32),
    Up(i32),
    /// The leader ends right after it has taken up the next change.
    Behead,
    LoseDisk(i32),
    /// The operator starts anew: it remembers what it wrote.
    Crash,
    Next(Fate),
}

fn event() -> impl Strategy<Value = Event> {
    let ids = prop::sample::select(vec![1_usize, 3, 3, 5])
        .prop_flat_map(|count| prop::sample::subsequence((0..7).collect::<Vec<i32>>(), count));
    let fate = prop_oneof![
        Just(Fate::Answered),
        Just(Fate::Unheard),
        (1_i64..10).prop_map(Fate::Late),
        Just(Fate::Lost),
    ];
    prop_oneof![
        2 => ids.prop_map(Event::Wish),
        3 => (0_i32..7).prop_map(Event::Down),
        3 => (0_i32..7).prop_map(Event::Up),
        2 => Just(Event::Behead),
        2 => (0_i32..7).prop_map(Event::LoseDisk),
        1 => Just(Event::Crash),
        4 => fate.prop_map(Event::Next),
    ]
}

/// The operator and its quorum.
struct Story {
    raft: Raft,
    wanted: BTreeSet<i32>,
    second: i64,
    before: Option<Seen>,
    /// Written, so it survives a crash.
    attempt: Option<Attempt>,
    fate: Fate,
    late: Vec<(i64, Step)>,
    behead: bool,
}

impl Story {
    fn new() -> Self {
        Self {
            raft: Raft::new(&[0, 1, 2]),
            wanted: (0..3).collect(),
            second: 1_000,
            before: None,
            attempt: None,
            fate: Fate::Answered,
            late: Vec::new(),
            behead: false,
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wish(wanted) => self.wanted = wanted.into_iter().collect(),
            Event::Down(id) => drop(self.raft.down.insert(id)),
            Event::Up(id) => drop(self.raft.down.remove(&id)),
            Event::Behead => self.behead = true,
            Event::LoseDisk(id) => self.lose(id),
            Event::Crash => self.before = None,
            Event::Next(fate) => self.fate = fate,
        }
    }

    /// A majority of those that vote keeps all that was committed: beyond that nobody can help.
    fn lose(&mut self, id: i32) {
        let voters = self.raft.voters();
        let has_vote = voters.iter().any(|voter| voter.id == id);
        if self.raft.has(id)
            && !self.raft.is_open()
            && (!has_vote || self.raft.intact() > voters.len() / 2 + 1)
            && self.late.is_empty()
        {
            self.raft.format(id);
        }
    }

    fn step(&mut self) {
        self.second += 1;
        self.raft.tick();
        let due = |(at, _): &(i64, Step)| *at <= self.second;
        let (now, later) = self.late.drain(..).partition(due);
        self.late = later;
        let now: Vec<(i64, Step)> = now;
        for (_, step) in now {
            self.raft.change(&step);
        }
        self.operate();
    }

    fn operate(&mut self) {
        let now = at(self.second);
        let seen = self.raft.describe(now);
        let (wanted, before, attempt) = (self.wanted.clone(), self.before.take(), self.attempt.clone());
        let world = World {
            now,
            wanted: &wanted,
            seen: seen.as_ref(),
            before: before.as_ref(),
            attempt: attempt.as_ref(),
        };
        self.kubernetes(&world);
        let step = plan(&world);
        self.before.clone_from(&seen);
        if !step.is_act() {
            return;
        }
        self.attempt = Some(Attempt { at: now });
        let leader = seen
            .map(|seen| seen.leader)
            .filter(|_| std::mem::take(&mut self.behead));
        match std::mem::replace(&mut self.fate, Fate::Answered) {
            Fate::Answered => {
                self.raft.change(&step);
                self.attempt = None;
            }
            Fate::Unheard => drop(self.raft.change(&step)),
            Fate::Late(seconds) => self.late.push((self.second + seconds, step)),
            Fate::Lost => {}
        }
        self.raft.down.extend(leader);
    }

    /// Every controller that's asked for has a disk; one that isn't goes when it may.
    fn kubernetes(&mut self, world: &World<'_>) {
        for id in world.wanted {
            if !self.raft.has(*id) {
                self.raft.format(*id);
            }
        }
        for id in (0..7).filter(|id| may_go(world, *id)) {
            self.raft.remove(id);
        }
    }

    fn is_over(&self) -> bool {
        let ids: BTreeSet<i32> = self.raft.voters().iter().map(|voter| voter.id).collect();
        ids == self.wanted && self.raft.intact() == ids.len()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn what_is_committed_stays_and_every_change_ends_when_the_faults_do(
        events in prop::collection::vec((0_usize..30, event()), 1..24),
    ) {
        let mut story = Story::new();
        for (quiet, event) in events {
            for _ in 0..quiet {
                story.step();
            }
            story.happen(event);
            prop_assert!(story.raft.accusations.is_empty(), "{:?}", story.raft.accusations);
        }
        story.raft.down.clear();
        story.behead = false;
        story.fate = Fate::Answered;
        for _ in 0..400 {
            story.step();
        }
        prop_assert!(story.raft.accusations.is_empty(), "{:?}", story.raft.accusations);
        prop_assert!(
            story.is_over(),
            "{:?} instead of {:?}: {:?}",
            story.raft.voters(),
            story.wanted,
            story.raft.describe(at(0))
        );
    }
}
