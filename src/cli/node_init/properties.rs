//! Java properties, as far as `server.properties` and `meta.properties` use them, and what `node-init` needs of a node's
//! configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Keys and values of a properties file. As in Java, the last of several equal keys counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Properties(BTreeMap<String, String>);

impl Properties {
    pub(super) fn parse(text: &str) -> Self {
        let mut entries = BTreeMap::new();
        let mut continued = String::new();
        for line in text.lines() {
            let line = line.trim_start();
            if continued.is_empty() && (line.is_empty() || line.starts_with(['#', '!'])) {
                continue;
            }
            continued.push_str(line);
            if ends_with_continuation(&continued) {
                continued.pop();
                continue;
            }
            let (key, value) = split(&continued);
            entries.insert(key, value);
            continued.clear();
        }
        if !continued.is_empty() {
            let (key, value) = split(&continued);
            entries.insert(key, value);
        }
        Self(entries)
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// An odd number of backslashes at the end joins the next line.
fn ends_with_continuation(line: &str) -> bool {
    line.chars().rev().take_while(|character| *character == '\\').count() % 2 == 1
}

/// Key and value, separated by the first unescaped `=`, `:` or white space.
fn split(line: &str) -> (String, String) {
    let mut key = String::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => key.extend(characters.next()),
            '=' | ':' => break,
            character if character.is_whitespace() => {
                let rest = characters.as_str().trim_start();
                characters = rest.strip_prefix(['=', ':']).unwrap_or(rest).chars();
                break;
            }
            character => key.push(character),
        }
    }
    (key, unescape(characters.as_str().trim_start()))
}

fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.trim_end().chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            text.extend(characters.next());
        } else {
            text.push(character);
        }
    }
    text
}

/// What a node's `server.properties` says about identity and disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeConfig {
    pub node_id: u32,
    pub is_controller: bool,
    /// The voters stand in the configuration (`controller.quorum.voters`), so the format must name none.
    pub is_static: bool,
    /// `metadata.log.dir`, else the first of `log.dirs`.
    pub metadata_directory: PathBuf,
    /// `log.dirs` and the metadata directory, each once.
    pub directories: Vec<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{0} is not set")]
    Missing(&'static str),
    #[error("node.id is {0:?}, not a node id")]
    NodeId(String),
    #[error("process.roles is {0:?}; broker, controller or both are allowed")]
    Roles(String),
}

impl NodeConfig {
    pub(super) fn from_properties(properties: &Properties) -> Result<Self, ConfigError> {
        let required = |key: &'static str| properties.get(key).ok_or(ConfigError::Missing(key));
        let node_id = required("node.id")?;
        let node_id = node_id.parse().map_err(|_| ConfigError::NodeId(node_id.to_owned()))?;
        let roles = required("process.roles")?;
        let is_controller = parse_roles(roles).ok_or_else(|| ConfigError::Roles(roles.to_owned()))?;
        let mut directories: Vec<PathBuf> = list(required("log.dirs")?).map(PathBuf::from).collect();
        let first = directories.first().cloned().ok_or(ConfigError::Missing("log.dirs"))?;
        let metadata_directory = properties.get("metadata.log.dir").map_or(first, PathBuf::from);
        if !directories.contains(&metadata_directory) {
            directories.push(metadata_directory.clone());
        }
        Ok(Self {
            node_id,
            is_controller,
            is_static: properties.get("controller.quorum.voters").is_some(),
            metadata_directory,
            directories,
        })
    }
}

/// Whether the node is a controller; `None` for roles that Kafka does not know.
fn parse_roles(roles: &str) -> Option<bool> {
    let known = |role: &str| matches!(role, "broker" | "controller");
    (list(roles).next().is_some() && list(roles).all(known)).then(|| list(roles).any(|role| role == "controller"))
}

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_read_as_java_reads_them() {
        let text = "# comment\n! other\n\n a = 1 \nb: two words\nc three\nd=x\\\n   y\ne=\\=\\:z\nf=\na=2\ng=last\\";
        let properties = Properties::parse(text);
        let expected = [
            ("a", "2"),
            ("b", "two words"),
            ("c", "three"),
            ("d", "xy"),
            ("e", "=:z"),
            ("g", "last"),
        ];
        for (key, value) in expected {
            assert_eq!(properties.get(key), Some(value), "{key}");
        }
        assert_eq!(properties.get("f"), None, "empty is not set");
    }

    #[test]
    fn the_metadata_directory_defaults_to_the_first() {
        let parse = |text: &str| NodeConfig::from_properties(&Properties::parse(text));
        let base = "node.id=100\nprocess.roles=broker, controller\nlog.dirs=/a,/b\n";
        let config = parse(base).unwrap();
        assert_eq!((config.node_id, config.is_controller), (100, true));
        assert_eq!(config.metadata_directory, PathBuf::from("/a"));
        assert_eq!(config.directories, [PathBuf::from("/a"), PathBuf::from("/b")]);
        let config = parse(&format!("{base}metadata.log.dir=/m\n")).unwrap();
        assert_eq!(config.metadata_directory, PathBuf::from("/m"));
        assert_eq!(config.directories.len(), 3);
        let config = parse(&format!("{base}metadata.log.dir=/b\nprocess.roles=broker")).unwrap();
        assert_eq!((config.directories.len(), config.is_controller), (2, false));
    }

    #[test]
    fn an_unusable_configuration_is_named() {
        let table = [
            ("process.roles=broker\nlog.dirs=/a", ConfigError::Missing("node.id")),
            ("node.id=1\nlog.dirs=/a", ConfigError::Missing("process.roles")),
            (
                "node.id=1\nprocess.roles=broker\nlog.dirs=",
                ConfigError::Missing("log.dirs"),
            ),
            (
                "node.id=1\nprocess.roles=broker\nlog.dirs= , ",
                ConfigError::Missing("log.dirs"),
            ),
            (
                "node.id=-1\nprocess.roles=broker\nlog.dirs=/a",
                ConfigError::NodeId("-1".into()),
            ),
            (
                "node.id=1\nprocess.roles=zookeeper\nlog.dirs=/a",
                ConfigError::Roles("zookeeper".into()),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(
                NodeConfig::from_properties(&Properties::parse(text)),
                Err(expected),
                "{text}"
            );
        }
    }
}
