//! Whose Secret has to be looked after in this pass, and the bounded number of them that are.

use super::ground::Ground;
use super::memory::Held;
use super::names::has_finalizer;
use super::{AT_ONCE, CHUNK, Pass, credentials, scram};
use crate::api::{KafkaUser, UserAuthenticationType};
use crate::controller::error::PassError;
use crate::controller::ledger::ObjectKey;
use crate::controller::resource::Verdict;
use crate::model::names;
use crate::render::{self, Kind};
use crate::user::rotation::Phase;
use futures::{StreamExt, stream};
use kube::ResourceExt;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

type Ended = (Arc<KafkaUser>, Held, Result<Option<Verdict>, PassError>);

impl Pass<'_> {
    /// Brings Secrets to what they shall hold, a bounded number of them. Returns what's to be said of those that can't go on.
    pub async fn prepare(
        &mut self,
        ground: &Ground,
        refused: &HashMap<String, Verdict>,
        is_full: bool,
    ) -> Result<BTreeMap<String, Verdict>, PassError> {
        let due = self.due(ground, refused, is_full);
        let ended = self.carry_out(ground, due).await;
        let all = refused.iter().map(|(name, verdict)| (name.clone(), verdict.clone()));
        let mut verdicts: BTreeMap<String, Verdict> = all.collect();
        for one in ended {
            self.take_in(ground, one, &mut verdicts)?;
        }
        Ok(verdicts)
    }

    /// Reads side by side, decides one after the other, writes side by side.
    async fn carry_out(&mut self, ground: &Ground, due: Vec<(Arc<KafkaUser>, bool)>) -> Vec<Ended> {
        let context = self.context;
        let taken = due.into_iter().filter_map(|(user, in_place)| {
            let held = self.access.users.remove(&user.name_any())?;
            Some((user, held, in_place))
        });
        let reads: Vec<_> = taken
            .map(|(user, mut held, in_place)| async move {
                let gathered = credentials::gather(context, &user, &mut held).await;
                (user, held, in_place, gathered)
            })
            .collect();
        let read: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
        let mut decided = Vec::new();
        for (user, mut held, in_place, gathered) in read {
            let texts = match gathered {
                Ok(gathered) => credentials::decide(context, ground, (&user, &mut held), (gathered, in_place)).await,
                Err(error) => Err(error),
            };
            decided.push((user, held, texts));
        }
        let writes = decided.into_iter().map(|(user, mut held, texts)| async move {
            let result = match texts {
                Ok(Ok(Some(texts))) => {
                    let kept = credentials::keep(context, ground, (&user, &mut held), &texts).await;
                    kept.map(|()| None)
                }
                Ok(Ok(None)) => Ok(None),
                Ok(Err(verdict)) => Ok(Some(verdict)),
                Err(error) => Err(error),
            };
            (user, held, result)
        });
        stream::iter(writes).buffered(AT_ONCE).collect().await
    }

    /// Users whose Secret has to be looked after, and whether Kafka has all that a change of their credentials asks for.
    fn due(
        &mut self,
        ground: &Ground,
        refused: &HashMap<String, Verdict>,
        is_full: bool,
    ) -> Vec<(Arc<KafkaUser>, bool)> {
        let now = self.context.now();
        let mut due = Vec::new();
        for user in self.staying.iter().filter(|user| has_finalizer(user)) {
            let name = user.name_any();
            let Some(held) = self.access.users.get(&name).filter(|_| !refused.contains_key(&name)) else {
                continue;
            };
            let in_place = changes(held) && self.is_in_place(user, held);
            if held.retry.is_some_and(|retry| now < retry) || !self.is_due(ground, (user, held), in_place, is_full) {
                continue;
            }
            if due.len() == CHUNK {
                self.again = Duration::ZERO;
                break;
            }
            due.push((Arc::clone(user), in_place));
        }
        due
    }

    fn take_in(
        &mut self,
        ground: &Ground,
        (user, mut held, result): Ended,
        verdicts: &mut BTreeMap<String, Verdict>,
    ) -> Result<(), PassError> {
        let name = user.name_any();
        match result {
            Ok(problem) => {
                (held.failures, held.retry) = (0, None);
                held.mark = problem.is_none().then(|| mark(&user, ground));
                verdicts.extend(problem.map(|verdict| (name.clone(), verdict)));
            }
            Err(PassError::NotLeading) => return Err(PassError::NotLeading),
            Err(error) => {
                let text = error.chain();
                tracing::warn!(user = name, error = text, "a user's credentials can't be kept");
                held.failed(error.first_retry(), self.context.now());
                verdicts.insert(name.clone(), Verdict::waiting("CredentialsFailed", &text));
            }
        }
        held.settled = false;
        self.access.users.insert(name, held);
        Ok(())
    }

    fn is_due(&self, ground: &Ground, (user, held): (&KafkaUser, &Held), in_place: bool, is_full: bool) -> bool {
        if held.mark != Some(mark(user, ground)) {
            return true;
        }
        if user.spec.authentication.kind == UserAuthenticationType::External {
            return false;
        }
        let now = self.context.now();
        let Some(own) = &held.own else { return true };
        let by_time = own.rotation.phase == Phase::Overlapping;
        let rotates =
            changes(held) && own.rotation.wait(credentials::overlap(user), now).is_zero() && (in_place || by_time);
        let has_source = is_full && user.spec.authentication.password_from.is_some();
        let ends = own.until.is_some_and(|until| until <= now);
        rotates || has_source || ends || (held.settled && !self.has_sentinel(user))
    }

    fn has_sentinel(&self, user: &KafkaUser) -> bool {
        let name = render::sentinel_name(&names::credentials(&user.name_any()));
        let key = ObjectKey::new(Kind::ConfigMap, &user.namespace().unwrap_or_default(), &name);
        self.context.stores.has_child(&key)
    }

    /// Kafka has all that the phase of a change of credentials asks for.
    fn is_in_place(&self, user: &KafkaUser, held: &Held) -> bool {
        let Some(look) = &self.access.look else { return false };
        match user.spec.authentication.kind {
            UserAuthenticationType::ScramSha512 => scram::change(user, held, look).is_empty(),
            _ => held.rights.iter().all(|right| self.access.known.has(right)),
        }
    }
}

/// A change of credentials is under way.
pub fn changes(held: &Held) -> bool {
    held.own.as_ref().is_some_and(|own| own.rotation.phase != Phase::Steady)
}

/// What a user's Secret follows from.
fn mark(user: &KafkaUser, ground: &Ground) -> u64 {
    let mut hasher = DefaultHasher::new();
    (ground.mark, user.metadata.generation).hash(&mut hasher);
    hasher.finish()
}

impl Held {
    /// A failure of this user's own: it's tried again later and later, at most every minute.
    fn failed(&mut self, first: Duration, now: jiff::Timestamp) {
        let wait = first
            .saturating_mul(1 << self.failures.min(6))
            .min(Duration::from_mins(1));
        self.failures = self.failures.saturating_add(1);
        self.retry = now.checked_add(wait).ok();
        self.mark = None;
    }
}
