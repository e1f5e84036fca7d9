//! One pass over all `KafkaUser`s of a cluster: credentials and their Secrets, quotas, rights, and what is said of each. Together,
//! because Kafka is asked for all of them at once and changed for many at once; what fails for one user holds up no other.
//!
//! A calm pass reads nothing and writes nothing; once a minute all is compared with what Kafka has.

mod credentials;
mod ground;
mod leave;
mod look;
pub mod memory;
mod names;
mod prepare;
mod quotas;
mod refusals;
pub mod rights;
pub mod scram;
mod verdict;

use super::cluster::Ended;
use super::context::Context;
use super::error::PassError;
use super::finalizers::{self, Grip};
use super::resource::{self, AT_ONCE, Verdict};
use super::stores::ClusterKey;
use crate::acl::wave::Right;
use crate::api::KafkaUser;
use crate::kafka::QuotaChange;
use crate::runtime::metrics::Outcome;
use crate::user;
use ground::Ground;
use kube::ResourceExt;
use memory::{Access, Held};
use names::{FINALIZER, bindings_of, has_finalizer, name_of};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(3);
/// While the cluster's own pass is on its way.
const PENDING: Duration = Duration::from_secs(1);
/// A calm pass costs nothing; the look that's made once a minute is made by one of them.
const CALM: Duration = Duration::from_secs(20);
/// Secrets and statuses that one pass writes; what's left comes at once in the next.
const CHUNK: usize = 200;

/// What has to change in Kafka, of several users.
#[derive(Default)]
pub struct Change {
    pub scram: scram::Change,
    pub quotas: Vec<QuotaChange>,
}

/// Runs one pass; `None`: there's neither a cluster nor a user.
pub async fn pass(context: &Context, key: &ClusterKey) -> Option<Result<Ended, PassError>> {
    let users = context.stores.users_of(key);
    let is_there = context.stores.clusters.get(&key.namespace, &key.name).is_some();
    if users.is_empty() && !is_there {
        context.access.note(key, None);
        return None;
    }
    let mut access = context.access.take(key);
    let (leaving, staying): (Vec<_>, Vec<_>) = users
        .into_iter()
        .partition(|user| user.metadata.deletion_timestamp.is_some());
    let mut pass = Pass {
        context,
        access: &mut access,
        staying,
        leaving,
        again: CALM,
        is_waiting: false,
    };
    let result = pass.run(key).await;
    let ended = result.map(|()| Ended {
        outcome: if pass.is_waiting {
            Outcome::Waiting
        } else {
            Outcome::Completed
        },
        again: pass.again,
    });
    context.access.put(key, access);
    Some(ended)
}

struct Pass<'a> {
    context: &'a Context,
    access: &'a mut Access,
    staying: Vec<Arc<KafkaUser>>,
    leaving: Vec<Arc<KafkaUser>>,
    again: Duration,
    is_waiting: bool,
}

