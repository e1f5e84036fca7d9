//! What a run writes, where, and how fast; and the settings file that tells the load client so.

use super::rows::Place;

/// When a broker acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// When every in-sync replica has it; producers are idempotent.
    All,
    /// When its leader has it. Only for proving that the ledger finds the loss.
    Leader,
}

/// How the load's user proves who it is; the cluster needs a listener for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    ScramSha512,
    Mtls,
}

/// A topic that is created for the run. Its name in Kafka is never used twice.
#[derive(Clone, Debug)]
pub struct Topic {
    pub name: String,
    pub partitions: u16,
    pub replicas: u16,
    pub min_insync: usize,
    /// Further configs.
    pub config: Vec<(String, String)>,
}

impl Topic {
    pub fn new(name: &str, partitions: u16, replicas: u16, min_insync: usize) -> Self {
        Self {
            name: name.to_owned(),
            partitions,
            replicas,
            min_insync,
            config: Vec::new(),
        }
    }

    /// Adds a topic config.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.config.push((key.to_owned(), value.to_owned()));
        self
    }
}

/// One run's load.
#[derive(Clone, Debug)]
pub struct Load {
    /// Of its pod, user and group; and the beginning of its topics' names.
    pub name: String,
    pub topics: Vec<Topic>,
    /// Records per second, of all producers together.
    pub rate: u32,
    pub producers: u16,
    /// Size of a record's value.
    pub bytes: u32,
    pub acks: Acks,
    pub authentication: Authentication,
    /// Kubernetes node for the load's pod: one that the suite leaves alone.
    pub node: Option<String>,
    /// Further configs of the producers.
    pub producer: Vec<(String, String)>,
}

impl Load {
    /// Two producers, 2000 records/s of 100 bytes over two topics of six partitions, replicated as for production.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            topics: vec![Topic::new("a", 6, 3, 2), Topic::new("b", 6, 3, 2)],
            rate: 2000,
            producers: 2,
            bytes: 100,
            acks: Acks::All,
            authentication: Authentication::ScramSha512,
            node: None,
            producer: Vec::new(),
        }
    }

    /// Every partition of every topic.
    pub fn places(&self) -> Vec<Place> {
        let of_topic =
            |(topic, partitions): (u16, u16)| (0..partitions).map(move |partition| Place { topic, partition });
        (0..)
            .zip(self.topics.iter().map(|topic| topic.partitions))
            .flat_map(of_topic)
            .collect()
    }

    /// The same load with topic names that begin with its own name and end with `mark`.
    pub(super) fn marked(mut self, mark: &str) -> Self {
        for topic in &mut self.topics {
            topic.name = format!("{}-{}-{mark}", self.name, topic.name);
        }
        self
    }

    /// The file that the load client reads; credentials are mounted at `secret`.
    pub(super) fn settings(&self, secret: &str) -> String {
        let topics = self
            .topics
            .iter()
            .map(|topic| format!("{}:{}", topic.name, topic.partitions));
        let acks = match self.acks {
            Acks::All => "all",
            Acks::Leader => "1",
        };
        let mut text = format!(
            "topics={}\nproducers={}\nrate={}\nbytes={}\ngroup={}\nacks={acks}\nsecret={secret}\n",
            topics.collect::<Vec<_>>().join(","),
            self.producers,
            self.rate,
            self.bytes,
            self.name
        );
        for (key, value) in &self.producer {
            let line = format!("producer.{key}={value}\n");
            text.push_str(&line);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_by_topic_and_partition() {
        let load = Load {
            topics: vec![Topic::new("x", 1, 3, 2), Topic::new("y", 2, 3, 2)],
            ..Load::new("run")
        };
        let expected = [(0, 0), (1, 0), (1, 1)].map(|(topic, partition)| Place { topic, partition });
        assert_eq!(load.places(), expected);
    }

    #[test]
    fn the_settings_name_every_topic_with_its_mark() {
        let mut load = Load::new("run").marked("7");
        load.producer = vec![("linger.ms".to_owned(), "0".to_owned())];
        let text = load.settings("/secret");
        for line in [
            "topics=run-a-7:6,run-b-7:6",
            "acks=all",
            "rate=2000",
            "secret=/secret",
            "producer.linger.ms=0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in {text}");
        }
    }
}
