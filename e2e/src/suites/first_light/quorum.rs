//! What Kafka's own tools say about the quorum, compared with the identity that the operator keeps.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::clients::Clients;
use super::{NAMESPACE, evidence};
use crate::harness::{Context, Report};

const TOOL: &str = "kafka-metadata-quorum.sh";

pub fn run(context: &Context, clients: &Clients<'_>, report: &mut Report) {
    report.test("kafka-features: kraft.version is 1", || {
        let text = clients.admin.tool("kafka-features.sh", "describe")?;
        let line = text
            .lines()
            .find(|line| line.contains("kraft.version"))
            .context("kraft.version is listed")?;
        let words: Vec<&str> = line.split_whitespace().collect();
        evidence(words.join(" "));
        let level = words
            .iter()
            .skip_while(|word| **word != "FinalizedVersionLevel:")
            .nth(1);
        ensure!(level == Some(&"1"), "the finalised level is {level:?}");
        Ok(())
    });
    report.test(
        "kafka-metadata-quorum: three voters with the directory ids of the identity",
        || {
            let expected = identity(context)?;
            ensure!(
                expected.len() == 3,
                "the identity holds {} directory ids",
                expected.len()
            );
            let status = clients.admin.tool(TOOL, "describe --status")?;
            let voters = status_voters(&status)?;
            ensure!(voters == expected, "--status has {voters:?}, the identity {expected:?}");
            let replication = clients.admin.tool(TOOL, "describe --replication")?;
            let voters = replication_voters(&replication);
            ensure!(
                voters == expected,
                "--replication has {voters:?}, the identity {expected:?}"
            );
            evidence(format!("voters {voters:?}"));
            Ok(())
        },
    );
}

/// Directory id of each controller in the ConfigMap `orders-identity`.
fn identity(context: &Context) -> Result<BTreeMap<String, String>> {
    let map = context.kubectl_json(&["-n", NAMESPACE, "get", "configmap", "orders-identity"])?;
    let text = map
        .pointer("/data/identity.json")
        .and_then(Value::as_str)
        .context("key identity.json")?;
    let identity: Value = serde_json::from_str(text).context("parse identity.json")?;
    let ids = identity.pointer("/directoryIds").context("directoryIds")?;
    serde_json::from_value(ids.clone()).context("directoryIds by node id")
}

/// `CurrentVoters:  [{"id": 0, "directoryId": "…", "endpoints": […]}, …]`
fn status_voters(text: &str) -> Result<BTreeMap<String, String>> {
    let line = text.lines().find_map(|line| line.strip_prefix("CurrentVoters:"));
    let voters: Vec<Value> = serde_json::from_str(line.context("a line CurrentVoters")?.trim())?;
    let voter = |voter: &Value| {
        let directory = voter.get("directoryId").and_then(Value::as_str).unwrap_or_default();
        (
            voter.get("id").map(Value::to_string).unwrap_or_default(),
            directory.to_owned(),
        )
    };
    Ok(voters.iter().map(voter).collect())
}

/// Columns: node id, directory id, …, state; observers are no voters.
fn replication_voters(text: &str) -> BTreeMap<String, String> {
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let voters = rows.filter(|row| matches!(row.last(), Some(&("Leader" | "Follower"))));
    voters
        .filter_map(|row| Some(((*row.first()?).to_owned(), (*row.get(1)?).to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voters_are_read_from_both_answers() {
        let status = "LeaderId:               0\nCurrentVoters:          [{\"id\": 0, \"directoryId\": \"aa\", \
            \"endpoints\": [\"CONTROLLER://x:9090\"]}]\nCurrentObservers:       []\n";
        let expected = BTreeMap::from([("0".to_owned(), "aa".to_owned())]);
        assert_eq!(status_voters(status).unwrap(), expected);
        let table = "NodeId\tDirectoryId\tLogEndOffset\tLag\tStatus\n0 aa 12 0 1 1 Leader\n100 bb 12 0 1 1 Observer\n";
        assert_eq!(replication_voters(table), expected);
    }
}
