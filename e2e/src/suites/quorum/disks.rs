//! What the disks of the controllers hold, as `kafka-metadata-shell.sh` reads them: each knows every topic.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{CLUSTER, NAMESPACE, claim_of, voters};
use crate::admin::Admin;
use crate::harness::Context;
use crate::suites::safe_change::disks::folder;

/// Where the log lies in the administrator's pod.
const COPY: &str = "/tmp/metadata.log";
/// The tool reads slowly on a busy machine.
const READ: Duration = Duration::from_mins(2);

/// Every topic that a broker lists is on the disk of every voter.
pub fn know_all_topics(context: &Context) -> Result<()> {
    let admin = Admin::start(context, NAMESPACE, CLUSTER, &format!("{CLUSTER}-brokers-100-0"))?;
    let listed = names(&admin.tool("kafka-topics.sh", "--list")?);
    ensure!(!listed.is_empty(), "no topic is listed");
    for id in voters(context)?.into_keys() {
        context.wait_until(&format!("controller {id} knows every topic"), READ, || {
            let held = held(context, &admin, id)?;
            let missing: Vec<&String> = listed.difference(&held).collect();
            ensure!(missing.is_empty(), "it doesn't know {missing:?}");
            Ok(Some(()))
        })?;
    }
    Ok(())
}

fn held(context: &Context, admin: &Admin<'_>, id: i64) -> Result<BTreeSet<String>> {
    let pods = context.kubectl(&[
        "-n",
        NAMESPACE,
        "get",
        "pods",
        "-l",
        &format!("productionkafka.dev/node-id={id}"),
        "-o",
        "jsonpath={.items[*].metadata.name}",
    ])?;
    let folder = folder(context, &claim_of(context, pods.trim())?)?;
    let log = format!("{folder}/kafka-log/__cluster_metadata-0/00000000000000000000.log");
    admin.put(&log, COPY)?;
    Ok(names(&admin.metadata(COPY, "ls /image/topics/byName")?))
}

/// One on each line, the first one after the shell's prompt.
fn names(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(|line| line.trim_start_matches(">> ").trim());
    let names = lines.filter(|line| !line.is_empty() && !line.contains(char::is_whitespace));
    names.map(str::to_owned).collect()
}
