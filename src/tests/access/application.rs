//! An application that read its Secret at some time and goes on with that: whether Kafka lets it in, and lets it do its work.

use crate::kafka::views::ScramMechanism;
use crate::pki;
use crate::tests::simulation::{Simulation, secrets};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    name: String,
    texts: BTreeMap<String, String>,
}

impl Application {
    /// Starts with what the Secret holds now; `None`: there's none yet.
    pub fn start(simulation: &Simulation, name: &str) -> Option<Self> {
        let secret = simulation.get("secrets", &format!("{name}-kafka-credentials"))?;
        let mut texts = secrets::texts(&secret);
        texts.remove("rotation.json");
        texts.remove("password.next");
        Some(Self {
            name: name.to_owned(),
            texts,
        })
    }

    fn text(&self, key: &str) -> &str {
        self.texts.get(key).map(String::as_str).unwrap_or_default()
    }

    /// The principal as which Kafka lets it in.
    pub fn principal(&self, simulation: &Simulation) -> Option<String> {
        if let Some(certificate) = self.texts.get("user.crt") {
            return Some(format!("User:{}", pki::inspect(certificate).unwrap().subject_cn));
        }
        let properties = self.text("client.properties");
        let mechanism = if properties.contains("sasl.mechanism=SCRAM-SHA-256") {
            ScramMechanism::Sha256
        } else {
            ScramMechanism::Sha512
        };
        let kafka = simulation.kafka.state();
        let opens = secrets::opens_by(&kafka, mechanism, &self.name, self.text("password"));
        opens.then(|| format!("User:{}", self.name))
    }

    /// Its password is the user's by this mechanism.
    pub fn opens_by(&self, simulation: &Simulation, mechanism: ScramMechanism) -> bool {
        secrets::opens_by(&simulation.kafka.state(), mechanism, &self.name, self.text("password"))
    }

    /// It's let in and may do all that `expected` lists.
    pub fn works(&self, simulation: &Simulation, expected: &[String]) -> bool {
        let principal = self.principal(simulation);
        principal.is_some_and(|principal| super::rights_of(simulation, &principal) == expected)
    }
}
