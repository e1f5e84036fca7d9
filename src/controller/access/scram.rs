//! Users' SCRAM credentials in Kafka: written where they aren't there, many in one request, removed with their users, and
//! never changed before the guard stands.
//!
//! The guard is a user that nobody can be. Kafka (every release up to 4.4.0) builds its picture of all credentials
//! from a batch of metadata records in `ScramDelta.apply`, and drops the whole mechanism at the moment in which a
//! removed user leaves it empty; users of the same batch that come later are lost with it. A broker that starts reads
//! the log since the last snapshot (an hour, by default) as such a batch: after one user was removed it may refuse
//! all others, and a snapshot taken from that picture would forget them for good. The order is that of a Java
//! `HashMap`, so a user with hash 0 that was written before all others comes first, and the mechanism is never empty.
//!
//! It must not write a credential that is there (each write is a metadata record), nor keep or log a password.

use super::look::{Look, failed};
use super::memory::Held;
use crate::api::KafkaUser;
use crate::controller::context::World;
use crate::controller::error::PassError;
use crate::kafka::Secret;
use crate::kafka::admin::{KafkaAdmin, Outcomes};
use crate::kafka::scram::{self, ITERATIONS};
use crate::kafka::views::{ScramCredential, ScramDeletion, ScramMechanism, ScramUpsert};
use crate::user::password::iterations;
use crate::user::rotation::Phase;
use std::collections::{BTreeMap, BTreeSet};

/// Its `String.hashCode()` is 0. No `KafkaUser` can have a name with an underscore.
pub const GUARD: &str = "scram_guard_gegizuf";

/// Credentials in one request; each takes some 5 ms to compute.
pub const BATCH: usize = 200;

/// A credential that Kafka shall have.
#[derive(Clone)]
pub struct Wish {
    pub user: String,
    pub mechanism: ScramMechanism,
    pub password: Secret,
    pub iterations: u32,
}

/// What has to change for one user.
#[derive(Default)]
pub struct Change {
    pub writes: Vec<Wish>,
    pub deletions: Vec<ScramDeletion>,
}

impl Change {
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.deletions.is_empty()
    }
}

/// What a user's credentials in Kafka lack, by what was last seen of them.
pub fn change(user: &KafkaUser, held: &Held, look: &Look) -> Change {
    let (Some(name), Some(own)) = (user.metadata.name.clone(), &held.own) else {
        return Change::default();
    };
    let Some(current) = own.text("password") else {
        return Change::default();
    };
    let is_generated = user.spec.authentication.password_from.is_none();
    let actual = look.scram.get(&name).map(Vec::as_slice).unwrap_or_default();
    let mut change = Change::default();
    let mut want = |mechanism, password: &str| {
        let iterations = iterations(password, is_generated);
        let is_there =
            |one: &ScramCredential| one.mechanism == mechanism && u32::try_from(one.iterations) == Ok(iterations);
        if !actual.iter().any(is_there) {
            change.writes.push(Wish {
                user: name.clone(),
                mechanism,
                password: Secret::new(password.as_bytes().to_vec()),
                iterations,
            });
        }
    };
    let (named, other) = mechanisms(own.rotation.uses_second_mechanism());
    want(named, current);
    match own.rotation.phase {
        Phase::Preparing => {
            if let Some(next) = own.text("password.next") {
                want(other, next);
            }
        }
        // The old password is by the other mechanism, and nobody has it any more.
        Phase::Overlapping => {}
        Phase::Ending => want(other, current),
        Phase::Steady if own.rotation.generation > 1 => want(other, current),
        Phase::Steady => {
            let left = actual.iter().filter(|one| one.mechanism == other);
            change.deletions.extend(left.map(|one| ScramDeletion {
                user: name.clone(),
                mechanism: one.mechanism,
            }));
        }
    }
    change
}

/// The mechanism that the Secret names, and the other.
const fn mechanisms(second: bool) -> (ScramMechanism, ScramMechanism) {
    if second {
        (ScramMechanism::Sha256, ScramMechanism::Sha512)
    } else {
        (ScramMechanism::Sha512, ScramMechanism::Sha256)
    }
}

/// All credentials of a user that's leaving.
pub fn removal(user: &str, look: &Look) -> Vec<ScramDeletion> {
    let known = look.scram.get(user).map(Vec::as_slice).unwrap_or_default();
    let deletion = |one: &ScramCredential| ScramDeletion {
        user: user.to_owned(),
        mechanism: one.mechanism,
    };
    known.iter().map(deletion).collect()
}

/// Carries changes out and notes them in `look`; returns what Kafka refused, by user.
pub async fn carry_out(
    admin: &dyn KafkaAdmin,
    world: &World,
    change: Change,
    look: &mut Look,
) -> Result<BTreeMap<String, String>, PassError> {
    if change.is_empty() {
        return Ok(BTreeMap::new());
    }
    let touched = change.writes.iter().map(|one| one.mechanism);
    let touched: BTreeSet<ScramMechanism> = touched
        .chain(change.deletions.iter().map(|one| one.mechanism))
        .collect();
    for mechanism in touched {
        guard(admin, world, mechanism, look).await?;
    }
    let mut refusals = BTreeMap::new();
    for round in rounds(change) {
        let upserts = made(round.writes).await?;
        let said: Vec<(String, ScramCredential)> = upserts.iter().map(shown).collect();
        let gone = round.deletions.clone();
        let outcomes = send(admin, upserts, round.deletions).await?;
        let refused = |user: &String| outcomes.get(user).is_some_and(Result::is_err);
        for (user, credential) in said.into_iter().filter(|(user, _)| !refused(user)) {
            note(look, user, credential);
        }
        for deletion in gone.into_iter().filter(|one| !refused(&one.user)) {
            forget(look, &deletion);
        }
        for (user, outcome) in outcomes {
            let Err(error) = outcome else { continue };
            tracing::warn!(user, %error, "Kafka refuses a change of credentials");
            refusals.insert(user, error.to_string());
        }
    }
    Ok(refusals)
}

