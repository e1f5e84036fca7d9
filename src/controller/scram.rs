//! A user's SCRAM credential in Kafka: written when it isn't there, removed with the user, and never changed before
//! the guard stands.
//!
//! The guard is a user that nobody can be. Kafka (every release up to 4.4.0) builds its picture of all credentials
//! from a batch of metadata records in `ScramDelta.apply`, and drops the whole mechanism at the moment in which a
//! removed user leaves it empty; users of the same batch that come later are lost with it. A broker that starts reads
//! the log since the last snapshot (an hour, by default) as such a batch: after one user was removed it may refuse
//! all others, and a snapshot taken from that picture would forget them for good. The order is that of a Java
//! `HashMap`, so a user with hash 0 that was written before all others comes first, and the mechanism is never empty.
//!
//! It must not write a credential that is there (each write is a metadata record), nor keep or log a password.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};

use super::context::World;
use super::error::PassError;
use crate::kafka::admin::KafkaAdmin;
use crate::kafka::scram::{self, ITERATIONS};
use crate::kafka::views::{ScramCredential, ScramDeletion, ScramMechanism, ScramUpsert};
use crate::kafka::{KafkaError, Secret};

/// Its `String.hashCode()` is 0. No `KafkaUser` can have a name with an underscore.
pub const GUARD: &str = "scram_guard_gegizuf";

type Known = BTreeMap<String, Vec<ScramCredential>>;

/// Writes the credential unless Kafka has one for this password; returns what Kafka refused.
pub async fn keep(
    admin: &dyn KafkaAdmin,
    world: &World,
    user: &str,
    password: &str,
) -> Result<Option<String>, PassError> {
    let known = look(admin, user).await?;
    let iterations = iterations(password);
    let is_ours = |one: &ScramCredential| {
        one.mechanism == ScramMechanism::Sha512 && u32::try_from(one.iterations) == Ok(iterations)
    };
    let is_there = known.get(user).is_some_and(|all| all.iter().any(is_ours));
    if let Some(problem) = guard(admin, world, &known).await? {
        return Ok(Some(problem));
    }
    if is_there {
        return Ok(None);
    }
    write(admin, user, Secret::new(password.as_bytes().to_vec()), iterations).await
}

/// Removes the credential if Kafka has one; returns what Kafka refused.
pub async fn remove(admin: &dyn KafkaAdmin, world: &World, user: &str) -> Result<Option<String>, PassError> {
    let known = look(admin, user).await?;
    if !known.contains_key(user) {
        return Ok(None);
    }
    if let Some(problem) = guard(admin, world, &known).await? {
        return Ok(Some(problem));
    }
    let deletion = ScramDeletion {
        user: user.to_owned(),
        mechanism: ScramMechanism::Sha512,
    };
    change(admin, Vec::new(), vec![deletion]).await
}

/// The guard gets a request of its own: it has to be older than what it guards.
async fn guard(admin: &dyn KafkaAdmin, world: &World, known: &Known) -> Result<Option<String>, PassError> {
    if known.contains_key(GUARD) {
        return Ok(None);
    }
    let mut password = [0_u8; 32];
    if !(world.random)(&mut password) {
        return Err(PassError::Randomness);
    }
    tracing::info!(
        user = GUARD,
        "writing the credential that keeps the others from being lost"
    );
    write(admin, GUARD, Secret::new(password.to_vec()), *ITERATIONS.start()).await
}

async fn look(admin: &dyn KafkaAdmin, user: &str) -> Result<Known, PassError> {
    let users = vec![GUARD.to_owned(), user.to_owned()];
    admin
        .describe_user_scram(users)
        .await
        .map_err(|source| failed("look at SCRAM credentials", source))
}

async fn write(
    admin: &dyn KafkaAdmin,
    user: &str,
    password: Secret,
    iterations: u32,
) -> Result<Option<String>, PassError> {
    let salt = scram::random_salt().map_err(|_| PassError::Randomness)?;
    let made = scram::sha512_credential(user, &password, salt, iterations).map_err(|_| PassError::Randomness)?;
    change(admin, vec![made], Vec::new()).await
}

async fn change(
    admin: &dyn KafkaAdmin,
    upserts: Vec<ScramUpsert>,
    deletions: Vec<ScramDeletion>,
) -> Result<Option<String>, PassError> {
    let outcomes = admin
        .alter_user_scram(upserts, deletions)
        .await
        .map_err(|source| failed("change SCRAM credentials", source))?;
    let refused = outcomes.into_values().find_map(Result::err);
    Ok(refused.map(|error| error.to_string()))
}

fn failed(what: &'static str, source: KafkaError) -> PassError {
    PassError::Kafka {
        what,
        source: Box::new(source),
    }
}

/// Iterations for a password: 8192 and 13 bits of its hash. Kafka shows a credential's iterations and nothing else, so
/// they tell whether it holds this password (Kafka takes 4096 to 16384).
fn iterations(password: &str) -> u32 {
    let hash = digest(&SHA256, password.as_bytes());
    let bits = hash
        .as_ref()
        .iter()
        .take(2)
        .fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte));
    8192 + (bits & 0x1fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterations_are_in_kafkas_range_and_tell_passwords_apart() {
        let all: std::collections::BTreeSet<u32> = (0..200).map(|n| iterations(&format!("password-{n}"))).collect();
        assert!(all.iter().all(|n| ITERATIONS.contains(n)));
        assert!(all.len() > 190, "{}", all.len());
        assert_eq!(iterations("a"), iterations("a"));
    }

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