impl Pass<'_> {
    async fn run(&mut self, key: &ClusterKey) -> Result<(), PassError> {
        self.forget();
        // Those that are held now have their turn in the next pass.
        let (context, loose) = (self.context, self.loose());
        let (held, result) = futures::join!(finalizers::of_each(context, FINALIZER, loose), self.go_on(key));
        let loose = self.note_held(&held?);
        let (mut verdicts, is_full) = result?;
        verdicts.extend(loose);
        self.say(verdicts, is_full).await
    }

    /// What's to be said, and whether all was looked at.
    async fn go_on(&mut self, key: &ClusterKey) -> Result<(BTreeMap<String, Verdict>, bool), PassError> {
        let Some(ground) = Ground::of(self.context, key) else {
            leave::without_ground(self.context, key, &self.leaving).await?;
            return Ok((self.nowhere(key), false));
        };
        self.access.nowhere.ended();
        rights::follow(self.context, &ground, self.access).await?;
        let is_full = look::refresh(ground.admin.as_ref(), self.access, self.context.now()).await?;
        let refused = refusals::of(&self.staying, &ground);
        let mut verdicts = self.prepare(&ground, &refused, is_full).await?;
        self.rights_of(&refused);
        self.settle_kafka(&ground, (&refused, is_full), &mut verdicts).await?;
        self.jobs(&ground, &refused, is_full).await?;
        if !leave::let_go(self.context, self.access, (&self.leaving, &self.names())).await? {
            self.sooner(SOON);
        }
        Ok((verdicts, is_full))
    }

    fn sooner(&mut self, after: Duration) {
        self.again = self.again.min(after);
    }

    /// Something isn't as it shall be yet.
    fn wait(&mut self, after: Duration) {
        self.is_waiting = true;
        self.sooner(after);
    }

    /// Users that are gone, or that were deleted and made again.
    fn forget(&mut self) {
        let all: HashMap<String, String> = self
            .staying
            .iter()
            .chain(&self.leaving)
            .map(|user| (user.name_any(), user.uid().unwrap_or_default()))
            .collect();
        self.access.users.retain(|name, held| all.get(name) == Some(&held.uid));
        for (name, uid) in all {
            let held = self.access.users.entry(name).or_default();
            held.uid = uid;
        }
    }

    /// Nothing is made for a user that could vanish before it's taken away again: a bounded number of those that could.
    fn loose(&self) -> Vec<(Arc<KafkaUser>, Grip)> {
        let loose = self.staying.iter().filter(|user| !has_finalizer(user));
        let failed = |user: &KafkaUser| self.access.users.get(&user.name_any())?.unheld;
        let some = finalizers::next(loose.map(|user| (failed(user), user)), CHUNK);
        some.into_iter().map(|user| (Arc::clone(user), Grip::Hold)).collect()
    }

    /// Who can't be held waits, for nothing is made for it yet; the others go on.
    /// Returns what's said of them.
    fn note_held(&mut self, ended: &[(Arc<KafkaUser>, Result<(), PassError>)]) -> BTreeMap<String, Verdict> {
        let now = self.context.now();
        let mut verdicts = BTreeMap::new();
        for (user, result) in ended {
            let name = user.name_any();
            self.access.users.entry(name.clone()).or_default().unheld = result.is_err().then_some(now);
            if let Err(problem) = result {
                verdicts.insert(name, resource::not_held(problem));
            }
        }
        if !verdicts.is_empty() {
            self.wait(SOON);
        } else if !ended.is_empty() {
            self.sooner(Duration::ZERO);
        }
        verdicts
    }

    /// There's no cluster to do anything in. Who has all that it asks for keeps it while nobody serves, so nothing else is said
    /// of such a user unless the cluster itself is gone.
    fn nowhere(&mut self, key: &ClusterKey) -> BTreeMap<String, Verdict> {
        if self.staying.is_empty() && self.leaving.is_empty() {
            return BTreeMap::new();
        }
        let is_there = self.context.stores.clusters.get(&key.namespace, &key.name).is_some();
        if !self.access.nowhere.lasts(is_there, self.context.now()) {
            self.wait(PENDING);
            return BTreeMap::new();
        }
        self.wait(SOON);
        let verdict = resource::without_cluster(key);
        let told = self.staying.iter().filter(|user| !(is_there && is_ready(user)));
        let all = told.map(|user| (user.name_any(), verdict.clone())).collect();
        for held in self.access.users.values_mut() {
            held.settled = false;
            held.mark = None;
        }
        all
    }

    /// What each user's rights are, under each of its names.
    fn rights_of(&mut self, refused: &HashMap<String, Verdict>) {
        for user in &self.staying {
            let name = user.name_any();
            let Some(held) = self.access.users.get_mut(&name) else {
                continue;
            };
            if held.settled || refused.contains_key(&name) {
                continue;
            }
            held.rights = names::rights(user, held);
        }
    }

    /// Credentials and quotas, many in one request.
    async fn settle_kafka(
        &mut self,
        ground: &Ground,
        (refused, is_full): (&HashMap<String, Verdict>, bool),
        verdicts: &mut BTreeMap<String, Verdict>,
    ) -> Result<(), PassError> {
        let Some(mut look) = self.access.look.take() else {
            return Ok(());
        };
        let mut change = self.of_staying(&look, refused, is_full);
        self.of_leaving(&look, &mut change);
        if let Some(wanted) = &ground.cluster.default_user_quotas {
            let entity = user::quotas::default_entity();
            let actual = look.quotas.get(&entity);
            change
                .quotas
                .extend(user::quotas::change(entity.clone(), Some(wanted), actual));
        }
        let admin = ground.admin.as_ref();
        let scram = scram::carry_out(admin, &self.context.world, change.scram, &mut look).await;
        let limits = quotas::carry_out(admin, change.quotas, &mut look).await;
        // What was written of it before a failure isn't known: it's looked at again.
        self.access.look = (scram.is_ok() && limits.is_ok()).then_some(look);
        for (name, problem) in scram?.into_iter().chain(limits?) {
            let base = name.split('~').next().unwrap_or(&name).to_owned();
            verdicts.insert(base, Verdict::waiting("KafkaRefused", &problem));
        }
        Ok(())
    }

    /// What those lack that stay, a bounded number of them.
    fn of_staying(&mut self, look: &look::Look, refused: &HashMap<String, Verdict>, is_full: bool) -> Change {
        let mut change = Change::default();
        for user in &self.staying {
            let name = user.name_any();
            let held = self.access.users.get(&name).filter(|held| held.mark.is_some());
            let Some(held) = held.filter(|held| (is_full || !held.settled) && !refused.contains_key(&name)) else {
                continue;
            };
            let more = scram::change(user, held, look);
            change.scram.writes.extend(more.writes);
            change.scram.deletions.extend(more.deletions);
            change.quotas.extend(quota_changes(user, held, look));
            if change.scram.writes.len() >= scram::BATCH {
                self.again = Duration::ZERO;
                break;
            }
        }
        change
    }

    /// Names in Kafka of those that stay.
    fn names(&self) -> HashSet<String> {
        self.staying.iter().map(|user| name_of(user)).collect()
    }

    /// What is left of those that leave, a bounded number of them; a name that another user has is that one's.
    fn of_leaving(&mut self, look: &look::Look, change: &mut Change) {
        let mine = self.names();
        let leaving = self.leaving.iter().filter(|user| has_finalizer(user));
        for user in leaving.filter(|user| !mine.contains(&name_of(user))) {
            if change.scram.deletions.len() >= quotas::BATCH {
                self.again = Duration::ZERO;
                break;
            }
            let more = leave::change(user, look);
            change.scram.deletions.extend(more.scram.deletions);
            change.quotas.extend(more.quotas);
        }
    }

    /// Rights that aren't in Kafka yet, those that nobody shall have included.
    async fn jobs(
        &mut self,
        ground: &Ground,
        refused: &HashMap<String, Verdict>,
        is_full: bool,
    ) -> Result<(), PassError> {
        let Some(look) = &self.access.look else { return Ok(()) };
        let mut owners: HashMap<String, Arc<KafkaUser>> = HashMap::new();
        let mut wanted: Vec<Right> = Vec::new();
        for user in &self.staying {
            let name = user.name_any();
            let Some(held) = self.access.users.get(&name).filter(|held| held.mark.is_some()) else {
                continue;
            };
            if refused.contains_key(&name) || (held.settled && !is_full) {
                continue;
            }
            for right in held.rights.iter().filter(|right| !self.access.known.has(right)) {
                owners.insert(right.principal.clone(), Arc::clone(user));
                wanted.push(right.clone());
            }
        }
        let users = (&self.staying[..], &self.leaving[..]);
        let strays = refusals::strays(users, (look, &self.access.users), self.prunes(ground));
        let strays = strays.iter().map(|principal| Right::none(principal));
        wanted.extend(strays.filter(|right| !self.access.known.has(right)));
        let all: Vec<&Right> = wanted.iter().collect();
        let bindings = |right: &Right| match owners.get(&right.principal) {
            Some(user) if right.size > 0 => {
                bindings_of(user, right.principal.strip_prefix("User:").unwrap_or_default())
            }
            _ => BTreeSet::new(),
        };
        let again = rights::drive(self.context, ground, self.access, (&all, bindings)).await?;
        if let Some(again) = again {
            self.wait(again);
        }
        let now = self.context.now();
        let trouble = wanted.iter().find_map(|right| self.access.known.failure(right));
        let trouble = trouble.map(|failure| format!("{} (next try in {} s)", failure.why, failure.wait(now).as_secs()));
        self.context.access.note(&ground.key, trouble);
        Ok(())
    }

    /// Rights of principals without a `KafkaUser` are taken away only where that's asked for, and never while a user can't be
    /// read, whose rights they may be.
    fn prunes(&self, ground: &Ground) -> bool {
        ground.cluster.security.prune && self.context.stores.users.unreadable() == 0
    }
}

fn is_ready(user: &KafkaUser) -> bool {
    let generation = user.metadata.generation;
    let status = user.status.as_ref();
    status.is_some_and(|status| resource::is_ready((status.observed_generation, generation), &status.conditions))
}

fn quota_changes(user: &KafkaUser, held: &Held, look: &look::Look) -> Vec<QuotaChange> {
    let change = |right: &Right| {
        let name = right.principal.strip_prefix("User:")?;
        let entity = user::quotas::entity(name);
        let actual = look.quotas.get(&entity);
        user::quotas::change(entity.clone(), user.spec.quotas.as_ref(), actual)
    };
    held.rights.iter().filter_map(change).collect()
}
