//! Reading the API server's audit log: who asked for what since when.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Deserialize;

/// The audit log of a local cluster.
#[derive(Clone, Debug)]
pub struct Audit {
    path: PathBuf,
}

/// One answered request, at Metadata level.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub verb: String,
    #[serde(rename = "requestURI")]
    pub request_uri: String,
    #[serde(default)]
    pub user_agent: String,
    pub user: User,
    pub object_ref: Option<ObjectRef>,
    pub response_status: Option<ResponseStatus>,
    pub request_received_timestamp: Timestamp,
    /// When it was answered, for the entries that are read here.
    pub stage_timestamp: Timestamp,
    pub stage: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct User {
    #[serde(default)]
    pub username: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectRef {
    pub api_group: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ResponseStatus {
    #[serde(default)]
    pub code: u16,
}

impl Entry {
    /// Whether the request changes something.
    pub fn is_write(&self) -> bool {
        matches!(
            self.verb.as_str(),
            "create" | "update" | "patch" | "delete" | "deletecollection"
        )
    }

    /// The object's name; empty for none.
    pub fn name(&self) -> &str {
        self.object_ref.as_ref().map_or("", |object| object.name.as_str())
    }

    /// Whether an object came into being by it.
    pub fn is_created(&self) -> bool {
        self.response_status.as_ref().is_some_and(|status| status.code == 201)
    }

    /// Whether it counts as a request of `user`: once for each request. A watch counts when it begins, because its end may come after
    /// everything else, or never be told when whoever watches is killed; any other request when it is answered.
    fn counts_for(&self, user: &str) -> bool {
        let stage = if self.verb == "watch" {
            "ResponseStarted"
        } else {
            "ResponseComplete"
        };
        self.user.username.contains(user) && self.stage == stage
    }

    /// The resource that it is about, for example `leases` or `pods/status`; empty for other paths.
    pub fn resource(&self) -> String {
        let Some(object) = &self.object_ref else {
            return String::new();
        };
        if object.subresource.is_empty() {
            object.resource.clone()
        } else {
            format!("{}/{}", object.resource, object.subresource)
        }
    }
}

impl Entry {
    /// The kind as `kubectl auth can-i` writes it: `statefulsets.apps`, `pods/eviction`, `kafkausers.productionkafka.dev/status`.
    pub fn right(&self) -> String {
        let Some(object) = &self.object_ref else {
            return String::new();
        };
        let group = if object.api_group.is_empty() {
            String::new()
        } else {
            format!(".{}", object.api_group)
        };
        let sub = if object.subresource.is_empty() {
            String::new()
        } else {
            format!("/{}", object.subresource)
        };
        format!("{}{group}{sub}", object.resource)
    }
}

impl Audit {
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Answered requests received at or after `since` whose user name contains `user`.
    pub fn since(&self, since: Timestamp, user: &str) -> Result<Vec<Entry>> {
        let file = File::open(&self.path).with_context(|| format!("open {}", self.path.display()))?;
        let mut found = Vec::new();
        for line in BufReader::new(file).lines() {
            let line = line?;
            // The last line may be half written.
            let Ok(entry) = serde_json::from_str::<Entry>(&line) else {
                continue;
            };
            if entry.request_received_timestamp >= since && entry.counts_for(user) {
                found.push(entry);
            }
        }
        Ok(found)
    }

    /// What is written from now on.
    pub fn follow(&self) -> Result<Follower> {
        let mut file = File::open(&self.path).with_context(|| format!("open {}", self.path.display()))?;
        file.seek(SeekFrom::End(0))?;
        Ok(Follower {
            lines: BufReader::new(file),
            half: String::new(),
        })
    }
}

/// Reads the log as it grows.
pub struct Follower {
    lines: BufReader<File>,
    /// The beginning of a line whose end isn't written yet.
    half: String,
}

impl Follower {
    /// Requests answered since the last call whose user name contains `user`.
    pub fn news(&mut self, user: &str) -> Result<Vec<Entry>> {
        let mut found = Vec::new();
        while self.lines.read_line(&mut self.half)? > 0 {
            if !self.half.ends_with('\n') {
                break;
            }
            let line = std::mem::take(&mut self.half);
            let entry = serde_json::from_str::<Entry>(&line).ok();
            found.extend(entry.filter(|entry| entry.counts_for(user)));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const LINE: &str = r#"{"kind":"Event","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/kafka/pods/x/status","verb":"patch","user":{"username":"system:serviceaccount:kafka:operator"},"userAgent":"productionkafka/0.1.0","objectRef":{"resource":"pods","namespace":"kafka","name":"x","apiVersion":"v1","subresource":"status"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-01-01T10:00:00.5Z","stageTimestamp":"2026-01-01T10:00:00.75Z"}"#;

    #[test]
    fn entries_are_filtered_by_time_and_user() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{LINE}\n{{\"half\": ")).unwrap();
        let audit = Audit::at(file.path());
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let found = audit.since(at("2026-01-01T10:00:00Z"), ":operator").unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].is_write());
        assert_eq!(found[0].resource(), "pods/status");
        assert!(audit.since(at("2026-01-01T10:00:01Z"), ":operator").unwrap().is_empty());
        assert!(audit.since(at("2026-01-01T10:00:00Z"), "admin").unwrap().is_empty());
    }

    #[test]
    fn a_watch_counts_once_and_before_it_ends() {
        let entry = |verb: &str, stage: &str| {
            let line = LINE
                .replace("\"patch\"", &format!("\"{verb}\""))
                .replace("ResponseComplete", stage);
            serde_json::from_str::<Entry>(&line).unwrap()
        };
        assert!(entry("watch", "ResponseStarted").counts_for(":operator"));
        assert!(!entry("watch", "ResponseComplete").counts_for(":operator"));
        assert!(!entry("get", "ResponseStarted").counts_for(":operator"));
        assert!(entry("get", "ResponseComplete").counts_for(":operator"));
    }

    #[test]
    fn a_follower_reads_what_is_added_and_waits_for_the_end_of_a_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{LINE}\n")).unwrap();
        let mut follower = Audit::at(file.path()).follow().unwrap();
        assert!(follower.news(":operator").unwrap().is_empty());
        let mut log = std::fs::OpenOptions::new().append(true).open(file.path()).unwrap();
        let (first, second) = LINE.split_at(100);
        write!(log, "{first}").unwrap();
        assert!(follower.news(":operator").unwrap().is_empty());
        write!(log, "{second}\n{LINE}\n").unwrap();
        assert_eq!(follower.news(":operator").unwrap().len(), 2);
        assert!(follower.news(":operator").unwrap().is_empty());
    }
}
