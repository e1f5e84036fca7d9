//! What a `KafkaUser` needs in Kafka besides its rights: how its credentials change without a moment in which none works,
//! by what a stored password is known, and its quotas.
//!
//! Pure: time comes in, passwords are made and written elsewhere.

pub mod password;
pub mod quotas;
pub mod rotation;

/// Name in Kafka of the holder of a certificate. A certificate can't be revoked in Kafka, a name can: the holder of the
/// second one has another name, and the first loses its rights. No `KafkaUser` can have a name with `~`.
pub fn principal_name(user: &str, generation: u32) -> String {
    match generation {
        0 | 1 => user.to_owned(),
        more => format!("{user}~{more}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_certificate_has_the_plain_name() {
        let names = [0, 1, 2, 10].map(|generation| principal_name("app", generation));
        assert_eq!(names, ["app", "app", "app~2", "app~10"]);
    }
}
