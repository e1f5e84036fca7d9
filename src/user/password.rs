//! Passwords of SCRAM users. Kafka shows of a credential its number of iterations and nothing else, so that number is made to
//! tell whether a credential holds a certain password.

use aws_lc_rs::digest::{SHA256, digest};

/// What a password of a user's own must be: printable ASCII, so that RFC 4013 leaves it as it is.
pub const OWN_LENGTH: std::ops::RangeInclusive<usize> = 16..=256;

/// Iterations for a password: 4096, Kafka's minimum, and 12 bits of its hash for a generated one, whose 256 random bits need
/// no stretching; twice as many and 13 bits for one that a person may have chosen (Kafka takes up to 16384).
pub fn iterations(password: &str, is_generated: bool) -> u32 {
    let (least, mask) = if is_generated { (4096, 0x0fff) } else { (8192, 0x1fff) };
    let hash = digest(&SHA256, password.as_bytes());
    let bits = hash
        .as_ref()
        .iter()
        .take(2)
        .fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte));
    least + (bits & mask)
}

/// What's wrong with a password from a Secret.
pub fn problem(password: &str) -> Option<&'static str> {
    if !OWN_LENGTH.contains(&password.len()) {
        Some("has fewer than 16 or more than 256 characters")
    } else if !password.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
        Some("has a space, a line break or another character that isn't printable ASCII: take away a trailing newline")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::scram::ITERATIONS;
    use std::collections::BTreeSet;

    #[test]
    fn iterations_are_in_kafkas_range_and_tell_passwords_apart() {
        for (is_generated, range) in [(true, 4096..=8191), (false, 8192..=16383)] {
            let all: BTreeSet<u32> = (0..200)
                .map(|n| iterations(&format!("password-{n}"), is_generated))
                .collect();
            assert!(all.iter().all(|n| ITERATIONS.contains(n) && range.contains(n)));
            assert!(all.len() > 185, "{}", all.len());
        }
        assert_eq!(iterations("a", true), iterations("a", true));
    }

    #[test]
    fn passwords_of_ones_own_are_looked_at() {
        for (password, is_good) in [
            ("0123456789abcdef", true),
            ("0123456789abcde", false),
            ("0123456789abcdef\n", false),
            ("0123456789 bcdef", false),
            ("0123456789abcdeü", false),
            ("a\"b\\c;d'e$f`g{h}", true),
        ] {
            assert_eq!(problem(password).is_none(), is_good, "{password:?}");
        }
    }
}