/// Kafka takes one change of a user in a request, whatever the mechanisms (`ScramControlManager`): both are refused else.
fn rounds(change: Change) -> Vec<Change> {
    let (mut seen, mut rounds) = (BTreeMap::<String, usize>::new(), BTreeMap::<usize, Change>::new());
    let mut turn = |user: &str| {
        let count = seen.entry(user.to_owned()).or_default();
        *count += 1;
        *count
    };
    for write in change.writes {
        rounds.entry(turn(&write.user)).or_default().writes.push(write);
    }
    for deletion in change.deletions {
        rounds.entry(turn(&deletion.user)).or_default().deletions.push(deletion);
    }
    rounds.into_values().collect()
}

fn shown(upsert: &ScramUpsert) -> (String, ScramCredential) {
    let credential = ScramCredential {
        mechanism: upsert.mechanism,
        iterations: upsert.iterations,
    };
    (upsert.user.clone(), credential)
}

fn note(look: &mut Look, user: String, credential: ScramCredential) {
    let known = look.scram.entry(user).or_default();
    known.retain(|one| one.mechanism != credential.mechanism);
    known.push(credential);
}

fn forget(look: &mut Look, deletion: &ScramDeletion) {
    if let Some(known) = look.scram.get_mut(&deletion.user) {
        known.retain(|one| one.mechanism != deletion.mechanism);
        if known.is_empty() {
            look.scram.remove(&deletion.user);
        }
    }
}

/// The guard gets a request of its own: it has to be older than what it guards.
async fn guard(
    admin: &dyn KafkaAdmin,
    world: &World,
    mechanism: ScramMechanism,
    look: &mut Look,
) -> Result<(), PassError> {
    let known = look.scram.get(GUARD).map(Vec::as_slice).unwrap_or_default();
    if known.iter().any(|one| one.mechanism == mechanism) {
        return Ok(());
    }
    let mut password = [0_u8; 32];
    if !(world.random)(&mut password) {
        return Err(PassError::Randomness);
    }
    tracing::info!(
        user = GUARD,
        ?mechanism,
        "writing the credential that keeps the others from being lost"
    );
    let wish = Wish {
        user: GUARD.to_owned(),
        mechanism,
        password: Secret::new(password.to_vec()),
        iterations: *ITERATIONS.start(),
    };
    let upserts = made(vec![wish]).await?;
    let said: Vec<(String, ScramCredential)> = upserts.iter().map(shown).collect();
    let outcomes = send(admin, upserts, Vec::new()).await?;
    if let Some(error) = outcomes.into_values().find_map(Result::err) {
        return Err(PassError::Content {
            kind: "SCRAM credential",
            namespace: String::new(),
            name: GUARD.into(),
            problem: error.to_string(),
        });
    }
    for (user, credential) in said {
        note(look, user, credential);
    }
    Ok(())
}

/// Salts and hashes passwords, off the async threads.
async fn made(wishes: Vec<Wish>) -> Result<Vec<ScramUpsert>, PassError> {
    let halves = split(wishes);
    let make = |wishes: Vec<Wish>| {
        tokio::task::spawn_blocking(move || wishes.iter().map(credential).collect::<Result<Vec<_>, _>>())
    };
    let (one, other) = tokio::join!(make(halves.0), make(halves.1));
    let (one, other) = (
        one.map_err(|_| PassError::Randomness)??,
        other.map_err(|_| PassError::Randomness)??,
    );
    Ok(one.into_iter().chain(other).collect())
}

/// In two, for two cores.
fn split(mut wishes: Vec<Wish>) -> (Vec<Wish>, Vec<Wish>) {
    let other = wishes.split_off(wishes.len() / 2);
    (wishes, other)
}

fn credential(wish: &Wish) -> Result<ScramUpsert, PassError> {
    let salt = scram::random_salt().map_err(|_| PassError::Randomness)?;
    scram::credential(wish.mechanism, &wish.user, &wish.password, salt, wish.iterations)
        .map_err(|_| PassError::Randomness)
}

async fn send(
    admin: &dyn KafkaAdmin,
    upserts: Vec<ScramUpsert>,
    deletions: Vec<ScramDeletion>,
) -> Result<Outcomes<String>, PassError> {
    admin
        .alter_user_scram(upserts, deletions)
        .await
        .map_err(|source| failed("change SCRAM credentials", source))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `String.hashCode`: s[0]*31^(n-1) + … + s[n-1] in 32 bits; `HashMap` puts 0 into its first bucket at any size.
    #[test]
    fn the_guard_comes_first_in_a_java_hash_map() {
        let hash = |name: &str| {
            name.bytes()
                .fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)))
        };
        assert_eq!(hash("hello"), 99_162_322, "as Java has it");
        assert_eq!(hash(GUARD), 0);
    }
}
