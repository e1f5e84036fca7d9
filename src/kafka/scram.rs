//! SCRAM salted passwords (RFC 5802 `Hi`), computed here so that a password never travels to Kafka.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use aws_lc_rs::rand;
use thiserror::Error;

use super::secret::Secret;
use super::views::{ScramMechanism, ScramUpsert};

/// Kafka's bounds for both mechanisms (`ScramMechanism.minIterations`, `MAX_ITERATIONS`).
pub const ITERATIONS: std::ops::RangeInclusive<u32> = 4096..=16384;
/// As Kafka's own tools use (`ScramFormatter.secureRandomBytes`).
const SALT_LENGTH: usize = 32;
const SHA256_LENGTH: usize = 32;
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

/// The credential of `user` for `password`, with this salt and number of iterations (4096–16384).
pub fn credential(
    mechanism: ScramMechanism,
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
        mechanism,
        iterations: wire_iterations,
        salted_password: salted(mechanism, password, &salt, rounds),
        salt,
    })
}

/// `Hi(password, salt, i)` is PBKDF2 with the HMAC of the mechanism and the length of its hash.
fn salted(mechanism: ScramMechanism, password: &Secret, salt: &[u8], iterations: NonZeroU32) -> Secret {
    let (algorithm, length) = match mechanism {
        ScramMechanism::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, SHA256_LENGTH),
        ScramMechanism::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, SHA512_LENGTH),
    };
    let mut key = vec![0; length];
    pbkdf2::derive(algorithm, iterations, salt, password.expose(), &mut key);
    Secret::new(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED_1: &str = "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252\
         c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce";
    const EXPECTED_2: &str = "d45c9a540efe9115df7e519b86fb99217fdfc386f0206ae6c83e5403cb20c1c8\
         d5d2f1cf4b2e4ccc47ffae825a299a42d110b4a7edc9ff4ee62917dd24de02b9";

    fn hex(bytes: &[u8]) -> String {
        bytes
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// From Python's `hashlib.pbkdf2_hmac("sha512", password, salt, iterations)`.
    #[test]
    fn salted_password_is_pbkdf2_with_hmac_sha512() {
        let cases = [
            ("password", "salt", 1, EXPECTED_1),
            ("pencil", "W22ZaJ0SNY7soEsUEjb6gQ", 4096, EXPECTED_2),
        ];
        for (password, salt, iterations, expected) in cases {
            let rounds = NonZeroU32::new(iterations).unwrap();
            assert_eq!(
                hex(salted(ScramMechanism::Sha512, &Secret::new(password), salt.as_bytes(), rounds).expose()),
                expected
            );
        }
    }

    /// RFC 7677 §3 gives the salted password's proof; this is `hashlib.pbkdf2_hmac("sha256", b"pencil", …, 4096)`.
    #[test]
    fn the_other_mechanism_has_its_own_hash() {
        let rounds = NonZeroU32::new(4096).unwrap();
        let made = salted(
            ScramMechanism::Sha256,
            &Secret::new("pencil"),
            b"W22ZaJ0SNY7soEsUEjb6gQ",
            rounds,
        );
        assert_eq!(
            hex(made.expose()),
            "c72e6ddcca22959393c8c5dc14bf7dddb47f57e8b0590e727cc58c66e3067af0"
        );
    }

    #[test]
    fn iterations_outside_of_what_kafka_takes_are_refused() {
        let attempt = |count| {
            credential(
                ScramMechanism::Sha512,
                "app",
                &Secret::new("secret"),
                b"salt".to_vec(),
                count,
            )
        };
        for count in [0, 1, 4095, 16385, u32::MAX] {
            assert_eq!(attempt(count), Err(ScramError::Iterations(count)));
        }
        for count in [4096, 16384] {
            let upsert = attempt(count).unwrap();
            assert_eq!(upsert.iterations, i32::try_from(count).unwrap());
            assert_eq!(upsert.salted_password.expose().len(), 64);
        }
    }

    #[test]
    fn salts_differ() {
        let (first, second) = (random_salt().unwrap(), random_salt().unwrap());
        assert_eq!(first.len(), 32);
        assert_ne!(first, second);
    }
}
