//! What somebody else changed in Kafka is changed back, strangers are left alone, and nothing is left of a user that's gone.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::json;

use super::{BROKER, CLUSTER, NAMESPACE, change, say, user};
use crate::admin::Admin;
use crate::harness::{Context, Report};

/// The operator looks once a minute, and a Job takes some seconds.
const FOUND: Duration = Duration::from_mins(3);
const APP: &str = "drift-app";

pub fn run(context: &Context, report: &mut Report) {
    report.test(
        "rights and credentials changed by hand are changed back; strangers' stay",
        || changed_by_hand(context),
    );
    report.long(
        "rights that no resource manages go where that's asked for",
        "a minute",
        || pruned(context),
    );
    report.test("with a user go its credential, quotas and rights", || gone(context));
}

/// What `kafka-acls.sh` tells of a principal.
fn rights(admin: &Admin<'_>, principal: &str) -> Result<BTreeSet<String>> {
    let of = format!("User:{principal} ");
    Ok(admin
        .rights()?
        .into_iter()
        .filter(|right| right.starts_with(&of))
        .collect())
}

fn changed_by_hand(context: &Context) -> Result<()> {
    let spec = json!({
        "roles": [{"type": "Consumer", "topic": {"name": "drift"}, "group": {"name": "drift-", "patternType": "Prefixed"}}],
        "quotas": {"producerByteRate": 1_048_576, "requestPercentage": 50},
    });
    user(context, APP, &spec)?;
    let admin = Admin::start(context, NAMESPACE, CLUSTER, BROKER)?;
    let before = rights(&admin, APP)?;
    ensure!(before.len() == 4, "{before:?}");
    let quotas = quotas(&admin)?;
    ensure!(
        quotas.contains("producer_byte_rate=1048576.0") && quotas.contains("request_percentage=50.0"),
        "{quotas}"
    );
    let hand = format!("--add --allow-principal User:{APP} --operation Read --topic secrets");
    admin.tool("kafka-acls.sh", &hand)?;
    let gone = format!("--remove --force --allow-principal User:{APP} --operation Read --topic drift");
    admin.tool("kafka-acls.sh", &gone)?;
    admin.tool(
        "kafka-acls.sh",
        "--add --allow-principal User:stranger --operation Read --topic drift",
    )?;
    let no_password = format!("--alter --entity-type users --entity-name {APP} --delete-config SCRAM-SHA-512");
    admin.tool("kafka-configs.sh", &no_password)?;
    ensure!(rights(&admin, APP)? != before, "nothing was changed by hand");
    let started = std::time::Instant::now();
    context.wait_until("the rights and the credential are back", FOUND, || {
        let (now, credential) = (rights(&admin, APP)?, scram(&admin)?);
        if now == before && credential.contains("SCRAM-SHA-512") {
            return Ok(Some(()));
        }
        bail!("{now:?}; {credential}")
    })?;
    say(&format!("changed back after {:.0} s", started.elapsed().as_secs_f64()));
    ensure!(rights(&admin, "stranger")?.len() == 1, "a stranger's right is gone");
    Ok(())
}

fn pruned(context: &Context) -> Result<()> {
    let admin = Admin::start(context, NAMESPACE, CLUSTER, BROKER)?;
    change(
        context,
        &format!("pk/{CLUSTER}"),
        &json!({"security": {"authorization": {"prune": true}}}),
    )?;
    context.wait_until("a stranger's right goes where that's asked for", FOUND, || {
        let left = rights(&admin, "stranger")?;
        if left.is_empty() {
            Ok(Some(()))
        } else {
            bail!("{left:?}")
        }
    })?;
    change(
        context,
        &format!("pk/{CLUSTER}"),
        &json!({"security": {"authorization": {"prune": false}}}),
    )
}

fn quotas(admin: &Admin<'_>) -> Result<String> {
    admin.tool(
        "kafka-configs.sh",
        &format!("--describe --entity-type users --entity-name {APP}"),
    )
}

fn scram(admin: &Admin<'_>) -> Result<String> {
    quotas(admin)
}

/// A backup that's restored brings the finalizer along, and then the operator isn't the only one who has set it.
fn restored(context: &Context) -> Result<()> {
    let resource = json!({
        "apiVersion": "productionkafka.dev/v1alpha1", "kind": "KafkaUser",
        "metadata": {"name": APP, "namespace": NAMESPACE, "finalizers": ["productionkafka.dev/user"]},
    });
    context.apply_as("backup", &resource.to_string())
}

fn gone(context: &Context) -> Result<()> {
    restored(context)?;
    let admin = Admin::start(context, NAMESPACE, CLUSTER, BROKER)?;
    context.kubectl(&["-n", NAMESPACE, "delete", "pku", APP, "--timeout=60s"])?;
    let left = rights(&admin, APP)?;
    ensure!(left.is_empty(), "{left:?}");
    let described = quotas(&admin)?;
    ensure!(
        !described.contains("SCRAM") && !described.contains("byte_rate"),
        "{described}"
    );
    Ok(())
}
