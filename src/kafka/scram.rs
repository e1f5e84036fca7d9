//! SCRAM salted passwords (RFC 5802 `Hi`), computed here so that a password never travels to Kafka.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use aws_lc_rs::rand;
use thiserror::Error;

use super::secret::Secret;
use super::views::{ScramMechanism, ScramUpsert};

/// Kafka's bounds for SCRAM-SHA-512 (`ScramMechanism.minIterations`, `MAX_ITERATIONS`).
pub const ITERATIONS: std::ops::RangeInclusive<u32> = 4096..=16384;
/// As Kafka's own tools use (`ScramFormatter.secureRandomBytes`).
const SALT_LENGTH: usize = 32;
const SHA512_LENGTH: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ScramError {
    #[error("{0} SCRAM iterations, Kafka takes {min} to {max}", min = ITERATIONS.start(), max = ITERATIONS.end())]
    Iterations(u32),
    #[error("the system gave no random bytes for a salt")]
    Randomness,
}

/// A fresh random salt.
pub fn random_salt() -> Result<Vec<u8>, ScramError> {
    let mut salt = vec![0; SALT_LENGTH];
    rand::fill(&mut salt).map_err(|_| ScramError::Randomness)?;
    Ok(salt)
}

/// The SCRAM-SHA-512 credential of `user` for `password`, with this salt and number of iterations (4096–16384).
pub fn sha512_credential(
    user: &str,
    password: &Secret,
    salt: Vec<u8>,
    iterations: u32,
) -> Result<ScramUpsert, ScramError> {
    let checked = NonZeroU32::new(iterations).filter(|count| ITERATIONS.contains(&count.get()));
    let rounds = checked.ok_or(ScramError::Iterations(iterations))?;
    let wire_iterations = i32::try_from(iterations).map_err(|_| ScramError::Iterations(iterations))?;
    Ok(ScramUpsert {
        user: user.to_owned(),
        mechanism: ScramMechanism::Sha512,
        iterations: wire_iterations,
        salted_password: salted(password, &salt, rounds),
        salt,
    })
}

/// `Hi(password, salt, i)` is PBKDF2 with HMAC-SHA-512 and the length of the hash.
fn salted(password: &Secret, salt: &[u8], iterations: NonZeroU32) -> Secret {
    let mut key = vec![0; SHA512_LENGTH];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA512,
        iterations,
        salt,
        password.expose(),
        &mut key,
    );
    Secret::new(key)
}
